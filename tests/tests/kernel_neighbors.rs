//! What the virtual router answers itself: ARP, neighbour discovery, ping.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{Ipv4Addr, Ipv6Addr};

use vnet_common::verdict::DropReason;
use vnet_tests::case::Expect::{Answer, Drop};
use vnet_tests::case::{Case, case, check};
use vnet_tests::cast::{A1, A2, APPLIANCE, B1, GATEWAY4, GATEWAY6, ONLY4, ONLY6, world};
use vnet_tests::frames::{
    Arp, Host, ROUTER_LINK_LOCAL, ROUTER_MAC, Solicitation, V4, V6, fragment_header, icmp4, options_header,
    padded, patched, solicited_node,
};
use vnet_tests::netns;
use vnet_tests::requirements::require_root_and_bpf;
use vnet_tests::rig::Rig;

fn run(cases: &[Case]) {
    require_root_and_bpf();
    netns::private(|| check(&mut Rig::new(&world()), cases));
}

fn asked(name: &str, request: &Arp) -> Case {
    case(name, A1.name, request.frame(), Answer(request.answer().frame()))
}

#[test]
fn every_arp_request_but_one_for_the_own_address_is_answered() {
    let request = Arp::request(&A1, A2.v4);
    let probe = Arp { sender: Ipv4Addr::UNSPECIFIED, ..request.clone() };
    let strange = Arp { target_mac: [9; 6], ..request.clone() };
    let mut minimum = padded(request.frame(), 18);
    let padding = minimum.split_off(42);
    run(&[
        asked("a neighbour", &request),
        asked("the gateway", &Arp::request(&A1, GATEWAY4)),
        asked("a NIC of another VNet", &Arp::request(&A1, B1.v4)),
        asked("an address that nobody has", &Arp::request(&A1, Ipv4Addr::new(203, 0, 113, 9))),
        asked("a unicast request", &Arp { to_mac: ROUTER_MAC, ..request.clone() }),
        asked("whatever stands in the target hardware address", &strange),
        asked("a probe for another's address", &probe),
        case(
            "a request padded to the least length of a frame: the padding stays",
            A1.name,
            [minimum, padding.clone()].concat(),
            Answer([request.answer().frame(), padding].concat()),
        ),
        case("a probe for the own address", A1.name, Arp { target: A1.v4, ..probe }.frame(), OWN_ARP),
        case("an announcement", A1.name, Arp { target: A1.v4, ..request.clone() }.frame(), OWN_ARP),
        case(
            "an announcement of an appliance for an address behind it",
            APPLIANCE.name,
            Arp { sender: B1.v4, ..Arp::request(&APPLIANCE, B1.v4) }.frame(),
            OWN_ARP,
        ),
    ]);
}

const OWN_ARP: vnet_tests::case::Expect = Drop(DropReason::ArpOwnAddress);

#[test]
fn arp_that_is_no_honest_request_is_dropped() {
    let request = Arp::request(&A1, A2.v4);
    let malformed = |name: &str, offset: usize, bytes: &[u8]| {
        case(name, A1.name, patched(request.frame(), offset, bytes), Drop(DropReason::ArpMalformed))
    };
    let of_appliance = Arp { sender: B1.v4, ..Arp::request(&APPLIANCE, A1.v4) };
    let of_only6 = Arp { sender: A1.v4, ..Arp::request(&ONLY6, A2.v4) };
    run(&[
        case("a reply", A1.name, Arp { operation: 2, ..request.clone() }.frame(), NOT_REQUEST),
        case("a reverse request", A1.name, Arp { operation: 3, ..request.clone() }.frame(), NOT_REQUEST),
        case("operation 0", A1.name, Arp { operation: 0, ..request.clone() }.frame(), NOT_REQUEST),
        case(
            "another's address as sender",
            A1.name,
            Arp { sender: A2.v4, ..request.clone() }.frame(),
            SPOOFED,
        ),
        case(
            "another's MAC as sender",
            A1.name,
            Arp { sender_mac: A2.mac, ..request.clone() }.frame(),
            SPOOFED,
        ),
        case("a sender, of a NIC without IPv4", ONLY6.name, of_only6.frame(), SPOOFED),
        case(
            "a foreign sender of an appliance",
            APPLIANCE.name,
            of_appliance.frame(),
            Answer(of_appliance.answer().frame()),
        ),
        case(
            "the gateway's address as sender of another's MAC",
            APPLIANCE.name,
            Arp { sender_mac: A1.mac, ..of_appliance }.frame(),
            SPOOFED,
        ),
        case(
            "another's MAC as source of the frame",
            A1.name,
            Arp { from_mac: A2.mac, ..request.clone() }.frame(),
            Drop(DropReason::MacSpoofed),
        ),
        malformed("hardware that is not Ethernet", 14, &[0, 6]),
        malformed("a protocol that is not IPv4", 16, &[0x86, 0xdd]),
        malformed("hardware addresses of 8 bytes", 18, &[8]),
        malformed("protocol addresses of 16 bytes", 19, &[16]),
    ]);
}

