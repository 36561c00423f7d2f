//! The agent's library.

pub mod compile;
pub mod dataplane;
pub mod lab;
pub mod link;
pub mod model;
pub mod routing;
