//! What takes part in a peering, and the rule that nothing reachable may meet.
//!
//! A virtual network must be able to tell its peers apart by address alone. So no two peered virtual networks may share an
//! address, and no two peers of one virtual network may. With subnet peering, only the taking-part subnets and the ranges that
//! hold them count.

use std::borrow::Cow;
use std::collections::BTreeSet;

use ipnet::IpNet;

use super::address::first_overlap;
use super::{PeeredSubnets, Peering, PeeringSpec, Refusal, SubnetName, Topology, VirtualNetwork};

/// The prefixes of `vnet` that a peering takes: its ranges, or with `selection` (names, IPv6 alone) the prefixes of the named
/// subnets; sorted. A named subnet that does not exist gives nothing.
#[must_use]
pub fn taking_part(vnet: &VirtualNetwork, selection: Option<(&BTreeSet<SubnetName>, bool)>) -> Vec<IpNet> {
    let Some((names, only_ipv6)) = selection else {
        return vnet.address_space().ranges().to_vec();
    };
    let mut prefixes: Vec<IpNet> = names
        .iter()
        .filter_map(|name| vnet.subnet(name))
        .flat_map(|subnet| subnet.address_prefixes().iter().copied())
        .filter(|prefix| !only_ipv6 || matches!(prefix, IpNet::V6(_)))
        .collect();
    prefixes.sort_unstable();
    prefixes
}

/// Whether a subnet gets the routes of its virtual network's peering `own`: both objects must let it take part.
#[must_use]
pub fn takes_part(subnet: &SubnetName, own: &Peering, other: &Peering) -> bool {
    own.subnets().is_none_or(|subnets| subnets.local.contains(subnet))
        && other.subnets().is_none_or(|subnets| subnets.remote.contains(subnet))
}

/// The ranges of `vnet` that count when it is compared with others: all of them, or those that hold a taking-part subnet.
fn claimed<'a>(
    vnet: &'a VirtualNetwork,
    selection: Option<(&BTreeSet<SubnetName>, bool)>,
) -> Cow<'a, [IpNet]> {
    if selection.is_none() {
        return Cow::Borrowed(vnet.address_space().ranges());
    }
    let prefixes = taking_part(vnet, selection);
    let mut ranges: Vec<IpNet> = prefixes
        .iter()
        .map(|prefix| vnet.address_space().range_of(prefix).copied().unwrap_or(*prefix))
        .collect();
    ranges.dedup();
    Cow::Owned(ranges)
}

fn local(subnets: Option<&PeeredSubnets>) -> Option<(&BTreeSet<SubnetName>, bool)> {
    subnets.map(|subnets| (&subnets.local, subnets.only_ipv6))
}

fn remote(subnets: Option<&PeeredSubnets>) -> Option<(&BTreeSet<SubnetName>, bool)> {
    subnets.map(|subnets| (&subnets.remote, subnets.only_ipv6))
}

impl Topology {
    /// Checks a peering of `vnet` with `peer` against the two themselves, and against the other peers of `vnet`.
    pub(super) fn check_new_peer(
        &self,
        vnet: &VirtualNetwork,
        spec: &PeeringSpec,
        peer: &VirtualNetwork,
    ) -> Result<(), Refusal> {
        let own = claimed(vnet, local(spec.subnets.as_ref()));
        let theirs = claimed(peer, remote(spec.subnets.as_ref()));
        if let Some((range, remote_range)) = first_overlap(&own, &theirs) {
            return Err(Refusal::VnetAddressSpacesOverlap {
                vnet: vnet.name().clone(),
                range,
                remote: peer.name().clone(),
                remote_range,
            });
        }
        self.check_other_peers(vnet, peer, &theirs)
    }

    /// Checks `vnet`, whose peering with `peer` it is, against the other peers of `peer`.
    ///
    /// This holds at the moment of the check alone: until `peer` has an object of its own, it may take another peer, and then
    /// cannot take `vnet` any more.
    pub(super) fn check_newcomer(
        &self,
        vnet: &VirtualNetwork,
        spec: &PeeringSpec,
        peer: &VirtualNetwork,
    ) -> Result<(), Refusal> {
        self.check_other_peers(peer, vnet, &claimed(vnet, local(spec.subnets.as_ref())))
    }

    /// Checks `ranges` of `newcomer`, a peer of `vnet`, against every other peer of `vnet`.
    fn check_other_peers(
        &self,
        vnet: &VirtualNetwork,
        newcomer: &VirtualNetwork,
        ranges: &[IpNet],
    ) -> Result<(), Refusal> {
        for peering in vnet.peerings().filter(|peering| peering.remote() != newcomer.name()) {
            // A peer that was deleted has no range that anything could meet.
            let Some(peer) = self.vnet(peering.remote()) else { continue };
            if let Some((range, peer_range)) =
                first_overlap(ranges, &claimed(peer, remote(peering.subnets())))
            {
                return Err(Refusal::VnetAddressSpaceOverlapsWithAlreadyPeeredVnet {
                    newcomer: newcomer.name().clone(),
                    range,
                    peer: peer.name().clone(),
                    peer_range,
                    between: vnet.name().clone(),
                });
            }
        }
        Ok(())
    }

    /// Checks a virtual network with new ranges or subnets against every peer of its own, and against the other peers of every
    /// virtual network that names it.
    pub(super) fn check_changed_vnet(&self, changed: &VirtualNetwork) -> Result<(), Refusal> {
        let meets = |own: &[IpNet], peer: &VirtualNetwork, theirs: &[IpNet]| match first_overlap(own, theirs)
        {
            None => Ok(()),
            Some((range, peer_range)) => Err(Refusal::VnetAddressSpaceOverlapsWithAlreadyPeeredVnet {
                newcomer: changed.name().clone(),
                range,
                peer: peer.name().clone(),
                peer_range,
                between: changed.name().clone(),
            }),
        };
        for peering in changed.peerings() {
            let Some(peer) = self.vnet(peering.remote()) else { continue };
            let own = claimed(changed, local(peering.subnets()));
            meets(&own, peer, &claimed(peer, remote(peering.subnets())))?;
        }
        for vnet in self.vnets().filter(|vnet| vnet.name() != changed.name()) {
            let Some(peering) = vnet.peering_with(changed.name()) else { continue };
            let ranges = claimed(changed, remote(peering.subnets()));
            meets(&ranges, vnet, &claimed(vnet, local(peering.subnets())))?;
            self.check_other_peers(vnet, changed, &ranges)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::model::{
        Operation, PeeredSubnets, PeeringFlags, PeeringName, PeeringSpec, RefusalCode, Region, Topology,
        VnetId, VnetSpec,
    };

    #[test]
    fn a_virtual_network_never_peers_with_itself_not_even_where_none_of_its_subnets_takes_part() {
        let name = VnetId::new("a").unwrap();
        let spec = VnetSpec {
            name: name.clone(),
            region: Region::new("westeurope").unwrap(),
            address_space: vec!["10.0.0.0/16".parse().unwrap()],
        };
        let topology = Topology::default().apply(Operation::CreateVnet(spec)).unwrap();
        let nobody = PeeredSubnets { local: [].into(), remote: [].into(), only_ipv6: false };
        for subnets in [None, Some(nobody)] {
            let spec = PeeringSpec {
                name: PeeringName::new("to-itself").unwrap(),
                remote: name.clone(),
                flags: PeeringFlags::default(),
                subnets,
            };
            let refusal = topology.apply(Operation::CreatePeering(name.clone(), spec)).unwrap_err();
            assert_eq!(refusal.code(), RefusalCode::VnetAddressSpacesOverlap);
        }
    }
}
