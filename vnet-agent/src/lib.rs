//! The agent's library.

pub mod api;
pub mod bench;
pub mod cli;
pub mod compile;
pub mod config;
pub mod daemon;
pub mod dataplane;
pub mod input;
pub mod lab;
pub mod link;
pub mod model;
pub mod routing;
pub mod store;
