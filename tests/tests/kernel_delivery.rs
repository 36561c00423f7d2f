//! Who reaches whom: delivery, peerings and their flags, routes that lead nowhere, sources that are not the sender's.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{Ipv4Addr, Ipv6Addr};

use vnet_common::verdict::DropReason;
use vnet_tests::case::Expect::{self, Drop};
use vnet_tests::case::{Case, case, check};
use vnet_tests::cast::{
    A1, A2, APPLIANCE, B1, C1, D1, DETACHED, E1, F1, G1, ONLY4, ONLY6, SMALL, to, to_over, world,
};
use vnet_tests::frames::{BROADCAST_MAC, Host, V4, V6, padded};
use vnet_tests::netns;
use vnet_tests::requirements::require_root_and_bpf;
use vnet_tests::rig::Rig;

fn run(cases: &[Case]) {
    require_root_and_bpf();
    netns::private(|| check(&mut Rig::new(&world()), cases));
}

/// UDP of both families from one host to another, with the same outcome.
fn both(name: &str, from: &Host, to: &Host, expect: &Expect) -> [Case; 2] {
    [
        case(format!("{name}, IPv4"), from.name, V4::udp(from, to.v4).frame(), expect.clone()),
        case(format!("{name}, IPv6"), from.name, V6::udp(from, to.v6).frame(), expect.clone()),
    ]
}

#[test]
fn packets_go_where_the_topology_says() {
    let cases = [
        both("within the subnet", &A1, &A2, &to(&A2)),
        both("to oneself", &A1, &A1, &to(&A1)),
        both("over a peering", &A1, &B1, &to_over(&B1, "a/to-b")),
        both("back over it", &B1, &A1, &to_over(&A1, "b/to-a")),
        both("over a global peering", &A1, &C1, &to_over(&C1, "a/to-c")),
        both("back over that", &C1, &A1, &to_over(&A1, "c/to-a")),
        both("over the other peering of b", &B1, &G1, &to_over(&G1, "b/to-g")),
        both("access is off on the sender's side", &A1, &D1, &Drop(DropReason::PeeringAccessDenied)),
        both(
            "access is off on the receiver's side, from there",
            &D1,
            &A1,
            &Drop(DropReason::PeeringAccessDenied),
        ),
        both("access is off on the receiver's side", &A1, &E1, &Drop(DropReason::PeeringAccessDenied)),
        both(
            "access is off on the sender's side, from there",
            &E1,
            &A1,
            &Drop(DropReason::PeeringAccessDenied),
        ),
        both("to a NIC without an interface", &A1, &DETACHED, &Drop(DropReason::EndpointDetached)),
    ];
    run(&cases.concat());
}

#[test]
fn what_is_not_peered_is_not_reached() {
    let name = |name: &str, family: &str| format!("{name}, {family}");
    let mut cases = Vec::new();
    let pairs = [
        ("one side alone", A1, F1),
        ("no side", F1, A1),
        ("a peer's peer", A1, G1),
        ("a peer's peer, back", G1, A1),
        ("another peer's peer", C1, B1),
    ];
    for (what, from, to) in pairs {
        let (v4, v6) = (V4::udp(&from, to.v4).frame(), V6::udp(&from, to.v6).frame());
        cases.push(case(name(what, "IPv4"), from.name, v4, Drop(DropReason::RouteNone)));
        cases.push(case(name(what, "IPv6"), from.name, v6, Drop(DropReason::RouteInternet)));
    }
    run(&cases);
}

#[test]
fn routes_that_lead_nowhere_have_each_their_reason() {
    let v4 =
        |name: &str, to: [u8; 4], reason| case(name, A1.name, V4::udp(&A1, to.into()).frame(), Drop(reason));
    let v6 = |name: &str, to: &str, reason| {
        case(name, A1.name, V6::udp(&A1, to.parse().unwrap()).frame(), Drop(reason))
    };
    run(&[
        v4("private, 10/8", [10, 200, 0, 4], DropReason::RouteNone),
        v4("private, 172.16/12", [172, 31, 255, 255], DropReason::RouteNone),
        v4("private, 192.168/16", [192, 168, 0, 1], DropReason::RouteNone),
        v4("shared, 100.64/10", [100, 127, 0, 1], DropReason::RouteNone),
        v4("beside 172.16/12", [172, 32, 0, 0], DropReason::RouteInternet),
        v4("Internet", [1, 1, 1, 1], DropReason::RouteInternet),
        v4("reserved", [240, 0, 0, 1], DropReason::RouteInternet),
        v4("this network", [0, 0, 0, 0], DropReason::DestinationUnroutable),
        v4("loopback", [127, 0, 0, 1], DropReason::DestinationUnroutable),
        v4("link-local", [169, 254, 169, 254], DropReason::DestinationUnroutable),
        v4("multicast behind a unicast MAC", [224, 0, 0, 1], DropReason::DestinationUnroutable),
        v4("broadcast behind a unicast MAC", [255, 255, 255, 255], DropReason::DestinationUnroutable),
        v4("an own address that no NIC has", [10, 1, 0, 200], DropReason::NoEndpoint),
        v4("an own range without a subnet", [10, 1, 77, 4], DropReason::NoEndpoint),
        v4("the subnet's network address", [10, 1, 0, 0], DropReason::NoEndpoint),
        v4("the subnet's broadcast address", [10, 1, 0, 255], DropReason::NoEndpoint),
        v4("a peer's address that no NIC has", [10, 2, 0, 200], DropReason::NoEndpoint),
        v6("Internet", "2600::1", DropReason::RouteInternet),
        v6("a unique local address", "fd00::1", DropReason::RouteInternet),
        v6("unspecified", "::", DropReason::DestinationUnroutable),
        v6("loopback", "::1", DropReason::DestinationUnroutable),
        v6("IPv4-mapped", "::ffff:10.1.0.5", DropReason::DestinationUnroutable),
        v6("link-local", "fe80::1", DropReason::DestinationUnroutable),
        v6("multicast behind a unicast MAC", "ff02::1", DropReason::DestinationUnroutable),
        v6("an own address that no NIC has", "2001:db8:1::200", DropReason::NoEndpoint),
        v6("a peer's address that no NIC has", "2001:db8:2::200", DropReason::NoEndpoint),
    ]);
}

