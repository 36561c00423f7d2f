//! The agent's library.

pub mod compile;
pub mod config;
pub mod dataplane;
pub mod model;
pub mod routing;
