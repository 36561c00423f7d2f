//! The two offloads that decide whether redirected frames arrive, and the queues that decide whether a program can be
//! attached.
//!
//! * GRO: a veth takes redirected frames only while its receiving end runs NAPI, and without a program of its own it does
//!   so only with GRO on (drivers/net/veth.c, `veth_open`). Off, every frame is lost without a counter.
//! * Transmit checksum offload: a local sender leaves the checksum to the device and marks the packet so; a redirected
//!   frame loses the mark. TCP and UDP then arrive with wrong checksums, while ping works.

use std::collections::BTreeSet;

use super::LinkError;
use super::ethtool::Ethtool;
pub use super::ethtool::QueueCounts;

const GRO: &str = "rx-gro";
/// All features that fill in transport checksums: `tx-checksum-ipv4`, `-ipv6`, `-ip-generic`, `-sctp`.
const TX_CHECKSUM: &str = "tx-checksum-";

/// The state of an interface's offloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offloads {
    /// Generic receive offload.
    pub gro: bool,
    /// Checksums of sent packets are left to the device.
    pub tx_checksum: bool,
}

impl Offloads {
    /// What a guest's end needs.
    pub const NEEDED: Self = Self { gro: true, tx_checksum: false };

    /// Reads the offloads of an interface of the calling thread's namespace.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn read(ifindex: u32) -> Result<Self, LinkError> {
        Ok(Self::of(&Ethtool::open()?.active_features(ifindex)?))
    }

    fn of(active: &BTreeSet<String>) -> Self {
        Self {
            gro: active.contains(GRO),
            tx_checksum: active.iter().any(|name| name.starts_with(TX_CHECKSUM)),
        }
    }
}

/// Sets what [`Offloads::NEEDED`] says on an interface of the calling thread's namespace: what was found, and what
/// stands after it, read back.
pub(crate) fn prepare(ifindex: u32) -> Result<(Offloads, Offloads), LinkError> {
    let mut ethtool = Ethtool::open()?;
    let active = ethtool.active_features(ifindex)?;
    let found = Offloads::of(&active);
    if found == Offloads::NEEDED {
        return Ok((found, found));
    }
    let mut wanted = vec![(GRO, true)];
    wanted.extend(
        active.iter().filter(|name| name.starts_with(TX_CHECKSUM)).map(|name| (name.as_str(), false)),
    );
    ethtool.set_features(ifindex, &wanted)?;
    Ok((found, Offloads::of(&ethtool.active_features(ifindex)?)))
}

/// How many queues an interface of the calling thread's namespace uses.
pub(crate) fn queues(ifindex: u32) -> Result<QueueCounts, LinkError> {
    Ethtool::open()?.queues(ifindex)
}
