//! Mistakes of form: what each looks like, and where it points.

use pretty_assertions::assert_eq;
use rstest::rstest;

use super::*;

/// A file whose one virtual network has these further lines.
fn vnet(lines: &str) -> String {
    format!("virtualNetworks:\n- name: a\n  region: north\n  addressSpace: [10.0.0.0/16]\n{lines}")
}

/// A file whose one subnet has these further lines and keys in a flow mapping.
fn subnet(keys: &str) -> String {
    vnet(&format!("  subnets: [{{name: s, addressPrefixes: [10.0.1.0/24]{keys}}}]\n"))
}

/// A file with two virtual networks and a peering that has these further keys.
fn peering(keys: &str) -> String {
    let lines = format!(
        "  peerings:\n  - {{name: a-to-b, remoteVirtualNetwork: b{keys}}}\n\
         - {{name: b, region: north, addressSpace: [10.1.0.0/16], subnets: [{{name: s, addressPrefixes: [10.1.1.0/24]}}]}}\n"
    );
    vnet(&lines)
}

/// A file with one NIC of these keys; its subnet is there.
fn nic(keys: &str) -> String {
    format!("{}nics:\n- {{{keys}}}\n", subnet(""))
}

#[rstest]
#[case::a_bracket_that_stays_open("virtualNetworks: [\n", "1:18: this is no YAML: unclosed bracket '['")]
#[case::a_tab_for_indentation(
    "virtualNetworks:\n- name: a\n\tregion: north\n",
    "2:9: this is no YAML: while scanning a plain scalar, found a tab"
)]
#[case::nothing("", "the file is empty; to have no virtual network at all, write `virtualNetworks: []`")]
#[case::comments_alone(
    "# virtualNetworks: []\n",
    "the file is empty; to have no virtual network at all, write `virtualNetworks: []`"
)]
#[case::a_list_at_the_top("- a\n", "1:1: the file is a mapping of keys to values, but this is a list")]
#[case::a_word_at_the_top(
    "hello\n",
    "1:1: the file is a mapping of keys to values, but this is a single value"
)]
#[case::a_null_at_the_top("~\n", "1:1: the file is a mapping of keys to values, but this is nothing")]
#[case::no_value_for_virtual_networks(
    "virtualNetworks:\n",
    "1:16: `virtualNetworks` must be a list, but this is nothing"
)]
#[case::no_virtual_networks("nics: []\n", "1:1: the file needs the key `virtualNetworks`")]
#[case::two_documents(
    "virtualNetworks: []\n---\nvirtualNetworks: []\n",
    "2:1: a second document starts here; a topology file holds one"
)]
#[case::a_tag("virtualNetworks: !include []\n", "1:18: a topology file has no tags; remove this one")]
#[case::an_alias_of_nothing(
    "virtualNetworks: [*a]\n",
    "1:19: there is no anchor of this name before this alias\n\
     1:19: a virtual network is a mapping of keys to values, but this is nothing"
)]
#[case::an_alias_of_itself(
    "virtualNetworks: &a [*a]\n",
    "1:22: this alias stands inside the value that it repeats"
)]
#[case::a_directive(
    "%YAML 1.2\n---\nvirtualNetworks: []\n",
    "1:1: this is no YAML: YAML directives are disallowed"
)]
#[case::a_mapping_for_a_list(
    "virtualNetworks: {}\n",
    "1:18: `virtualNetworks` must be a list, but this is a mapping"
)]
#[case::a_word_for_a_mapping(
    "virtualNetworks: [hub]\n",
    "1:19: a virtual network is a mapping of keys to values, but this is a single value"
)]
#[case::a_list_for_a_key(
    "virtualNetworks: []\n[a, b]: 1\n",
    "2:1: a key of the file must be a word, but this is a list"
)]
fn the_file_as_a_whole_has_a_form(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(problems(text).to_string(), expected);
}

