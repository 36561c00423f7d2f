//! Subscriptions and resource groups: where what a file declares stands, and what its references mean.

use pretty_assertions::assert_eq;
use rstest::rstest;

use super::*;
use crate::model::{NicId, PeeringState, RefusalCode, VnetId};

/// Two subscriptions, each with a network `hub` and a NIC `vm`, peered across in every way of naming a remote.
const TENANTS: &str = "\
subscription: red
resourceGroup: prod
virtualNetworks:
- name: hub
  region: north
  addressSpace: [10.1.0.0/16]
  subnets: [{ name: s, addressPrefixes: [10.1.1.0/24] }]
  peerings:
  - { name: to-spoke, remoteVirtualNetwork: spoke }
  - { name: to-blue, remoteVirtualNetwork: blue/dev/hub }
- name: spoke
  region: north
  addressSpace: [10.2.0.0/16]
  peerings: [{ name: to-hub, remoteVirtualNetwork: red/prod/hub }]
- name: hub
  subscription: blue
  resourceGroup: dev
  region: north
  addressSpace: [10.3.0.0/16]
  subnets: [{ name: s, addressPrefixes: [10.3.1.0/24] }]
  peerings:
  - { name: to-red, remoteVirtualNetwork: /Subscriptions/red/resourcegroups/prod/providers/microsoft.network/virtualnetworks/hub }
nics:
- { name: vm, subnet: hub/s, addresses: [10.1.1.4] }
- { name: vm, subscription: blue, subnet: blue/dev/hub/s, addresses: [10.3.1.4] }
assertions:
- { from: vm, to: blue/prod/vm, reachable: true }
- { from: blue/prod/vm, to: red/prod/vm, reachable: true }
";

fn names(topology: &Topology) -> (Vec<&str>, Vec<&str>) {
    (
        topology.vnets().map(|vnet| vnet.name().as_str()).collect(),
        topology.nics().map(|(_, nic)| nic.name().as_str()).collect(),
    )
}

#[test]
fn a_bare_name_stands_where_its_object_does_and_a_full_one_where_it_says() {
    let topology = loaded(TENANTS).topology;
    assert_eq!(
        names(&topology),
        (vec!["blue/dev/hub", "red/prod/hub", "red/prod/spoke"], vec!["blue/prod/vm", "red/prod/vm"])
    );
    for vnet in topology.vnets() {
        for peering in vnet.peerings() {
            assert_eq!(peering.state(), PeeringState::Connected, "{}/{}", vnet.name(), peering.name());
        }
    }
    let (vnet, _) = topology.nic(&NicId::new("blue/prod/vm").unwrap()).unwrap();
    assert_eq!(vnet.name(), &VnetId::new("blue/dev/hub").unwrap());
}

#[rstest]
#[case::the_default_written_out("default", "default", "n")]
#[case::a_subscription_alone("red", "default", "red/default/n")]
#[case::a_group_alone("default", "prod", "default/prod/n")]
fn the_top_of_a_file_says_where_everything_stands(
    #[case] subscription: &str,
    #[case] group: &str,
    #[case] expected: &str,
) {
    let text = format!(
        "virtualNetworks: [{{name: n, region: x, addressSpace: [10.0.0.0/16]}}]\nsubscription: {subscription}\nresourceGroup: {group}\n"
    );
    assert_eq!(names(&loaded(&text).topology).0, [expected]);
}

