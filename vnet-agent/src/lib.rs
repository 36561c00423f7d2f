//! The agent's library.

pub mod model;
pub mod routing;
