//! What each change demands of who wants it.

use pretty_assertions::assert_eq;
use rstest::rstest;

use super::{ALICE, House, caller, lacked, vnet_scope};
use crate::model::access::*;
use crate::model::tests::{nic, nic_name, peering, peering_name, subnet, subnet_name, vnet, vnet_name};
use crate::model::*;

/// A change of `red/g/a`, its subnet `s` or the NIC `red/g/n`, the role that is too little for it, and the action that lacks.
#[rstest]
#[case::create_vnet(Operation::CreateVnet(vnet("red/g/c", &["10.3.0.0/16"])), "virtualNetworks/write")]
#[case::update_vnet(Operation::UpdateVnet(vnet("red/g/a", &["10.1.0.0/16", "10.9.0.0/16"])), "virtualNetworks/write")]
#[case::delete_vnet(Operation::DeleteVnet(vnet_name("red/g/empty")), "virtualNetworks/delete")]
#[case::create_subnet(
    Operation::CreateSubnet(vnet_name("red/g/a"), subnet("t", &["10.1.1.0/24"])),
    "virtualNetworks/subnets/write"
)]
#[case::update_subnet(
    Operation::UpdateSubnet(vnet_name("red/g/a"), subnet("s", &["10.1.0.0/25"])),
    "virtualNetworks/subnets/write"
)]
#[case::delete_subnet(
    Operation::DeleteSubnet(vnet_name("red/g/a"), subnet_name("unused")),
    "virtualNetworks/subnets/delete"
)]
#[case::create_nic(Operation::CreateNic(nic("red/g/m", "red/g/a/s", &["10.1.0.5"])), "networkInterfaces/write")]
#[case::update_nic(Operation::UpdateNic(nic("red/g/n", "red/g/a/s", &["10.1.0.5"])), "networkInterfaces/write")]
#[case::delete_nic(Operation::DeleteNic(nic_name("red/g/n")), "networkInterfaces/delete")]
#[case::create_peering(
    Operation::CreatePeering(vnet_name("red/g/a"), peering("to-empty", "red/g/empty")),
    "virtualNetworks/virtualNetworkPeerings/write"
)]
#[case::update_peering(
    Operation::UpdatePeering(vnet_name("red/g/a"), without_access()),
    "virtualNetworks/virtualNetworkPeerings/write"
)]
#[case::sync_peering(
    Operation::SyncPeering(vnet_name("red/g/a"), peering_name("to-d")),
    "virtualNetworks/virtualNetworkPeerings/write"
)]
#[case::delete_peering(
    Operation::DeletePeering(vnet_name("red/g/a"), peering_name("to-d")),
    "virtualNetworks/virtualNetworkPeerings/delete"
)]
fn each_change_needs_its_action_at_its_place(#[case] operation: Operation, #[case] action: &str) {
    let at = |role| furnished().give(ALICE, role, "/subscriptions/red/resourceGroups/g");
    let (scope, lacks) = at(Role::Reader).lacks(ALICE, operation.clone());
    assert_eq!(lacks, format!("Microsoft.Network/{action}"));
    assert!(scope.starts_with("/subscriptions/red/resourceGroups/g"), "{scope}");
    // The whole change is looked at by itself too, whatever operation led there.
    let reader = at(Role::Reader).0;
    let after = reader.topology.apply(operation.clone()).unwrap();
    let refusal = authorize_change(&reader.directory, &caller(ALICE), &reader.topology, &after);
    assert_eq!(lacked(refusal.unwrap_err()).1, lacks);
    assert_ne!(at(Role::NetworkContributor).does(ALICE, operation).0.topology, reader.topology);
}

fn without_access() -> PeeringSpec {
    let flags = PeeringFlags { allow_virtual_network_access: false, ..PeeringFlags::default() };
    PeeringSpec { flags, ..peering("to-d", "red/g/d") }
}

