//! Several mistakes in one file: all of them, each once, each in its place, and nothing that only follows from another.

use pretty_assertions::assert_eq;
use rstest::rstest;

use super::*;
use crate::model::RefusalCode;

const MANY: &str = "\
virtualNetworks:
  - name: hub
    region: westeurope
    adressSpace: [10.0.0.0/16]
    subnets:
      - { name: default, addressPrefixes: [10.0.1.0/24, 10.0.2.1/24] }
  - name: spoke 1
    region: westeurope
    addressSpace: [10.1.0.0/16]
    gateways: []
  - name: spoke2
    region: westeurope
    addressSpace: [10.2.0.0/16]
    subnets:
      - { name: default, addressPrefixes: [10.3.1.0/24] }
      - { name: large, addressPrefixes: [10.2.0.0/20] }
      - { name: small, addressPrefixes: [10.2.9.0/24] }
    peerings:
      - { name: spoke2-to-hub, remoteVirtualNetwork: hub, allowForwardedTraffic: on }
      - { name: spoke2-to-spoke3, remoteVirtualNetwork: spoke3 }
  - name: spoke3
    region: westeurope
    addressSpace: [10.2.128.0/17]
nics:
  - { name: one, subnet: hub/default, addresses: [10.0.1.4] }
  - { name: two, subnet: spoke2/large, addresses: [10.2.0.4] }
  - { name: three, subnet: spoke2/large, addresses: [10.2.0.4] }
  - { name: four, subnet: spoke2/default, addresses: [10.3.1.4] }
  - { name: five, subnet: spoke2/large, addresses: [ten] }
  - { name: two, subnet: spoke2/large, addresses: [10.2.0.5] }
assertions:
  - { from: one, to: two, reachable: true }
  - { from: five, to: six, reachable: 1 }
routeTables: []
";

#[test]
fn mistakes_of_every_kind_are_reported_at_once_in_the_order_of_their_places() {
    let expected = [
        "4:5: a virtual network has no key `adressSpace`; did you mean `addressSpace`?",
        "6:57: InvalidAddressPrefix: subnet hub/default: `10.0.2.1/24` has bits set behind its length; did you mean 10.0.2.0/24?",
        "7:11: InvalidResourceName: virtual network name \"spoke 1\" holds ' '; letters, digits, `.`, `-` and `_` are allowed",
        "10:5: key `gateways` of a virtual network is not supported yet",
        "15:44: SubnetNotInVnet: prefix 10.3.1.0/24 of subnet spoke2/default lies in no range of spoke2, which has 10.2.0.0/16",
        "17:42: SubnetsOverlap: prefix 10.2.9.0/24 of subnet spoke2/small meets 10.2.0.0/20 of subnet spoke2/large",
        "19:82: `allowForwardedTraffic` must be true or false, not `on`",
        "20:57: VnetAddressSpacesOverlap: virtual networks spoke2 and spoke3 cannot be peered: range 10.2.0.0/16 of spoke2 meets range 10.2.128.0/17 of spoke3",
        "27:54: AddressInUse: NIC three cannot have address 10.2.0.4: NIC two has it",
        "29:53: InvalidAddressPrefix: NIC five: `ten` is no IP address",
        "30:13: ResourceAlreadyExists: NIC two already exists",
        "33:39: `reachable` must be true or false, not `1`",
        "34:1: key `routeTables` of the file is not supported yet",
    ];
    assert_eq!(problems(MANY).to_string().lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_refused_file_leaves_nothing_behind_and_gives_the_same_answer_again() {
    let current = loaded("virtualNetworks: [{name: old, region: x, addressSpace: [10.0.0.0/16]}]\n").topology;
    let before = current.clone();
    let first = load(MANY, &current).unwrap_err();
    assert_eq!(current, before);
    assert_eq!(load(MANY, &current).unwrap_err(), first);
}

/// Each text has one mistake; what depends on the object at fault is not held against it.
#[rstest]
#[case::a_network_with_a_bad_name(
    "virtualNetworks:\n- {name: a b, region: x, addressSpace: [10.0.0.0/16], subnets: [{name: s, addressPrefixes: [10.0.1.0/24]}]}\n\
     - {name: c, region: x, addressSpace: [10.1.0.0/16], peerings: [{name: p, remoteVirtualNetwork: ab}]}\n\
     nics: [{name: n, subnet: ab/s, addresses: [10.0.1.4]}]\n",
    Some(RefusalCode::InvalidResourceName)
)]
#[case::a_network_without_a_range(
    "virtualNetworks:\n- {name: a, region: x, subnets: [{name: s, addressPrefixes: [10.0.1.0/24]}]}\n\
     nics: [{name: n, subnet: a/s, addresses: [10.0.1.4]}]\n",
    None
)]
#[case::a_subnet_without_a_name(
    "virtualNetworks:\n- {name: a, region: x, addressSpace: [10.0.0.0/16], subnets: [{addressPrefixes: [10.0.1.0/24]}]}\n\
     nics: [{name: n, subnet: a/s, addresses: [10.0.1.4]}]\n",
    None
)]
#[case::a_subnet_that_is_refused(
    "virtualNetworks:\n- {name: a, region: x, addressSpace: [10.0.0.0/16], subnets: [{name: s, addressPrefixes: [10.1.1.0/24]}]}\n\
     nics: [{name: n, subnet: a/s, addresses: [10.1.1.4]}]\nassertions: [{from: n, to: n, reachable: true}]\n",
    Some(RefusalCode::SubnetNotInVnet)
)]
#[case::subnets_under_a_misspelt_key(
    "virtualNetworks:\n- {name: a, region: x, addressSpace: [10.0.0.0/16], subnts: [{name: s, addressPrefixes: [10.0.1.0/24]}]}\n\
     nics: [{name: n, subnet: a/s, addresses: [10.0.1.4]}]\n",
    None
)]
#[case::networks_that_are_no_list(
    "virtualNetworks: {a: {region: x}}\nnics: [{name: n, subnet: a/s, addresses: [10.0.1.4]}]\n",
    None
)]
#[case::nics_under_a_misspelt_key(
    "virtualNetworks: []\nnic: [{name: n}]\nassertions: [{from: n, to: n, reachable: true}]\n",
    None
)]
#[case::a_nic_that_is_no_mapping(
    "virtualNetworks: []\nnics: [n]\nassertions: [{from: n, to: n, reachable: true}]\n",
    None
)]
#[case::two_networks_that_overlap_and_name_each_other(
    "virtualNetworks:\n- {name: a, region: x, addressSpace: [10.0.0.0/16], peerings: [{name: p, remoteVirtualNetwork: b}]}\n\
     - {name: b, region: x, addressSpace: [10.0.0.0/16], peerings: [{name: p, remoteVirtualNetwork: a}]}\n",
    Some(RefusalCode::VnetAddressSpacesOverlap)
)]
#[case::a_network_that_is_repeated_by_an_alias(
    "virtualNetworks:\n- &a {name: a, region: x, addressSpace: [10.0.0.1/16]}\n- *a\n- *a\n",
    Some(RefusalCode::InvalidAddressPrefix)
)]
fn what_follows_from_a_mistake_is_not_another(#[case] text: &str, #[case] code: Option<RefusalCode>) {
    let problems = problems(text);
    assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), [code], "{problems}");
}

