//! What becomes of a packet, by the rules as they are written (semantics, sections 2, 4 and 7; data path, section 1).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use vnet_common::verdict::DropReason;

use super::frame::{Message, Packet};
use super::world::{Nic, Peering, State, World};

/// The virtual router's own link-local address.
pub const ROUTER_LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0x1234, 0x5678, 0x9abc);

/// What must become of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It ends, for this reason.
    Dropped(DropReason),
    /// The virtual router answers it.
    Answered,
    /// A NIC receives it.
    Delivered {
        /// The NIC.
        nic: String,
        /// The sending side's peering object, as virtual network and name, where one was crossed.
        crossed: Option<(String, String)>,
    },
}

/// Where a packet is led.
#[derive(Clone, Copy, Debug)]
enum Hop<'a> {
    Nowhere,
    None,
    Internet,
    Local,
    Peer { own: &'a Peering, other: &'a Peering },
}

/// Whether no host can have this address: multicast, broadcast, loopback, link-local, unspecified.
fn is_no_host(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.octets()[0] == 0
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
        }
        IpAddr::V6(v6) => {
            v6.is_unspecified()
                || v6.is_loopback()
                || v6.is_multicast()
                || v6.is_unicast_link_local()
                || v6.to_ipv4_mapped().is_some()
        }
    }
}

/// The private ranges that have a row of their own with next hop `None`, as the length of the one that holds `address`.
fn private(address: IpAddr) -> Option<u8> {
    let IpAddr::V4(v4) = address else { return None };
    match v4.octets() {
        [10, ..] => Some(8),
        [172, 16..=31, ..] => Some(12),
        [192, 168, ..] => Some(16),
        [100, 64..=127, ..] => Some(10),
        _ => None,
    }
}

/// The length of the prefix of `list` that holds `address`; lists have disjoint prefixes.
fn held(list: &[IpNet], address: IpAddr) -> Option<u8> {
    list.iter().find(|prefix| prefix.contains(&address)).map(IpNet::prefix_len)
}

impl World {
    /// What must become of `packet`.
    #[must_use]
    pub fn answer(&self, packet: &Packet) -> Verdict {
        match self.deliver(packet) {
            Ok(verdict) => verdict,
            Err(reason) => Verdict::Dropped(reason),
        }
    }

    /// The NIC that an interface is attached to.
    #[must_use]
    pub fn sender(&self, ifindex: u32) -> Option<(&String, &Nic)> {
        let name = self.attached.iter().find(|(_, at)| at.ifindex == ifindex).map(|(name, _)| name)?;
        self.nics.get_key_value(name)
    }

    fn deliver(&self, packet: &Packet) -> Result<Verdict, DropReason> {
        let (_, nic) = self.sender(packet.ifindex).ok_or(DropReason::UnknownPort)?;
        if packet.source_mac != nic.mac {
            return Err(DropReason::MacSpoofed);
        }
        if packet.destination_mac[0] & 1 == 1 {
            return Err(DropReason::NotUnicast);
        }
        let own_source = nic.addresses.contains(&packet.source);
        let to_router = packet.destination == IpAddr::V6(ROUTER_LINK_LOCAL);
        let from_link_local = matches!(packet.source, IpAddr::V6(source) if source.is_unicast_link_local());
        if to_router && (own_source || from_link_local) {
            return served(packet);
        }
        if !own_source && !nic.forwards {
            return Err(DropReason::SourceSpoofed);
        }
        if !own_source && is_no_host(packet.source) {
            return Err(DropReason::SourceNotUnicast);
        }
        let hop = self.next_hop(nic, packet.destination);
        let target = self.admit(nic, packet.source, hop)?;
        if let Some((name, _)) = self.holder(target, packet.destination) {
            let at = self.attached.get(name).ok_or(DropReason::EndpointDetached)?;
            if packet.ip_bytes > at.mtu_bytes {
                return Err(DropReason::MtuExceeded);
            }
            let crossed = match hop {
                Hop::Peer { own, .. } => Some((own.vnet.clone(), own.name.clone())),
                _ => None,
            };
            return Ok(Verdict::Delivered { nic: name.clone(), crossed });
        }
        match hop {
            Hop::Local if self.router_of(nic, packet.destination) && own_source => served(packet),
            Hop::Local if self.router_of(nic, packet.destination) => Err(DropReason::RouterUnserved),
            _ => Err(DropReason::NoEndpoint),
        }
    }

