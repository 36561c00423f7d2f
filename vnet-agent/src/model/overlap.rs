//! What takes part in a peering, and the rule that nothing reachable may meet.
//!
//! A virtual network must be able to tell its peers apart by address alone. So no two connected virtual networks may share an
//! address, and no two that one is connected with may. With subnet peering, only the taking-part subnets and the ranges that
//! hold them count.
//!
//! Whose object it is decides when it counts. A virtual network's own peerings bind it in every state: a `Disconnected` one may
//! come back, an `Initiated` one be answered, and whoever owns them can delete them. The peerings of others bind it only while
//! they are `Connected`, that is while it has a side of its own: otherwise whoever once was let in could keep a network from
//! ever growing, by an object that its owner can neither delete nor see coming. What others' objects did not forbid is looked
//! at again when they become `Connected`.
//!
//! A change is refused for the addresses that it adds and for no others: what is there may always be said again.

use std::borrow::Cow;
use std::collections::BTreeSet;

use ipnet::IpNet;

use super::address::intersection;
use super::{
    PeeredSubnets, Peering, PeeringSpec, PeeringState, Refusal, SubnetName, Topology, VirtualNetwork, VnetId,
};

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

/// Which subnets of a virtual network take part, and whether with their IPv6 prefixes alone; none for all of it.
type Selection<'a> = Option<(&'a BTreeSet<SubnetName>, bool)>;

/// The ranges of a virtual network that count when it is compared with others: all of them, or those that hold a taking-part
/// subnet.
struct Claim<'a> {
    ranges: Cow<'a, [IpNet]>,
    /// What it claimed already before a change, and may go on to claim whatever that meets. Aggregated.
    before: Vec<IpNet>,
}

impl<'a> Claim<'a> {
    fn of(vnet: &'a VirtualNetwork, selection: Selection<'_>) -> Self {
        let ranges = match selection {
            None => Cow::Borrowed(vnet.address_space().ranges()),
            Some(_) => {
                let prefixes = taking_part(vnet, selection);
                let range_of = |prefix| vnet.address_space().range_of(prefix).copied().unwrap_or(*prefix);
                let mut ranges: Vec<IpNet> = prefixes.iter().map(range_of).collect();
                ranges.dedup();
                Cow::Owned(ranges)
            }
        };
        Self { ranges, before: Vec::new() }
    }

    /// What of `vnet` counts that did not when it was `old`.
    fn grown(old: &VirtualNetwork, vnet: &'a VirtualNetwork, selection: Selection<'_>) -> Self {
        let before = IpNet::aggregate(&Claim::of(old, selection).ranges.into_owned());
        Self { before, ..Self::of(vnet, selection) }
    }

    /// The first pair of ranges, one of each claim, that share an address which is new to this one.
    fn meets(&self, other: &Claim<'_>) -> Option<(IpNet, IpNet)> {
        let is_new = |shared: IpNet| !self.before.iter().any(|range| range.contains(&shared));
        self.ranges.iter().find_map(|own| {
            let met = |theirs: &&IpNet| intersection(own, theirs).is_some_and(is_new);
            other.ranges.iter().find(met).map(|theirs| (*own, *theirs))
        })
    }
}

fn local(subnets: Option<&PeeredSubnets>) -> Selection<'_> {
    subnets.map(|subnets| (&subnets.local, subnets.only_ipv6))
}

fn remote(subnets: Option<&PeeredSubnets>) -> Selection<'_> {
    subnets.map(|subnets| (&subnets.remote, subnets.only_ipv6))
}

fn any_state(_: &Peering) -> bool {
    true
}

fn is_connected(peering: &Peering) -> bool {
    peering.state() == PeeringState::Connected
}

/// Refuses a peering of `vnet` with `peer` when the two themselves meet.
fn check_apart(
    vnet: &VirtualNetwork,
    own: &Claim<'_>,
    peer: &VirtualNetwork,
    theirs: &Claim<'_>,
) -> Result<(), Refusal> {
    own.meets(theirs).map_or(Ok(()), |(range, remote_range)| {
        Err(Refusal::VnetAddressSpacesOverlap {
            vnet: vnet.name().clone(),
            range,
            remote: peer.name().clone(),
            remote_range,
        })
    })
}

