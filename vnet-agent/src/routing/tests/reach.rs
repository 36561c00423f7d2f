//! Who reaches whom, and every reason for which one does not.

use pretty_assertions::assert_eq;

use crate::model::tests::{World, nic_name, peering, peering_name, subnets, vnet, vnet_name};
use crate::model::*;
use crate::routing::{Family, Reachability, Unreachable, reachable};

/// a - b - c and d alone; a and b dual stack.
fn world() -> World {
    World::default()
        .vnet("a", &["10.0.0.0/16", "fd00:a::/48"])
        .vnet("b", &["10.1.0.0/16", "fd00:b::/48"])
        .vnet("c", &["10.2.0.0/16"])
        .subnet("a", "s", &["10.0.1.0/24", "fd00:a:0:1::/64"])
        .subnet("a", "t", &["10.0.2.0/24"])
        .subnet("b", "s", &["10.1.1.0/24", "fd00:b:0:1::/64"])
        .subnet("b", "t", &["10.1.2.0/24"])
        .subnet("c", "s", &["10.2.1.0/24"])
        .nic("a1", "a/s", &["10.0.1.4", "fd00:a:0:1::4"])
        .nic("a2", "a/t", &["10.0.2.4"])
        .nic("a6", "a/s", &["fd00:a:0:1::6"])
        .nic("b1", "b/s", &["10.1.1.4", "fd00:b:0:1::4"])
        .nic("b2", "b/t", &["10.1.2.4"])
        .nic("b6", "b/s", &["fd00:b:0:1::6"])
        .nic("c1", "c/s", &["10.2.1.4"])
}

#[track_caller]
fn reason(world: &World, from: &str, to: &str) -> Unreachable {
    reachable(&world.0, &nic_name(from), &nic_name(to)).expect_err("it is not reachable")
}

#[track_caller]
fn reaches(world: &World, from: &str, to: &str) {
    assert_eq!(reachable(&world.0, &nic_name(from), &nic_name(to)), Ok(()));
}

#[test]
fn nics_of_one_network_reach_each_other_across_subnets() {
    reaches(&world(), "a1", "a2");
    reaches(&world(), "a2", "a1");
    reaches(&world(), "a1", "a6");
}

#[test]
fn nics_of_peered_networks_reach_each_other_in_both_families() {
    let world = world().peered("a", "b");
    reaches(&world, "a1", "b1");
    reaches(&world, "a6", "b6");
    let mut all = Reachability::new(&world.0);
    for family in Family::ALL {
        assert_eq!(all.reachable_over(&nic_name("a1"), &nic_name("b1"), family), Ok(()));
    }
}

#[test]
fn a_peers_peer_is_not_reached() {
    let world = world().peered("a", "b").peered("b", "c");
    reaches(&world, "b1", "c1");
    let unpeered = Unreachable::NotPeered { from: vnet_name("a"), to: vnet_name("c") };
    assert_eq!(reason(&world, "a1", "c1"), unpeered);
    assert_eq!(unpeered.to_string(), "virtual networks a and c are not peered");
}

#[test]
fn a_nic_that_does_not_exist_is_named() {
    assert_eq!(reason(&world(), "x", "a1"), Unreachable::UnknownNic(nic_name("x")));
    assert_eq!(reason(&world(), "a1", "x").to_string(), "NIC x does not exist");
}

#[test]
fn two_nics_without_a_family_in_common_do_not_talk() {
    let none = reason(&world(), "a2", "a6");
    assert_eq!(none, Unreachable::NoCommonFamily { from: nic_name("a2"), to: nic_name("a6") });
    assert_eq!(none.to_string(), "NICs a2 and a6 have no address family in common");
    let world = world();
    let over = Reachability::new(&world.0).reachable_over(&nic_name("a1"), &nic_name("a2"), Family::Ipv6);
    assert_eq!(over, Err(Unreachable::AddressFamily { nic: nic_name("a2"), family: Family::Ipv6 }));
}

#[test]
fn a_peering_that_is_not_connected_is_named_with_its_state_from_either_end() {
    let initiated = world().side("b", "a");
    let sentence = "peering b/b-to-a is Initiated, not Connected";
    assert_eq!(reason(&initiated, "a1", "b1").to_string(), sentence);
    assert_eq!(reason(&initiated, "b1", "a1").to_string(), sentence);
    let disconnected = world().peered("a", "b").delete_side("b", "a");
    let expected = Unreachable::PeeringNotConnected {
        vnet: vnet_name("a"),
        peering: peering_name("a-to-b"),
        state: PeeringState::Disconnected,
    };
    assert_eq!(reason(&disconnected, "a1", "b1"), expected);
}

