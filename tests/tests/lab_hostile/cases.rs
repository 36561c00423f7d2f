//! Hostile frames, one by one, each with the reason for which it must end.

use std::net::{Ipv4Addr, Ipv6Addr};

use vnet_tests::frames::{
    Arp, BROADCAST_MAC, Host, ROUTER_MAC, Solicitation, V4, V6, advertisement, ethernet, options_header,
    patched,
};

/// What the frame is, the frame, and why it is dropped.
pub(crate) type Case = (&'static str, Vec<u8>, &'static str);

/// The guests that a case speaks of.
#[derive(Clone, Copy)]
pub(crate) struct Cast {
    pub(crate) evil: Host,
    pub(crate) near: Host,
    pub(crate) peer: Host,
    pub(crate) far: Host,
}

const ROUTER4: Ipv4Addr = Ipv4Addr::new(10, 1, 1, 1);
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// The first byte of the IP header; the message of an ICMPv6 packet without extension headers.
const IP: usize = 14;
const ICMP6: usize = 14 + 40;

/// Every case.
pub(crate) fn all(cast: &Cast) -> Vec<Case> {
    [
        macs(cast),
        sources(cast),
        kinds(cast),
        groups(cast),
        ipv4(cast),
        ipv6(cast),
        ways(cast),
        arp(cast),
        nd(cast),
    ]
    .concat()
}

fn macs(cast: &Cast) -> Vec<Case> {
    let Cast { evil, near, peer, .. } = *cast;
    let from = |mac| V4 { from_mac: mac, ..V4::udp(&evil, peer.v4) }.frame();
    vec![
        ("a MAC address of nobody's", from([2, 0, 0, 0, 0, 0x99]), "mac-spoofed"),
        ("the neighbour's MAC address", from(near.mac), "mac-spoofed"),
        ("the router's MAC address", from(ROUTER_MAC), "mac-spoofed"),
        ("the broadcast MAC address as a source", from(BROADCAST_MAC), "mac-spoofed"),
        ("the neighbour's MAC and IPv4 address", V4::udp(&near, peer.v4).frame(), "mac-spoofed"),
        ("the neighbour's MAC and IPv6 address", V6::udp(&near, peer.v6).frame(), "mac-spoofed"),
        ("the neighbour's MAC address in ARP", Arp::request(&near, ROUTER4).frame(), "mac-spoofed"),
    ]
}

fn sources(cast: &Cast) -> Vec<Case> {
    let Cast { evil, near, peer, far } = *cast;
    let v4 = |source, to: Host| V4 { source, ..V4::udp(&evil, to.v4) }.frame();
    let v6 = |source, to: Host| V6 { source, ..V6::udp(&evil, to.v6) }.frame();
    vec![
        ("the neighbour's IPv4 address", v4(near.v4, peer), "source-spoofed"),
        ("the peer's IPv4 address, to itself", v4(peer.v4, peer), "source-spoofed"),
        ("an IPv4 address of a network that is not peered", v4(far.v4, peer), "source-spoofed"),
        ("the router's IPv4 address", v4(ROUTER4, near), "source-spoofed"),
        ("a public IPv4 address", v4([198, 51, 100, 7].into(), near), "source-spoofed"),
        ("the loopback's IPv4 address", v4(Ipv4Addr::LOCALHOST, near), "source-spoofed"),
        ("no IPv4 address", v4(Ipv4Addr::UNSPECIFIED, near), "source-spoofed"),
        ("the neighbour's IPv6 address", v6(near.v6, peer), "source-spoofed"),
        ("the peer's IPv6 address, to itself", v6(peer.v6, peer), "source-spoofed"),
        ("an IPv6 address of a network that is not peered", v6(far.v6, peer), "source-spoofed"),
        ("a link-local IPv6 address", v6(evil.link_local(), near), "source-spoofed"),
        ("no IPv6 address", v6(Ipv6Addr::UNSPECIFIED, near), "source-spoofed"),
    ]
}

