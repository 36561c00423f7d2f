//! Virtual networks, with all that stands in one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{AddressSpace, NicTable, Peering, PeeringName, Region, Subnet, SubnetName, VnetId};

/// A virtual network with its subnets, peerings and NICs.
///
/// Topologies share it behind an `Arc`; a change copies it, but neither its NICs nor its subnets, which have an `Arc` of their
/// own. Its effective routes follow from itself and from the virtual networks that its peerings name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualNetwork {
    pub(super) name: VnetId,
    pub(super) region: Region,
    pub(super) address_space: AddressSpace,
    pub(super) subnets: Arc<BTreeMap<SubnetName, Subnet>>,
    pub(super) nics: Arc<NicTable>,
    pub(super) peerings: BTreeMap<PeeringName, Peering>,
    pub(super) peering_by_remote: BTreeMap<VnetId, PeeringName>,
}

impl VirtualNetwork {
    /// The most peerings of one virtual network.
    pub const MAX_PEERINGS: usize = 500;
    /// The most addresses that the NICs of one virtual network may hold.
    pub const MAX_ADDRESSES: usize = 65_536;

    pub(super) fn empty(name: VnetId, region: Region, address_space: AddressSpace) -> Self {
        Self {
            name,
            region,
            address_space,
            subnets: Arc::default(),
            nics: Arc::default(),
            peerings: BTreeMap::new(),
            peering_by_remote: BTreeMap::new(),
        }
    }

    /// The virtual network's name.
    #[must_use]
    pub fn name(&self) -> &VnetId {
        &self.name
    }

    /// The region that it stands in.
    #[must_use]
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Its ranges.
    #[must_use]
    pub fn address_space(&self) -> &AddressSpace {
        &self.address_space
    }

    /// Its subnets in the order of their names.
    pub fn subnets(&self) -> impl ExactSizeIterator<Item = &Subnet> {
        self.subnets.values()
    }

    /// The subnet with this name.
    #[must_use]
    pub fn subnet(&self, name: &SubnetName) -> Option<&Subnet> {
        self.subnets.get(name)
    }

    /// Its NICs. The `Arc` stays the same until a NIC of this virtual network changes.
    #[must_use]
    pub fn nics(&self) -> &Arc<NicTable> {
        &self.nics
    }

    /// Its peerings in the order of their names.
    pub fn peerings(&self) -> impl ExactSizeIterator<Item = &Peering> {
        self.peerings.values()
    }

    /// The peering with this name.
    #[must_use]
    pub fn peering(&self, name: &PeeringName) -> Option<&Peering> {
        self.peerings.get(name)
    }

    /// The peering that names this remote virtual network.
    #[must_use]
    pub fn peering_with(&self, remote: &VnetId) -> Option<&Peering> {
        self.peering_by_remote.get(remote).and_then(|name| self.peerings.get(name))
    }

    /// Whether this virtual network and `other`, itself at another time, are the same to `peer`: region, ranges, subnets, and
    /// the peering that names `peer`. NICs and other peerings do not show there.
    #[must_use]
    pub fn is_same_to_peer(&self, other: &Self, peer: &VnetId) -> bool {
        self.region == other.region
            && self.address_space == other.address_space
            && (Arc::ptr_eq(&self.subnets, &other.subnets) || self.subnets == other.subnets)
            && self.peering_with(peer) == other.peering_with(peer)
    }

    pub(super) fn peering_with_mut(&mut self, remote: &VnetId) -> Option<&mut Peering> {
        self.peering_by_remote.get(remote).and_then(|name| self.peerings.get_mut(name))
    }

    pub(super) fn insert_peering(&mut self, peering: Peering) {
        self.peering_by_remote.insert(peering.remote().clone(), peering.name().clone());
        self.peerings.insert(peering.name().clone(), peering);
    }

    pub(super) fn remove_peering(&mut self, name: &PeeringName) -> Option<Peering> {
        let peering = self.peerings.remove(name)?;
        self.peering_by_remote.remove(peering.remote());
        Some(peering)
    }
}
