//! Frames of several buffers: what an MTU of 9000 bytes makes of a packet.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use vnet_common::verdict::DropReason;
use vnet_tests::case::Expect::{Answer, Drop};
use vnet_tests::case::{Case, case, check};
use vnet_tests::cast::{A1, A2, GATEWAY4, GATEWAY6, JUMBO1, JUMBO2, SMALL, to, world};
use vnet_tests::frames::{Arp, Solicitation, V4, V6, icmp4, icmp6, options_header, padded};
use vnet_tests::netns;
use vnet_tests::requirements::require_root_and_bpf;
use vnet_tests::rig::Rig;

fn run(cases: &[Case]) {
    require_root_and_bpf();
    netns::private(|| check(&mut Rig::new(&world()), cases));
}

fn body(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at % 253) as u8).collect()
}

#[test]
fn packets_of_up_to_9000_bytes_are_delivered() {
    let v4 = |bytes: usize| V4 { payload: body(bytes - 20), ..V4::udp(&JUMBO1, JUMBO2.v4) }.frame();
    let v6 = |bytes: usize| V6 { payload: body(bytes - 40), ..V6::udp(&JUMBO1, JUMBO2.v6) }.frame();
    let mut cases = Vec::new();
    // Around the length up to which a frame is linear for sure, the length of a buffer, and the MTU.
    for bytes in [2033, 2034, 2035, 2048, 3500, 3520, 4096, 4500, 8999, 9000] {
        cases.push(case(format!("IPv4 of {bytes} bytes"), JUMBO1.name, v4(bytes), to(&JUMBO2)));
        cases.push(case(format!("IPv6 of {bytes} bytes"), JUMBO1.name, v6(bytes), to(&JUMBO2)));
    }
    cases.push(case("IPv4 of 9001 bytes", JUMBO1.name, v4(9001), Drop(DropReason::MtuExceeded)));
    cases.push(case("IPv6 of 9001 bytes", JUMBO1.name, v6(9001), Drop(DropReason::MtuExceeded)));
    run(&cases);
}

#[test]
fn a_long_packet_to_a_short_mtu_is_dropped() {
    let v4 = |to: std::net::Ipv4Addr, bytes: usize| {
        V4 { payload: body(bytes - 20), ..V4::udp(&JUMBO1, to) }.frame()
    };
    let v6 = |to: std::net::Ipv6Addr, bytes: usize| {
        V6 { payload: body(bytes - 40), ..V6::udp(&JUMBO1, to) }.frame()
    };
    let over = Drop(DropReason::MtuExceeded);
    run(&[
        case("IPv4 of 9000 bytes to 1500", JUMBO1.name, v4(A1.v4, 9000), over.clone()),
        case("IPv6 of 9000 bytes to 1500", JUMBO1.name, v6(A1.v6, 9000), over.clone()),
        case("IPv4 of 1501 bytes to 1500", JUMBO1.name, v4(A1.v4, 1501), over.clone()),
        case("IPv4 of 1500 bytes to 1500", JUMBO1.name, v4(A1.v4, 1500), to(&A1)),
        case("IPv6 of 1400 bytes to 1400", JUMBO1.name, v6(SMALL.v6, 1400), to(&SMALL)),
        // The IP packet would fit, the frame does not.
        case("a short packet in a long frame", JUMBO1.name, padded(v4(A1.v4, 100), 5000), over),
    ]);
}

#[test]
fn lengths_are_checked_over_all_buffers() {
    let claims = |bytes: u16| {
        V4 { payload: body(5000), claimed_bytes: Some(bytes), ..V4::udp(&JUMBO1, JUMBO2.v4) }.frame()
    };
    let claims6 = |bytes: u16| {
        V6 { payload: body(5000), claimed_bytes: Some(bytes), ..V6::udp(&JUMBO1, JUMBO2.v6) }.frame()
    };
    run(&[
        case("IPv4, the true length", JUMBO1.name, claims(5020), to(&JUMBO2)),
        case("IPv4, a byte more", JUMBO1.name, claims(5021), Drop(DropReason::Ipv4Truncated)),
        case("IPv4, a byte less", JUMBO1.name, claims(5019), to(&JUMBO2)),
        case("IPv6, the true length", JUMBO1.name, claims6(5000), to(&JUMBO2)),
        case("IPv6, a byte more", JUMBO1.name, claims6(5001), Drop(DropReason::Ipv6Truncated)),
        case("IPv6, a byte less", JUMBO1.name, claims6(4999), to(&JUMBO2)),
    ]);
}

#[test]
fn the_router_answers_frames_of_several_buffers() {
    let ping4 = V4 { payload: icmp4(8, 0, &body(8972)), ..V4::ping(&JUMBO1, GATEWAY4) };
    let rest = body(8952);
    let ping6 = V6 { payload: icmp6(JUMBO1.v6, GATEWAY6, 128, 0, &rest), ..V6::ping(&JUMBO1, GATEWAY6) };
    let behind_options = ping6.clone().with(0, options_header(32)).with(60, options_header(31));
    let ask = Solicitation::new(&JUMBO1, A2.v6);
    let request = Arp::request(&JUMBO1, A2.v4);
    let long = padded(request.frame(), 6000);
    let mut long_answer = long.clone();
    long_answer[..42].copy_from_slice(&request.answer().frame());
    run(&[
        case("a ping of 9000 bytes", JUMBO1.name, ping4.frame(), Answer(ping4.pong().frame())),
        case("an IPv6 ping of 9000 bytes", JUMBO1.name, ping6.frame(), Answer(ping6.pong().frame())),
        case(
            "extension headers before a long ping",
            JUMBO1.name,
            behind_options.frame(),
            Answer(behind_options.pong().frame()),
        ),
        // The answer is an advertisement alone, however much stands behind the solicitation.
        case(
            "a solicitation with 6000 bytes behind it",
            JUMBO1.name,
            padded(ask.frame(), 6000),
            Answer(ask.answer()),
        ),
        case("an ARP request with 6000 bytes behind it", JUMBO1.name, long, Answer(long_answer)),
    ]);
}
