//! Prefixes: the forbidden ranges, the reserved addresses, and what every list of prefixes must be like.

use pretty_assertions::assert_eq;
use rstest::rstest;

use super::{World, nic, prefixes, subnet, vnet, vnet_name};
use crate::model::*;

#[rstest]
#[case("224.0.0.0/4", "224.0.0.0/4", "multicast")]
#[case("239.1.0.0/16", "224.0.0.0/4", "multicast")]
#[case("192.0.0.0/2", "224.0.0.0/4", "multicast")]
#[case("255.255.255.255/32", "255.255.255.255/32", "broadcast")]
#[case("255.255.255.0/24", "255.255.255.255/32", "broadcast")]
#[case("127.0.0.0/8", "127.0.0.0/8", "loopback")]
#[case("127.1.0.0/16", "127.0.0.0/8", "loopback")]
#[case("169.254.0.0/16", "169.254.0.0/16", "link-local")]
#[case("169.254.169.0/24", "169.254.0.0/16", "link-local")]
#[case("168.63.129.16/32", "168.63.129.16/32", "the platform's own address")]
#[case("168.63.0.0/16", "168.63.129.16/32", "the platform's own address")]
#[case("ff00::/8", "ff00::/8", "multicast")]
#[case("ff02::/16", "ff00::/8", "multicast")]
#[case("::1/128", "::1/128", "loopback")]
#[case("::/64", "::1/128", "loopback")]
#[case("fe80::/10", "fe80::/10", "link-local")]
#[case("fe80::/64", "fe80::/10", "link-local")]
fn no_range_may_meet_a_forbidden_one(#[case] range: &str, #[case] met: &str, #[case] what: &str) {
    let sentence =
        format!("virtual network a: {range} meets {met} ({what}), which no virtual network may hold");
    let create = Operation::CreateVnet(vnet("a", &[range]));
    World::default().refuses(create, RefusalCode::InvalidAddressPrefix, &sentence);
}

#[rstest]
#[case("223.255.255.0/24")]
#[case("126.0.0.0/8")]
#[case("128.0.0.0/8")]
#[case("169.253.0.0/16")]
#[case("169.255.0.0/16")]
#[case("168.63.129.17/32")]
#[case("8.8.8.0/24")]
#[case("100.64.0.0/10")]
#[case("0.0.0.0/8")]
#[case("fc00::/7")]
#[case("2001:db8::/32")]
#[case("fec0::/10")]
fn any_other_private_or_public_range_may_be_used(#[case] range: &str) {
    let world = World::default().vnet("a", &[range]);
    assert_eq!(world.network("a").address_space().ranges(), prefixes(&[range]));
}

#[rstest]
#[case(&[], "virtual network a: the address is missing: at least one prefix is needed")]
#[case(&["10.0.0.1/16"], "virtual network a: 10.0.0.1/16 has bits set behind its length; did you mean 10.0.0.0/16?")]
#[case(&["fd00::1/48"], "virtual network a: fd00::1/48 has bits set behind its length; did you mean fd00::/48?")]
#[case(&["10.0.0.0/16", "10.0.0.0/16"], "virtual network a: 10.0.0.0/16 meets 10.0.0.0/16 of the same list")]
#[case(&["10.0.0.0/8", "10.1.0.0/16"], "virtual network a: 10.1.0.0/16 meets 10.0.0.0/8 of the same list")]
fn a_list_of_ranges_is_not_empty_without_host_bits_and_disjoint(
    #[case] ranges: &[&str],
    #[case] sentence: &str,
) {
    let world = World::default();
    world.refuses(Operation::CreateVnet(vnet("a", ranges)), RefusalCode::InvalidAddressPrefix, sentence);
    // An update obeys the same rule.
    let world = world.vnet("a", &["10.9.0.0/16"]);
    world.refuses(Operation::UpdateVnet(vnet("a", ranges)), RefusalCode::InvalidAddressPrefix, sentence);
}

#[rstest]
#[case("10.0.1.0/30", "is too small: the smallest IPv4 subnet is /29")]
#[case("10.0.1.0/32", "is too small: the smallest IPv4 subnet is /29")]
#[case("fd00:a:0:1::/63", "has bits set behind its length; did you mean fd00:a::/63?")]
#[case("fd00:a::/63", "has the wrong length: an IPv6 subnet is a /64")]
#[case("fd00:a::/65", "has the wrong length: an IPv6 subnet is a /64")]
#[case("10.0.1.1/24", "has bits set behind its length; did you mean 10.0.1.0/24?")]
#[case("224.0.0.0/24", "meets 224.0.0.0/4 (multicast), which no virtual network may hold")]
fn a_subnet_is_a_slash_29_or_larger_or_a_slash_64(#[case] prefix: &str, #[case] fault: &str) {
    let world = World::default().vnet("a", &["10.0.0.0/16", "fd00:a::/48"]);
    let sentence = format!("subnet a/s: {prefix} {fault}");
    let create = Operation::CreateSubnet(vnet_name("a"), subnet("s", &[prefix]));
    world.refuses(create, RefusalCode::InvalidAddressPrefix, &sentence);
}

#[rstest]
#[case("10.0.1.0", "the network address")]
#[case("10.0.1.1", "the gateway and the platform have the first three addresses of a subnet")]
#[case("10.0.1.2", "the gateway and the platform have the first three addresses of a subnet")]
#[case("10.0.1.3", "the gateway and the platform have the first three addresses of a subnet")]
#[case("10.0.1.7", "the broadcast address")]
#[case("fd00:a:0:1::", "the network address")]
#[case("fd00:a:0:1::1", "the gateway and the platform have the first three addresses of a subnet")]
#[case("fd00:a:0:1::3", "the gateway and the platform have the first three addresses of a subnet")]
fn the_network_the_next_three_and_the_last_ipv4_address_are_reserved(
    #[case] address: &str,
    #[case] why: &str,
) {
    let world = small();
    let prefix = if address.contains(':') { "fd00:a:0:1::/64" } else { "10.0.1.0/29" };
    let sentence = format!("NIC n cannot have {address} in {prefix}: {why}");
    let create = Operation::CreateNic(nic("n", "a/s", &[address]));
    world.refuses(create, RefusalCode::AddressReserved, &sentence);
}

#[rstest]
#[case("10.0.1.4")]
#[case("10.0.1.6")]
#[case("fd00:a:0:1::4")]
#[case("fd00:a:0:1:ffff:ffff:ffff:ffff")]
fn every_other_address_of_a_subnet_is_free(#[case] address: &str) {
    let world = small().nic("n", "a/s", &[address]);
    let holder = world.network("a").nics().by_address(address.parse().unwrap());
    assert_eq!(holder.map(|nic| nic.name().as_str()), Some("n"));
}

fn small() -> World {
    World::default().vnet("a", &["10.0.0.0/16", "fd00:a::/48"]).subnet(
        "a",
        "s",
        &["10.0.1.0/29", "fd00:a:0:1::/64"],
    )
}
