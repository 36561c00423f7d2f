//! The harness of the privileged suites.

pub mod oracle;
