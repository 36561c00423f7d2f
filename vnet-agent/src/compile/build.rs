//! The image of a topology, whatever of the one before can be kept.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::image::{Image, Interface, NicImage, RouteTable, Target, VnetImage};
use crate::model::{Nic, NicId, Subnet, SubnetName, Topology, VirtualNetwork, VnetId, overlaps};
use crate::routing::{self, NextHop, RouteState};

/// The interfaces that are attached, by NIC.
pub type Attachments = BTreeMap<NicId, Interface>;

/// What an image was made from. Kept, it lets the next compilation take over what does not change.
#[derive(Clone, Debug, Default)]
pub struct Compiled {
    topology: Topology,
    attachments: Arc<Attachments>,
    image: Image,
}

impl Compiled {
    /// The image.
    #[must_use]
    pub fn image(&self) -> &Image {
        &self.image
    }
}

/// Compiles `topology`, of whose NICs those in `attachments` have an interface. Total: every valid topology has an
/// image. A VNet is compiled anew only where it, what a VNet that it is peered with shows to it, or an interface of its NICs changed.
#[must_use]
pub fn compile(topology: &Topology, attachments: &Arc<Attachments>, before: &Compiled) -> Compiled {
    let moved = vnets_of_moved_nics(topology, attachments, before);
    let mut vnets = BTreeMap::new();
    for vnet in topology.vnets() {
        let kept = before
            .image
            .vnets
            .get(vnet.name())
            .filter(|_| is_same(topology, &before.topology, vnet) && !moved.contains(vnet.name()));
        let image = kept.map_or_else(|| Arc::new(compile_vnet(topology, vnet, attachments)), Arc::clone);
        vnets.insert(vnet.name().clone(), image);
    }
    Compiled { topology: topology.clone(), attachments: Arc::clone(attachments), image: Image { vnets } }
}

/// The VNets with a NIC whose interface is another one than before.
fn vnets_of_moved_nics<'a>(
    topology: &'a Topology,
    attachments: &Arc<Attachments>,
    before: &Compiled,
) -> BTreeSet<&'a VnetId> {
    if Arc::ptr_eq(attachments, &before.attachments) {
        return BTreeSet::new();
    }
    let names = attachments.keys().chain(before.attachments.keys());
    let moved = names.filter(|&nic| attachments.get(nic) != before.attachments.get(nic));
    moved.filter_map(|nic| topology.nic(nic)).map(|(vnet, _)| vnet.name()).collect()
}

/// Whether the image of `vnet` would be the same by both topologies: it depends on the VNet, and on what those that its
/// peerings name show to it. Most of the peers of a hub stay as they are when the hub gets another one.
fn is_same(now: &Topology, before: &Topology, vnet: &Arc<VirtualNetwork>) -> bool {
    let is_kept = before.vnet(vnet.name()).is_some_and(|old| Arc::ptr_eq(vnet, old));
    let is_same_peer = |name: &VnetId| match (now.vnet(name), before.vnet(name)) {
        (Some(now), Some(before)) => Arc::ptr_eq(now, before) || now.is_same_to_peer(before, vnet.name()),
        (None, None) => true,
        _ => false,
    };
    is_kept && vnet.peerings().all(|peering| is_same_peer(peering.remote()))
}

fn compile_vnet(topology: &Topology, vnet: &VirtualNetwork, attachments: &Attachments) -> VnetImage {
    let mut subnets: BTreeMap<SubnetName, Arc<RouteTable>> = BTreeMap::new();
    let mut last: Option<Arc<RouteTable>> = None;
    for subnet in vnet.subnets() {
        let table = compile_routes(topology, vnet, subnet);
        let shared = last.filter(|last| **last == table).unwrap_or_else(|| Arc::new(table));
        last = Some(Arc::clone(&shared));
        subnets.insert(subnet.name().clone(), shared);
    }
    let nics = vnet.nics().iter().map(|nic| {
        let interface = attachments.get(nic.name()).copied();
        (nic.name().clone(), compile_nic(vnet, nic, interface))
    });
    VnetImage { ranges: vnet.address_space().ranges().to_vec(), nics: nics.collect(), subnets }
}

