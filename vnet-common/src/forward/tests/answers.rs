//! The router's answers, byte by byte against what `etherparse` builds.

use std::vec::Vec;

use etherparse::icmpv6::NeighborAdvertisementHeader;
use etherparse::{ArpHardwareId, ArpOperation, ArpPacket, EtherType, Icmpv6Type, PacketBuilder};
use pretty_assertions::assert_eq;

use super::super::{Action, Answer, answer, decide};
use super::tables::Fake;
use super::{A1, APPLIANCE, B1, BARE, Buffer, GATEWAY4, GATEWAY6, Host, v6};
use crate::net::ethernet::ROUTER_MAC;
use crate::net::ipv6::ROUTER_LINK_LOCAL_BE;
use crate::verdict::DropReason;

fn arp(
    to: [u8; 6],
    operation: ArpOperation,
    sender: ([u8; 6], [u8; 4]),
    target: ([u8; 6], [u8; 4]),
) -> Vec<u8> {
    let packet = ArpPacket::new(
        ArpHardwareId::ETHERNET,
        EtherType::IPV4,
        operation,
        &sender.0,
        &sender.1,
        &target.0,
        &target.1,
    );
    let mut frame = Vec::new();
    PacketBuilder::ethernet2(sender.0, to).arp(packet.unwrap()).write(&mut frame).unwrap();
    frame
}

/// `from` asks for `target`.
pub(super) fn arp_request(from: &Host, target: [u8; 4]) -> Vec<u8> {
    arp([0xff; 6], ArpOperation::REQUEST, (from.mac, from.v4), ([0; 6], target))
}

const SOLICITED_NODE: [u8; 16] = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 4];

fn solicitation_with(from: &Host, target: [u8; 16], options: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2(from.mac, [0x33, 0x33, 0xff, 0, 0, 4]);
    let mut frame = Vec::new();
    let builder = builder.ipv6(from.v6, SOLICITED_NODE, 255).icmpv6(Icmpv6Type::NeighborSolicitation);
    builder.write(&mut frame, &[&target[..], options].concat()).unwrap();
    frame
}

/// `from` asks for `target`, with its own link-layer address.
pub(super) fn solicitation(from: &Host, target: [u8; 16]) -> Vec<u8> {
    solicitation_with(from, target, &[&[1, 1][..], &from.mac].concat())
}

