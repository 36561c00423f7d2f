//! Subnet peering: only the named subnets take part, and only they and the ranges that hold them count.

use pretty_assertions::assert_eq;

use super::{World, peering, prefixes, subnet, subnet_name, subnets, vnet, vnet_name};
use crate::model::*;

fn world() -> World {
    World::default()
        .vnet("a", &["10.0.0.0/16", "172.16.0.0/16", "fd00:a::/48"])
        .vnet("b", &["10.1.0.0/16", "172.16.0.0/16", "fd00:b::/48"])
        .subnet("a", "s", &["10.0.1.0/24", "fd00:a:0:1::/64"])
        .subnet("a", "shared", &["172.16.1.0/24"])
        .subnet("b", "s", &["10.1.1.0/24", "fd00:b:0:1::/64"])
        .subnet("b", "t", &["10.1.2.0/24"])
        .subnet("b", "shared", &["172.16.2.0/24"])
}

fn create(of: &str, remote: &str, selection: Option<PeeredSubnets>) -> Operation {
    let spec = PeeringSpec { subnets: selection, ..peering(&format!("{of}-to-{remote}"), remote) };
    Operation::CreatePeering(vnet_name(of), spec)
}

#[test]
fn complete_networks_that_meet_may_peer_subnets_that_do_not() {
    let complete =
        "virtual networks a and b cannot be peered: range 172.16.0.0/16 of a meets range 172.16.0.0/16 of b";
    world().refuses(create("a", "b", None), RefusalCode::VnetAddressSpacesOverlap, complete);
    let world = world().with(create("a", "b", subnets(&["s"], &["s", "t"], false))).with(create(
        "b",
        "a",
        subnets(&["s", "t"], &["s"], false),
    ));
    assert_eq!(world.state("a", "b"), PeeringState::Connected);
    assert!(!world.object("a", "b").peer_complete_vnets());
    let taken_over = world.object("a", "b").remote_address_space();
    assert_eq!(taken_over, prefixes(&["10.1.1.0/24", "10.1.2.0/24", "fd00:b:0:1::/64"]));
}

#[test]
fn the_range_that_holds_a_taking_part_subnet_counts_and_not_the_subnet_alone() {
    // 172.16.1.0/24 and 172.16.2.0/24 do not meet, but their ranges do.
    let sentence =
        "virtual networks a and b cannot be peered: range 172.16.0.0/16 of a meets range 172.16.0.0/16 of b";
    let both = create("a", "b", subnets(&["shared"], &["shared"], false));
    world().refuses(both, RefusalCode::VnetAddressSpacesOverlap, sentence);
}

#[test]
fn only_ipv6_prefixes_take_part_where_the_peering_says_so() {
    let world = world().with(create("a", "b", subnets(&["s", "shared"], &["s", "shared"], true)));
    let peering = world.object("a", "b");
    assert_eq!(peering.remote_address_space(), prefixes(&["fd00:b:0:1::/64"]));
    assert!(peering.subnets().unwrap().only_ipv6);
}

#[test]
fn named_subnets_exist_on_their_sides() {
    let code = RefusalCode::ResourceNotFound;
    world().refuses(create("a", "b", subnets(&["t"], &["s"], false)), code, "subnet a/t does not exist");
    world().refuses(create("a", "b", subnets(&["s"], &["u"], false)), code, "subnet b/u does not exist");
}

#[test]
fn a_subnet_that_a_peering_names_cannot_be_deleted() {
    let world = world().with(create("a", "b", subnets(&["s"], &["t"], false))).with(create(
        "b",
        "a",
        subnets(&[], &[], false),
    ));
    let code = RefusalCode::VnetAddressSpaceInUse;
    let sentence = "subnet a/s cannot be taken away: peering a/a-to-b depends on it";
    world.refuses(Operation::DeleteSubnet(vnet_name("a"), subnet_name("s")), code, sentence);
    let sentence = "subnet b/t cannot be taken away: peering a/a-to-b depends on it";
    world.refuses(Operation::DeleteSubnet(vnet_name("b"), subnet_name("t")), code, sentence);
    let world = world.with(Operation::DeleteSubnet(vnet_name("b"), subnet_name("s")));
    assert_eq!(world.network("b").subnet(&subnet_name("s")), None);
}

