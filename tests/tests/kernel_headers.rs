//! Headers as guests may send them: IPv4 options and fragments, IPv6 extension headers, tags, other protocols.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use vnet_common::verdict::DropReason;
use vnet_tests::case::Expect::{self, Drop};
use vnet_tests::case::{Case, case, check};
use vnet_tests::cast::{A1, B1, to_over, world};
use vnet_tests::frames::{
    ROUTER_MAC, Solicitation, V4, V6, ethernet, fragment_header, options_header, padded, patched,
};
use vnet_tests::netns;
use vnet_tests::requirements::require_root_and_bpf;
use vnet_tests::rig::Rig;

fn run(cases: &[Case]) {
    require_root_and_bpf();
    netns::private(|| check(&mut Rig::new(&world()), cases));
}

fn delivered(name: &str, frame: Vec<u8>) -> Case {
    case(name, A1.name, frame, to_over(&B1, "a/to-b"))
}

fn dropped(name: &str, frame: Vec<u8>, reason: DropReason) -> Case {
    case(name, A1.name, frame, Drop(reason))
}

const EXTENSIONS: Expect = Drop(DropReason::Ipv6ExtensionHeaders);

#[test]
fn ipv4_options_and_fragments_pass() {
    let udp = V4::udp(&A1, B1.v4);
    let options = |options: &[u8]| V4 { options: options.to_vec(), ..udp.clone() }.frame();
    let fragment = |fragment: u16| V4 { fragment, ..udp.clone() }.frame();
    let protocol = |protocol: u8| V4 { protocol, ..udp.clone() }.frame();
    run(&[
        delivered("one word of options", options(&[1, 1, 1, 0])),
        delivered(
            "ten words of options",
            options(&[7, 39, 4].iter().copied().chain([0; 37]).collect::<Vec<_>>()),
        ),
        delivered("a loose source route", options(&[131, 7, 4, 10, 2, 0, 5, 0])),
        delivered("don't fragment", fragment(0x4000)),
        delivered("the first fragment", fragment(0x2000)),
        delivered("a fragment in the middle", fragment(0x2000 | 185)),
        delivered("the last fragment", fragment(370)),
        delivered("the reserved flag", fragment(0x8000)),
        delivered("TCP", protocol(6)),
        delivered("ICMP", V4::ping(&A1, B1.v4).frame()),
        delivered("IPv6 in IPv4", protocol(41)),
        delivered("GRE", protocol(47)),
        delivered("an unassigned protocol", protocol(200)),
        delivered("no payload", V4 { payload: Vec::new(), ..udp.clone() }.frame()),
    ]);
}

#[test]
fn ipv4_lengths_are_checked_against_the_frame() {
    let udp = V4::udp(&A1, B1.v4);
    let true_bytes = (20 + udp.payload.len()) as u16;
    let claims = |bytes: u16| V4 { claimed_bytes: Some(bytes), ..udp.clone() }.frame();
    let first_byte = |byte: u8| patched(udp.frame(), 14, &[byte]);
    let long_header = V4 { claimed_bytes: Some(20), options: vec![1; 40], ..udp.clone() };
    run(&[
        dropped("one byte more than there is", claims(true_bytes + 1), DropReason::Ipv4Truncated),
        dropped("the greatest length", claims(65535), DropReason::Ipv4Truncated),
        dropped("less than the header", claims(19), DropReason::Ipv4Truncated),
        dropped("length zero", claims(0), DropReason::Ipv4Truncated),
        dropped("less than the options", long_header.frame(), DropReason::Ipv4Truncated),
        delivered("less than there is: the rest is padding", claims(20)),
        delivered("padded to the least length of a frame", padded(udp.frame(), 10)),
        dropped("a header of 16 bytes", first_byte(0x44), DropReason::Ipv4Malformed),
        dropped("a header of 0 bytes", first_byte(0x40), DropReason::Ipv4Malformed),
        dropped("version 6 in an IPv4 frame", first_byte(0x65), DropReason::Ipv4Malformed),
        dropped("version 0", first_byte(0x05), DropReason::Ipv4Malformed),
    ]);
}