#[rstest]
#[case::of_the_file(
    "  region: north\n  addressSpace: [10.1.0.0/16]\n  subnets",
    "  region: north\n  addressSpace: [10.1.0.0/16]\n  subscription: -red\n  subnets",
    "7:17: InvalidResourceName: subscription name \"-red\" must start with a letter or a digit"
)]
#[case::of_the_top(
    "subscription: red\n",
    "subscription: \n",
    "1:13: `subscription` must be a text, but this is nothing"
)]
#[case::a_group(
    "resourceGroup: dev",
    "resourceGroup: [dev]",
    "17:18: `resourceGroup` must be a text, but this is a list"
)]
#[case::twice(
    "resourceGroup: prod\n",
    "resourceGroup: prod\nresourceGroup: dev\n",
    "3:1: the file has the key `resourceGroup` twice"
)]
#[case::misspelt(
    "resourceGroup: prod\n",
    "resource_group: prod\n",
    "2:1: the file has no key `resource_group`; did you mean `resourceGroup`?"
)]
#[case::a_full_name_where_the_name_alone_belongs(
    "- name: spoke",
    "- name: red/prod/spoke",
    "11:9: InvalidResourceName: virtual network name \"red/prod/spoke\" holds '/'; letters, digits, `.`, `-` and `_` are allowed"
)]
#[case::a_remote_without_its_group(
    "red/prod/hub",
    "red/hub",
    "14:52: InvalidResourceName: virtual network name \"red/hub\" holds '/'; letters, digits, `.`, `-` and `_` are allowed"
)]
#[case::a_resource_id_of_another_type(
    "virtualnetworks/hub",
    "networkInterfaces/hub",
    "22:43: \"/Subscriptions/red/resourcegroups/prod/providers/microsoft.network/networkInterfaces/hub\" is no resource id; write /subscriptions/SUBSCRIPTION/resourceGroups/GROUP/providers/Microsoft.Network/virtualNetworks/NAME"
)]
#[case::a_resource_id_with_a_bad_name(
    "resourcegroups/prod",
    "resourcegroups/pr od",
    "22:43: InvalidResourceName: resource group name \"pr od\" holds ' '; letters, digits, `.`, `-` and `_` are allowed"
)]
#[case::a_remote_that_is_not_there(
    "remoteVirtualNetwork: blue/dev/hub",
    "remoteVirtualNetwork: blue/dev/hab",
    "10:44: ResourceNotFound: virtual network blue/dev/hab does not exist"
)]
#[case::a_network_in_another_group(
    "  resourceGroup: dev\n",
    "",
    "10:44: ResourceNotFound: virtual network blue/dev/hub does not exist\n\
     24:43: ResourceNotFound: virtual network blue/dev/hub does not exist"
)]
#[case::a_nic_of_another_subscription_than_its_network(
    "name: vm, subscription: blue, ",
    "name: wm, ",
    "25:23: InvalidResourceReference: NIC red/prod/wm of subscription red cannot stand in virtual network blue/dev/hub of subscription blue: a NIC and its virtual network belong to one subscription\n\
     27:19: ResourceNotFound: NIC blue/prod/vm does not exist\n\
     28:11: ResourceNotFound: NIC blue/prod/vm does not exist"
)]
fn a_mistake_about_where_things_stand_is_told_once_at_its_place(
    #[case] from: &str,
    #[case] to: &str,
    #[case] expected: &str,
) {
    assert!(TENANTS.contains(from), "{from}");
    let found = problems(&TENANTS.replacen(from, to, 1)).to_string();
    assert_eq!(found, expected);
}

#[test]
fn a_full_name_for_a_name_is_told_which_keys_say_the_rest() {
    let problems =
        problems(&TENANTS.replace("- { name: vm, subnet: hub/s", "- { name: red/prod/vm, subnet: hub/s"));
    let help = "the name alone stands here; `subscription` and `resourceGroup` have keys of their own";
    let [problem] = problems.iter().collect::<Vec<_>>()[..] else { panic!("{problems}") };
    assert_eq!((problem.code, problem.help.as_deref()), (Some(RefusalCode::InvalidResourceName), Some(help)));
}

#[test]
fn a_remote_subnet_of_another_subscription_is_pointed_at_in_its_list() {
    let text = TENANTS.replace(
        "remoteVirtualNetwork: blue/dev/hub }",
        "remoteVirtualNetwork: blue/dev/hub, peerCompleteVnets: false, localSubnetNames: [s], remoteSubnetNames: [y] }",
    );
    let problems = problems(&text);
    let problem = problems.iter().next().unwrap();
    assert_eq!(problem.message, "subnet blue/dev/hub/y does not exist");
    assert!(text[problem.location.unwrap().offset..].starts_with("y] }"), "{problems}");
}
