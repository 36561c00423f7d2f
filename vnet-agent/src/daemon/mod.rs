//! The running agent: a committed topology, the interfaces that belong to its NICs, and the forwarder that holds both.
//!
//! [`Agent`] is plain and blocking: every change goes through it, one at a time. What drives it stands around it: the
//! event loop ([`serve`]) with signals and link events, and the socket (`crate::api`). Nothing here prints: the loop
//! tells what happens as [`Event`]s, and the command line puts them into words.

mod agent;
mod attachment;
pub mod callers;
pub mod control;
mod error;
mod event;
mod guests;
pub mod journal;
mod observed;
mod place_notes;
mod preflight;
mod privileges;
mod serve;
mod signals;
pub mod tokens;

pub use agent::{Agent, AgentError, Outcome};
pub use attachment::{Host, HostInterface, LinkState, NicState, NicStatus};
pub use error::{ServeError, describe};
pub use event::Event;
pub use observed::Observed;
pub use preflight::{PreflightError, prepare};
pub use privileges::EnterNamespaces;
pub use serve::{Options, Source, serve};