/// The row that wins for each prefix, and the ranges that are nobody's.
fn compile_routes(topology: &Topology, vnet: &VirtualNetwork, subnet: &Subnet) -> RouteTable {
    let mut routes = routing::effective_routes(topology, vnet, subnet);
    routes.retain(|route| route.state == RouteState::Active);
    // 0.0.0.0/8 is the one of them that an address space may meet: who has it, has it.
    let is_held = |prefix: &IpNet| {
        let leads_to_nics = |hop: &NextHop| matches!(hop, NextHop::VnetLocal | NextHop::Peering(_));
        routes.iter().any(|route| leads_to_nics(&route.next_hop) && overlaps(&route.prefix, prefix))
    };
    let nobodys = UNROUTABLE.iter().filter(|prefix| !is_held(prefix));
    let mut table: RouteTable = nobodys.map(|prefix| (*prefix, Target::Unroutable)).collect();
    // At equal length the greater source wins: it comes last and takes the place of what is there.
    routes.sort_by_key(|route| route.source);
    for route in routes {
        if let Some(target) = compile_next_hop(topology, vnet, &route.prefix, &route.next_hop) {
            table.insert(route.prefix, target);
        }
    }
    table
}

/// `None` for a row whose range is no (longer) part of the VNet that it leads to; no such row is made.
fn compile_next_hop(
    topology: &Topology,
    vnet: &VirtualNetwork,
    prefix: &IpNet,
    hop: &NextHop,
) -> Option<Target> {
    Some(match hop {
        NextHop::VnetLocal => Target::Local { range: *vnet.address_space().range_of(prefix)? },
        NextHop::Peering(hop) => Target::Peering {
            peering: hop.peering.clone(),
            remote: hop.remote.clone(),
            range: *topology.vnet(&hop.remote)?.address_space().range_of(prefix)?,
            access: hop.access_allowed(),
            forwarded: hop.forwarded_traffic_allowed,
        },
        NextHop::Internet => Target::Internet,
        NextHop::None => Target::None,
    })
}

fn compile_nic(vnet: &VirtualNetwork, nic: &Nic, interface: Option<Interface>) -> NicImage {
    let router = |address: IpAddr| {
        let prefixes = vnet.subnet(nic.subnet())?.address_prefixes();
        first_address(prefixes.iter().find(|prefix| prefix.contains(&address))?)
    };
    let router4 = nic.ipv4().and_then(|address| match router(IpAddr::V4(address))? {
        IpAddr::V4(router) => Some(router),
        IpAddr::V6(_) => None,
    });
    let router6 = nic.ipv6().and_then(|address| match router(IpAddr::V6(address))? {
        IpAddr::V6(router) => Some(router),
        IpAddr::V4(_) => None,
    });
    NicImage {
        subnet: nic.subnet().clone(),
        mac: nic.mac().octets(),
        ipv4: nic.ipv4(),
        ipv6: nic.ipv6(),
        router4,
        router6,
        ip_forwarding: nic.enable_ip_forwarding(),
        interface,
    }
}

/// The first address behind a prefix's network address: the virtual router's.
#[must_use]
pub fn first_address(prefix: &IpNet) -> Option<IpAddr> {
    match prefix {
        IpNet::V4(net) => Some(IpAddr::V4(Ipv4Addr::from_bits(net.network().to_bits().checked_add(1)?))),
        IpNet::V6(net) => Some(IpAddr::V6(Ipv6Addr::from_bits(net.network().to_bits().checked_add(1)?))),
    }
}

const fn v4(a: u8, b: u8, length: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, 0, 0), length))
}

const fn v6(address: Ipv6Addr, length: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(address, length))
}

/// Destinations that no VNet may hold (RFC 6890): this network, loopback, link-local, multicast, broadcast.
const UNROUTABLE: [IpNet; 9] = [
    v4(0, 0, 8),
    v4(127, 0, 8),
    v4(169, 254, 16),
    v4(224, 0, 4),
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::BROADCAST, 32)),
    v6(Ipv6Addr::UNSPECIFIED, 127),
    v6(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96),
    v6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
    v6(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8),
];

#[cfg(test)]
mod tests;