#[test]
fn every_kind_of_extension_header_passes() {
    let udp = V6::udp(&A1, B1.v6);
    let ah = [&[4, 0, 0][..], &[7; 20]].concat();
    run(&[
        delivered("hop-by-hop options", udp.clone().with(0, options_header(1)).frame()),
        delivered("routing", udp.clone().with(43, options_header(3)).frame()),
        delivered("destination options", udp.clone().with(60, options_header(2)).frame()),
        delivered("mobility", udp.clone().with(135, options_header(1)).frame()),
        delivered("HIP", udp.clone().with(139, options_header(5)).frame()),
        delivered("shim6", udp.clone().with(140, options_header(1)).frame()),
        delivered("authentication", udp.clone().with(51, ah.clone()).frame()),
        delivered("the first fragment", udp.clone().with(44, fragment_header(0, true)).frame()),
        delivered("a fragment in the middle", udp.clone().with(44, fragment_header(185, true)).frame()),
        delivered("the last fragment", udp.clone().with(44, fragment_header(370, false)).frame()),
        delivered(
            "a fragment that is the whole packet",
            udp.clone().with(44, fragment_header(0, false)).frame(),
        ),
        delivered("authentication, then a ping", V6::ping(&A1, B1.v6).with(51, ah).frame()),
        delivered("ESP", V6 { next_header: 50, ..udp.clone() }.frame()),
        delivered("no next header", V6 { next_header: 59, payload: Vec::new(), ..udp.clone() }.frame()),
        delivered("IPv4 in IPv6", V6 { next_header: 4, ..udp.clone() }.frame()),
        delivered("an unassigned protocol", V6 { next_header: 200, ..udp }.frame()),
    ]);
}

#[test]
fn a_chain_of_extension_headers_passes_up_to_the_bound() {
    let chain =
        |count: usize, packet: V6| (0..count).fold(packet, |p, _| p.with(60, options_header(1))).frame();
    let long = |units: u8| V6::udp(&A1, B1.v6).with(60, options_header(units)).frame();
    let two =
        |units: u8| V6::udp(&A1, B1.v6).with(60, options_header(32)).with(60, options_header(units)).frame();
    run(&[
        delivered("seven headers", chain(7, V6::udp(&A1, B1.v6))),
        delivered("eight headers", chain(8, V6::udp(&A1, B1.v6))),
        case("nine headers", A1.name, chain(9, V6::udp(&A1, B1.v6)), EXTENSIONS),
        delivered("eight headers before a ping", chain(8, V6::ping(&A1, B1.v6))),
        case("nine headers before a ping", A1.name, chain(9, V6::ping(&A1, B1.v6)), EXTENSIONS),
        delivered("512 bytes in one header", long(64)),
        case("520 bytes in one header", A1.name, long(65), EXTENSIONS),
        delivered("512 bytes in two headers", two(32)),
        case("520 bytes in two headers", A1.name, two(33), EXTENSIONS),
    ]);
}

#[test]
fn a_chain_of_extension_headers_ends_inside_the_packet() {
    let udp = V6::udp(&A1, B1.v6).with(0, options_header(1));
    let claims = |packet: &V6, bytes: u16| V6 { claimed_bytes: Some(bytes), ..packet.clone() }.frame();
    let later = V6::udp(&A1, B1.v6).with(44, fragment_header(9, false));
    let first = V6::udp(&A1, B1.v6).with(44, fragment_header(0, true));
    let split =
        V6::icmp(&A1, B1.v6, 134, &[0; 12]).with(44, fragment_header(0, true)).with(60, options_header(1));
    let authentication = V6 { payload: Vec::new(), ..V6::udp(&A1, B1.v6) }.with(51, vec![255, 0, 0]);
    let ping = V6::ping(&A1, B1.v6);
    run(&[
        delivered("the header is all there is", claims(&udp, 8)),
        case("a header longer than the packet", A1.name, claims(&udp, 7), EXTENSIONS),
        // A jumbogram (RFC 2675) says length zero and has its length in a hop-by-hop option; nothing here carries one.
        case("a jumbogram", A1.name, claims(&udp, 0), EXTENSIONS),
        delivered("a later fragment without payload", claims(&later, 8)),
        case("a later fragment, its header behind the packet's end", A1.name, claims(&later, 0), EXTENSIONS),
        case("a later fragment, its header half in the packet", A1.name, claims(&later, 7), EXTENSIONS),
        case("a first fragment, its header behind the packet's end", A1.name, claims(&first, 4), EXTENSIONS),
        case("authentication longer than the frame", A1.name, authentication.frame(), EXTENSIONS),
        dropped(
            "a first fragment that ends before its ICMPv6 type",
            claims(&split, 16),
            DropReason::Ipv6Truncated,
        ),
        case("a first fragment that ends inside its options", A1.name, claims(&split, 12), EXTENSIONS),
        dropped("an ICMPv6 message of 3 bytes", claims(&ping, 3), DropReason::Ipv6Truncated),
        delivered("an ICMPv6 message of 4 bytes", claims(&ping, 4)),
    ]);
}