/// What the cases above change. `red/g/d` has grown since it was peered.
fn furnished() -> House {
    House::new()
        .root_does(Operation::CreateVnet(vnet("red/g/empty", &["10.4.0.0/16"])))
        .root_does(Operation::CreateVnet(vnet("red/g/d", &["10.5.0.0/16"])))
        .root_does(Operation::CreateSubnet(vnet_name("red/g/a"), subnet("unused", &["10.1.9.0/24"])))
        .root_does(Operation::CreatePeering(vnet_name("red/g/a"), peering("to-d", "red/g/d")))
        .root_does(Operation::UpdateVnet(vnet("red/g/d", &["10.5.0.0/16", "10.6.0.0/16"])))
}

#[test]
fn an_interface_of_the_host_needs_a_role_at_the_root() {
    let with_interface = |interface: Option<&str>| NicSpec {
        interface: interface.map(|name| InterfaceName::new(name).unwrap()),
        ..nic("red/g/n", "red/g/a/s", &["10.1.0.4"])
    };
    let update = |interface| Operation::UpdateNic(with_interface(interface));
    let root = ("/".to_owned(), "Microsoft.Network/hostInterfaces/join/action".to_owned());
    let house = House::new().with_owners();
    assert_eq!(house.lacks(ALICE, update(Some("eth7"))), root);
    let create =
        NicSpec { name: nic_name("red/g/m"), ipv4: "10.1.0.5".parse().ok(), ..with_interface(Some("eth7")) };
    assert_eq!(house.lacks(ALICE, Operation::CreateNic(create)), root);
    let attached = house.clone().root_does(update(Some("eth7")));
    // Another one is another matter; the one that it has may stay, or be given up.
    assert_eq!(attached.lacks(ALICE, update(Some("eth8"))), root);
    let forwarding = NicSpec { enable_ip_forwarding: true, ..with_interface(Some("eth7")) };
    let _ = attached.clone().does(ALICE, Operation::UpdateNic(forwarding));
    let _ = attached.does(ALICE, update(None));
    let _ = house.give(ALICE, Role::NetworkContributor, "/").does(ALICE, update(Some("eth7")));
}

#[test]
fn root_alone_may_change_anything_without_a_role() {
    let house = furnished();
    let after = house.0.topology.apply(Operation::DeleteNic(nic_name("red/g/n"))).unwrap();
    let change = |who: &Caller| authorize_change(&Directory::default(), who, &house.0.topology, &after);
    assert_eq!(change(&Caller::root()), Ok(()));
    assert!(change(&caller("user:root")).is_err());
}

#[test]
fn a_network_is_deleted_with_its_subnets_and_peerings_by_one_role() {
    let both = furnished()
        .root_does(Operation::CreatePeering(vnet_name("blue/g/b"), peering("to-d", "red/g/d")))
        .root_does(Operation::CreatePeering(vnet_name("red/g/d"), peering("to-b", "blue/g/b")));
    let house = both.give(ALICE, Role::Owner, &vnet_scope("red/g/d"));
    let house = house.does(ALICE, Operation::DeleteVnet(vnet_name("red/g/d")));
    let other = house.0.topology.peering(&vnet_name("blue/g/b"), &peering_name("to-d")).unwrap();
    assert_eq!(other.state(), PeeringState::Disconnected);
}

#[test]
fn one_step_that_is_refused_undoes_the_steps_before_it() {
    let house = House::new().with_owners();
    let steps = [
        Operation::CreateVnet(vnet("red/g/c", &["10.3.0.0/16"])),
        Operation::CreateVnet(vnet("blue/g/c", &["10.3.0.0/16"])),
    ];
    let refusal = house.0.apply(&caller(ALICE), steps.clone()).unwrap_err();
    assert_eq!(lacked(refusal).0, vnet_scope("blue/g/c"));
    assert!(house.0.apply(&Caller::root(), steps).is_ok());
}
