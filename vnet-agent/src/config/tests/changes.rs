//! What a file changes, and what assertions keep it from changing.

use pretty_assertions::assert_eq;
use rstest::rstest;

use super::*;
use crate::model::{PeeringState, RefusalCode};

const BOTH_SIDES: &str = "\
virtualNetworks:
  - name: a
    region: north
    addressSpace: [10.1.0.0/16]
    subnets: [{ name: s, addressPrefixes: [10.1.1.0/24] }]
    peerings:
      - { name: a-to-b, remoteVirtualNetwork: b }
  - name: b
    region: north
    addressSpace: [10.2.0.0/16]
    subnets: [{ name: s, addressPrefixes: [10.2.1.0/24] }]
    peerings:
      - { name: b-to-a, remoteVirtualNetwork: a }
nics:
  - { name: a1, subnet: a/s, addresses: [10.1.1.4], mac: 02-00-00-00-00-0A }
  - { name: b1, subnet: b/s, addresses: [10.2.1.4], interface: veth7, enableIPForwarding: true }
";

fn changed(text: &str, current: &Topology) -> Vec<String> {
    loaded_from(text, current).changes.iter().map(ToString::to_string).collect()
}

#[test]
fn a_first_file_creates_everything_it_declares() {
    let expected = [
        "+ virtual network a: region north, addressSpace 10.1.0.0/16",
        "+ subnet a/s: addressPrefixes 10.1.1.0/24",
        "+ NIC a1: subnet a/s, addresses 10.1.1.4, mac 02:00:00:00:00:0a, enableIPForwarding false",
        "+ peering a/a-to-b: remoteVirtualNetwork b, peeringState Connected, remoteAddressSpace 10.2.0.0/16, \
         allowVirtualNetworkAccess true, allowForwardedTraffic false, allowGatewayTransit false, \
         useRemoteGateways false, peerCompleteVnets true, enableOnlyIPv6Peering false",
    ];
    assert_eq!(changed(BOTH_SIDES, &Topology::default())[..4], expected);
    let b1 =
        changed(BOTH_SIDES, &Topology::default()).into_iter().find(|line| line.contains("NIC b1")).unwrap();
    assert!(b1.contains("interface veth7, enableIPForwarding true"), "{b1}");
}

#[test]
fn a_changed_file_changes_what_differs_and_nothing_else() {
    let current = loaded(BOTH_SIDES).topology;
    let text = BOTH_SIDES
        .replace("remoteVirtualNetwork: b }", "remoteVirtualNetwork: b, allowForwardedTraffic: true }")
        .replace("addresses: [10.2.1.4], interface: veth7", "addresses: [10.2.1.5]")
        + "  - { name: a2, subnet: a/s, addresses: [10.1.1.5], mac: '02:00:00:00:00:0b' }\n";
    let expected = [
        "+ NIC a2: subnet a/s, addresses 10.1.1.5, mac 02:00:00:00:00:0b, enableIPForwarding false",
        "~ peering a/a-to-b: allowForwardedTraffic false -> true",
        "~ NIC b1: addresses 10.2.1.4 -> 10.2.1.5, interface veth7 -> none",
    ];
    assert_eq!(changed(&text, &current), expected);
}

#[test]
fn another_spelling_of_the_same_file_changes_nothing() {
    let current = loaded(BOTH_SIDES).topology;
    let text = "\u{feff}# as JSON, with an anchor, another order and other spellings\r\n\
        {\"nics\": [{\"addresses\": [\"10.2.1.4\"], \"enableIPForwarding\": true, \"interface\": \"veth7\", \"name\": \"b1\", \"subnet\": \"b/s\"},\r\n\
        {name: a1, subnet: a/s, addresses: [10.1.1.4], mac: 02:00:00:00:00:0a}],\r\n\
        \"virtualNetworks\": [\r\n\
        {name: !!str b, region: &r North, addressSpace: [10.2.0.0/16], subnets: [{name: s, addressPrefixes: [10.2.1.0/24]}],\r\n\
        peerings: [{name: b-to-a, remoteVirtualNetwork: a, allowVirtualNetworkAccess: true, peerCompleteVnets: True}]},\r\n\
        {name: a, region: *r, addressSpace: [10.1.0.0/16], subnets: [{name: s, addressPrefixes: [10.1.1.0/24]}],\r\n\
        peerings: [{name: a-to-b, remoteVirtualNetwork: b, useRemoteGateways: false}]}],\r\n\
        \"assertions\": }\r\n";
    let loaded = loaded_from(text, &current);
    assert_eq!(loaded.changes, []);
    assert_eq!(loaded.topology, current);
}

#[test]
fn a_file_without_networks_takes_everything_away() {
    let current = loaded(BOTH_SIDES).topology;
    let loaded = loaded_from("virtualNetworks: [] # none any more\n", &current);
    assert_eq!(loaded.topology, Topology::default());
    assert!(loaded.changes.iter().all(|change| change.to_string().starts_with("- ")));
    assert_eq!(loaded.changes.len(), 8);
}