#[test]
fn a_list_that_names_other_subnets_is_in_force_at_once() {
    let world = world().with(create("a", "b", subnets(&["s"], &["s"], false)));
    let mut spec = world.object("a", "b").spec();
    spec.subnets = subnets(&["s"], &["t"], false);
    let world = world.with(Operation::UpdatePeering(vnet_name("a"), spec));
    assert_eq!(world.object("a", "b").remote_address_space(), prefixes(&["10.1.2.0/24"]));
}

#[test]
fn a_changed_prefix_of_a_taking_part_subnet_waits_for_sync() {
    let world = world()
        .with(create("a", "b", subnets(&["s"], &["t"], false)))
        .with(create("b", "a", subnets(&["t"], &["s"], false)))
        .with(Operation::UpdateSubnet(vnet_name("b"), subnet("t", &["10.1.2.0/24", "10.1.3.0/24"])));
    assert_eq!(world.sync_level("a", "b"), PeeringSyncLevel::RemoteNotInSync);
    assert_eq!(world.sync_level("b", "a"), PeeringSyncLevel::LocalNotInSync);
    assert_eq!(world.object("a", "b").remote_address_space(), prefixes(&["10.1.2.0/24"]));
    let world = world.sync("a", "b");
    assert_eq!(world.object("a", "b").remote_address_space(), prefixes(&["10.1.2.0/24", "10.1.3.0/24"]));
    assert_eq!(world.sync_level("a", "b"), PeeringSyncLevel::FullyInSync);
    // A subnet that does not take part is nobody's news.
    let other = Operation::UpdateSubnet(vnet_name("b"), subnet("s", &["10.1.9.0/24"]));
    assert_eq!(world.with(other).sync_level("a", "b"), PeeringSyncLevel::FullyInSync);
}

#[test]
fn a_changed_subnet_must_not_bring_a_peer_to_meet_another() {
    let world = world()
        .vnet("c", &["172.16.2.0/24"])
        .with(create("a", "b", subnets(&["s"], &["t"], false)))
        .with(create("a", "c", subnets(&["s"], &[], false)));
    // t would move into the range that a's own other range meets: a's `shared` does not take part, so it is legal.
    let moved = Operation::UpdateSubnet(vnet_name("b"), subnet("t", &["172.16.3.0/24"]));
    let moved = world.with(moved);
    assert_eq!(moved.sync_level("a", "b"), PeeringSyncLevel::RemoteNotInSync);
    // With a's `shared` taking part too, it is not.
    let with_shared = moved.0.peering(&vnet_name("a"), &super::peering_name("a-to-b")).unwrap().spec();
    let with_shared = PeeringSpec { subnets: subnets(&["s", "shared"], &["t"], false), ..with_shared };
    let sentence =
        "virtual networks a and b cannot be peered: range 172.16.0.0/16 of a meets range 172.16.0.0/16 of b";
    moved.refuses(
        Operation::UpdatePeering(vnet_name("a"), with_shared),
        RefusalCode::VnetAddressSpacesOverlap,
        sentence,
    );
}

#[test]
fn a_range_may_be_added_that_meets_a_peers_range_without_a_taking_part_subnet() {
    let world = world().with(create("a", "b", subnets(&["s"], &["s"], false)));
    let grown =
        |range| Operation::UpdateVnet(vnet("a", &["10.0.0.0/16", "172.16.0.0/16", "fd00:a::/48", range]));
    let sentence = "range 10.0.0.0/15 of a meets range 10.1.0.0/16 of b, which is already peered with a: \
                    a virtual network's peers must not meet one another";
    let wide = Operation::UpdateVnet(vnet("a", &["10.0.0.0/15", "172.16.0.0/16", "fd00:a::/48"]));
    world.refuses(wide, RefusalCode::VnetAddressSpaceOverlapsWithAlreadyPeeredVnet, sentence);
    // None of a's taking-part subnets lies in the new range.
    let world = world.with(grown("10.1.0.0/16"));
    assert_eq!(world.network("a").address_space().ranges().len(), 4);
}
