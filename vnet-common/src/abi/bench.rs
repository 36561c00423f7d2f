//! What the programs of the bench share with the agent: the generator's orders and the sink's findings.
//!
//! They stand apart from the forwarder's tables: no packet of a guest ever meets them.

use bytemuck::{Pod, Zeroable};

/// Stands in the payload of every generated frame, in network byte order: what lacks it is somebody else's.
pub const SIGNATURE_BE: [u8; 8] = *b"vnetmark";

/// Length of a generated IPv4 frame: Ethernet, IPv4, UDP, [`SIGNATURE_BE`], sequence number, 2 bytes of zeros.
pub const FRAME4_BYTES: usize = 60;

/// Length of a generated IPv6 frame, the shortest that holds the same.
pub const FRAME6_BYTES: usize = 78;

/// Destinations are numbered by virtual network and by NIC within it. Two networks that follow each other start this
/// many IPv4 addresses apart; in IPv6, bytes 4 and 5 of the address count them.
pub const NETWORK_STEP4: u32 = 1 << 17;

/// The one entry of the map `FLOW`: what the generator sends.
///
/// A destination is a pair of numbers, of a network and of a NIC in it. The generator takes the networks in turn, then
/// goes on by `nic_step`, so that with a step that has no divisor in common with `nics` each destination comes up
/// once before any comes up again, and neighbours in the tables do not follow each other.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Flow {
    /// The frame with destination number 0 (of network 0), as it goes out but for the fields below.
    pub frame: [[u8; 16]; 5],
    /// 6 or 4.
    pub version: u32,
    /// How many networks.
    pub networks: u32,
    /// How many destinations in each.
    pub nics: u32,
    /// From one destination to the next within a network, below `nics` (0 for one alone).
    pub nic_step: u32,
    /// IPv4: the first destination of the first network. IPv6: the lower 32 bits of it.
    pub first: u32,
    /// IPv6: bytes 4 and 5 of the first destination of the first network.
    pub first_network: u32,
    /// IPv4: the one's complement sum of the header without destination and checksum.
    pub checksum_base: u32,
    /// Not used; zero.
    pub reserved: [u32; 5],
}

/// The one entry of the per-CPU map `PROGRESS`: where the generator stands.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Progress {
    /// The number of the next frame.
    pub sequence: u64,
    /// The network of the next destination.
    pub network: u32,
    /// The NIC of the next destination.
    pub nic: u32,
}

/// The one entry of the per-CPU map `ARRIVED`: what reached a sink.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Arrived {
    /// Frames that the generator made.
    pub signed: u64,
    /// Those of them that did not carry the number after that of the one before.
    pub out_of_order: u64,
    /// Frames from elsewhere.
    pub other: u64,
    /// The number that is expected next.
    pub expected: u64,
}

const _: () = {
    assert!(size_of::<Flow>() == 128);
    assert!(size_of::<Progress>() == 16);
    assert!(size_of::<Arrived>() == 32);
    assert!(FRAME6_BYTES <= 80);
};
