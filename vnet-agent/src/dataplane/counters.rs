//! Counters by name: what crossed each peering, what each NIC sent and received, what was dropped and why.

use std::collections::BTreeMap;

use vnet_common::abi::{PortTraffic, Traffic};
use vnet_common::verdict::DropReason;

use super::Tables;
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

    /// Adds what was counted in tables that have since been replaced. What exists no more is left out.
    pub fn add_earlier(&mut self, earlier: &Self) {
        for (key, sum) in &mut self.nics {
            let Some(before) = earlier.nics.get(key) else { continue };
            add(&mut sum.tx, before.tx);
            add(&mut sum.rx, before.rx);
            sum.answered += before.answered;
            sum.dropped += before.dropped;
        }
        for (key, sum) in &mut self.peerings {
            if let Some(before) = earlier.peerings.get(key) {
                add(sum, *before);
            }
        }
        for (reason, sum) in &mut self.drops {
            *sum += earlier.drops.get(reason).unwrap_or(&0);
        }
    }

    /// Forgets NICs and peerings that have no place in `layout`: one of the same name that is made later starts at 0.
    pub fn retain(&mut self, layout: &Layout) {
        self.nics.retain(|(vnet, nic), _| layout.port_counter(vnet, nic).is_some());
        self.peerings.retain(|(vnet, peering), _| layout.peering_counter(vnet, peering).is_some());
    }
}

pub(super) fn add(sum: &mut Traffic, one: Traffic) {
    sum.packets += one.packets;
    sum.bytes += one.bytes;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(nic: &str, packets: u64, drops: u64) -> Counters {
        let name = |name: &str| (VnetId::new("a").unwrap(), NicId::new(name).unwrap());
        let rx = Traffic { packets, bytes: packets * 60 };
        Counters {
            nics: BTreeMap::from([(name(nic), PortTraffic { rx, dropped: drops, ..PortTraffic::default() })]),
            peerings: BTreeMap::new(),
            drops: BTreeMap::from([(DropReason::NoRoute, drops)]),
        }
    }

    #[test]
    fn counts_of_replaced_tables_are_added_for_what_still_exists() {
        let mut now = counters("n", 1, 2);
        now.add_earlier(&counters("n", 10, 20));
        assert_eq!(now, counters("n", 11, 22));
        let mut now = counters("n", 1, 2);
        now.add_earlier(&counters("gone", 10, 20));
        assert_eq!(now.nics, counters("n", 1, 2).nics);
        assert_eq!(now.drops[&DropReason::NoRoute], 22);
    }
}
