//! The layouts of the maps that the agent writes and the XDP program reads. No logic.
//!
//! # How a generation is published
//!
//! Whatever a packet reads hangs off the generation number in [`Control`], read once a packet. Records and trie nodes
//! are immutable while a packet can reach them. The few places that change in place are [`Cell`]s: two values, of
//! which a packet reads the one named by the parity of its generation. A commit writes new nodes and records beside
//! the old ones, then the *other* half of each cell that changes, then the generation with one aligned store. After an
//! RCU grace period no packet reads the old half any more: it is set to the new value, and what the old generation
//! alone used is free. A packet therefore never sees a mix, and a commit costs what changed, not what exists.
//!
//! Refused: a version number in each cell (a compare a packet and a torn read to think of), and one persistent trie
//! from a single root (two or three dependent loads more on every packet).

pub mod bench;

use bytemuck::{Pod, Zeroable};

/// Version of everything in this module. A pinned map set of another version is rebuilt, never read.
pub const ABI_VERSION: u32 = 1;

/// Entries of a trie node: one for each value of the byte that the node consumes.
pub const NODE_ENTRIES: usize = 256;

/// Set in a node entry that is a leaf; the other 31 bits are then the leaf's value. Clear: the number of a child node.
pub const LEAF: u32 = 1 << 31;

/// Node 0, record 0 and cell 0 are never used and hold zeros, so that 0 means "none" and needs no test of its own.
pub const NONE: u32 = 0;

/// The cells behind cell 0 map an ingress ifindex to a port: 1 + the ifindex modulo this, then up to [`PORT_PROBES`] on.
pub const PORT_SLOTS: u32 = 65_536;

/// How many neighbouring slots may hold the port of an ifindex.
pub const PORT_PROBES: u32 = 4;

/// The first cell that is not a port slot.
pub const FIRST_CELL: u32 = 1 + PORT_SLOTS + PORT_PROBES;

/// One entry of the map `CONTROL`: what a packet reads first.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Control {
    /// Number of the committed configuration; its lowest bit selects the half of every [`Cell`].
    pub generation: u64,
}

/// One entry of the map `CELLS`: the value for even and for odd generations.
pub type Cell = [u32; 2];

/// One entry of the map `NODES`: see [`LEAF`]. An entry of 0 holds nothing.
pub type Node = [u32; NODE_ENTRIES];

/// [`PortRecord::flags`]: the NIC may send with any source address (`enableIPForwarding`).
pub const PORT_IP_FORWARDING: u16 = 1;

/// [`PortRecord::flags`]: an interface is attached, so that packets can be delivered.
pub const PORT_ATTACHED: u16 = 2;

/// One entry of the map `PORTS`: a NIC, as the sender and as the receiver of packets.
///
/// The entry's index is also the index of its device in the map `DEVICES`.
/// Addresses are in network byte order, as they stand in a packet.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct PortRecord {
    /// The host interface, as the kernel numbers it. 0 where none is attached.
    pub ifindex: u32,
    /// The NIC's MAC address: the only source accepted, and the destination of what is delivered.
    pub mac: [u8; 6],
    /// [`PORT_IP_FORWARDING`] and [`PORT_ATTACHED`].
    pub flags: u16,
    /// The NIC's IPv4 address, or zero.
    pub ipv4_be: [u8; 4],
    /// The cell with the root of the subnet's IPv4 route trie.
    pub routes4: u32,
    /// The cell with the root of the subnet's IPv6 route trie.
    pub routes6: u32,
    /// The cell with the root of the IPv4 trie of the VNet's own address space (any leaf: inside).
    pub space4: u32,
    /// The same for IPv6.
    pub space6: u32,
    /// The subnet's first IPv4 address, where the virtual router answers a ping, or zero.
    pub router4_be: [u8; 4],
    /// Index into the map `PORT_COUNTERS`.
    pub counter: u32,
    /// The longest IP packet that the interface takes, in bytes.
    pub mtu_bytes: u32,
    /// Not used yet; zero.
    pub reserved: u32,
    /// The NIC's IPv6 address, or zero.
    pub ipv6_be: [u8; 16],
    /// The subnet's first IPv6 address, where the virtual router answers a ping, or zero.
    pub router6_be: [u8; 16],
    /// Keeps a record on cache lines of its own; zero.
    pub padding: [u64; 6],
}

/// [`RouteRecord::kind`]: a range of the sender's own VNet.
pub const ROUTE_LOCAL: u8 = 1;
/// [`RouteRecord::kind`]: a range of a directly peered VNet.
pub const ROUTE_PEERING: u8 = 2;
/// [`RouteRecord::kind`]: next hop `None`.
pub const ROUTE_NONE: u8 = 3;
/// [`RouteRecord::kind`]: next hop `Internet`.
pub const ROUTE_INTERNET: u8 = 4;
/// [`RouteRecord::kind`]: a range that no VNet may hold: multicast, loopback, link-local.
pub const ROUTE_UNROUTABLE: u8 = 5;

/// [`RouteRecord::flags`]: both sides of the peering allow virtual network access.
pub const ROUTE_ACCESS: u16 = 1;
/// [`RouteRecord::flags`]: the receiving side allows forwarded traffic.
pub const ROUTE_FORWARDED: u16 = 2;

/// One entry of the map `ROUTES`: where a leaf of a route trie leads.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Pod, Zeroable)]
pub struct RouteRecord {
    /// One of the `ROUTE_` kinds.
    pub kind: u8,
    /// IPv4: how many leading bytes of the destination the endpoint trie leaves out, 0 to 3.
    pub skip_bytes: u8,
    /// [`ROUTE_ACCESS`] and [`ROUTE_FORWARDED`].
    pub flags: u16,
    /// IPv4: the cell with the root of the range's endpoint trie. IPv6: the range's number in [`Endpoint6Key`].
    pub endpoints: u32,
    /// Index into the map `PEERING_COUNTERS` for this peering and direction, or [`NONE`].
    pub counter: u32,
    /// Not used yet; zero.
    pub reserved: u32,
}

/// The key of the map `ENDPOINTS6`. The value is the number of a cell that holds the port.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Pod, Zeroable)]
pub struct Endpoint6Key {
    /// The address range, as numbered by the agent.
    pub range: u32,
    /// The address, in network byte order.
    pub address_be: [u8; 16],
}

/// One entry of the per-CPU map `PEERING_COUNTERS`: one peering, one direction.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Traffic {
    /// Packets delivered.
    pub packets: u64,
    /// Bytes of those, Ethernet header included, frame check sequence not.
    pub bytes: u64,
}

/// One entry of the per-CPU map `PORT_COUNTERS`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct PortTraffic {
    /// What the NIC sent and was delivered to another.
    pub tx: Traffic,
    /// What was delivered to the NIC.
    pub rx: Traffic,
    /// Frames of the NIC that the virtual router answered itself (ARP, neighbour discovery, ping).
    pub answered: u64,
    /// Frames of the NIC that were dropped.
    pub dropped: u64,
    /// Keeps a record on one cache line; zero.
    pub reserved: [u64; 2],
}

const _: () = {
    assert!(size_of::<Control>() == 8);
    assert!(size_of::<Cell>() == 8);
    assert!(size_of::<Node>() == 1024);
    assert!(size_of::<PortRecord>() == 128);
    assert!(core::mem::offset_of!(PortRecord, router6_be) == 64);
    assert!(size_of::<RouteRecord>() == 16);
    assert!(size_of::<Endpoint6Key>() == 20);
    assert!(size_of::<Traffic>() == 16);
    assert!(size_of::<PortTraffic>() == 64);
};
