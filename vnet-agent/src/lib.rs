//! The agent's library.
pub mod compile;
pub mod dataplane;