const NOT_REQUEST: vnet_tests::case::Expect = Drop(DropReason::ArpNotRequest);
const SPOOFED: vnet_tests::case::Expect = Drop(DropReason::ArpSpoofed);

fn solicited(name: &str, from: &Host, ask: &Solicitation) -> Case {
    case(name, from.name, ask.frame(), Answer(ask.answer()))
}

#[test]
fn every_solicitation_but_one_for_the_own_address_is_answered() {
    let ask = Solicitation::new(&A1, A2.v6);
    let nonce = [14, 1, 1, 2, 3, 4, 5, 6];
    let unknown = [&[200, 3][..], &[7; 22]].concat();
    let with = |options: &[&[u8]]| Solicitation { options: options.concat(), ..ask.clone() };
    let link_local = Solicitation { source: A1.link_local(), ..ask.clone() };
    let unicast = Solicitation { destination: A2.v6, ..ask.clone() };
    let garbage = padded(ask.frame(), 100);
    run(&[
        solicited("a neighbour", &A1, &ask),
        solicited("the gateway", &A1, &Solicitation::new(&A1, GATEWAY6)),
        solicited("the router's link-local address", &A1, &Solicitation::new(&A1, ROUTER_LINK_LOCAL)),
        solicited("another link-local address", &A1, &Solicitation::new(&A1, A2.link_local())),
        solicited("a NIC of another VNet", &A1, &Solicitation::new(&A1, B1.v6)),
        solicited("from the link-local address", &A1, &link_local),
        solicited("a unicast probe of reachability", &A1, &unicast),
        solicited("without options", &A1, &with(&[])),
        solicited("with a nonce", &A1, &with(&[&ask.options, &nonce])),
        solicited("with an option that nobody knows", &A1, &with(&[&unknown, &ask.options])),
        solicited("with eight options", &A1, &with(&[&nonce[..]; 8])),
        solicited("duplicate address detection for another's address", &A1, &Solicitation::probe(&A1, A2.v6)),
        solicited(
            "a probe with a nonce",
            &A1,
            &Solicitation { options: nonce.to_vec(), ..Solicitation::probe(&A1, A2.v6) },
        ),
        solicited(
            "a probe for the router's link-local address",
            &A1,
            &Solicitation::probe(&A1, ROUTER_LINK_LOCAL),
        ),
        solicited(
            "a NIC without IPv6, from its link-local address",
            &ONLY4,
            &Solicitation { source: ONLY4.link_local(), ..Solicitation::new(&ONLY4, A2.v6) },
        ),
        solicited(
            "an appliance with the address of a machine behind it",
            &APPLIANCE,
            &Solicitation { source: B1.v6, ..Solicitation::new(&APPLIANCE, A2.v6) },
        ),
        case(
            "behind a hop-by-hop header",
            A1.name,
            ask.packet().with(0, options_header(1)).frame(),
            Answer(ask.answer()),
        ),
        case("with garbage behind the packet", A1.name, garbage, Answer(ask.answer())),
        case(
            "duplicate address detection for the own address",
            A1.name,
            Solicitation::probe(&A1, A1.v6).frame(),
            OWN_ND,
        ),
        case(
            "the same for a link-local address",
            A1.name,
            Solicitation::probe(&A1, A1.link_local()).frame(),
            OWN_ND,
        ),
        case("the own address, asked for by itself", A1.name, Solicitation::new(&A1, A1.v6).frame(), OWN_ND),
    ]);
}