    /// The virtual network that a packet is let into.
    fn admit<'a>(&self, nic: &'a Nic, source: IpAddr, hop: Hop<'a>) -> Result<&'a str, DropReason> {
        match hop {
            Hop::Nowhere => Err(DropReason::DestinationUnroutable),
            Hop::None => Err(DropReason::RouteNone),
            Hop::Internet => Err(DropReason::RouteInternet),
            Hop::Local => Ok(&nic.vnet),
            Hop::Peer { own, other } => {
                if !(own.access && other.access) {
                    return Err(DropReason::PeeringAccessDenied);
                }
                let space = self.vnets.get(&nic.vnet).map_or(&[][..], |vnet| &vnet.ranges);
                if held(space, source).is_none() && !other.forwarded {
                    return Err(DropReason::ForwardedTrafficDenied);
                }
                Ok(&own.remote)
            }
        }
    }

    /// The longest prefix that leads anywhere.
    fn next_hop<'a>(&'a self, nic: &Nic, destination: IpAddr) -> Hop<'a> {
        let mut best = (0, Hop::Internet);
        let mut offer = |length: Option<u8>, hop: Hop<'a>| {
            if length.is_some_and(|length| length >= best.0) {
                best = (length.unwrap_or(0), hop);
            }
        };
        offer(private(destination), Hop::None);
        if is_no_host(destination) {
            // No virtual network has such addresses: semantics forbids most, and `generate` uses none.
            offer(Some(128), Hop::Nowhere);
        }
        let own_space = self.vnets.get(&nic.vnet).map_or(&[][..], |vnet| &vnet.ranges);
        offer(held(own_space, destination), Hop::Local);
        for own in self.peerings.iter().filter(|p| p.vnet == nic.vnet && p.state == State::Connected) {
            let Some(other) = self.object(&own.remote, &own.vnet) else { continue };
            offer(self.in_force(own, other, nic, destination), Hop::Peer { own, other });
        }
        best.1
    }

    /// The length of the prefix by which a peering leads `nic` to `destination`: of what was taken over, that which the
    /// remote still has and lets take part, for a sender that takes part.
    fn in_force(&self, own: &Peering, other: &Peering, nic: &Nic, destination: IpAddr) -> Option<u8> {
        let takes_part = own.subnets.as_ref().is_none_or(|subnets| subnets.local.contains(&nic.subnet))
            && other.subnets.as_ref().is_none_or(|subnets| subnets.remote.contains(&nic.subnet));
        if !takes_part {
            return None;
        }
        let let_in = self.part(&own.remote, other.subnets.as_ref().map(|s| (&s.local, s.only_ipv6)));
        let taken_over = held(&own.remote_space, destination)?;
        let still_there = held(&self.remote_now(own), destination)?;
        Some(taken_over.max(still_there).max(held(&let_in, destination)?))
    }

    /// Whether `address` is the virtual router's in the subnet prefix that the NIC's own address lies in.
    fn router_of(&self, nic: &Nic, address: IpAddr) -> bool {
        let Some(own) = nic.address_like(address) else { return false };
        let prefixes = self.vnets.get(&nic.vnet).and_then(|vnet| vnet.subnets.get(&nic.subnet));
        let prefix = prefixes.and_then(|prefixes| prefixes.iter().find(|prefix| prefix.contains(&own)));
        prefix.is_some_and(|prefix| first_of(prefix) == address)
    }
}

/// The first address behind the network address.
#[must_use]
pub fn first_of(prefix: &IpNet) -> IpAddr {
    match prefix {
        IpNet::V4(net) => IpAddr::V4(Ipv4Addr::from_bits(net.network().to_bits() | 1)),
        IpNet::V6(net) => IpAddr::V6(Ipv6Addr::from_bits(net.network().to_bits() | 1)),
    }
}

/// The virtual router serves a ping and nothing else.
fn served(packet: &Packet) -> Result<Verdict, DropReason> {
    if packet.message == Message::EchoRequest {
        Ok(Verdict::Answered)
    } else {
        Err(DropReason::RouterUnserved)
    }
}
