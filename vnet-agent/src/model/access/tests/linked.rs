//! What comes with a change elsewhere: the remote of a peering, the subnet of a NIC.

use pretty_assertions::assert_eq;

use super::{ALICE, BOB, House, vnet_scope};
use crate::model::access::*;
use crate::model::tests::{nic, peering, peering_name, subnet_name, subnets, vnet, vnet_name};
use crate::model::*;

fn create_ab() -> Operation {
    Operation::CreatePeering(vnet_name("red/g/a"), peering("to-b", "blue/g/b"))
}

fn create_ba() -> Operation {
    Operation::CreatePeering(vnet_name("blue/g/b"), peering("to-a", "red/g/a"))
}

fn state(house: &House, vnet: &str, name: &str) -> PeeringState {
    house.0.topology.peering(&vnet_name(vnet), &peering_name(name)).unwrap().state()
}

/// What is lacked on the virtual network `vnet`.
fn peer(vnet: &str) -> (String, String) {
    (vnet_scope(vnet), "Microsoft.Network/virtualNetworks/peer/action".to_owned())
}

/// Each owner has let the other one peer.
fn granted() -> House {
    House::new().with_owners().give(BOB, Role::NetworkContributor, &vnet_scope("red/g/a")).give(
        ALICE,
        Role::NetworkContributor,
        &vnet_scope("blue/g/b"),
    )
}

/// Both sides are there, and neither owner has a role on the other's network.
fn peered_without_grants() -> House {
    House::new().with_owners().root_does(create_ab()).root_does(create_ba())
}

#[test]
fn linked_authorization_failed_names_the_subscription_and_the_action_that_lacks() {
    let refusal = House::new().with_owners().refusal(ALICE, create_ab());
    assert_eq!(refusal.code(), RefusalCode::LinkedAuthorizationFailed);
    assert_eq!(
        refusal.to_string(),
        "the client 'user:alice' has permission to perform action \
         'Microsoft.Network/virtualNetworks/virtualNetworkPeerings/write' on scope \
         '/subscriptions/red/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/a'; however, it does not have \
         permission to perform action 'Microsoft.Network/virtualNetworks/peer/action' on the linked scope \
         '/subscriptions/blue/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/b' of subscription 'blue' or the \
         linked scope is invalid; an Owner there can give a role that allows it"
    );
}

#[test]
fn without_a_role_on_the_own_network_it_is_authorization_that_failed() {
    let house = House::new().give(ALICE, Role::Owner, "/subscriptions/blue");
    let refusal = house.refusal(ALICE, create_ab());
    assert_eq!(refusal.code(), RefusalCode::AuthorizationFailed);
}

#[test]
fn two_owners_peer_each_one_side_once_each_has_let_the_other() {
    let house = House::new().with_owners().give(BOB, Role::NetworkContributor, &vnet_scope("red/g/a"));
    // Bob may name Alice's network, Alice may not yet name Bob's.
    assert_eq!(house.lacks(ALICE, create_ab()), peer("blue/g/b"));
    let house = house.does(BOB, create_ba());
    assert_eq!(state(&house, "blue/g/b", "to-a"), PeeringState::Initiated);
    let house = house.give(ALICE, Role::NetworkContributor, &vnet_scope("blue/g/b")).does(ALICE, create_ab());
    assert_eq!(state(&house, "blue/g/b", "to-a"), PeeringState::Connected);
    assert_eq!(state(&house, "red/g/a", "to-b"), PeeringState::Connected);
}

#[test]
fn a_reader_of_the_remote_may_not_peer_with_it() {
    let house = House::new().with_owners().give(ALICE, Role::Reader, "/subscriptions/blue");
    assert_eq!(house.lacks(ALICE, create_ab()), peer("blue/g/b"));
}

#[test]
fn a_denied_remote_is_the_same_whether_or_not_there_is_one() {
    let house = House::new().with_owners();
    let [there, not_there] = ["b", "z"].map(|name| {
        let remote = format!("blue/g/{name}");
        let refusal =
            house.refusal(ALICE, Operation::CreatePeering(vnet_name("red/g/a"), peering("p", &remote)));
        refusal.to_string().replace(&vnet_scope(&remote), "X")
    });
    assert_eq!(there, not_there);
    // Nor do its ranges show: this one would meet those of `red/g/a`.
    let house = house.root_does(Operation::UpdateVnet(vnet("blue/g/b", &["10.0.0.0/8"])));
    assert_eq!(house.lacks(ALICE, create_ab()), peer("blue/g/b"));
}

#[test]
fn one_side_is_deleted_without_a_role_at_the_other() {
    let house = peered_without_grants()
        .does(ALICE, Operation::DeletePeering(vnet_name("red/g/a"), peering_name("to-b")));
    assert_eq!(state(&house, "blue/g/b", "to-a"), PeeringState::Disconnected);
}

