//! Interfaces as the kernel knows them: which there are, what changes about them, and what a guest's end needs.
//!
//! Everything goes over netlink. No tool is run: a tool may be missing, prints for people, and takes names that somebody
//! else chose as its arguments.

mod error;
mod guest;
mod interface;
mod watch;

pub use error::LinkError;
pub use guest::{GuestReport, prepare_guest};
pub use interface::{Interface, Peer, interfaces};
pub use watch::Watch;
