//! The builders against `etherparse`, which knows nothing of them.

use etherparse::{Icmpv4Type, Icmpv6Type, NetSlice, PacketBuilder, SlicedPacket, TransportSlice};

use super::*;

const HOST: Host = Host {
    name: "a1",
    mac: [2, 0, 0, 0, 1, 4],
    v4: Ipv4Addr::new(10, 1, 0, 4),
    v6: Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 4),
};
const OTHER: Ipv4Addr = Ipv4Addr::new(10, 2, 0, 4);
const OTHER6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 4);

#[test]
fn a_ping_is_what_etherparse_builds_but_for_the_identification() {
    let builder = PacketBuilder::ethernet2(HOST.mac, ROUTER_MAC)
        .ipv4(HOST.v4.octets(), OTHER.octets(), 64)
        .icmpv4_echo_request(7, 1);
    let mut theirs = Vec::new();
    builder.write(&mut theirs, b"abcdefgh").unwrap();
    let ours = V4::ping(&HOST, OTHER).frame();
    assert_eq!(theirs[..18], ours[..18]);
    assert_eq!(theirs[22..24], ours[22..24]);
    assert_eq!(theirs[26..], ours[26..]);
}

#[test]
fn an_ipv6_ping_is_what_etherparse_builds() {
    let builder = PacketBuilder::ethernet2(HOST.mac, ROUTER_MAC)
        .ipv6(HOST.v6.octets(), OTHER6.octets(), 64)
        .icmpv6_echo_request(7, 1);
    let mut theirs = Vec::new();
    builder.write(&mut theirs, b"abcdefgh").unwrap();
    assert_eq!(theirs, V6::ping(&HOST, OTHER6).frame());
}

#[test]
fn etherparse_finds_every_checksum_right() {
    let frame = V4 { options: vec![7, 7, 4, 0, 0, 0, 0, 0], ..V4::ping(&HOST, OTHER) }.frame();
    let sliced = SlicedPacket::from_ethernet(&frame).unwrap();
    let Some(NetSlice::Ipv4(ip)) = &sliced.net else { panic!("no IPv4") };
    let header = ip.header().to_header();
    assert_eq!(header.header_checksum, header.calc_header_checksum());
    let Some(TransportSlice::Icmpv4(icmp)) = &sliced.transport else { panic!("no ICMP") };
    assert!(matches!(icmp.icmp_type(), Icmpv4Type::EchoRequest(_)));

    let solicitation = Solicitation::new(&HOST, OTHER6);
    for frame in [solicitation.frame(), solicitation.answer()] {
        let sliced = SlicedPacket::from_ethernet(&frame).unwrap();
        let Some(NetSlice::Ipv6(ip)) = &sliced.net else { panic!("no IPv6") };
        let Some(TransportSlice::Icmpv6(icmp)) = &sliced.transport else { panic!("no ICMPv6") };
        assert!(icmp.is_checksum_valid(ip.header().source(), ip.header().destination()));
    }
}

#[test]
fn extension_headers_lead_to_the_payload() {
    let packet = V6::ping(&HOST, OTHER6).with(0, options_header(1)).with(60, options_header(40));
    let frame = packet.with(44, fragment_header(0, false)).frame();
    let sliced = SlicedPacket::from_ethernet(&frame).unwrap();
    let Some(TransportSlice::Icmpv6(icmp)) = &sliced.transport else { panic!("no ICMPv6") };
    assert!(matches!(icmp.icmp_type(), Icmpv6Type::EchoRequest(_)));
}

#[test]
fn an_arp_request_is_what_etherparse_reads() {
    let frame = Arp::request(&HOST, OTHER).frame();
    let sliced = SlicedPacket::from_ethernet(&frame).unwrap();
    let Some(NetSlice::Arp(arp)) = &sliced.net else { panic!("no ARP") };
    assert_eq!(arp.sender_hw_addr(), HOST.mac);
    assert_eq!(arp.sender_protocol_addr(), HOST.v4.octets());
    assert_eq!(arp.target_protocol_addr(), OTHER.octets());
}