#[test]
fn flags_of_the_own_side_are_changed_without_a_role_at_the_other() {
    let flags = PeeringFlags { allow_forwarded_traffic: true, ..PeeringFlags::default() };
    let spec = PeeringSpec { flags, ..peering("to-b", "blue/g/b") };
    let _ = peered_without_grants().does(ALICE, Operation::UpdatePeering(vnet_name("red/g/a"), spec));
}

#[test]
fn to_take_over_what_the_remote_has_now_needs_the_role_at_the_remote() {
    let grown = Operation::UpdateVnet(vnet("blue/g/b", &["10.2.0.0/16", "10.3.0.0/16"]));
    let sync = || Operation::SyncPeering(vnet_name("red/g/a"), peering_name("to-b"));
    let house = peered_without_grants().does(BOB, grown);
    assert_eq!(house.lacks(ALICE, sync()), peer("blue/g/b"));
    let _ = house.give(ALICE, Role::NetworkContributor, "/subscriptions/blue").does(ALICE, sync());
}

#[test]
fn to_take_up_a_disconnected_side_again_needs_the_role_at_the_remote() {
    let house = peered_without_grants()
        .does(BOB, Operation::DeletePeering(vnet_name("blue/g/b"), peering_name("to-a")));
    let again = || Operation::UpdatePeering(vnet_name("red/g/a"), peering("to-b", "blue/g/b"));
    assert_eq!(house.lacks(ALICE, again()), peer("blue/g/b"));
    let house = house.give(ALICE, Role::NetworkContributor, "/subscriptions/blue").does(ALICE, again());
    assert_eq!(state(&house, "red/g/a", "to-b"), PeeringState::Initiated);
}

#[test]
fn to_name_other_subnets_of_the_remote_needs_the_role_at_the_remote() {
    let with = |remote: &[&str]| PeeringSpec {
        subnets: subnets(&["s"], remote, false),
        ..peering("to-b", "blue/g/b")
    };
    let house =
        House::new().with_owners().root_does(Operation::CreatePeering(vnet_name("red/g/a"), with(&[])));
    let update = || Operation::UpdatePeering(vnet_name("red/g/a"), with(&["s"]));
    assert_eq!(house.lacks(ALICE, update()), peer("blue/g/b"));
    let _ = house.give(ALICE, Role::NetworkContributor, "/subscriptions/blue").does(ALICE, update());
}

#[test]
fn the_first_side_takes_over_the_remote_s_ranges_as_the_second_one_is_created() {
    let house = granted()
        .does(ALICE, create_ab())
        .does(BOB, Operation::UpdateVnet(vnet("blue/g/b", &["10.2.0.0/16", "10.3.0.0/16"])));
    // Of this Alice's side changes, and Bob needs no right to write it.
    let red = AccessScope::Vnet(vnet_name("red/g/a"));
    let house = House(house.0.delete_role_assignment(&red, "a2").unwrap());
    assert_eq!(house.lacks(BOB, create_ba()), peer("red/g/a"));
    let house = house.give(BOB, Role::NetworkContributor, &vnet_scope("red/g/a")).does(BOB, create_ba());
    let side = house.0.topology.peering(&vnet_name("red/g/a"), &peering_name("to-b")).unwrap();
    assert_eq!(side.remote_address_space().len(), 2);
}

#[test]
fn a_nic_joins_a_subnet_only_with_the_role_at_the_subnet_s_network() {
    let join = (vnet_scope("blue/g/b"), "Microsoft.Network/virtualNetworks/subnets/join/action".to_owned());
    let create = || Operation::CreateNic(nic("red/g/m", "blue/g/b/s", &["10.2.0.9"]));
    let house = House::new().with_owners();
    assert_eq!(house.refusal(ALICE, create()).code(), RefusalCode::LinkedAuthorizationFailed);
    assert_eq!(house.lacks(ALICE, create()), join);
    let moved = || Operation::UpdateNic(nic("red/g/n", "blue/g/b/s", &["10.2.0.9"]));
    assert_eq!(house.lacks(ALICE, moved()), join);
    // Where it stands already, it may have another address.
    let house = house.root_does(create());
    let house = house.does(ALICE, Operation::UpdateNic(nic("red/g/m", "blue/g/b/s", &["10.2.0.10"])));
    // And the network's owner may not do anything with it.
    assert_eq!(
        house.lacks(BOB, Operation::DeleteNic(NicId::new("red/g/m").unwrap())),
        (
            "/subscriptions/red/resourceGroups/g".to_owned(),
            "Microsoft.Network/networkInterfaces/delete".to_owned()
        )
    );
    assert_eq!(house.0.topology.nic(&NicId::new("red/g/m").unwrap()).unwrap().1.subnet(), &subnet_name("s"));
}
