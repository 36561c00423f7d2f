//! The daemon's socket: HTTP and JSON over a Unix socket, read-only for now.
//!
//! | GET | answers |
//! | --- | --- |
//! | `/status` | [`report::Status`] |
//! | `/counters` | [`report::Counters`] |
//! | `/drops` | [`report::Drops`] |
//! | `/topology` | the committed topology with its peering states, [`crate::model::Snapshot`] |

mod client;
pub mod report;
mod server;

pub use client::{Answer, Call, Client, ClientError, Refused};
pub use server::{Served, Shared, SocketError, listen, router};

/// The socket where neither the daemon nor a command is told another.
pub const DEFAULT_SOCKET: &str = "/run/vnet/agent.sock";
