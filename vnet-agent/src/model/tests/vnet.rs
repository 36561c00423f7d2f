//! Virtual networks and subnets: what is refused, and what goes with what.

use std::sync::Arc;

use pretty_assertions::assert_eq;

use super::{World, prefixes, subnet, subnet_name, vnet, vnet_name};
use crate::model::*;

fn world() -> World {
    World::default()
        .vnet("a", &["10.0.0.0/16", "10.5.0.0/16"])
        .subnet("a", "s", &["10.0.1.0/24", "10.5.1.0/24"])
        .subnet("a", "t", &["10.0.2.0/24"])
        .nic("n", "a/s", &["10.0.1.4"])
}

#[test]
fn a_network_or_subnet_that_exists_cannot_be_created_again() {
    let code = RefusalCode::ResourceAlreadyExists;
    let again = Operation::CreateVnet(vnet("a", &["10.9.0.0/16"]));
    world().refuses(again, code, "virtual network a already exists");
    let again = Operation::CreateSubnet(vnet_name("a"), subnet("s", &["10.0.9.0/24"]));
    world().refuses(again, code, "subnet a/s already exists");
}

#[test]
fn what_does_not_exist_cannot_be_changed_or_deleted_or_have_subnets() {
    let (code, x) = (RefusalCode::ResourceNotFound, || vnet_name("x"));
    let vnet_missing = "virtual network x does not exist";
    let update = Operation::UpdateVnet(vnet("x", &["10.9.0.0/16"]));
    world().refuses(update, code, vnet_missing);
    world().refuses(Operation::DeleteVnet(x()), code, vnet_missing);
    let s = || subnet("s", &["10.0.9.0/24"]);
    world().refuses(Operation::CreateSubnet(x(), s()), code, vnet_missing);
    world().refuses(Operation::UpdateSubnet(x(), s()), code, vnet_missing);
    world().refuses(Operation::DeleteSubnet(x(), subnet_name("s")), code, vnet_missing);
    let u = || subnet("u", &["10.0.9.0/24"]);
    let subnet_missing = "subnet a/u does not exist";
    world().refuses(Operation::UpdateSubnet(vnet_name("a"), u()), code, subnet_missing);
    world().refuses(Operation::DeleteSubnet(vnet_name("a"), subnet_name("u")), code, subnet_missing);
}

#[test]
fn a_subnet_lies_in_a_range_of_its_network() {
    let sentence =
        "prefix 10.1.0.0/24 of subnet a/u lies in no range of a, which has 10.0.0.0/16, 10.5.0.0/16";
    let outside = Operation::CreateSubnet(vnet_name("a"), subnet("u", &["10.0.9.0/24", "10.1.0.0/24"]));
    world().refuses(outside, RefusalCode::SubnetNotInVnet, sentence);
    let wider = Operation::UpdateSubnet(vnet_name("a"), subnet("s", &["10.0.0.0/15"]));
    let sentence =
        "prefix 10.0.0.0/15 of subnet a/s lies in no range of a, which has 10.0.0.0/16, 10.5.0.0/16";
    world().refuses(wider, RefusalCode::SubnetNotInVnet, sentence);
}

#[test]
fn subnets_of_one_network_do_not_meet() {
    let sentence = "prefix 10.0.2.128/25 of subnet a/u meets 10.0.2.0/24 of subnet a/t";
    let inside = Operation::CreateSubnet(vnet_name("a"), subnet("u", &["10.0.2.128/25"]));
    world().refuses(inside, RefusalCode::SubnetsOverlap, sentence);
    let sentence = "prefix 10.0.2.0/23 of subnet a/s meets 10.0.2.0/24 of subnet a/t";
    let around = Operation::UpdateSubnet(vnet_name("a"), subnet("s", &["10.0.2.0/23"]));
    world().refuses(around, RefusalCode::SubnetsOverlap, sentence);
    let sentence = "subnet a/u: 10.0.3.0/25 meets 10.0.3.0/24 of the same list";
    let itself = Operation::CreateSubnet(vnet_name("a"), subnet("u", &["10.0.3.0/24", "10.0.3.0/25"]));
    world().refuses(itself, RefusalCode::InvalidAddressPrefix, sentence);
}

