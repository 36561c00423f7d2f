//! Named cases: a frame, the interface that it came in by, and the whole outcome.

use std::collections::BTreeSet;
use std::vec::Vec;

use etherparse::{Icmpv6Type, PacketBuilder};
use pretty_assertions::assert_eq;

use super::super::{Action, Delivery, Outcome, decide, rewrite};
use super::answers::{arp_request, solicitation};
use super::tables::{
    EMPTY, Fake, INTERNET, NONE, OF_NO_KIND, OF_NO_RECORD, PEER_WITH_FORWARDED, PEER_WITHOUT_ACCESS, ROUTES4,
    TO_B, TO_C,
};
use super::{A1, APPLIANCE, B1, BARE, Buffer, GATEWAY4, Host, SMALL, of_type, patched, udp4, udp6, v6};
use crate::net::ethernet::ROUTER_MAC;
use crate::verdict::DropReason;

fn outcome(from: &Host, action: Action) -> Outcome {
    Outcome { sender: from.port, sender_counter: from.counter, action }
}

fn delivered(from: &Host, to: &Host, peering_counter: u32, frame: &[u8]) -> Outcome {
    let delivery = Delivery {
        port: to.port,
        mac: to.mac,
        receiver_counter: to.counter,
        peering_counter,
        frame_bytes: frame.len() as u32,
    };
    outcome(from, Action::Deliver(delivery))
}

fn check(name: &str, from: &Host, frame: &[u8], expected: Outcome) {
    assert_eq!(decide(&Fake::world(), &Buffer::new(frame), from.ifindex), expected, "{name}");
}

#[test]
fn packets_are_delivered_within_the_vnet_and_over_peerings() {
    for bytes in [0, 1, 100, 1300] {
        let cases = [
            ("IPv4 within", A1, udp4(&A1, SMALL.v4, bytes), SMALL, 0),
            ("IPv6 within", A1, udp6(&A1, SMALL.v6, bytes), SMALL, 0),
            ("IPv4 to oneself", A1, udp4(&A1, A1.v4, bytes), A1, 0),
            ("IPv4 over a peering", A1, udp4(&A1, B1.v4, bytes), B1, TO_B),
            ("IPv6 over a peering", A1, udp6(&A1, B1.v6, bytes), B1, TO_B),
            (
                "IPv4 of an appliance",
                APPLIANCE,
                udp4(&Host { v4: A1.v4, ..APPLIANCE }, B1.v4, bytes),
                B1,
                TO_B,
            ),
            (
                "IPv6 of an appliance",
                APPLIANCE,
                udp6(&Host { v6: A1.v6, ..APPLIANCE }, B1.v6, bytes),
                B1,
                TO_B,
            ),
        ];
        for (name, from, frame, to, peering) in cases {
            check(name, &from, &frame, delivered(&from, &to, peering, &frame));
        }
    }
    let foreign = Host { v4: [8, 8, 8, 8], v6: v6(0xee, 9), ..APPLIANCE };
    let frame = udp4(&foreign, [10, PEER_WITH_FORWARDED, 0, 4], 9);
    check("foreign, allowed", &APPLIANCE, &frame, delivered(&APPLIANCE, &B1, TO_C, &frame));
    let frame = udp6(&foreign, v6(PEER_WITH_FORWARDED, 4), 9);
    check("foreign IPv6, allowed", &APPLIANCE, &frame, delivered(&APPLIANCE, &B1, TO_C, &frame));
}

#[test]
fn a_delivered_frame_has_new_addresses_and_nothing_else_is_new() {
    let frame = udp6(&A1, B1.v6, 50);
    let mut buffer = Buffer::new(&frame);
    assert!(rewrite(&mut buffer, B1.mac));
    assert_eq!(buffer.bytes, [&B1.mac[..], &ROUTER_MAC, &frame[12..]].concat());
    assert!(!rewrite(&mut Buffer::new(&frame[..11]), B1.mac));
}

