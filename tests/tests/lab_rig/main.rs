//! Labs by themselves: what is built, what is refused, and that nothing is left behind.
//!
//! What the agent reports of its own work is checked by other tools (`ip`, `ethtool`), which share no code with it.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod build;
mod cleanup;
mod commands;
mod forward;
mod guest;
mod tools;
mod topologies;
mod watch;