#[test]
fn a_nic_without_an_address_of_a_family_sends_and_receives_none_of_it() {
    let v4_of_only6 = V4::udp(&Host { v4: Ipv4Addr::UNSPECIFIED, ..ONLY6 }, A1.v4).frame();
    let v6_of_only4 = V6::udp(&Host { v6: Ipv6Addr::UNSPECIFIED, ..ONLY4 }, A1.v6).frame();
    run(&[
        case("IPv4 to one that has it", A1.name, V4::udp(&A1, ONLY4.v4).frame(), to(&ONLY4)),
        case(
            "IPv6 to one that has it not",
            A1.name,
            V6::udp(&A1, ONLY4.v6).frame(),
            Drop(DropReason::NoEndpoint),
        ),
        case("IPv6 to one that has it", A1.name, V6::udp(&A1, ONLY6.v6).frame(), to(&ONLY6)),
        case(
            "IPv4 to one that has it not",
            A1.name,
            V4::udp(&A1, ONLY6.v4).frame(),
            Drop(DropReason::NoEndpoint),
        ),
        case("IPv6 without an address", ONLY4.name, V6::udp(&ONLY4, A1.v6).frame(), SPOOFED),
        case("IPv4 without an address", ONLY6.name, V4::udp(&ONLY6, A1.v4).frame(), SPOOFED),
        case("IPv4 from 0.0.0.0", ONLY6.name, v4_of_only6, SPOOFED),
        case("IPv6 from ::", ONLY4.name, v6_of_only4, SPOOFED),
    ]);
}

const SPOOFED: Expect = Drop(DropReason::SourceSpoofed);

#[test]
fn a_sender_has_its_own_mac_and_its_own_addresses() {
    let mut cases = Vec::new();
    let v4 = V4::udp(&A1, A2.v4);
    let v6 = V6::udp(&A1, A2.v6);
    for (name, mac) in [("another NIC's MAC", A2.mac), ("one bit off", [2, 0, 0, 0, 1, 5]), ("zero", [0; 6])]
    {
        let frames = [V4 { from_mac: mac, ..v4.clone() }.frame(), V6 { from_mac: mac, ..v6.clone() }.frame()];
        cases.extend(frames.map(|frame| case(name, A1.name, frame, Drop(DropReason::MacSpoofed))));
    }
    let sources = ["10.1.0.5", "10.2.0.4", "10.1.0.1", "1.1.1.1", "0.0.0.0", "127.0.0.1", "255.255.255.255"];
    for source in sources {
        let frame = V4 { source: source.parse().unwrap(), ..v4.clone() }.frame();
        cases.push(case(format!("source {source}"), A1.name, frame, SPOOFED));
    }
    for source in
        ["2001:db8:1::5", "2001:db8:2::4", "2001:db8:1::1", "::", "::1", "fe80::42:0:0:4", "ff02::1"]
    {
        let frame = V6 { source: source.parse().unwrap(), ..v6.clone() }.frame();
        cases.push(case(format!("source {source}"), A1.name, frame, SPOOFED));
    }
    run(&cases);
}