fn advertisement(to_mac: [u8; 6], to: [u8; 16], target: [u8; 16], solicited: bool) -> Vec<u8> {
    let header = NeighborAdvertisementHeader { router: true, solicited, r#override: true };
    let builder = PacketBuilder::ethernet2(ROUTER_MAC, to_mac).ipv6(target, to, 255);
    let builder = builder.icmpv6(Icmpv6Type::NeighborAdvertisement(header));
    let mut frame = Vec::new();
    builder.write(&mut frame, &[&target[..], &[2, 1], &ROUTER_MAC].concat()).unwrap();
    frame
}

/// The answer to `frame`, as the program would send it.
fn answered(from: &Host, frame: &[u8]) -> Vec<u8> {
    let mut buffer = Buffer::new(frame);
    let outcome = decide(&Fake::world(), &buffer, from.ifindex);
    let Action::Answer(kind) = outcome.action else { panic!("{outcome:?}") };
    assert!(answer::write(&mut buffer, kind));
    buffer.bytes
}

fn dropped(from: &Host, frame: &[u8], reason: DropReason) {
    let outcome = decide(&Fake::world(), &Buffer::new(frame), from.ifindex);
    assert_eq!(outcome.action, Action::Drop(reason));
}

#[test]
fn an_arp_request_gets_the_routers_mac() {
    for target in [GATEWAY4, B1.v4, [8, 8, 8, 8]] {
        let reply = arp(A1.mac, ArpOperation::REPLY, (ROUTER_MAC, target), (A1.mac, A1.v4));
        assert_eq!(answered(&A1, &arp_request(&A1, target)), reply);
    }
    // A probe (RFC 5227), of a NIC with and without an address.
    for host in [Host { v4: [0; 4], ..A1 }, BARE] {
        let reply = arp(host.mac, ArpOperation::REPLY, (ROUTER_MAC, B1.v4), (host.mac, [0; 4]));
        assert_eq!(answered(&host, &arp_request(&host, B1.v4)), reply);
    }
    let of_another = Host { v4: B1.v4, ..APPLIANCE };
    let reply = arp(APPLIANCE.mac, ArpOperation::REPLY, (ROUTER_MAC, A1.v4), (APPLIANCE.mac, B1.v4));
    assert_eq!(answered(&APPLIANCE, &arp_request(&of_another, A1.v4)), reply);
    dropped(&A1, &arp_request(&Host { v4: B1.v4, ..A1 }, GATEWAY4), DropReason::ArpSpoofed);
}

#[test]
fn a_solicitation_gets_an_advertisement() {
    let nonce = [14, 1, 1, 2, 3, 4, 5, 6];
    for target in [GATEWAY6, ROUTER_LINK_LOCAL_BE, B1.v6] {
        let expected = advertisement(A1.mac, A1.v6, target, true);
        assert_eq!(answered(&A1, &solicitation(&A1, target)), expected);
        assert_eq!(answered(&A1, &solicitation_with(&A1, target, &[])), expected);
        assert_eq!(answered(&A1, &solicitation_with(&A1, target, &nonce.repeat(8))), expected);
    }
    let all_nodes = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let probe = solicitation_with(&Host { v6: [0; 16], ..A1 }, B1.v6, &nonce);
    assert_eq!(answered(&A1, &probe), advertisement([0x33, 0x33, 0, 0, 0, 1], all_nodes, B1.v6, false));
    let link_local = Host { v6: [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9], ..A1 };
    assert_eq!(
        answered(&A1, &solicitation(&link_local, B1.v6)),
        advertisement(A1.mac, link_local.v6, B1.v6, true)
    );
}

#[test]
fn a_solicitation_for_an_address_that_the_asker_sends_from_is_not_answered() {
    let link_local = Host { v6: [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9], ..A1 };
    for host in [A1, link_local, Host { v6: v6(0xee, 9), ..APPLIANCE }] {
        dropped(&host, &solicitation(&host, host.v6), DropReason::NdOwnAddress);
    }
}

#[test]
fn every_byte_of_a_solicitation_is_covered_by_its_checks() {
    let frame = solicitation(&A1, B1.v6);
    let start = 14 + 40;
    for at in start..frame.len() {
        for bit in 0..8 {
            let mut damaged = frame.clone();
            damaged[at] ^= 1 << bit;
            let outcome = decide(&Fake::world(), &Buffer::new(&damaged), A1.ifindex);
            assert!(!matches!(outcome.action, Action::Answer(_)), "byte {at}, bit {bit}: {outcome:?}");
        }
    }
}

#[test]
fn a_ping_of_the_router_is_answered() {
    let payload = b"an odd number of bytes.";
    let ping4 = |from: &Host, to: [u8; 4]| {
        let builder = PacketBuilder::ethernet2(from.mac, ROUTER_MAC).ipv4(from.v4, to, 64);
        let mut frame = Vec::new();
        builder.icmpv4_echo_request(7, 9).write(&mut frame, payload).unwrap();
        frame
    };
    let mut pong = Vec::new();
    let builder = PacketBuilder::ethernet2(ROUTER_MAC, A1.mac).ipv4(GATEWAY4, A1.v4, 64);
    builder.icmpv4_echo_reply(7, 9).write(&mut pong, payload).unwrap();
    assert_eq!(answered(&A1, &ping4(&A1, GATEWAY4)), pong);

    let link_local = Host { v6: [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9], ..A1 };
    let ping6 = |from: &Host, to: [u8; 16]| {
        let builder = PacketBuilder::ethernet2(from.mac, ROUTER_MAC).ipv6(from.v6, to, 64);
        let mut frame = Vec::new();
        builder.icmpv6_echo_request(7, 9).write(&mut frame, payload).unwrap();
        frame
    };
    for (from, to) in [(A1, GATEWAY6), (A1, ROUTER_LINK_LOCAL_BE), (link_local, ROUTER_LINK_LOCAL_BE)] {
        let (ping, mut pong) = (ping6(&from, to), Vec::new());
        let builder = PacketBuilder::ethernet2(ROUTER_MAC, from.mac).ipv6(to, from.v6, 64);
        builder.icmpv6_echo_reply(7, 9).write(&mut pong, payload).unwrap();
        assert_eq!(answered(&A1, &ping), pong);
    }
    // The router answers nobody's address but the asker's own.
    let as_b = Host { v6: B1.v6, ..A1 };
    dropped(&A1, &ping6(&as_b, ROUTER_LINK_LOCAL_BE), DropReason::SourceSpoofed);
    let foreign = Host { v6: v6(0xee, 9), ..APPLIANCE };
    dropped(&APPLIANCE, &ping6(&foreign, ROUTER_LINK_LOCAL_BE), DropReason::DestinationUnroutable);
    dropped(&APPLIANCE, &ping6(&foreign, GATEWAY6), DropReason::RouterUnserved);
    dropped(&A1, &ping4(&A1, [10, 2, 0, 1]), DropReason::NoEndpoint);
    dropped(
        &APPLIANCE,
        &ping4(&Host { v4: v6(0, 0)[..4].try_into().unwrap(), ..APPLIANCE }, GATEWAY4),
        DropReason::RouterUnserved,
    );
}

#[test]
fn an_answer_to_a_frame_that_does_not_hold_the_question_is_not_written() {
    let frame = solicitation(&A1, B1.v6);
    let kinds = [
        Answer::Arp,
        Answer::Neighbor { message: 54 },
        Answer::EchoV4 { message: 34 },
        Answer::EchoV6 { message: 54 },
    ];
    for kind in kinds {
        assert!(!answer::write(&mut Buffer::new(&frame[..30]), kind), "{kind:?}");
    }
    // 78 bytes of question without options, 86 of answer, and no room to grow.
    let short = solicitation_with(&A1, B1.v6, &[]);
    let mut narrow = Buffer { room: short.len(), ..Buffer::new(&short) };
    assert!(!answer::write(&mut narrow, Answer::Neighbor { message: 54 }));
}
