//! The running agent: a committed topology, the interfaces that belong to its NICs, and the forwarder that holds both.
//!
//! [`Agent`] is plain and blocking: every change goes through it, one at a time. What drives it stands around it: the
//! event loop ([`serve`]) with signals and link events, and the socket (`crate::api`).

mod agent;
mod attachment;
mod serve;

pub use agent::{Agent, AgentError, Outcome};
pub use attachment::{Host, HostInterface, NicState, NicStatus};
pub use serve::{Options, ServeError, serve};
