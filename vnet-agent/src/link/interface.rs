//! The interfaces of a network namespace.

use super::LinkError;

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The kernel's number of it, within its namespace.
    pub ifindex: u32,
    /// Its name.
    pub name: String,
    /// The longest IP packet that it takes, in bytes.
    pub mtu_bytes: u32,
    /// Whether it is administratively up.
    pub is_up: bool,
    /// The driver's kind (`veth`, `tun`, `bridge`); none for hardware and for the loopback.
    pub kind: Option<String>,
    /// The other end of a veth pair.
    pub peer: Option<Peer>,
    /// Its MAC address, where it has one of six bytes.
    pub mac: Option<[u8; 6]>,
    /// How many receive queues it has.
    pub rx_queues: u32,
    /// How many transmit queues it has.
    pub tx_queues: u32,
    /// The note that whoever made it left on it (`ip link set alias`).
    pub alias: Option<String>,
}

/// The other end of a veth pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its number, in its own namespace.
    pub ifindex: u32,
    /// The number by which this namespace knows the other one; none when both ends stand in the same.
    pub netns_id: Option<i32>,
}

/// The interfaces of the caller's network namespace.
///
/// # Errors
/// [`LinkError`].
pub async fn interfaces() -> Result<Vec<Interface>, LinkError> {
    Err(LinkError::Closed { what: "list the interfaces".into() })
}
