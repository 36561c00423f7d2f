//! Interfaces as the kernel knows them: which there are, what changes about them, and what a guest's end needs.
//!
//! Everything goes over netlink. No tool is run: a tool may be missing, prints for people, and takes names that somebody
//! else chose as its arguments. Other namespaces are entered by threads made for that ([`Namespace`]); a socket keeps the
//! namespace that it was opened in, so the thread ends at once and the socket is used from anywhere.

mod error;
mod ethtool;
mod guest;
mod guest_namespace;
mod guest_problem;
mod interface;
mod namespace;
mod offloads;
mod watch;

pub use error::LinkError;
pub use guest::{GuestReport, prepare_guest};
pub use guest_namespace::Namespaces;
pub use guest_problem::Problem;
pub use interface::{Interface, Peer, interfaces};
pub use namespace::Namespace;
pub use offloads::{Offloads, QueueCounts};
pub use watch::Watch;

pub(crate) use interface::interfaces_of;
pub(crate) use offloads::{prepare, queues};