/// An ICMPv6 message from `from`, by its type, with `rest` behind the checksum.
fn icmp6(from: &Host, to: [u8; 16], hop_limit: u8, kind: u8, rest: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2(from.mac, ROUTER_MAC).ipv6(from.v6, to, hop_limit);
    let bytes5to8 = [rest[0], rest[1], rest[2], rest[3]];
    let builder = builder.icmpv6(Icmpv6Type::Unknown { type_u8: kind, code_u8: 0, bytes5to8 });
    let mut frame = Vec::new();
    builder.write(&mut frame, &rest[4..]).unwrap();
    frame
}

/// For every reason a frame that is dropped by it, and from whom. A new reason does not compile before it has one;
/// `None`: the decision never gives it.
fn provoke(reason: DropReason) -> Option<(Host, Vec<u8>)> {
    use DropReason as R;
    let foreign = Host { v4: [8, 8, 8, 8], v6: v6(0xee, 9), ..APPLIANCE };
    let to4 = |third: u8, last: u8| udp4(&A1, [10, third, 0, last], 4);
    let frame = match reason {
        R::FrameTooShort => to4(1, 4)[..13].to_vec(),
        R::VlanTagged => of_type(&A1, 0x8100, &[0; 46]),
        R::NotIp => of_type(&A1, 0x88cc, &[0; 46]),
        R::UnknownPort => return Some((Host { ifindex: 999, port: 0, counter: 0, ..A1 }, to4(1, 5))),
        R::MacSpoofed => udp4(&B1, A1.v4, 4),
        R::NotUnicast => patched(to4(1, 5), 0, &[0xff; 6]),
        R::ArpMalformed => arp_request(&A1, B1.v4)[..41].to_vec(),
        R::ArpNotRequest => patched(arp_request(&A1, B1.v4), 20, &[0, 2]),
        R::ArpSpoofed => patched(arp_request(&A1, B1.v4), 28, &SMALL.v4),
        R::ArpOwnAddress => arp_request(&A1, A1.v4),
        R::Ipv4Malformed => patched(to4(1, 5), 14, &[0x44]),
        R::Ipv4Truncated => to4(1, 5)[..33].to_vec(),
        R::Ipv6Malformed => patched(udp6(&A1, B1.v6, 4), 14, &[0x50]),
        R::Ipv6Truncated => udp6(&A1, B1.v6, 4)[..53].to_vec(),
        R::Ipv6ExtensionHeaders => patched(udp6(&A1, B1.v6, 0), 20, &[0]),
        R::NdMalformed => patched(solicitation(&A1, B1.v6), 21, &[64]),
        R::NdNotSolicitation => icmp6(&A1, B1.v6, 255, 134, &[0; 12]),
        R::NdOwnAddress => solicitation(&A1, A1.v6),
        R::RouterUnserved => udp4(&A1, GATEWAY4, 4),
        R::SourceSpoofed => udp4(&Host { v4: SMALL.v4, ..A1 }, B1.v4, 4),
        R::SourceNotUnicast => {
            return Some((APPLIANCE, udp4(&Host { v4: [127, 0, 0, 1], ..APPLIANCE }, B1.v4, 4)));
        }
        R::HopLimitZero => patched(udp6(&A1, B1.v6, 4), 21, &[0]),
        R::NoRoute => to4(EMPTY, 4),
        R::DestinationUnroutable => udp4(&A1, [127, 0, 0, 1], 4),
        R::RouteNone => to4(NONE, 4),
        R::RouteInternet => to4(INTERNET, 4),
        R::PeeringAccessDenied => to4(PEER_WITHOUT_ACCESS, 4),
        R::ForwardedTrafficDenied => return Some((APPLIANCE, udp4(&foreign, B1.v4, 4))),
        R::NoEndpoint => to4(1, 99),
        R::EndpointDetached => to4(1, 77),
        R::MtuExceeded => udp4(&A1, SMALL.v4, 1373),
        // The program finds out when it redirects; the kernel_reasons suite deletes an interface.
        R::DeviceGone => return None,
        R::TablesInconsistent => to4(OF_NO_KIND, 4),
    };
    Some((A1, frame))
}

