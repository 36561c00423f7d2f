//! What may go wrong with a lab.

use std::io;

use crate::link::LinkError;
use crate::model::NicId;

/// A lab could not be built, used or removed.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// There is no namespace for the NIC.
    #[error("NIC {nic} has no namespace {namespace}; run `vnet-agent lab up FILE` first")]
    NoNamespace {
        /// The NIC.
        nic: NicId,
        /// The namespace's name.
        namespace: String,
    },
    /// A lab has been built for the NIC already.
    #[error("NIC {nic} has {what} from a lab already; run `vnet-agent lab down FILE` first")]
    AlreadyUp {
        /// The NIC.
        nic: NicId,
        /// What is there.
        what: String,
    },
    /// Somebody else has what the lab would make.
    #[error(
        "NIC {nic} needs {what}, which exists and belongs to no lab; remove it (`{command}`) or rename the NIC"
    )]
    Taken {
        /// The NIC.
        nic: NicId,
        /// What is there.
        what: String,
        /// The command that removes it.
        command: String,
    },
    /// Two NICs would get an interface of the same name.
    #[error("NICs {first} and {second} would both get the interface {interface}; rename one of them")]
    SameInterface {
        /// A NIC.
        first: NicId,
        /// Another.
        second: NicId,
        /// The name.
        interface: String,
    },
    /// The kernel gave an offload another state than was asked for.
    #[error("the veth driver does not switch GRO on and transmit checksum offload off for NIC {nic}")]
    Offloads {
        /// The NIC.
        nic: NicId,
    },
    /// An address did not become usable.
    #[error("an IPv6 address of NIC {nic} is not usable: duplicate address detection {outcome}")]
    Tentative {
        /// The NIC.
        nic: NicId,
        /// How it stands.
        outcome: &'static str,
    },
    /// The kernel said no.
    #[error("could not {what}{}", if .source.kind() == io::ErrorKind::PermissionDenied { "; labs need root" } else { "" })]
    System {
        /// What was to be done.
        what: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// Whoever asked for the lab gave it up.
    #[error("interrupted; what had been built is removed again")]
    Interrupted,
    /// No command was given.
    #[error("no command was given to run in the namespace of NIC {nic}")]
    NoCommand {
        /// The NIC.
        nic: NicId,
    },
    /// Netlink said no.
    #[error(transparent)]
    Link(#[from] LinkError),
}

impl LabError {
    /// The error of a system call, with what it was for.
    pub(super) fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::System { what, source }
    }
}
