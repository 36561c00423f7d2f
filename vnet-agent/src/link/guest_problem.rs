//! What may stand in the way of traffic at the guest's end, each with the command that mends it.

use std::fmt;

/// Something at the guest's end that stands in the way of traffic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// No path leads to the guest's namespace.
    #[error(
        "the guest's end of {interface} (interface {ifindex} of its namespace) cannot be reached: neither a named \
         namespace nor a process that may be looked into leads there; run in the guest: {}",
        OffloadCommand("IFACE")
    )]
    Unreachable {
        /// The host's end.
        interface: String,
        /// The number of the guest's end.
        ifindex: u32,
    },
    /// The namespace is known, and cannot be entered.
    #[error(
        "the guest's end of {interface} stands in {namespace}, which cannot be entered ({reason}; CAP_SYS_ADMIN is \
         needed, which an agent keeps with --enter-namespaces); run: {prefix}{}, where IFACE is its interface {ifindex}",
        OffloadCommand("IFACE")
    )]
    NotEntered {
        /// The host's end.
        interface: String,
        /// The path of the namespace.
        namespace: String,
        /// The shell words that run a command there.
        prefix: String,
        /// The number of the guest's end.
        ifindex: u32,
        /// What the kernel said.
        reason: String,
    },
    /// Something could not be read or set.
    #[error("{guest}: {reason}; run: {prefix}{}", OffloadCommand(guest))]
    Failed {
        /// The guest's end.
        guest: String,
        /// The shell words that run a command there.
        prefix: String,
        /// What failed.
        reason: String,
    },
    /// The driver did not follow.
    #[error("{guest} keeps {what}; run: {prefix}{}", OffloadCommand(guest))]
    NotSet {
        /// The guest's end.
        guest: String,
        /// The shell words that run a command there.
        prefix: String,
        /// The offload that is not as it should be.
        what: &'static str,
    },
    /// The kernel refuses the program, or would refuse it.
    #[error(
        "{interface} uses {rx} receive queues, the guest's end {guest} {tx} transmit queues: the kernel attaches only \
         where the first number is not below the second; run: ethtool -L {interface} rx {tx}"
    )]
    Queues {
        /// The host's end.
        interface: String,
        /// The guest's end.
        guest: String,
        /// Receive queues of the host's end.
        rx: u32,
        /// Transmit queues of the guest's end.
        tx: u32,
    },
    /// The ends differ in MTU.
    #[error(
        "{interface} has MTU {host_bytes}, the guest's end {guest} {guest_bytes}: a frame over the smaller one takes \
         others down with it; run: {prefix}ip link set {guest} mtu {host_bytes}"
    )]
    Mtu {
        /// The host's end.
        interface: String,
        /// The guest's end.
        guest: String,
        /// The shell words that run a command there.
        prefix: String,
        /// MTU of the host's end.
        host_bytes: u32,
        /// MTU of the guest's end.
        guest_bytes: u32,
    },
    /// A kind of interface that cannot take redirected frames.
    #[error("{interface} is a {kind}: it takes no redirected frames, so nothing is delivered to it")]
    Kind {
        /// The interface.
        interface: String,
        /// Its kind.
        kind: String,
    },
    /// A tap whose machine may hand over packets with checksums that nobody finishes.
    #[error(
        "{interface} is a tap with vnet_hdr: its machine may leave checksums to the host, which a redirect cannot finish, and \
         TCP and UDP are lost; start the machine with vnet_hdr=off (QEMU: -netdev tap,...,vnet_hdr=off)"
    )]
    UnfinishedChecksums {
        /// The interface.
        interface: String,
    },
    /// The host's own end could not be looked at.
    #[error("{interface} could not be checked: {reason}")]
    Unchecked {
        /// The interface.
        interface: String,
        /// What failed.
        reason: String,
    },
}

/// The command that sets the two offloads.
struct OffloadCommand<'a>(&'a str);

impl fmt::Display for OffloadCommand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ethtool -K {} gro on tx off", self.0)
    }
}