#[test]
fn every_reason_for_a_drop_comes_up_but_for_a_device_that_is_gone() {
    let mut silent = BTreeSet::new();
    for reason in DropReason::ALL {
        match provoke(*reason) {
            Some((from, frame)) => {
                check(reason.word(), &from, &frame, outcome(&from, Action::Drop(*reason)));
            }
            None => {
                silent.insert(*reason);
            }
        }
    }
    assert_eq!(silent, BTreeSet::from([DropReason::DeviceGone]));
}

#[test]
fn ipv6_is_dropped_by_the_same_reasons() {
    let foreign = Host { v6: v6(0xee, 9), ..APPLIANCE };
    let to = |third: u8, last: u8| udp6(&A1, v6(third, last), 4);
    let unspecified = Host { v6: [0; 16], ..BARE };
    let cases = [
        (A1, patched(to(1, 5), 0, &[0x33; 6]), DropReason::NotUnicast),
        (A1, udp6(&Host { v6: SMALL.v6, ..A1 }, B1.v6, 4), DropReason::SourceSpoofed),
        (APPLIANCE, udp6(&Host { v6: [0; 16], ..APPLIANCE }, B1.v6, 4), DropReason::SourceNotUnicast),
        (A1, to(EMPTY, 4), DropReason::NoRoute),
        (A1, udp6(&A1, [0xff; 16], 4), DropReason::DestinationUnroutable),
        (A1, to(NONE, 4), DropReason::RouteNone),
        (A1, to(INTERNET, 4), DropReason::RouteInternet),
        (A1, to(PEER_WITHOUT_ACCESS, 4), DropReason::PeeringAccessDenied),
        (APPLIANCE, udp6(&foreign, B1.v6, 4), DropReason::ForwardedTrafficDenied),
        (A1, to(1, 99), DropReason::NoEndpoint),
        (A1, to(1, 77), DropReason::EndpointDetached),
        (A1, udp6(&A1, SMALL.v6, 1353), DropReason::MtuExceeded),
        (A1, to(1, 1), DropReason::RouterUnserved),
        // A NIC without an address has the route to its own range, for the asking; :: has no other right.
        (BARE, udp6(&Host { v6: A1.v6, ..unspecified }, B1.v6, 4), DropReason::SourceSpoofed),
    ];
    for (from, frame, reason) in cases {
        check(reason.word(), &from, &frame, outcome(&from, Action::Drop(reason)));
    }
}

#[test]
fn entries_that_point_outside_their_table_are_the_agents_fault() {
    let inconsistent = outcome(&A1, Action::Drop(DropReason::TablesInconsistent));
    for third in [OF_NO_KIND, OF_NO_RECORD] {
        check("IPv4 route", &A1, &udp4(&A1, [10, third, 0, 4], 4), inconsistent);
        check("IPv6 route", &A1, &udp6(&A1, v6(third, 4), 4), inconsistent);
    }
    check("IPv4 endpoint", &A1, &udp4(&A1, [10, 1, 0, 88], 4), inconsistent);
    check("IPv6 endpoint", &A1, &udp6(&A1, v6(1, 88), 4), inconsistent);
}

#[test]
fn a_frame_under_14_bytes_is_too_short() {
    let frame = udp4(&A1, B1.v4, 4);
    for length in 0..14 {
        check("short", &A1, &frame[..length], outcome(&A1, Action::Drop(DropReason::FrameTooShort)));
    }
    check("a header", &A1, &frame[..14], outcome(&A1, Action::Drop(DropReason::Ipv4Truncated)));
}

#[test]
fn headers_that_lie_in_a_later_buffer_are_not_followed() {
    // A driver may leave less than a header in the first buffer: the frame is dropped, never misread.
    let (v4, v6) = (udp4(&A1, B1.v4, 600), udp6(&A1, B1.v6, 600));
    for linear in 14..=v4.len() {
        let buffer = Buffer { linear, ..Buffer::new(&v4) };
        let whole = delivered(&A1, &B1, TO_B, &v4);
        let expected =
            if linear < 34 { outcome(&A1, Action::Drop(DropReason::Ipv4Truncated)) } else { whole };
        assert_eq!(decide(&Fake::world(), &buffer, A1.ifindex), expected, "{linear}");
    }
    for linear in 14..=v6.len() {
        let buffer = Buffer { linear, ..Buffer::new(&v6) };
        let whole = delivered(&A1, &B1, TO_B, &v6);
        let expected =
            if linear < 54 { outcome(&A1, Action::Drop(DropReason::Ipv6Truncated)) } else { whole };
        assert_eq!(decide(&Fake::world(), &buffer, A1.ifindex), expected, "{linear}");
    }
}

