//! What of a topology somebody gets to see who may read some of its virtual networks only.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Peering, Topology, VirtualNetwork, VnetId};

impl Topology {
    /// The part of this topology that is for somebody who may read only those virtual networks for which `may_read` holds.
    ///
    /// Those are there whole, by the same `Arc`. A network that is peered with one of them, by the object of either side, is
    /// there as a stub: its name, region, ranges and subnets, and its peerings with readable networks, but no NIC. That much the
    /// peerings of the readable ones say themselves, and their effective routes need it. Nothing else is there.
    ///
    /// The result is as sound as the whole: it can be restored from its snapshot, and the routes of every readable subnet are
    /// those that it has in the whole.
    #[must_use]
    pub fn visible_to(&self, may_read: impl Fn(&VnetId) -> bool) -> Self {
        let readable: BTreeSet<&VnetId> = self.vnets.keys().filter(|name| may_read(name)).collect();
        if readable.len() == self.vnets.len() {
            return self.clone();
        }
        let peers: BTreeSet<&VnetId> = readable
            .iter()
            .filter_map(|name| self.vnets.get(*name))
            .flat_map(|vnet| vnet.peerings().map(Peering::remote))
            .collect();
        let shown = |(name, vnet): (&VnetId, &Arc<VirtualNetwork>)| {
            if readable.contains(name) {
                return Some((name.clone(), Arc::clone(vnet)));
            }
            let stub = vnet.stub(|remote| readable.contains(remote));
            let is_peer = peers.contains(name) || stub.peerings().len() > 0;
            is_peer.then(|| (name.clone(), Arc::new(stub)))
        };
        let vnets = self.vnets.iter().filter_map(shown).collect();
        let nics = self.vnet_of_nic.iter().filter(|(_, vnet)| readable.contains(vnet));
        let vnet_of_nic = Arc::new(nics.map(|(nic, vnet)| (nic.clone(), vnet.clone())).collect());
        let interfaces = readable.iter().filter_map(|name| self.vnets.get(*name));
        let interfaces = interfaces.flat_map(|vnet| vnet.nics().iter());
        let interfaces = interfaces.filter_map(|nic| Some((nic.interface()?.clone(), nic.name().clone())));
        Self { vnets, vnet_of_nic, nic_of_interface: Arc::new(interfaces.collect()) }
    }
}

impl VirtualNetwork {
    /// This network without NICs, and with those peerings alone whose remote is one of `remotes`.
    fn stub(&self, remotes: impl Fn(&VnetId) -> bool) -> Self {
        let mut stub = Self::empty(self.name.clone(), self.region.clone(), self.address_space.clone());
        stub.subnets = Arc::clone(&self.subnets);
        for peering in self.peerings().filter(|peering| remotes(peering.remote())) {
            stub.insert_peering(peering.clone());
        }
        stub
    }
}
