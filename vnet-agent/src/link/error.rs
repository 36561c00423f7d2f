//! What may go wrong with netlink.

use std::io;

/// The kernel could not be asked, or said no.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// No netlink socket.
    #[error("no netlink socket could be opened for {purpose}")]
    Socket {
        /// What it was for.
        purpose: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// A request was refused.
    #[error("the kernel refused to {what}")]
    Refused {
        /// What was asked of it.
        what: String,
        /// What it said.
        source: io::Error,
    },
    /// The socket closed while an answer was due.
    #[error("the netlink socket closed while an answer was due to: {what}")]
    Closed {
        /// What was asked.
        what: String,
    },
}