impl Topology {
    /// Checks a peering of `vnet` with `peer` that is to be made or changed: against the two themselves, against the other
    /// peers of `vnet`, and against what `peer` is connected with.
    pub(super) fn check_new_peer(
        &self,
        vnet: &VirtualNetwork,
        spec: &PeeringSpec,
        peer: &VirtualNetwork,
    ) -> Result<(), Refusal> {
        let own = Claim::of(vnet, local(spec.subnets.as_ref()));
        let theirs = Claim::of(peer, remote(spec.subnets.as_ref()));
        check_apart(vnet, &own, peer, &theirs)?;
        self.check_other_peers(vnet, peer, &theirs, any_state)?;
        self.check_other_peers(peer, vnet, &own, is_connected)
    }

    /// Checks what holds for a peering of `vnet` with `peer` as long as it is `Connected`: the two do not meet, nor does `peer`
    /// meet another that `vnet` is connected with.
    pub(super) fn check_connected_peer(
        &self,
        vnet: &VirtualNetwork,
        spec: &PeeringSpec,
        peer: &VirtualNetwork,
    ) -> Result<(), Refusal> {
        let theirs = Claim::of(peer, remote(spec.subnets.as_ref()));
        check_apart(vnet, &Claim::of(vnet, local(spec.subnets.as_ref())), peer, &theirs)?;
        self.check_other_peers(vnet, peer, &theirs, is_connected)
    }

    /// Checks the claim of `newcomer`, a peer of `vnet`, against every other peer of `vnet` whose peering counts.
    fn check_other_peers(
        &self,
        vnet: &VirtualNetwork,
        newcomer: &VirtualNetwork,
        claim: &Claim<'_>,
        counts: fn(&Peering) -> bool,
    ) -> Result<(), Refusal> {
        for peering in
            vnet.peerings().filter(|peering| peering.remote() != newcomer.name() && counts(peering))
        {
            // A peer that was deleted has no range that anything could meet.
            let Some(peer) = self.vnet(peering.remote()) else { continue };
            if let Some((range, peer_range)) = claim.meets(&Claim::of(peer, remote(peering.subnets()))) {
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

    /// Checks what a change of ranges or subnets adds to a virtual network: against every peer of its own, and, of those that
    /// it is connected with, against their view of it and against the others that they are connected with.
    pub(super) fn check_changed_vnet(
        &self,
        old: &VirtualNetwork,
        changed: &VirtualNetwork,
    ) -> Result<(), Refusal> {
        for peering in changed.peerings() {
            self.check_growth(old, changed, &peering.spec())?;
            let Some((peer, other)) = self.other_side(changed.name(), peering) else { continue };
            let subnets = other.subnets();
            self.check_grown(old, changed, remote(subnets), peer.name(), local(subnets))?;
            let claim = Claim::grown(old, changed, remote(subnets));
            self.check_other_peers(peer, changed, &claim, is_connected)?;
        }
        Ok(())
    }

    /// Checks what a change adds to a virtual network against the remote of one of its own peerings, in whatever state.
    pub(super) fn check_growth(
        &self,
        old: &VirtualNetwork,
        changed: &VirtualNetwork,
        own: &PeeringSpec,
    ) -> Result<(), Refusal> {
        let subnets = own.subnets.as_ref();
        self.check_grown(old, changed, local(subnets), &own.remote, remote(subnets))
    }

    /// The same, as far as this selection of it counts, against this selection of a peer.
    fn check_grown(
        &self,
        old: &VirtualNetwork,
        changed: &VirtualNetwork,
        own: Selection<'_>,
        peer: &VnetId,
        theirs: Selection<'_>,
    ) -> Result<(), Refusal> {
        let Some(peer) = self.vnet(peer) else { return Ok(()) };
        match Claim::grown(old, changed, own).meets(&Claim::of(peer, theirs)) {
            None => Ok(()),
            Some((range, peer_range)) => Err(Refusal::VnetAddressSpaceOverlapsWithAlreadyPeeredVnet {
                newcomer: changed.name().clone(),
                range,
                peer: peer.name().clone(),
                peer_range,
                between: changed.name().clone(),
            }),
        }
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
