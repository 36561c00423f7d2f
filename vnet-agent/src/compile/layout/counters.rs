//! Which counters are whose, in a form that outlives the layout.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Layout, VnetPlace};
use crate::model::{NicId, PeeringName, VnetId};

/// The counters of one virtual network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VnetCounters {
    /// Indexes into `PORT_COUNTERS`, by NIC that has, or had, an interface.
    pub nics: BTreeMap<NicId, u32>,
    /// Indexes into `PEERING_COUNTERS`, by peering object.
    pub peerings: BTreeMap<PeeringName, PeeringPlace>,
}

/// The counter of what crosses a peering away from its object's virtual network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeeringPlace {
    /// Where the peering leads: one of the same name to elsewhere is another.
    pub remote: VnetId,
    /// The index into `PEERING_COUNTERS`.
    pub index: u32,
}

impl VnetCounters {
    fn of(place: &VnetPlace) -> Self {
        let nics = place.nics.iter().filter_map(|(nic, place)| Some((nic.clone(), place.counter()?)));
        let peerings = place.peering_counters.iter().map(|(peering, (remote, index))| {
            (peering.clone(), PeeringPlace { remote: remote.clone(), index: *index })
        });
        Self { nics: nics.collect(), peerings: peerings.collect() }
    }

    fn is_empty(&self) -> bool {
        self.nics.is_empty() && self.peerings.is_empty()
    }
}

impl Layout {
    /// The index into `PORT_COUNTERS` of a NIC, `None` where it never had an interface.
    #[must_use]
    pub fn port_counter(&self, vnet: &VnetId, nic: &NicId) -> Option<u32> {
        self.vnets.get(vnet)?.nics.get(nic)?.counter()
    }

    /// The index into `PEERING_COUNTERS` of what crosses a peering away from `vnet`.
    #[must_use]
    pub fn peering_counter(&self, vnet: &VnetId, peering: &PeeringName) -> Option<u32> {
        self.vnets.get(vnet)?.peering_counters.get(peering).map(|(_, index)| *index)
    }

    /// All NICs that have a counter, with its index.
    pub fn port_counters(&self) -> impl Iterator<Item = (&VnetId, &NicId, u32)> {
        self.vnets.iter().flat_map(|(vnet, place)| {
            place.nics.iter().filter_map(move |(nic, place)| Some((vnet, nic, place.counter()?)))
        })
    }

    /// All peerings that have a counter, with its index.
    pub fn peering_counters(&self) -> impl Iterator<Item = (&VnetId, &PeeringName, u32)> {
        self.vnets.iter().flat_map(|(vnet, place)| {
            place.peering_counters.iter().map(move |(peering, (_, index))| (vnet, peering, *index))
        })
    }

    /// The counters of all virtual networks that have some. The same pointer as long as none is given out or taken back.
    #[must_use]
    pub fn counter_places(&self) -> &Arc<BTreeMap<VnetId, Arc<VnetCounters>>> {
        &self.counter_places
    }

    /// Takes in what has become of the counters of a virtual network.
    pub(super) fn note_counters(&mut self, vnet: &VnetId) {
        let now = self.vnets.get(vnet).map(VnetCounters::of).filter(|counters| !counters.is_empty());
        match (now, self.counter_places.get(vnet)) {
            (None, None) => {}
            (Some(now), Some(before)) if now == **before => {}
            (Some(now), _) => {
                Arc::make_mut(&mut self.counter_places).insert(vnet.clone(), Arc::new(now));
            }
            (None, Some(_)) => {
                Arc::make_mut(&mut self.counter_places).remove(vnet);
            }
        }
    }
}