#[rstest]
#[case::no_name(
    "virtualNetworks:\n- region: north\n  addressSpace: [10.0.0.0/16]\n",
    "2:3: a virtual network needs the key `name`"
)]
#[case::nothing_but_a_name(
    "virtualNetworks:\n- name: a\n",
    "2:3: a virtual network needs the key `region`\n2:3: a virtual network needs the key `addressSpace`"
)]
#[case::a_name_without_a_value(
    "virtualNetworks: [{name: , region: north, addressSpace: [10.0.0.0/16]}]\n",
    "1:24: `name` must be a text, but this is nothing"
)]
#[case::a_region_that_is_a_list(
    "virtualNetworks: [{name: a, region: [north], addressSpace: [10.0.0.0/16]}]\n",
    "1:37: `region` must be a text, but this is a list"
)]
#[case::a_bad_region(
    "virtualNetworks: [{name: a, region: in the north, addressSpace: [10.0.0.0/16]}]\n",
    "1:37: InvalidResourceName: region name \"in the north\" holds ' '; letters, digits, `.`, `-` and `_` are allowed"
)]
#[case::one_range_that_is_no_list(
    "virtualNetworks: [{name: a, region: north, addressSpace: 10.0.0.0/16}]\n",
    "1:58: `addressSpace` must be a list, but this is a single value"
)]
#[case::no_range(
    "virtualNetworks: [{name: a, region: north, addressSpace: []}]\n",
    "1:58: InvalidAddressPrefix: virtual network a: the address is missing: at least one prefix is needed"
)]
#[case::every_bad_range(
    "virtualNetworks: [{name: a, region: north, addressSpace: [10.0.0.0, 10.0.0.0/33, 10.0.0.1/8, 224.1.0.0/16, {}]}]\n",
    "1:59: InvalidAddressPrefix: virtual network a: `10.0.0.0` is no prefix in CIDR notation, for example 10.0.0.0/16\n\
     1:69: InvalidAddressPrefix: virtual network a: `10.0.0.0/33` is no prefix in CIDR notation, for example 10.0.0.0/16\n\
     1:82: InvalidAddressPrefix: virtual network a: `10.0.0.1/8` has bits set behind its length; did you mean 10.0.0.0/8?\n\
     1:94: InvalidAddressPrefix: virtual network a: `224.1.0.0/16` meets 224.0.0.0/4 (multicast), which no virtual network may hold\n\
     1:108: an entry of `addressSpace` must be a prefix, but this is a mapping"
)]
#[case::a_bad_range_of_nobody(
    "virtualNetworks: [{region: north, addressSpace: [ten]}]\n",
    "1:19: a virtual network needs the key `name`\n\
     1:50: InvalidAddressPrefix: `ten` is no prefix in CIDR notation, for example 10.0.0.0/16"
)]
#[case::the_same_range_twice(
    "virtualNetworks: [{name: a, region: north, addressSpace: [10.1.0.0/16, 10.1.0.0/16]}]\n",
    "1:59: InvalidAddressPrefix: virtual network a: 10.1.0.0/16 meets 10.1.0.0/16 of the same list"
)]
#[case::a_key_twice(
    "virtualNetworks:\n- name: a\n  region: north\n  addressSpace: [10.0.0.0/16]\n  region: south\n",
    "5:3: a virtual network has the key `region` twice"
)]
fn a_virtual_network_has_a_form(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(problems(text).to_string(), expected);
}

