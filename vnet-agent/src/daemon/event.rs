//! What the agent tells while it runs.

use std::net::SocketAddr;
use std::path::Path;

use super::{NicStatus, Outcome};
use crate::config::Problems;
use crate::model::{Change, NicId, Topology};

/// Something that happened. The command line puts it into words.
#[derive(Debug)]
pub enum Event<'a> {
    /// The generic way of running the program was asked for.
    GenericMode,
    /// The BPF file system was missing and is mounted now.
    BpffsMounted,
    /// The agent answers by TCP, too.
    Listening {
        /// The address, with the port that the kernel chose where none was named.
        address: SocketAddr,
    },
    /// Packets are forwarded and the socket answers.
    Ready {
        /// The topology in force.
        topology: &'a Topology,
        /// Every NIC with its interface.
        nics: &'a [NicStatus],
        /// The generation that packets see.
        generation: u64,
        /// The socket.
        socket: &'a Path,
    },
    /// A changed file is in force.
    Reloaded {
        /// What differs.
        changes: &'a [Change],
        /// What was done.
        outcome: &'a Outcome,
    },
    /// A changed file is refused; the state before it stays.
    Refused {
        /// The file.
        path: &'a Path,
        /// Its text.
        text: &'a str,
        /// What is wrong with it.
        problems: &'a Problems,
    },
    /// Something failed; the state before it stays.
    Failed {
        /// What was to be done.
        what: &'static str,
        /// Why it was not.
        reason: String,
    },
    /// Interfaces came or went.
    Interfaces {
        /// What was done.
        outcome: &'a Outcome,
        /// The NICs concerned.
        nics: &'a [NicStatus],
    },
    /// What is said about the guest's end of a NIC's interface has changed.
    Guest {
        /// The NIC.
        nic: &'a NicId,
        /// What there is to say; nothing where all is in order now.
        notes: &'a [String],
    },
    /// The agent ends.
    Stopping {
        /// Whether it takes the program off the interfaces.
        is_detaching: bool,
    },
}
