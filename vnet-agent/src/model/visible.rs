//! What of a topology somebody gets to see who may read some of its virtual networks only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Peering, PeeringState, SubnetName, Topology, VirtualNetwork, VnetId};

impl Topology {
    /// The part of this topology that is for somebody who may read only those virtual networks for which `may_read` holds.
    ///
    /// Those are there whole, by the same `Arc`. A network to which one of them is `Connected` is there as a stub: its name, region
    /// and ranges, those of its subnets that take part by name, and its `Connected` peerings with readable networks, but no NIC.
    /// That much it has agreed to, and the effective routes of the readable ones need it. Nothing else is there: a side that stands
    /// alone, wherever, gives nobody a look at the other network.
    ///
    /// It can be restored from its snapshot, by [`restore_visible`](Self::restore_visible), and the routes of every readable subnet
    /// are those that it has in the whole.
    #[must_use]
    pub fn visible_to(&self, may_read: impl Fn(&VnetId) -> bool) -> Self {
        let readable: BTreeSet<&VnetId> = self.vnets.keys().filter(|name| may_read(name)).collect();
        if readable.len() == self.vnets.len() {
            return self.clone();
        }
        let whole = readable.iter().filter_map(|name| self.vnets.get_key_value(*name));
        let mut vnets: BTreeMap<VnetId, Arc<VirtualNetwork>> =
            whole.map(|(name, vnet)| (name.clone(), Arc::clone(vnet))).collect();
        let hidden = self.vnets.iter().filter(|(name, _)| !readable.contains(name));
        vnets.extend(hidden.filter_map(|(name, vnet)| {
            let stub = self.stub(vnet, |remote| readable.contains(remote))?;
            Some((name.clone(), Arc::new(stub)))
        }));
        let nics = self.vnet_of_nic.iter().filter(|(_, vnet)| readable.contains(vnet));
        let vnet_of_nic = Arc::new(nics.map(|(nic, vnet)| (nic.clone(), vnet.clone())).collect());
        let interfaces = readable.iter().filter_map(|name| self.vnets.get(*name));
        let interfaces = interfaces.flat_map(|vnet| vnet.nics().iter());
        let interfaces = interfaces.filter_map(|nic| Some((nic.interface()?.clone(), nic.name().clone())));
        Self { vnets, vnet_of_nic, nic_of_interface: Arc::new(interfaces.collect()) }
    }

    /// What of a network is there for those who may read these of its peers; none without a connection to one of them.
    fn stub(&self, vnet: &VirtualNetwork, is_readable: impl Fn(&VnetId) -> bool) -> Option<VirtualNetwork> {
        let connected = |peering: &&Peering| peering.state() == PeeringState::Connected;
        let towards = vnet.peerings().filter(connected).filter(|peering| is_readable(peering.remote()));
        let towards: Vec<&Peering> = towards.collect();
        if towards.is_empty() {
            return None;
        }
        let mut named: BTreeSet<&SubnetName> = BTreeSet::new();
        for own in &towards {
            let other = self.other_side(vnet.name(), own).and_then(|(_, other)| other.subnets());
            named.extend(own.subnets().iter().flat_map(|subnets| &subnets.local));
            named.extend(other.iter().flat_map(|subnets| &subnets.remote));
        }
        let mut stub =
            VirtualNetwork::empty(vnet.name.clone(), vnet.region.clone(), vnet.address_space.clone());
        let subnets = vnet.subnets().filter(|subnet| named.contains(subnet.name()));
        stub.subnets = Arc::new(subnets.map(|subnet| (subnet.name().clone(), subnet.clone())).collect());
        towards.into_iter().for_each(|peering| stub.insert_peering(peering.clone()));
        Some(stub)
    }
}