#[rstest]
#[case::both_lists_missing(
    ", peerCompleteVnets: false",
    "6:64: `peerCompleteVnets: false` needs `localSubnetNames`: the subnets that take part\n\
     6:64: `peerCompleteVnets: false` needs `remoteSubnetNames`: the subnets that take part"
)]
#[case::a_list_that_was_cut_off(
    ", peerCompleteVnets: false, localSubnetNames: , remoteSubnetNames: [s]",
    "6:87: `peerCompleteVnets: false` needs `localSubnetNames`: the subnets that take part"
)]
#[case::lists_in_vain(
    ", localSubnetNames: [x], remoteSubnetNames: [s], enableOnlyIPv6Peering: true",
    "6:63: `localSubnetNames` means nothing while the complete virtual networks take part\n\
     6:87: `remoteSubnetNames` means nothing while the complete virtual networks take part\n\
     6:115: `enableOnlyIPv6Peering` means nothing while the complete virtual networks take part"
)]
#[case::a_name_twice(
    ", peerCompleteVnets: false, localSubnetNames: [x, x], remoteSubnetNames: [s]",
    "6:93: subnet x stands in `localSubnetNames` twice"
)]
#[case::a_quoted_truth_value(
    ", allowForwardedTraffic: \"true\"",
    "6:68: `allowForwardedTraffic` must be true or false, without quotes"
)]
#[case::a_word_for_a_truth_value(
    ", allowGatewayTransit: yes",
    "6:66: `allowGatewayTransit` must be true or false, not `yes`"
)]
#[case::nothing_for_a_truth_value(
    ", allowVirtualNetworkAccess: ",
    "6:70: `allowVirtualNetworkAccess` must be true or false, but this is nothing"
)]
#[case::a_read_only_key(
    ", peeringSyncLevel: FullyInSync",
    "6:45: key `peeringSyncLevel` of a peering is read-only: it follows from the rest and cannot be set"
)]
#[case::a_merge(", <<: {a: b}", "6:45: a peering cannot merge another mapping: write each key out")]
fn a_peering_has_a_form(#[case] keys: &str, #[case] expected: &str) {
    assert_eq!(problems(&peering(keys)).to_string(), expected);
}

#[rstest]
#[case::no_subnet("name: n, addresses: [10.0.1.4]", "7:3: a NIC needs the key `subnet`")]
#[case::a_subnet_without_its_network(
    "name: n, subnet: s, addresses: [10.0.1.4]",
    "7:21: \"s\" is no subnet; write VNET/SUBNET, for example hub/default"
)]
#[case::a_subnet_with_a_bad_name(
    "name: n, subnet: a/-s, addresses: [10.0.1.4]",
    "7:21: InvalidResourceName: subnet name \"-s\" must start with a letter or a digit"
)]
#[case::no_address(
    "name: n, subnet: a/s, addresses: []",
    "7:37: InvalidAddressPrefix: NIC n: the address is missing: a NIC needs an IPv4 address, an IPv6 address, or one of each"
)]
#[case::an_address_with_a_length(
    "name: n, subnet: a/s, addresses: [10.0.1.4/24]",
    "7:38: InvalidAddressPrefix: NIC n: `10.0.1.4/24` is no IP address"
)]
#[case::two_addresses_of_a_family(
    "name: n, subnet: a/s, addresses: [10.0.1.4, 10.0.1.5]",
    "7:48: a NIC has one IPv4 address at most, and this is another"
)]
#[case::a_bad_mac(
    "name: n, subnet: a/s, addresses: [10.0.1.4], mac: 2:0:0:0:0:1",
    "7:54: \"2:0:0:0:0:1\" is no MAC address; write six pairs of hexadecimal digits, for example 02:00:00:00:00:01"
)]
#[case::a_bad_interface(
    "name: n, subnet: a/s, addresses: [10.0.1.4], interface: a-name-that-is-too-long",
    "7:60: interface \"a-name-that-is-too-long\" has more than 15 bytes"
)]
#[case::an_address_outside(
    "name: n, subnet: a/s, addresses: [10.9.9.9]",
    "7:38: InvalidAddressPrefix: NIC n: 10.9.9.9 lies in no prefix of the subnet"
)]
fn a_nic_has_a_form(#[case] keys: &str, #[case] expected: &str) {
    assert_eq!(problems(&nic(keys)).to_string(), expected);
}

