//! What may go wrong with netlink.

use std::io;

/// The kernel could not be asked, or said no.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// No netlink socket.
    #[error("no netlink socket could be opened to {purpose}")]
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
    /// The answer makes no sense.
    #[error("the kernel's answer to the request to {what} cannot be read: {fault}")]
    Answer {
        /// What was asked.
        what: String,
        /// What is wrong with the answer.
        fault: String,
    },
    /// The socket closed while an answer was due.
    #[error("the netlink socket closed before the kernel answered the request to {what}")]
    Closed {
        /// What was asked.
        what: String,
    },
}

impl LinkError {
    /// The error of a request over rtnetlink, with what was asked.
    pub(crate) fn request(what: impl Into<String>) -> impl FnOnce(rtnetlink::Error) -> Self {
        let what = what.into();
        move |error| match error {
            rtnetlink::Error::NetlinkError(message) => Self::Refused { what, source: message.to_io() },
            rtnetlink::Error::RequestFailed => Self::Closed { what },
            other => Self::Answer { what, fault: other.to_string() },
        }
    }

    /// What the kernel said, where it said no.
    #[must_use]
    pub fn os_code(&self) -> Option<i32> {
        match self {
            Self::Socket { source, .. } | Self::Refused { source, .. } => source.raw_os_error(),
            Self::Answer { .. } | Self::Closed { .. } => None,
        }
    }
}
