//! The agent's library.

pub mod bench;
pub mod compile;
pub mod dataplane;
pub mod model;
pub mod routing;
