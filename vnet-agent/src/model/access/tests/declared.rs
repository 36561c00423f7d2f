//! Declarations, judged before they are tried.

use pretty_assertions::assert_eq;

use super::{ALICE, House, caller, lacked, vnet_scope};
use crate::model::access::authorize_declarations;
use crate::model::tests::{nic, peering, subnet, vnet, vnet_name};
use crate::model::*;

fn at<T>(place: u32, spec: T) -> Declared<T> {
    Declared { spec, place: Place(place) }
}

/// All that `House::new` has.
fn as_it_is() -> DesiredState {
    DesiredState {
        vnets: vec![at(1, vnet("red/g/a", &["10.1.0.0/16"])), at(2, vnet("blue/g/b", &["10.2.0.0/16"]))],
        subnets: vec![
            at(3, (vnet_name("red/g/a"), subnet("s", &["10.1.0.0/24"]))),
            at(4, (vnet_name("blue/g/b"), subnet("s", &["10.2.0.0/24"]))),
        ],
        nics: vec![
            at(5, nic("red/g/n", "red/g/a/s", &["10.1.0.4"])),
            at(6, nic("blue/g/n", "blue/g/b/s", &["10.2.0.4"])),
        ],
        ..DesiredState::default()
    }
}

/// The place and the action of each declaration that Alice, the Owner of `red`, has not the role for.
fn refused(house: &House, desired: &DesiredState) -> Vec<(u32, String)> {
    let refusals = authorize_declarations(&house.0.directory, &caller(ALICE), &house.0.topology, desired);
    let told = |located: Located| {
        let (scope, action) = lacked(located.refusal);
        assert!(scope.starts_with("/subscriptions/blue"), "{scope}");
        (located.place.0, action.replace("Microsoft.Network/", ""))
    };
    refusals.into_iter().map(told).collect()
}

#[test]
fn what_is_declared_as_it_is_needs_no_role() {
    assert_eq!(refused(&House::new(), &as_it_is()), []);
}

#[test]
fn each_declaration_that_differs_needs_its_role() {
    let mut desired = as_it_is();
    desired.vnets[1].spec.address_space.push("10.9.0.0/16".parse().unwrap());
    desired.vnets.push(at(7, vnet("blue/g/new", &["10.8.0.0/16"])));
    desired.subnets[1].spec.1 = subnet("s", &["10.2.0.0/25"]);
    desired.nics[1].spec.enable_ip_forwarding = true;
    desired.peerings.push(at(8, (vnet_name("blue/g/b"), peering("p", "blue/g/new"))));
    let house = House::new().with_owners();
    assert_eq!(
        refused(&house, &desired),
        [
            (2, "virtualNetworks/write".to_owned()),
            (7, "virtualNetworks/write".to_owned()),
            (4, "virtualNetworks/subnets/write".to_owned()),
            (6, "networkInterfaces/write".to_owned()),
            (8, "virtualNetworks/virtualNetworkPeerings/write".to_owned()),
        ]
    );
}

#[test]
fn the_order_of_ranges_makes_no_difference() {
    let house =
        House::new().root_does(Operation::UpdateVnet(vnet("blue/g/b", &["10.2.0.0/16", "10.0.0.0/16"])));
    let mut desired = as_it_is();
    desired.vnets[1].spec = vnet("blue/g/b", &["10.2.0.0/16", "10.0.0.0/16"]);
    assert_eq!(refused(&house, &desired), []);
}

#[test]
fn a_remote_without_a_role_there_is_refused_alike_whether_or_not_there_is_one() {
    let house = House::new().with_owners();
    let sentence = |remote: &str| {
        let mut desired = as_it_is();
        desired.peerings.push(at(8, (vnet_name("red/g/a"), peering("p", remote))));
        let refusals =
            authorize_declarations(&house.0.directory, &caller(ALICE), &house.0.topology, &desired);
        let [Located { place: Place(8), refusal }] = &refusals[..] else { panic!("{refusals:?}") };
        assert_eq!(refusal.code(), RefusalCode::LinkedAuthorizationFailed);
        refusal.to_string().replace(&vnet_scope(remote), "X")
    };
    assert_eq!(sentence("blue/g/b"), sentence("blue/g/z"));
}