#[test]
fn a_range_with_a_subnet_in_it_cannot_be_taken_away() {
    let code = RefusalCode::VnetAddressSpaceInUse;
    let sentence = "range 10.5.0.0/16 of virtual network a cannot be taken away: subnet a/s depends on it";
    world().refuses(Operation::UpdateVnet(vnet("a", &["10.0.0.0/16"])), code, sentence);
    let sentence = "range 10.0.0.0/16 of virtual network a cannot be taken away: subnet a/t depends on it";
    let shrunk = vnet("a", &["10.0.0.0/23", "10.5.0.0/16"]);
    world().refuses(Operation::UpdateVnet(shrunk), code, sentence);
    // What still holds every subnet may shrink and grow.
    let fits = world().with(Operation::UpdateVnet(vnet("a", &["10.0.0.0/22", "10.4.0.0/15"])));
    assert_eq!(fits.network("a").address_space().ranges(), prefixes(&["10.0.0.0/22", "10.4.0.0/15"]));
}

#[test]
fn what_a_nic_stands_in_cannot_be_taken_away() {
    let code = RefusalCode::VnetAddressSpaceInUse;
    let a = || vnet_name("a");
    let sentence = "virtual network a cannot be taken away: NIC n depends on it";
    world().refuses(Operation::DeleteVnet(a()), code, sentence);
    let sentence = "subnet a/s cannot be taken away: NIC n depends on it";
    world().refuses(Operation::DeleteSubnet(a(), subnet_name("s")), code, sentence);
    let sentence = "prefix 10.0.1.0/24 of subnet a/s cannot be taken away: NIC n depends on it";
    world().refuses(Operation::UpdateSubnet(a(), subnet("s", &["10.5.1.0/24"])), code, sentence);
    // Nor may a new prefix make the address of a NIC one that nobody may hold.
    let world = world().nic("m", "a/s", &["10.0.1.7"]);
    let shrunk = Operation::UpdateSubnet(a(), subnet("s", &["10.0.1.0/29", "10.5.1.0/24"]));
    let sentence = "NIC m cannot have 10.0.1.7 in 10.0.1.0/29: the broadcast address";
    world.refuses(shrunk, RefusalCode::AddressReserved, sentence);
}

#[test]
fn without_nics_a_network_goes_with_its_subnets() {
    let world = world().with(Operation::DeleteNic(super::nic_name("n")));
    let world = world.with(Operation::DeleteVnet(vnet_name("a")));
    assert_eq!(world.0, Topology::default());
}

#[test]
fn an_operation_copies_only_what_it_touches() {
    let before = world().vnet("b", &["10.1.0.0/16"]);
    let after = before.clone().subnet("b", "s", &["10.1.1.0/24"]);
    assert!(Arc::ptr_eq(before.network("a"), after.network("a")));
    assert!(!Arc::ptr_eq(before.network("b"), after.network("b")));
    // A peering leaves the NICs of both, and the tables that find NICs, as they are.
    let peered = after.clone().peered("a", "b");
    assert!(Arc::ptr_eq(peered.network("a").nics(), after.network("a").nics()));
    assert!(Arc::ptr_eq(&peered.network("a").subnets, &after.network("a").subnets));
    assert!(Arc::ptr_eq(&peered.0.vnet_of_nic, &after.0.vnet_of_nic));
    // And the topology before an operation is what it was.
    assert_eq!(after.network("a").peerings().len(), 0);
}

#[test]
fn the_region_of_a_network_may_change() {
    let mut spec = vnet("a", &["10.0.0.0/16", "10.5.0.0/16"]);
    spec.region = Region::new("NorthEurope").unwrap();
    let world = world().with(Operation::UpdateVnet(spec));
    assert_eq!(world.network("a").region().as_str(), "northeurope");
}