#[test]
fn an_appliance_sends_any_unicast_source_where_forwarded_traffic_is_allowed() {
    let foreign = Host { v4: G1.v4, v6: G1.v6, ..APPLIANCE };
    let within = Host { v4: A1.v4, v6: A1.v6, ..APPLIANCE };
    let denied = Drop(DropReason::ForwardedTrafficDenied);
    let mut cases = [
        both("an own source to the own VNet", &APPLIANCE, &A1, &to(&A1)),
        both("a foreign source to the own VNet", &foreign, &A1, &to(&A1)),
        both("an own source over a peering", &APPLIANCE, &B1, &to_over(&B1, "a/to-b")),
        both("a source of the own VNet over a peering", &within, &B1, &to_over(&B1, "a/to-b")),
        both("a foreign source where it is denied", &foreign, &B1, &denied),
        both("a foreign source where it is allowed", &foreign, &C1, &to_over(&C1, "a/to-c")),
        both("a foreign source where access is off", &foreign, &D1, &Drop(DropReason::PeeringAccessDenied)),
    ]
    .concat();
    for source in ["0.0.0.0", "0.1.2.3", "127.0.0.1", "169.254.1.1", "224.0.0.1", "255.255.255.255"] {
        let frame = V4 { source: source.parse().unwrap(), ..V4::udp(&APPLIANCE, A1.v4) }.frame();
        cases.push(case(source, APPLIANCE.name, frame, Drop(DropReason::SourceNotUnicast)));
    }
    for source in ["::", "::1", "fe80::1", "ff02::1", "::ffff:10.1.0.4"] {
        let frame = V6 { source: source.parse().unwrap(), ..V6::udp(&APPLIANCE, A1.v6) }.frame();
        cases.push(case(source, APPLIANCE.name, frame, Drop(DropReason::SourceNotUnicast)));
    }
    run(&cases);
}

#[test]
fn a_frame_to_a_group_goes_nowhere_and_one_to_any_single_address_is_routed() {
    let v4 = |to_mac| V4 { to_mac, ..V4::udp(&A1, A2.v4) }.frame();
    let v6 = |to_mac| V6 { to_mac, ..V6::udp(&A1, A2.v6) }.frame();
    let multicast = [0x33, 0x33, 0, 0, 0, 1];
    let group = Drop(DropReason::NotUnicast);
    let mut discover = V4::udp(&A1, Ipv4Addr::BROADCAST);
    discover.to_mac = BROADCAST_MAC;
    run(&[
        case("IPv4 to broadcast", A1.name, v4(BROADCAST_MAC), group.clone()),
        case("IPv6 to broadcast", A1.name, v6(BROADCAST_MAC), group.clone()),
        case("IPv4 to a multicast group", A1.name, v4([1, 0, 0x5e, 0, 0, 1]), group.clone()),
        case("IPv6 to a multicast group", A1.name, v6(multicast), group.clone()),
        case("broadcast in both layers", A1.name, discover.frame(), group),
        // There is no layer-2 domain: the address decides, whatever MAC a static neighbour entry names.
        case("IPv4 to the neighbour's own MAC", A1.name, v4(A2.mac), to(&A2)),
        case("IPv6 to the neighbour's own MAC", A1.name, v6(A2.mac), to(&A2)),
        case("IPv4 to the MAC of a third", A1.name, v4(B1.mac), to(&A2)),
    ]);
}

#[test]
fn the_hop_limit_is_untouched_but_zero_is_not_sent_on() {
    let v4 = |ttl| V4 { ttl, ..V4::udp(&A1, B1.v4) }.frame();
    let v6 = |hop_limit| V6 { hop_limit, ..V6::udp(&A1, B1.v6) }.frame();
    let delivered = to_over(&B1, "a/to-b");
    run(&[
        case("TTL 1", A1.name, v4(1), delivered.clone()),
        case("TTL 255", A1.name, v4(255), delivered.clone()),
        case("TTL 0", A1.name, v4(0), Drop(DropReason::HopLimitZero)),
        case("hop limit 1", A1.name, v6(1), delivered.clone()),
        case("hop limit 255", A1.name, v6(255), delivered),
        case("hop limit 0", A1.name, v6(0), Drop(DropReason::HopLimitZero)),
    ]);
}

#[test]
fn a_frame_over_the_mtu_of_the_receiver_is_dropped_padding_included() {
    // 14 bytes of Ethernet, 20 of IPv4 or 40 of IPv6, 8 of UDP.
    let v4 = |bytes: usize| V4 { payload: vec![0; bytes - 20], ..V4::udp(&A1, SMALL.v4) }.frame();
    let v6 = |bytes: usize| V6 { payload: vec![0; bytes - 40], ..V6::udp(&A1, SMALL.v6) }.frame();
    let over = Drop(DropReason::MtuExceeded);
    run(&[
        case("IPv4 of the MTU", A1.name, v4(1400), to(&SMALL)),
        case("IPv4 of one byte more", A1.name, v4(1401), over.clone()),
        case("IPv6 of the MTU", A1.name, v6(1400), to(&SMALL)),
        case("IPv6 of one byte more", A1.name, v6(1401), over.clone()),
        // What goes over the interface is the frame, and a frame over its MTU is lost there with its neighbours.
        case("IPv4 of the MTU with a byte behind it", A1.name, padded(v4(1400), 1), over.clone()),
        case("IPv6 of the MTU with a byte behind it", A1.name, padded(v6(1400), 1), over),
        case("a short IPv4 packet, padded", A1.name, padded(v4(40), 60), to(&SMALL)),
        case("a short IPv6 packet, padded", A1.name, padded(v6(60), 60), to(&SMALL)),
    ]);
}