#[test]
fn a_frame_in_several_buffers_has_the_length_of_all_of_them() {
    let frame = udp4(&A1, B1.v4, 5000);
    for linear in [34, 100, 2048, 2049, 3500] {
        let buffer = Buffer { linear, ..Buffer::new(&frame) };
        assert_eq!(
            decide(&Fake::world(), &buffer, A1.ifindex),
            delivered(&A1, &B1, TO_B, &frame),
            "{linear}"
        );
    }
    // The packet ends in the first buffer, the frame does not. No driver splits a frame before 2048 bytes, so there the
    // length is not asked for: see `SURELY_LINEAR_BYTES`.
    let garbage = [udp4(&A1, SMALL.v4, 60), std::vec![0; 5000]].concat();
    let over = outcome(&A1, Action::Drop(DropReason::MtuExceeded));
    for (linear, expected) in [(2049, over), (2048, over), (200, delivered(&A1, &SMALL, 0, &garbage[..200]))]
    {
        let buffer = Buffer { linear, ..Buffer::new(&garbage) };
        assert_eq!(decide(&Fake::world(), &buffer, A1.ifindex), expected, "{linear}");
    }
}

#[test]
fn a_packet_sees_the_half_of_its_generation_alone() {
    let frame = udp4(&A1, B1.v4, 4);
    let mut fake = Fake::world();
    for (generation, delivers) in [(7, true), (8, false), (9, true), (u64::MAX, true), (0, false)] {
        fake.generation = generation;
        let outcome = decide(&fake, &Buffer::new(&frame), A1.ifindex);
        let expected = if delivers {
            delivered(&A1, &B1, TO_B, &frame)
        } else {
            // All even halves are empty.
            Outcome { sender: 0, sender_counter: 0, action: Action::Drop(DropReason::UnknownPort) }
        };
        assert_eq!(outcome, expected, "generation {generation}");
    }
}

#[test]
fn ports_whose_interfaces_share_a_slot_are_told_apart() {
    let mut fake = Fake::world();
    let slot = 1 + A1.ifindex;
    // 65,536 further on: the slot of the first is taken, the next ones are probed.
    let far = Host { ifindex: A1.ifindex + 65_536, port: 40, counter: 41, ..B1 };
    fake.ports
        .insert(40, crate::abi::PortRecord { ifindex: far.ifindex, counter: 41, ..fake.ports[&B1.port] });
    fake.cells.insert(slot + 3, [0, 40]);
    let frame = udp4(&B1, A1.v4, 4);
    let expected = Delivery {
        port: A1.port,
        mac: A1.mac,
        receiver_counter: A1.counter,
        peering_counter: 0,
        frame_bytes: frame.len() as u32,
    };
    let outcome = decide(&fake, &Buffer::new(&frame), far.ifindex);
    assert_eq!(outcome, Outcome { sender: 40, sender_counter: 41, action: Action::Deliver(expected) });
    // One slot more is not looked at.
    fake.cells.insert(slot + 3, [0, 0]);
    fake.cells.insert(slot + 4, [0, 40]);
    let outcome = decide(&fake, &Buffer::new(&frame), far.ifindex);
    assert_eq!(outcome.action, Action::Drop(DropReason::UnknownPort));
    // Interface 0 is none, though empty ports carry that number.
    fake.cells.insert(1, [0, 1]);
    assert_eq!(decide(&fake, &Buffer::new(&frame), 0).action, Action::Drop(DropReason::UnknownPort));
}

#[test]
fn an_empty_trie_leads_nowhere() {
    let mut fake = Fake::world();
    fake.cells.remove(&ROUTES4);
    let outcome = decide(&fake, &Buffer::new(&udp4(&A1, B1.v4, 4)), A1.ifindex);
    assert_eq!(outcome.action, Action::Drop(DropReason::NoRoute));
}