#[rstest]
#[case::no_expectation("from: n, to: n", "8:14: an assertion needs the key `reachable`")]
#[case::a_word("from: n, to: n, reachable: no", "8:42: `reachable` must be true or false, not `no`")]
#[case::another_family(
    "from: n, to: n, reachable: true, family: ipv4",
    "8:56: `family` must be IPv4 or IPv6, not `ipv4`"
)]
#[case::a_nic_that_is_not_there(
    "from: n, to: m, reachable: true",
    "8:28: ResourceNotFound: NIC m does not exist"
)]
#[case::an_unknown_key(
    "from: n, to: n, reachable: true, protocol: tcp",
    "8:48: an assertion has no key `protocol`"
)]
fn an_assertion_has_a_form(#[case] keys: &str, #[case] expected: &str) {
    let text = format!("{}assertions: [{{{keys}}}]\n", nic("name: n, subnet: a/s, addresses: [10.0.1.4]"));
    assert_eq!(problems(&text).to_string(), expected);
}

#[rstest]
#[case("virtualNetworks: []\nrouteTables: []\n", "2:1: key `routeTables` of the file is not supported yet")]
#[case(
    "virtualNetworks: []\nnetworkSecurityGroups: []\n",
    "2:1: key `networkSecurityGroups` of the file is not supported yet"
)]
#[case("virtualNetworks: []\ntenants: []\n", "2:1: key `tenants` of the file is not supported yet")]
#[case("virtualNetworks: []\nprincipals: []\n", "2:1: key `principals` of the file is not supported yet")]
#[case(&vnet("  gateways: []\n"), "5:3: key `gateways` of a virtual network is not supported yet")]
#[case(&subnet(", routeTable: x"), "5:55: key `routeTable` of a subnet is not supported yet")]
#[case(&subnet(", networkSecurityGroup: x"), "5:55: key `networkSecurityGroup` of a subnet is not supported yet")]
#[case(
    &nic("name: n, subnet: a/s, addresses: [10.0.1.4], networkSecurityGroup: x"),
    "7:49: key `networkSecurityGroup` of a NIC is not supported yet"
)]
fn a_key_of_a_later_version_is_refused_and_never_ignored(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(problems(text).to_string(), expected);
}

#[rstest]
#[case("virtualNetwork: []\n", "1:1: the file has no key `virtualNetwork`; did you mean `virtualNetworks`?")]
#[case("vnets: []\n", "1:1: the file has no key `vnets`; did you mean `virtualNetworks`?")]
#[case(
    "virtualNetworks: []\nassertion: []\n",
    "2:1: the file has no key `assertion`; did you mean `assertions`?"
)]
#[case(
    "virtualNetworks: []\nroutetable: []\n",
    "2:1: the file has no key `routetable`; `routeTables` is not supported yet"
)]
#[case(
    "virtualNetworks: [{name: a, location: north, adress_space: [10.0.0.0/8]}]\n",
    "1:29: a virtual network has no key `location`; did you mean `region`?\n\
     1:46: a virtual network has no key `adress_space`; did you mean `addressSpace`?"
)]
#[case(&vnet("  subnet: []\n"), "5:3: a virtual network has no key `subnet`; did you mean `subnets`?")]
#[case(&subnet(", route_table: x"), "5:55: a subnet has no key `route_table`; `routeTable` is not supported yet")]
#[case(
    &peering(", allowForwardTraffic: true"),
    "6:45: a peering has no key `allowForwardTraffic`; did you mean `allowForwardedTraffic`?"
)]
#[case(
    &nic("name: n, subnet: a/s, addresses: [10.0.1.4], enableIpForwarding: true"),
    "7:49: a NIC has no key `enableIpForwarding`; did you mean `enableIPForwarding`?"
)]
#[case(
    &nic("name: n, subnet: a/s, ipAddress: 10.0.1.4"),
    "7:26: a NIC has no key `ipAddress`; did you mean `addresses`?"
)]
fn an_unknown_key_names_the_nearest_known_one(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(problems(text).to_string(), expected);
}

#[test]
fn an_unknown_key_that_resembles_none_lists_those_that_there_are() {
    let problems = problems(&vnet("  color: blue\n"));
    let [problem] = problems.iter().collect::<Vec<_>>()[..] else { panic!("{problems}") };
    assert_eq!(problem.message, "a virtual network has no key `color`");
    let keys = "the keys of a virtual network are name, region, addressSpace, subnets, peerings, subscription, resourceGroup";
    assert_eq!(problem.help.as_deref(), Some(keys));
}
