//! What takes part in a peering, and the rule that nothing reachable may meet.
//!
//! A virtual network must be able to tell its peers apart by address alone. So no two peered virtual networks may share an
//! address, and no two peers of one virtual network may. With subnet peering, only the taking-part subnets and the ranges that
//! hold them count.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::{Peering, Subnet, SubnetName, VirtualNetwork};

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

/// The subnets of `vnet` that get the routes of a peering: those that both objects let take part.
pub fn local_subnets_taking_part<'a>(
    vnet: &'a VirtualNetwork,
    own: &'a Peering,
    other: &'a Peering,
) -> impl Iterator<Item = &'a Subnet> {
    let own = own.subnets().map(|subnets| &subnets.local);
    let other = other.subnets().map(|subnets| &subnets.remote);
    vnet.subnets().filter(move |subnet| {
        own.is_none_or(|names| names.contains(subnet.name()))
            && other.is_none_or(|names| names.contains(subnet.name()))
    })
}
