//! The agent's API: HTTP and JSON in the form of Azure Resource Manager, over a Unix socket and by TCP. `docs/api.md` describes it.
//!
//! A request comes in through `server`, is told apart by `target`, and ends in a function of the committed state: see
//! `resource` for what all kinds of resources have in common, and `arm` for the kinds.

mod activity_log;
mod agent;
mod app;
mod apply;
mod arm;
mod body;
mod caller;
mod client;
mod condition;
mod error;
mod handler;
mod incoming;
mod json;
mod limits;
mod paging;
mod query;
pub mod report;
mod resource;
pub mod route_table;
mod server;
mod sight;
mod socket;
mod target;
mod unread;

#[cfg(test)]
mod tests;

use crate::model::access::Caller;
use crate::model::{ResourceId, State};

pub use app::App;
pub use client::{Answer, Call, Client, ClientError, Refused};
pub use error::UNNAMED_FILE;
pub use server::serve;
pub use socket::{Served, SocketAccess, SocketError, listen, listen_tcp};

/// The socket where neither the daemon nor a command is told another.
pub const DEFAULT_SOCKET: &str = "/run/vnet/agent.sock";

/// The path of a resource, which is its id.
#[must_use]
pub fn path_of(resource: &ResourceId) -> String {
    arm::id::of(resource)
}

/// The resource that has this path, whether it exists or not; none where the path is that of something else.
#[must_use]
pub fn resource_of(path: &str) -> Option<ResourceId> {
    match target::Target::parse(path) {
        Ok(target::Target::Item(resource)) => Some(resource),
        _ => None,
    }
}

/// A resource of a state, as JSON: what an agent in that state answers root. None where there is no such resource.
#[must_use]
pub fn rendered(state: &State, resource: &ResourceId) -> Option<String> {
    arm::view(state, &Caller::root(), resource).map(|rendered| rendered.json)
}