fn kinds(cast: &Cast) -> Vec<Case> {
    let Cast { evil, near, .. } = *cast;
    let packet = V4::udp(&evil, near.v4).frame()[IP..].to_vec();
    let of = |ether_type, head: &[u8]| ethernet(ROUTER_MAC, evil.mac, ether_type, &[head, &packet].concat());
    vec![
        ("a VLAN tag", of(0x8100, &[0, 5, 8, 0]), "vlan-tagged"),
        ("a priority tag", of(0x8100, &[0xe0, 0, 8, 0]), "vlan-tagged"),
        ("two VLAN tags", of(0x88a8, &[0, 5, 0x81, 0, 0, 6, 8, 0]), "vlan-tagged"),
        ("an old tag of a provider", of(0x9100, &[0, 5, 8, 0]), "not-ip"),
        ("a spanning tree, by its length", of(0x0026, &[0x42, 0x42, 3]), "not-ip"),
        ("LLDP", of(0x88cc, &[2, 7, 4]), "not-ip"),
        ("EAPOL", of(0x888e, &[2, 1, 0, 0]), "not-ip"),
        ("MPLS", of(0x8847, &[0, 1, 1, 64]), "not-ip"),
        ("PPPoE", of(0x8864, &[0x11, 0, 0, 1, 0, 40, 0, 0x21]), "not-ip"),
        ("an Ethernet header alone, of no kind", ethernet(ROUTER_MAC, evil.mac, 0, &[]), "not-ip"),
    ]
}

fn groups(cast: &Cast) -> Vec<Case> {
    let Cast { evil, near, .. } = *cast;
    let v4 = |to_mac, destination| V4 { to_mac, ..V4::udp(&evil, destination) }.frame();
    let discovery =
        V4 { source: Ipv4Addr::UNSPECIFIED, to_mac: BROADCAST_MAC, ..V4::udp(&evil, Ipv4Addr::BROADCAST) };
    let v6 = V6 { to_mac: [0x33, 0x33, 0, 0, 0, 1], ..V6::ping(&evil, ALL_NODES) };
    vec![
        ("a broadcast", v4(BROADCAST_MAC, Ipv4Addr::BROADCAST), "not-unicast"),
        ("the neighbour's address by broadcast", v4(BROADCAST_MAC, near.v4), "not-unicast"),
        ("a multicast", v4([1, 0, 0x5e, 0, 0, 0xfb], Ipv4Addr::new(224, 0, 0, 251)), "not-unicast"),
        ("a search for a DHCP server", discovery.frame(), "not-unicast"),
        ("a ping to all nodes", v6.frame(), "not-unicast"),
    ]
}

fn ipv4(cast: &Cast) -> Vec<Case> {
    let Cast { evil, near, .. } = *cast;
    let whole = V4::udp(&evil, near.v4);
    let claiming = |bytes| V4 { claimed_bytes: Some(bytes), ..whole.clone() }.frame();
    vec![
        ("IPv4 of version 5", patched(whole.frame(), IP, &[0x55]), "ipv4-malformed"),
        ("an IPv4 header of 16 bytes", patched(whole.frame(), IP, &[0x44]), "ipv4-malformed"),
        ("an IPv4 packet shorter than its header", claiming(19), "ipv4-truncated"),
        ("an IPv4 packet longer than its frame", claiming(1000), "ipv4-truncated"),
        ("half an IPv4 header", whole.frame()[..IP + 10].to_vec(), "ipv4-truncated"),
        ("no IPv4 header", whole.frame()[..IP].to_vec(), "ipv4-truncated"),
        ("an IPv4 packet whose time is over", V4 { ttl: 0, ..whole }.frame(), "hop-limit-zero"),
    ]
}

fn ipv6(cast: &Cast) -> Vec<Case> {
    let Cast { evil, near, .. } = *cast;
    let whole = V6::udp(&evil, near.v6);
    let many = (0..40).fold(whole.clone(), |packet, _| packet.with(60, options_header(1)));
    vec![
        ("IPv6 of version 4", patched(whole.frame(), IP, &[0x45]), "ipv6-malformed"),
        (
            "an IPv6 packet longer than its frame",
            V6 { claimed_bytes: Some(1000), ..whole.clone() }.frame(),
            "ipv6-truncated",
        ),
        ("half an IPv6 header", whole.frame()[..IP + 20].to_vec(), "ipv6-truncated"),
        ("forty IPv6 extension headers", many.frame(), "ipv6-extension-headers"),
        ("an IPv6 packet whose hops are used up", V6 { hop_limit: 0, ..whole }.frame(), "hop-limit-zero"),
    ]
}