#[test]
fn access_denied_by_either_object_or_both_stops_both_ways_and_names_who_denies() {
    let deny = |world: World, of: &str, remote: &str| {
        let flags = PeeringFlags { allow_virtual_network_access: false, ..PeeringFlags::default() };
        let spec = PeeringSpec { flags, ..peering(&format!("{of}-to-{remote}"), remote) };
        world.with(Operation::UpdatePeering(vnet_name(of), spec))
    };
    let world = deny(world().peered("a", "b"), "b", "a");
    let sentence = "allowVirtualNetworkAccess is false on peering b/b-to-a";
    assert_eq!(reason(&world, "a1", "b1").to_string(), sentence);
    assert_eq!(reason(&world, "b1", "a1").to_string(), sentence);
    let world = deny(world, "a", "b");
    let denied_by = |sides: [(&str, &str); 2]| Unreachable::AccessDisabled {
        denied_by: sides.map(|(vnet, peering)| (vnet_name(vnet), peering_name(peering))).to_vec(),
    };
    assert_eq!(reason(&world, "a1", "b1"), denied_by([("a", "a-to-b"), ("b", "b-to-a")]));
    assert_eq!(reason(&world, "b1", "a1"), denied_by([("b", "b-to-a"), ("a", "a-to-b")]));
    let sentence = "allowVirtualNetworkAccess is false on peering a/a-to-b and peering b/b-to-a";
    assert_eq!(reason(&world, "a1", "b1").to_string(), sentence);
}

fn parts(of: &str, remote: &str, local: &[&str], theirs: &[&str], six: bool) -> Operation {
    let spec =
        PeeringSpec { subnets: subnets(local, theirs, six), ..peering(&format!("{of}-to-{remote}"), remote) };
    Operation::CreatePeering(vnet_name(of), spec)
}

#[test]
fn a_subnet_that_does_not_take_part_has_no_route() {
    let world =
        world().with(parts("a", "b", &["s"], &["s"], false)).with(parts("b", "a", &["s"], &["s"], false));
    reaches(&world, "a1", "b1");
    let sentence = "subnet a/s has no route to 10.1.2.4: its next hop is None";
    assert_eq!(reason(&world, "a1", "b2").to_string(), sentence);
    let sentence = "subnet a/t has no route to 10.1.1.4: its next hop is None";
    assert_eq!(reason(&world, "a2", "b1").to_string(), sentence);
}

#[test]
fn where_only_ipv6_takes_part_only_ipv6_works() {
    let world =
        world().with(parts("a", "b", &["s"], &["s"], true)).with(parts("b", "a", &["s"], &["s"], true));
    reaches(&world, "a1", "b1");
    let mut all = Reachability::new(&world.0);
    let over = all.reachable_over(&nic_name("a1"), &nic_name("b1"), Family::Ipv4).unwrap_err();
    assert_eq!(over.to_string(), "subnet a/s has no route to 10.1.1.4: its next hop is None");
    assert_eq!(all.reachable_over(&nic_name("a1"), &nic_name("b1"), Family::Ipv6), Ok(()));
}

#[test]
fn an_answer_that_cannot_come_back_is_no_way_back() {
    // b has a new range that a has not synced: b reaches out of it, and a's answers go nowhere.
    let world = world()
        .peered("a", "b")
        .with(Operation::UpdateVnet(vnet("b", &["10.1.0.0/16", "10.7.0.0/16", "fd00:b::/48"])))
        .subnet("b", "new", &["10.7.1.0/24"])
        .nic("b7", "b/new", &["10.7.1.4"]);
    let sentence = "subnet a/s has no route to 10.7.1.4: its next hop is None";
    let forth = reason(&world, "a1", "b7");
    assert_eq!(forth.to_string(), sentence);
    let back = reason(&world, "b7", "a1");
    assert_eq!(back, Unreachable::NoWayBack(Box::new(forth)));
    assert_eq!(back.to_string(), format!("no way back: {sentence}"));
    let mut all = Reachability::new(&world.0);
    assert_eq!(all.delivered(&nic_name("b7"), &nic_name("a1"), Family::Ipv4), Ok(()));
    reaches(&world.sync("a", "b"), "b7", "a1");
}