const OWN_ND: vnet_tests::case::Expect = Drop(DropReason::NdOwnAddress);
const ND_MALFORMED: vnet_tests::case::Expect = Drop(DropReason::NdMalformed);

#[test]
fn a_malformed_solicitation_is_dropped() {
    let ask = Solicitation::new(&A1, A2.v6);
    let with = |options: &[u8]| Solicitation { options: options.to_vec(), ..ask.clone() }.frame();
    let bad = |name: &str, frame: Vec<u8>| case(name, A1.name, frame, ND_MALFORMED);
    let to_group = Solicitation { target: solicited_node(A2.v6), ..ask.clone() };
    let with_source = Solicitation { options: ask.options.clone(), ..Solicitation::probe(&A1, A2.v6) };
    let to_one = Solicitation { destination: A2.v6, ..Solicitation::probe(&A1, A2.v6) };
    let later = ask.packet().with(44, fragment_header(0, true)).frame();
    let whole = ask.packet().with(44, fragment_header(0, false)).frame();
    let short = V6 { claimed_bytes: Some(20), ..ask.packet() };
    run(&[
        bad("an option of length zero", with(&[1, 0, 0, 0, 0, 0, 0, 0])),
        bad("a second option of length zero", with(&[14, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])),
        bad("an option longer than the message", with(&[1, 2, 0, 0, 0, 0, 0, 0])),
        bad("an option of half a unit", with(&[1, 1, 0, 0])),
        bad("options of more than 64 bytes", with(&[14, 1, 0, 0, 0, 0, 0, 0].repeat(9))),
        bad("a wrong checksum", patched(ask.frame(), 56, &[0x12, 0x34])),
        bad("a hop limit of 254", V6 { hop_limit: 254, ..ask.packet() }.frame()),
        bad(
            "code 1",
            V6 { payload: [&[135, 1][..], &ask.packet().payload[2..]].concat(), ..ask.packet() }.frame(),
        ),
        bad("a multicast target", to_group.frame()),
        bad("a source link-layer address from the unspecified address", with_source.frame()),
        bad("a probe that is not sent to the solicited-node group", to_one.frame()),
        bad("in the first of several fragments", later),
        bad("in a fragment that is the whole packet", whole),
        bad("a message of 20 bytes", short.frame()),
    ]);
}

#[test]
fn no_other_message_of_neighbour_discovery_goes_anywhere() {
    let message = |name: &str, kind: u8| {
        let frame = V6 { hop_limit: 255, ..V6::icmp(&A1, A2.v6, kind, &[0; 36]) }.frame();
        case(name, A1.name, frame, Drop(DropReason::NdNotSolicitation))
    };
    run(&[
        message("router solicitation", 133),
        message("router advertisement", 134),
        message("neighbour advertisement", 136),
        message("redirect", 137),
        case(
            "a router advertisement behind extension headers",
            A1.name,
            V6::icmp(&A1, B1.v6, 134, &[0; 12])
                .with(60, options_header(2))
                .with(43, options_header(1))
                .frame(),
            Drop(DropReason::NdNotSolicitation),
        ),
        case(
            "a router advertisement in a first fragment",
            A1.name,
            V6::icmp(&A1, B1.v6, 134, &[0; 12]).with(44, fragment_header(0, true)).frame(),
            Drop(DropReason::NdNotSolicitation),
        ),
        case(
            "a spoofed solicitation",
            A1.name,
            Solicitation { source: A2.v6, ..Solicitation::new(&A1, B1.v6) }.frame(),
            Drop(DropReason::SourceSpoofed),
        ),
        case(
            "a solicitation from a multicast address by an appliance",
            APPLIANCE.name,
            Solicitation { source: solicited_node(A2.v6), ..Solicitation::new(&APPLIANCE, B1.v6) }.frame(),
            Drop(DropReason::SourceSpoofed),
        ),
    ]);
}

