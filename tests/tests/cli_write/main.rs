//! The commands that change something, each typed as a user would, at an agent with a state directory.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod apply;
mod objects;
mod peering;
mod site;
mod traffic;
mod usage;
