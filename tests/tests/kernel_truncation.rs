//! A frame cut at every length, with the verdict of each length stated by rule.
//!
//! `BPF_PROG_TEST_RUN` takes no frame under 14 bytes (net/bpf/test_run.c); those lengths are run in user space, by
//! `vnet-common`'s own tests.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use vnet_common::verdict::DropReason;
use vnet_tests::case::Expect::{self, Answer, Drop};
use vnet_tests::case::{Case, case, check};
use vnet_tests::cast::{A1, A2, B1, GATEWAY4, GATEWAY6, to_over, world};
use vnet_tests::frames::{Arp, Solicitation, V4, V6, fragment_header, options_header};
use vnet_tests::netns;
use vnet_tests::requirements::require_root_and_bpf;
use vnet_tests::rig::Rig;

/// The least that a test run takes: an Ethernet header.
const LEAST_BYTES: usize = 14;

/// Cuts `frame` at every length; `rule` says what becomes of a length.
fn cut(name: &str, frame: &[u8], rule: impl Fn(usize) -> Expect) {
    require_root_and_bpf();
    let cases: Vec<Case> = (LEAST_BYTES..=frame.len())
        .map(|length| {
            case(format!("{name}, {length} bytes"), A1.name, frame[..length].to_vec(), rule(length))
        })
        .collect();
    let outcomes: BTreeSet<String> = cases.iter().map(|case| format!("{:?}", case.expect)).collect();
    assert!(outcomes.len() >= 2, "cutting shows nothing where every length ends alike");
    netns::private(|| check(&mut Rig::new(&world()), &cases));
}

#[test]
fn an_ipv4_frame_passes_only_whole() {
    let frame = V4 { options: vec![1; 8], ..V4::udp(&A1, B1.v4) }.frame();
    cut("IPv4 with options", &frame, |length| match length {
        _ if length == frame.len() => to_over(&B1, "a/to-b"),
        _ => Drop(DropReason::Ipv4Truncated),
    });
}

#[test]
fn an_ipv6_frame_passes_only_whole() {
    let frame = V6::udp(&A1, B1.v6).with(0, options_header(2)).with(44, fragment_header(0, true)).frame();
    cut("IPv6 with extension headers", &frame, |length| match length {
        _ if length == frame.len() => to_over(&B1, "a/to-b"),
        _ => Drop(DropReason::Ipv6Truncated),
    });
}

#[test]
fn an_arp_request_is_answered_only_whole() {
    let request = Arp::request(&A1, A2.v4);
    cut("ARP", &request.frame(), |length| match length {
        42 => Answer(request.answer().frame()),
        _ => Drop(DropReason::ArpMalformed),
    });
}

#[test]
fn a_solicitation_is_answered_only_whole() {
    let ask = Solicitation::new(&A1, A2.v6);
    let frame = ask.frame();
    cut("solicitation", &frame, |length| match length {
        _ if length == frame.len() => Answer(ask.answer()),
        _ => Drop(DropReason::Ipv6Truncated),
    });
}

#[test]
fn a_ping_of_the_router_is_answered_only_whole() {
    let ping = V4::ping(&A1, GATEWAY4);
    let frame = ping.frame();
    cut("ping", &frame, |length| match length {
        _ if length == frame.len() => Answer(ping.pong().frame()),
        _ => Drop(DropReason::Ipv4Truncated),
    });
    let ping = V6::ping(&A1, GATEWAY6);
    let frame = ping.frame();
    cut("IPv6 ping", &frame, |length| match length {
        _ if length == frame.len() => Answer(ping.pong().frame()),
        _ => Drop(DropReason::Ipv6Truncated),
    });
}

#[test]
fn a_packet_cut_in_its_own_lengths_too_passes_where_its_headers_are_whole() {
    // The same packets, with lengths that say the truth about what is left: a header cut short has its own reason.
    require_root_and_bpf();
    let ip4 = V4::ping(&A1, B1.v4);
    let ip6 = V6::ping(&A1, B1.v6).with(0, options_header(1)).with(60, options_header(2));
    let (whole4, whole6) = (ip4.frame(), ip6.frame());
    let mut cases = Vec::new();
    for length in 34..=whole4.len() {
        let frame = V4 { claimed_bytes: Some(length as u16 - 14), ..ip4.clone() }.frame();
        cases.push(case(
            format!("IPv4, {length} bytes"),
            A1.name,
            frame[..length].to_vec(),
            to_over(&B1, "a/to-b"),
        ));
    }
    for length in 54..=whole6.len() {
        let frame = V6 { claimed_bytes: Some(length as u16 - 54), ..ip6.clone() }.frame();
        // 8 and 16 bytes of extension headers, then type, code and checksum.
        let expect = match length - 54 {
            0..24 => Drop(DropReason::Ipv6ExtensionHeaders),
            24..28 => Drop(DropReason::Ipv6Truncated),
            _ => to_over(&B1, "a/to-b"),
        };
        cases.push(case(format!("IPv6, {length} bytes"), A1.name, frame[..length].to_vec(), expect));
    }
    netns::private(|| check(&mut Rig::new(&world()), &cases));
}