#[test]
fn two_subnets_without_nics_change_places_when_all_is_replaced_at_once() {
    let world = World::default()
        .vnet("a", &["10.0.0.0/16"])
        .subnet("a", "s", &["10.0.1.0/24"])
        .subnet("a", "t", &["10.0.2.0/24"])
        .with(Operation::ReplaceVnet(
            vnet("a", &["10.0.2.0/24", "10.9.0.0/16"]),
            vec![subnet("s", &["10.0.2.0/24"]), subnet("t", &["10.9.1.0/24"]), subnet("u", &["10.9.2.0/24"])],
        ));
    let vnet = world.0.vnet(&vnet_name("a")).unwrap();
    let subnets: Vec<_> =
        vnet.subnets().map(|s| (s.name().as_str(), s.address_prefixes().to_vec())).collect();
    assert_eq!(
        subnets,
        [
            ("s", prefixes(&["10.0.2.0/24"])),
            ("t", prefixes(&["10.9.1.0/24"])),
            ("u", prefixes(&["10.9.2.0/24"]))
        ]
    );
    assert_eq!(vnet.address_space().ranges(), prefixes(&["10.0.2.0/24", "10.9.0.0/16"]));
}

#[test]
fn a_replaced_network_keeps_the_subnets_that_something_needs() {
    let space = || vnet("a", &["10.0.0.0/16"]);
    let gone = Operation::ReplaceVnet(space(), vec![subnet("t", &["10.0.2.0/24"])]);
    let code = RefusalCode::VnetAddressSpaceInUse;
    world().refuses(gone, code, "subnet a/s cannot be taken away: NIC n depends on it");
    let moved = Operation::ReplaceVnet(space(), vec![subnet("s", &["10.0.3.0/24"])]);
    world().refuses(
        moved,
        code,
        "prefix 10.0.1.0/24 of subnet a/s cannot be taken away: NIC n depends on it",
    );
    let reserved = Operation::ReplaceVnet(space(), vec![subnet("s", &["10.0.1.4/30"])]);
    world().refuses(
        reserved,
        RefusalCode::InvalidAddressPrefix,
        "subnet a/s: 10.0.1.4/30 is too small: the smallest IPv4 subnet is /29",
    );
    let twice = vec![subnet("s", &["10.0.1.0/24"]), subnet("s", &["10.0.4.0/24"])];
    let code = RefusalCode::ResourceAlreadyExists;
    world().refuses(Operation::ReplaceVnet(space(), twice), code, "subnet a/s already exists");
    let unknown = Operation::ReplaceVnet(vnet("x", &["10.0.0.0/16"]), Vec::new());
    world().refuses(unknown, RefusalCode::ResourceNotFound, "virtual network x does not exist");
}

#[test]
fn the_lowest_free_address_of_a_subnet_is_found_in_each_family() {
    let world = World::default()
        .vnet("a", &["10.0.0.0/16", "fd00:a::/48"])
        .subnet("a", "s", &["10.0.1.0/29", "fd00:a:0:1::/64"])
        .nic("n", "a/s", &["10.0.1.4", "fd00:a:0:1::4"]);
    let free = |world: &World, is_ipv4| {
        let vnet = world.0.vnet(&vnet_name("a")).unwrap();
        free_address(vnet, vnet.subnet(&subnet_name("s")).unwrap(), is_ipv4).map(|ip| ip.to_string())
    };
    assert_eq!(free(&world, true).as_deref(), Some("10.0.1.5"));
    assert_eq!(free(&world, false).as_deref(), Some("fd00:a:0:1::5"));
    // The last address of a /29 is the broadcast address.
    let full = world.nic("o", "a/s", &["10.0.1.5"]).nic("p", "a/s", &["10.0.1.6"]);
    assert_eq!(free(&full, true), None);
}