#[test]
fn the_router_answers_pings_and_nothing_else() {
    let ping = V4::ping(&A1, GATEWAY4);
    let options = V4 { options: vec![7, 7, 4, 0, 0, 0, 0, 0], ..ping.clone() };
    let unserved = |name: &str, frame: Vec<u8>| case(name, A1.name, frame, UNSERVED);
    let long = V4 { payload: icmp4(8, 0, &[0x5a; 1401]), ..ping.clone() };
    let foreign = V4 { source: B1.v4, ..V4::ping(&APPLIANCE, GATEWAY4) };
    let of_vnet_b = V4 { from_mac: B1.mac, source: B1.v4, ..V4::ping(&B1, Ipv4Addr::new(10, 2, 0, 1)) };
    run(&[
        case("a ping", A1.name, ping.frame(), Answer(ping.pong().frame())),
        case("a ping with IP options", A1.name, options.frame(), Answer(options.pong().frame())),
        case("a long ping of odd length", A1.name, long.frame(), Answer(long.pong().frame())),
        case(
            "a ping from another VNet to its own gateway",
            B1.name,
            of_vnet_b.frame(),
            Answer(of_vnet_b.pong().frame()),
        ),
        unserved("UDP", V4::udp(&A1, GATEWAY4).frame()),
        unserved("an echo reply", V4 { payload: icmp4(0, 0, &[0; 8]), ..ping.clone() }.frame()),
        unserved("an echo request of code 1", V4 { payload: icmp4(8, 1, &[0; 8]), ..ping.clone() }.frame()),
        unserved("the first fragment of a ping", V4 { fragment: 0x2000, ..ping.clone() }.frame()),
        unserved("a later fragment of a ping", V4 { fragment: 1, ..ping.clone() }.frame()),
        unserved("an ICMP message of 3 bytes", V4 { payload: vec![8, 0, 0xf7], ..ping.clone() }.frame()),
        case("a foreign source by an appliance", APPLIANCE.name, foreign.frame(), UNSERVED),
        case(
            "the first address of another VNet",
            A1.name,
            V4::ping(&A1, Ipv4Addr::new(10, 2, 0, 1)).frame(),
            Drop(DropReason::NoEndpoint),
        ),
    ]);
}

const UNSERVED: vnet_tests::case::Expect = Drop(DropReason::RouterUnserved);

#[test]
fn the_router_answers_ipv6_pings_and_nothing_else() {
    let ping = V6::ping(&A1, GATEWAY6);
    let answered = |name: &str, ping: &V6| case(name, A1.name, ping.frame(), Answer(ping.pong().frame()));
    let unserved = |name: &str, frame: Vec<u8>| case(name, A1.name, frame, UNSERVED);
    run(&[
        answered("the subnet's first address", &ping),
        answered("the link-local address, from a global one", &V6::ping(&A1, ROUTER_LINK_LOCAL)),
        answered(
            "the link-local address, from a link-local one",
            &V6::link_local_ping(&A1, ROUTER_LINK_LOCAL),
        ),
        answered(
            "behind extension headers",
            &ping.clone().with(0, options_header(1)).with(60, options_header(3)),
        ),
        unserved("UDP to the first address", V6::udp(&A1, GATEWAY6).frame()),
        unserved("UDP to the link-local address", V6::udp(&A1, ROUTER_LINK_LOCAL).frame()),
        unserved("an echo reply", V6::icmp(&A1, GATEWAY6, 129, &[0; 8]).frame()),
        unserved("a ping in a fragment", ping.clone().with(44, fragment_header(0, false)).frame()),
        unserved("a later fragment", ping.with(44, fragment_header(3, false)).frame()),
        case(
            "a foreign source by an appliance",
            APPLIANCE.name,
            V6 { source: B1.v6, ..V6::ping(&APPLIANCE, GATEWAY6) }.frame(),
            UNSERVED,
        ),
        case(
            "the subnet's first address, from a link-local one",
            A1.name,
            V6::link_local_ping(&A1, GATEWAY6).frame(),
            Drop(DropReason::SourceSpoofed),
        ),
        case(
            "another's link-local address, from a link-local one",
            A1.name,
            V6::link_local_ping(&A1, A2.link_local()).frame(),
            Drop(DropReason::SourceSpoofed),
        ),
        case(
            "another's link-local address",
            A1.name,
            V6::ping(&A1, A2.link_local()).frame(),
            Drop(DropReason::DestinationUnroutable),
        ),
        case(
            "the unspecified address, of a NIC without IPv6",
            ONLY4.name,
            V6::link_local_ping(&ONLY4, Ipv6Addr::UNSPECIFIED).frame(),
            Drop(DropReason::SourceSpoofed),
        ),
    ]);
}