#[test]
fn every_property_of_a_peering_is_taken_in() {
    let text = "\
virtualNetworks:
- name: a
  region: north
  addressSpace: [10.1.0.0/16, 'fd00:1::/48']
  subnets: [{ name: s, addressPrefixes: [10.1.1.0/24, 'fd00:1:0:1::/64'] }, { name: t, addressPrefixes: [10.1.2.0/24] }]
  peerings:
  - name: a-to-b
    remoteVirtualNetwork: b
    allowVirtualNetworkAccess: false
    allowForwardedTraffic: true
    allowGatewayTransit: true
    useRemoteGateways: false
    peerCompleteVnets: false
    localSubnetNames: [t, s]
    remoteSubnetNames: [s]
    enableOnlyIPv6Peering: true
- name: b
  region: north
  addressSpace: [10.2.0.0/16, 'fd00:2::/48']
  subnets: [{ name: s, addressPrefixes: [10.2.1.0/24, 'fd00:2:0:1::/64'] }]
";
    let topology = loaded(text).topology;
    let spec = topology.peering(&"a".parse().unwrap(), &"a-to-b".parse().unwrap()).unwrap().spec();
    let flags = spec.flags;
    assert_eq!(
        [
            flags.allow_virtual_network_access,
            flags.allow_forwarded_traffic,
            flags.allow_gateway_transit,
            flags.use_remote_gateways
        ],
        [false, true, true, false]
    );
    let subnets = spec.subnets.unwrap();
    assert_eq!(subnets.local, ["s".parse().unwrap(), "t".parse().unwrap()].into());
    assert_eq!(subnets.remote, ["s".parse().unwrap()].into());
    assert!(subnets.only_ipv6);
    assert_eq!(changed(text, &topology), [""; 0]);
}

#[test]
fn a_side_that_was_deleted_cannot_come_back_while_the_other_is_disconnected() {
    let without_a = BOTH_SIDES.replace("      - { name: a-to-b, remoteVirtualNetwork: b }\n", "");
    let both = loaded(BOTH_SIDES).topology;
    let one = loaded_from(&without_a, &both);
    let b = |topology: &Topology| {
        topology.peering(&"b".parse().unwrap(), &"b-to-a".parse().unwrap()).unwrap().state()
    };
    assert_eq!((b(&both), b(&one.topology)), (PeeringState::Connected, PeeringState::Disconnected));
    let refused = load(BOTH_SIDES, &one.topology).unwrap_err();
    let [problem] = refused.iter().collect::<Vec<_>>()[..] else { panic!("{refused}") };
    assert_eq!(problem.code, Some(RefusalCode::RemotePeeringIsDisconnected));
    let location = problem.location.unwrap();
    assert_eq!((location.line, location.column, location.length), (7, 47, 1));
}

#[rstest]
#[case::not_peered(
    "      - { name: b-to-a, remoteVirtualNetwork: a }\n",
    "",
    "{ from: a1, to: b1, reachable: true }",
    Some("NIC a1 does not reach b1: peering a/a-to-b is Initiated, not Connected")
)]
#[case::peered("", "", "{ from: a1, to: b1, reachable: false }", Some("NIC a1 reaches b1"))]
#[case::access_denied(
    "remoteVirtualNetwork: b }",
    "remoteVirtualNetwork: b, allowVirtualNetworkAccess: false }",
    "{ from: b1, to: a1, reachable: true }",
    Some("NIC b1 does not reach a1: allowVirtualNetworkAccess is false on peering a/a-to-b")
)]
#[case::another_family(
    "",
    "",
    "{ from: a1, to: b1, reachable: true, family: IPv6 }",
    Some("NIC a1 does not reach b1 over IPv6: NIC a1 has no IPv6 address")
)]
#[case::the_right_family("", "", "{ from: a1, to: b1, reachable: true, family: IPv4 }", None)]
#[case::not_over_the_other_family("", "", "{ from: a1, to: b1, reachable: false, family: IPv6 }", None)]
fn an_assertion_that_does_not_hold_refuses_the_whole_file_and_says_why(
    #[case] from: &str,
    #[case] to: &str,
    #[case] assertion: &str,
    #[case] expected: Option<&str>,
) {
    assert!(BOTH_SIDES.contains(from));
    let text = if from.is_empty() { BOTH_SIDES.to_owned() } else { BOTH_SIDES.replace(from, to) };
    let text = format!("{text}assertions:\n- {assertion}\n");
    match (load(&text, &Topology::default()), expected) {
        (Ok(loaded), None) => assert_eq!(loaded.topology.nic_count(), 2),
        (Err(problems), Some(expected)) => {
            let line = text.lines().count();
            assert_eq!(problems.to_string(), format!("{line}:3: this assertion does not hold: {expected}"));
        }
        (Ok(_), Some(expected)) => panic!("loaded, in spite of: {expected}"),
        (Err(problems), None) => panic!("{problems}"),
    }
}

#[test]
fn every_assertion_that_does_not_hold_is_reported() {
    let text = BOTH_SIDES.to_owned()
        + "assertions:\n- { from: a1, to: b1, reachable: false }\n- { from: a1, to: b1, reachable: true }\n- { from: b1, to: a1, reachable: false }\n";
    let refused = problems(&text);
    let lines: Vec<_> = refused.iter().map(|problem| problem.location.unwrap().line).collect();
    assert_eq!(lines, [18, 20]);
}
