//! Which counter in the kernel is whose: what has to be remembered so that counts outlive an agent.
//!
//! The kernel keeps counters by number. Whose number which is, only the agent that gave them out knows. It hands that to its
//! store as [`CounterPlaces`], and the next agent, after a restart, a crash or an upgrade, adds what it finds under those
//! numbers to what was counted before.
//!
//! Tables have an identity, so that no number is ever looked up in others. `earlier` changes only together with the list of
//! tables whose counts are not in it yet: whoever stores the whole value at once counts nothing twice, whenever it is killed.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use vnet_common::abi::{PortTraffic, Traffic};
use vnet_common::verdict::DropReason;

use crate::compile::layout::VnetCounters;
use crate::model::{NicId, PeeringName, VnetId};

/// The identity of a set of tables, told apart from all that were or will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TablesId(u64);

impl TablesId {
    /// One that no tables have had: a random number.
    #[must_use]
    pub fn random() -> Self {
        // The standard library seeds every process's hashers from the kernel's random numbers, and no two alike.
        Self(RandomState::new().hash_one(std::process::id()))
    }
}

impl fmt::Display for TablesId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for TablesId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

impl Serialize for TablesId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TablesId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// What has to be remembered so that counters go on. Equal versions of one forwarder are equal values; unchanged parts are
/// shared from one to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CounterPlaces {
    /// Grows with every change.
    pub version: u64,
    /// The tables that hold counts which are not in `earlier`. The last are those in use.
    pub tables: Vec<TablesPlaces>,
    /// What was counted in tables that are gone.
    pub earlier: Arc<Earlier>,
}

/// The places in one set of tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TablesPlaces {
    /// Which tables.
    pub id: TablesId,
    /// The places, by virtual network.
    pub vnets: Arc<BTreeMap<VnetId, Arc<VnetCounters>>>,
}

/// Packets and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// Packets.
    pub packets: u64,
    /// Bytes of those.
    pub bytes: u64,
}

impl Sum {
    fn add(&mut self, traffic: Traffic) {
        self.packets += traffic.packets;
        self.bytes += traffic.bytes;
    }

    fn traffic(self) -> Traffic {
        Traffic { packets: self.packets, bytes: self.bytes }
    }
}

/// What was counted for a NIC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NicSum {
    /// Sent and delivered to another.
    pub tx: Sum,
    /// Delivered to it.
    pub rx: Sum,
    /// Answered by the virtual router.
    pub answered: u64,
    /// Dropped.
    pub dropped: u64,
}

/// What was counted for a peering object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeeringSum {
    /// Where the peering leads: one of the same name to elsewhere is another.
    pub remote: VnetId,
    /// What crossed it.
    pub crossed: Sum,
}

/// What was counted within one virtual network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VnetSums {
    /// By NIC.
    pub nics: BTreeMap<NicId, NicSum>,
    /// By peering object.
    pub peerings: BTreeMap<PeeringName, PeeringSum>,
}

/// What was counted in tables that are gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Earlier {
    /// By virtual network.
    pub vnets: BTreeMap<VnetId, Arc<VnetSums>>,
    /// Drops, by the number of the reason.
    pub drops: BTreeMap<u32, u64>,
}

impl Earlier {
    /// Adds what was counted for a NIC.
    pub fn add_nic(&mut self, vnet: &VnetId, nic: &NicId, traffic: PortTraffic) {
        let sum = self.sums(vnet).nics.entry(nic.clone()).or_default();
        sum.tx.add(traffic.tx);
        sum.rx.add(traffic.rx);
        sum.answered += traffic.answered;
        sum.dropped += traffic.dropped;
    }

    /// Adds what crossed a peering. What crossed one of the same name to another remote is forgotten.
    pub fn add_peering(&mut self, vnet: &VnetId, peering: &PeeringName, remote: &VnetId, traffic: Traffic) {
        let none = || PeeringSum { remote: remote.clone(), crossed: Sum::default() };
        let sum = self.sums(vnet).peerings.entry(peering.clone()).or_insert_with(none);
        if sum.remote != *remote {
            *sum = none();
        }
        sum.crossed.add(traffic);
    }

    /// Adds drops.
    pub fn add_drops(&mut self, reason: DropReason, packets: u64) {
        *self.drops.entry(reason as u32).or_default() += packets;
    }

