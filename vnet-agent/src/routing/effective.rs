//! The effective route table of a subnet.
//!
//! Rules, in the order of the rows: one `VnetLocal` per own range; one row per range in force of each directly peered virtual
//! network whose peering is `Connected`, and never one for a peer's peer; `Internet` for everything; `None` for the private
//! ranges that nobody here has.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::model::{
    Peering, PeeringState, Subnet, Topology, VirtualNetwork, intersection, takes_part, taking_part,
};

use super::{EffectiveRoute, NextHop, PeeringHop, RouteSource, RouteState};

const EVERYWHERE: [IpNet; 2] = [
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0)),
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0)),
];

const fn v4(a: u8, b: u8, c: u8, len: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, 0), len))
}

/// Private ranges: where none of them is used, a packet to one goes nowhere, not to the Internet.
const PRIVATE: [IpNet; 4] = [v4(10, 0, 0, 8), v4(172, 16, 0, 12), v4(192, 168, 0, 16), v4(100, 64, 0, 10)];

/// The effective route table of `subnet`, which stands in `vnet`.
///
/// Rows come in the order of the rules; those of peerings in the order of the peerings' names. It depends on `vnet` and on what
/// [`VirtualNetwork::is_same_to_peer`] compares of the virtual networks that its peerings name, and on nothing else of the
/// topology.
#[must_use]
pub fn effective_routes(topology: &Topology, vnet: &VirtualNetwork, subnet: &Subnet) -> Vec<EffectiveRoute> {
    let row = |prefix: IpNet, next_hop: NextHop| EffectiveRoute {
        source: RouteSource::Default,
        state: RouteState::Active,
        prefix,
        next_hop,
    };
    let mut rows: Vec<_> =
        vnet.address_space().ranges().iter().map(|range| row(*range, NextHop::VnetLocal)).collect();
    for peering in vnet.peerings().filter(|peering| peering.state() == PeeringState::Connected) {
        let Some((remote, other)) = topology.other_side(vnet.name(), peering) else { continue };
        if !takes_part(subnet.name(), peering, other) {
            continue;
        }
        let hop = Arc::new(hop(vnet, peering, remote, other));
        let prefixes = in_force(peering, remote, other);
        rows.extend(prefixes.into_iter().map(|prefix| row(prefix, NextHop::Peering(Arc::clone(&hop)))));
    }
    // An own or peered range that equals a private one takes its place: two equal rows of one source would have no order.
    let free: Vec<_> = PRIVATE.iter().filter(|range| rows.iter().all(|row| row.prefix != **range)).collect();
    rows.extend(EVERYWHERE.map(|prefix| row(prefix, NextHop::Internet)));
    rows.extend(free.into_iter().map(|prefix| row(*prefix, NextHop::None)));
    rows
}

fn hop(vnet: &VirtualNetwork, peering: &Peering, remote: &VirtualNetwork, other: &Peering) -> PeeringHop {
    PeeringHop {
        vnet: vnet.name().clone(),
        peering: peering.name().clone(),
        remote: remote.name().clone(),
        remote_peering: other.name().clone(),
        is_global: vnet.region() != remote.region(),
        local_access_allowed: peering.flags().allow_virtual_network_access,
        remote_access_allowed: other.flags().allow_virtual_network_access,
        forwarded_traffic_allowed: other.flags().allow_forwarded_traffic,
    }
}

/// What of the remote is in force: what this side took over, of that what the remote still has, and of that what the remote's
/// own object lets take part. A removed range stops at once, a new one waits for `sync`; of a range that shrank or grew, what
/// was there before and after goes on.
fn in_force(peering: &Peering, remote: &VirtualNetwork, other: &Peering) -> Vec<IpNet> {
    let still_there = taking_part(remote, peering.subnets().map(|s| (&s.remote, s.only_ipv6)));
    let offered = taking_part(remote, other.subnets().map(|s| (&s.local, s.only_ipv6)));
    let mut prefixes = meet(&meet(peering.remote_address_space(), &still_there), &offered);
    prefixes.sort_unstable();
    prefixes
}

/// What two lists of disjoint prefixes have in common.
fn meet(left: &[IpNet], right: &[IpNet]) -> Vec<IpNet> {
    left.iter().flat_map(|l| right.iter().filter_map(move |r| intersection(l, r))).collect()
}

/// The row that a packet to `destination` takes: the longest prefix among the active rows; at equal length User, then
/// VirtualNetworkGateway, then Default.
#[must_use]
pub fn select(routes: &[EffectiveRoute], destination: IpAddr) -> Option<&EffectiveRoute> {
    routes
        .iter()
        .filter(|route| route.state == RouteState::Active && route.prefix.contains(&destination))
        .max_by_key(|route| (route.prefix.prefix_len(), route.source))
}