/// Each value is pointed at where it stands, not only the object that has it.
#[rstest]
#[case::mac("mac: '02:00:00:00:00:01'", "'02:00:00:00:00:01'", 2)]
#[case::interface("interface: eth7", "eth7", 2)]
fn what_two_nics_both_have_is_shown_at_both(#[case] key: &str, #[case] value: &str, #[case] times: usize) {
    let text = format!(
        "virtualNetworks:\n- {{name: a, region: x, addressSpace: [10.0.0.0/16], subnets: [{{name: s, addressPrefixes: [10.0.1.0/24]}}]}}\n\
         nics:\n- {{name: one, subnet: a/s, addresses: [10.0.1.4], {key}}}\n- {{name: two, subnet: a/s, addresses: [10.0.1.5], {key}}}\n"
    );
    let problems = problems(&text);
    let [problem] = problems.iter().collect::<Vec<_>>()[..] else { panic!("{problems}") };
    let location = problem.location.unwrap();
    let mut shown = vec![location];
    shown.extend(problem.notes.iter().map(|note| note.location));
    assert_eq!(shown.len(), times);
    assert_eq!((problem.code, location.line, shown[1].line), (Some(RefusalCode::AddressInUse), 5, 4));
    for location in shown {
        assert!(text[location.offset..].starts_with(value), "{location:?}");
    }
}

#[rstest]
#[case::a_local_subnet("[x]", "[s]", "x")]
#[case::a_remote_subnet("[s]", "[y]", "y")]
fn a_subnet_that_a_peering_names_in_vain_is_pointed_at_in_its_list(
    #[case] local: &str,
    #[case] remote: &str,
    #[case] missing: &str,
) {
    let text = format!(
        "virtualNetworks:\n- name: a\n  region: x\n  addressSpace: [10.0.0.0/16]\n  subnets: [{{name: s, addressPrefixes: [10.0.1.0/24]}}]\n\
         \x20 peerings: [{{name: p, remoteVirtualNetwork: b, peerCompleteVnets: false,\n    localSubnetNames: {local},\n    remoteSubnetNames: {remote}}}]\n\
         - {{name: b, region: x, addressSpace: [10.1.0.0/16], subnets: [{{name: s, addressPrefixes: [10.1.1.0/24]}}]}}\n"
    );
    let problems = problems(&text);
    let [problem] = problems.iter().collect::<Vec<_>>()[..] else { panic!("{problems}") };
    assert_eq!(problem.code, Some(RefusalCode::ResourceNotFound));
    let location = problem.location.unwrap();
    assert_eq!(&text[location.offset..location.offset + 1], missing);
    assert_eq!(location.line, if missing == "x" { 7 } else { 8 });
}
