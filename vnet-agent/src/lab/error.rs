//! What may go wrong with a lab.

use std::io;

use crate::link::LinkError;
use crate::model::NicName;

/// A lab could not be built, used or removed.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// There is no namespace for the NIC.
    #[error("NIC {nic} has no namespace {namespace}; run `vnet-agent lab up FILE` first")]
    NoNamespace {
        /// The NIC.
        nic: NicName,
        /// The namespace's name.
        namespace: String,
    },
    /// The kernel said no.
    #[error("could not {what}")]
    System {
        /// What was to be done.
        what: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// Netlink said no.
    #[error(transparent)]
    Link(#[from] LinkError),
}