#[test]
fn ipv6_lengths_are_checked_against_the_frame() {
    let udp = V6::udp(&A1, B1.v6);
    let true_bytes = udp.payload.len() as u16;
    let claims = |bytes: u16| V6 { claimed_bytes: Some(bytes), ..udp.clone() }.frame();
    run(&[
        dropped("one byte more than there is", claims(true_bytes + 1), DropReason::Ipv6Truncated),
        dropped("the greatest length", claims(65535), DropReason::Ipv6Truncated),
        delivered("less than there is: the rest is padding", claims(8)),
        delivered("length zero without a jumbo option", claims(0)),
        delivered("padded", padded(udp.frame(), 6)),
        dropped("version 4 in an IPv6 frame", patched(udp.frame(), 14, &[0x45]), DropReason::Ipv6Malformed),
        dropped("version 7", patched(udp.frame(), 14, &[0x70]), DropReason::Ipv6Malformed),
        delivered("a traffic class and a flow label", patched(udp.frame(), 14, &[0x6b, 0x8f, 0xff, 0xff])),
    ]);
}

#[test]
fn tags_and_other_protocols_are_dropped() {
    let inner = V4::udp(&A1, B1.v4).frame();
    let tagged = |tags: &[u8]| [&inner[..12], tags, &inner[12..]].concat();
    let nd = Solicitation::new(&A1, B1.v6).frame();
    let of_type = |ether_type: u16| ethernet(ROUTER_MAC, A1.mac, ether_type, &[0; 46]);
    let not_ip = DropReason::NotIp;
    run(&[
        dropped("a VLAN tag", tagged(&[0x81, 0, 0, 7]), DropReason::VlanTagged),
        dropped("a priority tag", tagged(&[0x81, 0, 0xe0, 0]), DropReason::VlanTagged),
        dropped("a service tag", tagged(&[0x88, 0xa8, 0, 7]), DropReason::VlanTagged),
        dropped("QinQ", tagged(&[0x88, 0xa8, 0, 7, 0x81, 0, 0, 8]), DropReason::VlanTagged),
        dropped("two VLAN tags", tagged(&[0x81, 0, 0, 7, 0x81, 0, 0, 8]), DropReason::VlanTagged),
        dropped(
            "a tagged solicitation",
            [&nd[..12], &[0x81, 0, 0, 7], &nd[12..]].concat(),
            DropReason::VlanTagged,
        ),
        dropped(
            "a tag alone",
            inner[..12].iter().copied().chain([0x81, 0]).collect(),
            DropReason::VlanTagged,
        ),
        dropped("an old QinQ tag", of_type(0x9100), not_ip),
        dropped("MPLS", of_type(0x8847), not_ip),
        dropped("PPPoE", of_type(0x8864), not_ip),
        dropped("LLDP", of_type(0x88cc), not_ip),
        dropped("IEEE 802.3 with a length", of_type(46), not_ip),
        dropped("type zero", of_type(0), not_ip),
        dropped("type 0xffff", of_type(0xffff), not_ip),
        dropped("a bare Ethernet header", of_type(0x88b5)[..14].to_vec(), not_ip),
    ]);
}