fn ways(cast: &Cast) -> Vec<Case> {
    let Cast { evil, far, .. } = *cast;
    let v4 = |destination: [u8; 4]| V4::udp(&evil, destination.into()).frame();
    let v6 = |destination| V6::udp(&evil, destination).frame();
    vec![
        ("an address of the own subnet that nobody holds", v4([10, 1, 1, 77]), "no-endpoint"),
        ("an address of the peer's that nobody holds", v4([10, 2, 1, 77]), "no-endpoint"),
        ("a network that is not peered", v4(far.v4.octets()), "route-none"),
        ("a network that is not peered, over IPv6", v6(far.v6), "route-internet"),
        ("the internet", v4([198, 51, 100, 7]), "route-internet"),
        ("a group, by the router's MAC address", v4([224, 0, 0, 1]), "destination-unroutable"),
        ("the host's loopback", v4([127, 0, 0, 1]), "destination-unroutable"),
        ("a metadata service", v4([169, 254, 169, 254]), "destination-unroutable"),
        ("the host's loopback, over IPv6", v6(Ipv6Addr::LOCALHOST), "destination-unroutable"),
        ("the router, by UDP", v4(ROUTER4.octets()), "router-unserved"),
    ]
}

fn arp(cast: &Cast) -> Vec<Case> {
    let Cast { evil, near, .. } = *cast;
    let request = Arp::request(&evil, ROUTER4);
    let reply = Arp { operation: 2, sender: near.v4, target: near.v4, ..request.clone() };
    let announcement = Arp { target: evil.v4, ..request.clone() };
    vec![
        ("an ARP reply that takes the neighbour's address", reply.frame(), "arp-not-request"),
        (
            "an ARP request from the neighbour's address",
            Arp { sender: near.v4, ..request.clone() }.frame(),
            "arp-spoofed",
        ),
        (
            "an ARP request from the router's",
            Arp { sender: ROUTER4, ..request.clone() }.frame(),
            "arp-spoofed",
        ),
        (
            "an ARP request with another sender's MAC",
            Arp { sender_mac: near.mac, ..request.clone() }.frame(),
            "arp-spoofed",
        ),
        ("an announcement of the own address", announcement.frame(), "arp-own-address"),
        ("half an ARP packet", request.frame()[..IP + 14].to_vec(), "arp-malformed"),
        ("ARP of another kind of link", patched(request.frame(), IP, &[0, 6]), "arp-malformed"),
    ]
}

fn nd(cast: &Cast) -> Vec<Case> {
    let Cast { evil, near, .. } = *cast;
    let solicitation = Solicitation::new(&evil, near.v6);
    let of_kind = |kind, rest: &[u8]| V6 { hop_limit: 255, ..V6::icmp(&evil, ALL_NODES, kind, rest) }.frame();
    // As the neighbour's, but from the own MAC address.
    let taking_over = patched(advertisement(near.mac, near.v6, evil.v6), 6, &evil.mac);
    let bad_sum = patched(solicitation.frame(), ICMP6 + 2, &[0xde, 0xad]);
    let from_afar = V6 { hop_limit: 254, ..solicitation.packet() };
    vec![
        ("an advertisement", taking_over, "nd-not-solicitation"),
        (
            "an advertisement of a router",
            of_kind(134, &[64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0]),
            "nd-not-solicitation",
        ),
        ("a redirect", of_kind(137, &[0; 36]), "nd-not-solicitation"),
        (
            "a solicitation from the neighbour's address",
            Solicitation { source: near.v6, ..solicitation.clone() }.frame(),
            "source-spoofed",
        ),
        ("a solicitation with a wrong checksum", bad_sum, "nd-malformed"),
        ("a solicitation from beyond the link", from_afar.frame(), "nd-malformed"),
        ("a solicitation for the own address", Solicitation::new(&evil, evil.v6).frame(), "nd-own-address"),
    ]
}