    /// Adds all of `other`.
    pub fn add(&mut self, other: &Self) {
        for (vnet, sums) in &other.vnets {
            for (nic, sum) in &sums.nics {
                self.add_nic(vnet, nic, sum.traffic());
            }
            for (peering, sum) in &sums.peerings {
                self.add_peering(vnet, peering, &sum.remote, sum.crossed.traffic());
            }
        }
        for (reason, packets) in &other.drops {
            *self.drops.entry(*reason).or_default() += packets;
        }
    }

    /// Whether there are, within one virtual network, NICs or peerings for which these say no.
    pub fn has_others(
        &self,
        vnet: &VnetId,
        keep_nic: impl Fn(&NicId) -> bool,
        keep_peering: impl Fn(&PeeringName, &VnetId) -> bool,
    ) -> bool {
        let Some(sums) = self.vnets.get(vnet) else { return false };
        !sums.nics.keys().all(keep_nic)
            || !sums.peerings.iter().all(|(peering, sum)| keep_peering(peering, &sum.remote))
    }

    /// Forgets these: one of the same name that is made later starts at 0.
    pub fn retain(
        &mut self,
        vnet: &VnetId,
        keep_nic: impl Fn(&NicId) -> bool,
        keep_peering: impl Fn(&PeeringName, &VnetId) -> bool,
    ) {
        let sums = self.sums(vnet);
        sums.nics.retain(|nic, _| keep_nic(nic));
        sums.peerings.retain(|peering, sum| keep_peering(peering, &sum.remote));
        if sums.nics.is_empty() && sums.peerings.is_empty() {
            self.vnets.remove(vnet);
        }
    }

    fn sums(&mut self, vnet: &VnetId) -> &mut VnetSums {
        Arc::make_mut(self.vnets.entry(vnet.clone()).or_default())
    }
}

impl NicSum {
    /// The same in the form of the tables.
    #[must_use]
    pub fn traffic(&self) -> PortTraffic {
        let (tx, rx) = (self.tx.traffic(), self.rx.traffic());
        PortTraffic { tx, rx, answered: self.answered, dropped: self.dropped, ..PortTraffic::default() }
    }
}

impl PeeringSum {
    /// The same in the form of the tables.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.crossed.traffic()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> (VnetId, NicId, PeeringName, VnetId) {
        let vnet = |name| VnetId::new(name).unwrap();
        (vnet("a"), NicId::new("n").unwrap(), PeeringName::new("p").unwrap(), vnet("b"))
    }

    fn counted(packets: u64) -> Earlier {
        let (vnet, nic, peering, remote) = names();
        let traffic = Traffic { packets, bytes: packets * 60 };
        let mut earlier = Earlier::default();
        let port = PortTraffic {
            rx: traffic,
            answered: 3 * packets,
            dropped: 2 * packets,
            ..PortTraffic::default()
        };
        earlier.add_nic(&vnet, &nic, port);
        earlier.add_peering(&vnet, &peering, &remote, traffic);
        earlier.add_drops(DropReason::NoRoute, packets);
        earlier
    }

    #[test]
    fn sums_add_up_name_by_name() {
        let mut sum = counted(1);
        sum.add(&counted(10));
        assert_eq!(sum, counted(11));
    }

    #[test]
    fn a_peering_of_the_same_name_to_another_remote_starts_anew() {
        let (vnet, _, peering, remote) = names();
        let mut sum = counted(7);
        let one = Traffic { packets: 1, bytes: 60 };
        sum.add_peering(&vnet, &peering, &VnetId::new("c").unwrap(), one);
        assert_eq!(sum.vnets[&vnet].peerings[&peering].traffic(), one);
        let is_first = |_: &PeeringName, leads_to: &VnetId| *leads_to == remote;
        assert!(sum.has_others(&vnet, |_| true, is_first));
        sum.retain(&vnet, |_| true, is_first);
        assert!(sum.vnets[&vnet].peerings.is_empty());
        assert!(!sum.has_others(&vnet, |_| true, |_, _| false), "there is none left");
        sum.retain(&vnet, |_| false, is_first);
        assert!(sum.vnets.is_empty());
    }

    #[test]
    fn no_two_tables_have_one_identity() {
        let ids: std::collections::BTreeSet<TablesId> = (0..1_000).map(|_| TablesId::random()).collect();
        assert_eq!(ids.len(), 1_000);
        let id = TablesId(0xff);
        assert_eq!((id.to_string().as_str(), "00000000000000ff".parse()), ("00000000000000ff", Ok(id)));
    }
}
