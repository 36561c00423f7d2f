//! Counters by name: what crossed each peering, what each NIC sent and received, what was dropped and why.

use std::collections::BTreeMap;

use vnet_common::abi::{PortTraffic, Traffic};
use vnet_common::verdict::DropReason;

use super::Tables;
use super::places::Earlier;
use crate::compile::layout::Layout;
use crate::model::{NicId, PeeringName, VnetId};

/// All counters at one time. They only grow, as long as what they count exists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// By NIC that has, or had, an interface.
    pub nics: BTreeMap<(VnetId, NicId), PortTraffic>,
    /// By peering object: what crossed the peering away from the object's VNet.
    pub peerings: BTreeMap<(VnetId, PeeringName), Traffic>,
    /// Frames dropped, by reason; reasons that never came up included.
    pub drops: BTreeMap<DropReason, u64>,
}

impl Counters {
    /// Reads the counters of everything that has a place in `layout`.
    ///
    /// # Errors
    /// A table could not be read.
    pub fn read<T: Tables>(layout: &Layout, tables: &T) -> Result<Self, T::Error> {
        let mut counters = Self::default();
        for (vnet, nic, index) in layout.port_counters() {
            counters.nics.insert((vnet.clone(), nic.clone()), tables.port_traffic(index)?);
        }
        for (vnet, peering, index) in layout.peering_counters() {
            counters.peerings.insert((vnet.clone(), peering.clone()), tables.peering_traffic(index)?);
        }
        for reason in DropReason::ALL {
            counters.drops.insert(*reason, tables.drops(*reason as u32)?);
        }
        Ok(counters)
    }

    /// Adds what was counted in tables that have since been replaced.
    pub fn add_earlier(&mut self, earlier: &Earlier) {
        for (vnet, sums) in &earlier.vnets {
            for (nic, sum) in &sums.nics {
                let (now, before) =
                    (self.nics.entry((vnet.clone(), nic.clone())).or_default(), sum.traffic());
                add(&mut now.tx, before.tx);
                add(&mut now.rx, before.rx);
                now.answered += before.answered;
                now.dropped += before.dropped;
            }
            for (peering, sum) in &sums.peerings {
                add(self.peerings.entry((vnet.clone(), peering.clone())).or_default(), sum.traffic());
            }
        }
        for (reason, sum) in &mut self.drops {
            *sum += earlier.drops.get(&(*reason as u32)).unwrap_or(&0);
        }
    }
}

pub(super) fn add(sum: &mut Traffic, one: Traffic) {
    sum.packets += one.packets;
    sum.bytes += one.bytes;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_replaced_tables_are_added_to_those_of_the_tables_in_use() {
        let name = |name: &str| (VnetId::new("a").unwrap(), NicId::new(name).unwrap());
        let port = |packets| PortTraffic {
            rx: Traffic { packets, bytes: packets * 60 },
            dropped: packets,
            ..PortTraffic::default()
        };
        let mut now = Counters {
            nics: BTreeMap::from([(name("n"), port(1))]),
            peerings: BTreeMap::new(),
            drops: BTreeMap::from([(DropReason::NoRoute, 2)]),
        };
        let mut earlier = Earlier::default();
        // The second has no interface now, and so no counter.
        for nic in ["n", "m"] {
            earlier.add_nic(&name(nic).0, &name(nic).1, port(10));
        }
        earlier.add_drops(DropReason::NoRoute, 20);
        now.add_earlier(&earlier);
        assert_eq!(now.nics, BTreeMap::from([(name("n"), port(11)), (name("m"), port(10))]));
        assert_eq!(now.drops, BTreeMap::from([(DropReason::NoRoute, 22)]));
    }
}
