//! Rules 1, 2 and 4: the rows of a table.

use pretty_assertions::assert_eq;

use super::{and_system, rows, table};
use crate::model::tests::{World, peering, peering_name, prefixes, subnets, vnet, vnet_name};
use crate::model::*;
use crate::routing::NextHop;

/// a - b - c, each with a subnet `s`.
fn chain() -> World {
    World::default()
        .vnet("a", &["10.0.0.0/16", "fd00:a::/48"])
        .vnet("b", &["10.1.0.0/16", "10.6.0.0/16", "fd00:b::/48"])
        .vnet("c", &["10.2.0.0/16"])
        .subnet("a", "s", &["10.0.1.0/24", "fd00:a:0:1::/64"])
        .subnet("a", "t", &["10.0.2.0/24"])
        .subnet("b", "s", &["10.1.1.0/24", "fd00:b:0:1::/64"])
        .subnet("b", "t", &["10.1.2.0/24"])
        .subnet("c", "s", &["10.2.1.0/24"])
}

const A: [&str; 2] = ["Default Active 10.0.0.0/16 VnetLocal", "Default Active fd00:a::/48 VnetLocal"];

fn a_and(more: &[&str]) -> Vec<String> {
    and_system(&[&A[..], more].concat())
}

fn now(world: World, name: &str, space: &[&str]) -> World {
    let mut spec = vnet(name, space);
    spec.region = world.network(name).region().clone();
    world.with(Operation::UpdateVnet(spec))
}

#[test]
fn a_network_alone_has_its_ranges_the_internet_and_the_private_ranges() {
    assert_eq!(rows(&chain(), "a", "s"), a_and(&[]));
}

#[test]
fn each_range_of_a_connected_peer_is_a_row_and_none_of_a_peers_peer() {
    let world = chain().peered("a", "b").peered("b", "c");
    let b = [
        "Default Active 10.1.0.0/16 VNetPeering",
        "Default Active 10.6.0.0/16 VNetPeering",
        "Default Active fd00:b::/48 VNetPeering",
    ];
    assert_eq!(rows(&world, "a", "s"), a_and(&b));
    assert_eq!(rows(&world, "a", "t"), a_and(&b));
    let c = ["Default Active 10.2.0.0/16 VnetLocal"];
    assert_eq!(rows(&world, "c", "s"), and_system(&[&c[..], &b].concat()));
}

#[test]
fn a_peer_in_another_region_is_global() {
    let mut north = vnet("b", &["10.1.0.0/16"]);
    north.region = Region::new("northeurope").unwrap();
    let world = chain().with(Operation::UpdateVnet(VnetSpec {
        address_space: prefixes(&["10.1.0.0/16", "10.6.0.0/16", "fd00:b::/48"]),
        ..north
    }));
    let world = world.peered("a", "b");
    let global = [
        "Default Active 10.1.0.0/16 VNetGlobalPeering",
        "Default Active 10.6.0.0/16 VNetGlobalPeering",
        "Default Active fd00:b::/48 VNetGlobalPeering",
    ];
    assert_eq!(rows(&world, "a", "s"), a_and(&global));
    assert_eq!(rows(&world, "b", "s")[3], "Default Active 10.0.0.0/16 VNetGlobalPeering");
}

#[test]
fn a_peering_that_is_not_connected_gives_no_row() {
    assert_eq!(rows(&chain().side("a", "b"), "a", "s"), a_and(&[]));
    assert_eq!(rows(&chain().side("b", "a"), "a", "s"), a_and(&[]));
    let disconnected = chain().peered("a", "b").delete_side("b", "a");
    assert_eq!(rows(&disconnected, "a", "s"), a_and(&[]));
    let gone = chain().peered("a", "c").with(Operation::DeleteVnet(vnet_name("c")));
    assert_eq!(rows(&gone, "a", "s"), a_and(&[]));
}

#[test]
fn a_new_range_is_no_row_until_sync_and_a_removed_one_is_none_at_once() {
    let world = chain().peered("a", "b");
    let world = now(world, "b", &["10.1.0.0/16", "10.7.0.0/16", "fd00:b::/48"]);
    let (old, new) = ("Default Active 10.1.0.0/16 VNetPeering", "Default Active 10.7.0.0/16 VNetPeering");
    let six = "Default Active fd00:b::/48 VNetPeering";
    assert_eq!(rows(&world, "a", "s"), a_and(&[old, six]));
    // b's own table has it already.
    assert_eq!(rows(&world, "b", "s")[1], "Default Active 10.7.0.0/16 VnetLocal");
    assert_eq!(rows(&world.sync("a", "b"), "a", "s"), a_and(&[old, new, six]));
}

#[test]
fn of_a_range_that_grew_or_shrank_what_was_there_before_and_after_goes_on() {
    let world = chain().peered("a", "b");
    let grown = now(world.clone(), "b", &["10.1.0.0/16", "10.6.0.0/15", "fd00:b::/48"]);
    let six = "Default Active fd00:b::/48 VNetPeering";
    let first = "Default Active 10.1.0.0/16 VNetPeering";
    assert_eq!(rows(&grown, "a", "s"), a_and(&[first, "Default Active 10.6.0.0/16 VNetPeering", six]));
    let synced = grown.sync("a", "b");
    assert_eq!(rows(&synced, "a", "s"), a_and(&[first, "Default Active 10.6.0.0/15 VNetPeering", six]));
    let shrunk = now(world, "b", &["10.1.0.0/16", "10.6.128.0/17", "fd00:b::/48"]);
    assert_eq!(rows(&shrunk, "a", "s"), a_and(&[first, "Default Active 10.6.128.0/17 VNetPeering", six]));
}

#[test]
fn subnet_peering_is_a_row_for_each_taking_part_prefix_in_the_taking_part_subnets_alone() {
    let side = |of: &str, remote: &str, local: &[&str], theirs: &[&str], six| {
        let name = format!("{of}-to-{remote}");
        let spec = PeeringSpec { subnets: subnets(local, theirs, six), ..peering(&name, remote) };
        Operation::CreatePeering(vnet_name(of), spec)
    };
    let world = chain();
    let both = world.clone().with(side("a", "b", &["s"], &["s", "t"], false)).with(side(
        "b",
        "a",
        &["s", "t"],
        &["s"],
        false,
    ));
    let t = "Default Active 10.1.2.0/24 VNetPeering";
    let s = ["Default Active 10.1.1.0/24 VNetPeering", t, "Default Active fd00:b:0:1::/64 VNetPeering"];
    assert_eq!(rows(&both, "a", "s"), a_and(&s));
    assert_eq!(rows(&both, "a", "t"), a_and(&[]));
    // What the other object does not offer does not take part, nor do subnets that it does not name.
    let narrow = world.clone().with(side("a", "b", &["s", "t"], &["s", "t"], false)).with(side(
        "b",
        "a",
        &["t"],
        &["s"],
        false,
    ));
    assert_eq!(rows(&narrow, "a", "s"), a_and(&[t]));
    assert_eq!(rows(&narrow, "a", "t"), a_and(&[]));
    // IPv6 alone, where either object says so.
    let six = ["Default Active fd00:b:0:1::/64 VNetPeering"];
    for (here, there) in [(true, true), (true, false), (false, true)] {
        let only = world.clone().with(side("a", "b", &["s"], &["s"], here)).with(side(
            "b",
            "a",
            &["s"],
            &["s"],
            there,
        ));
        assert_eq!(rows(&only, "a", "s"), a_and(&six), "{here} {there}");
    }
}

#[test]
fn the_private_ranges_lead_nowhere_also_where_an_own_range_lies_inside_and_give_way_to_an_equal_one() {
    let world = World::default()
        .vnet("a", &["10.0.0.0/8"])
        .vnet("b", &["192.168.0.0/16"])
        .vnet("c", &["172.0.0.0/10"])
        .subnet("a", "s", &["10.0.1.0/24"])
        .peered("a", "b")
        .peered("a", "c");
    assert_eq!(
        rows(&world, "a", "s"),
        [
            "Default Active 10.0.0.0/8 VnetLocal",
            "Default Active 192.168.0.0/16 VNetPeering",
            "Default Active 172.0.0.0/10 VNetPeering",
            "Default Active 0.0.0.0/0 Internet",
            "Default Active ::/0 Internet",
            "Default Active 172.16.0.0/12 None",
            "Default Active 100.64.0.0/10 None",
        ]
    );
}

#[test]
fn a_peering_row_says_what_the_flags_of_both_objects_come_to() {
    let world = chain().peered("a", "b");
    let update = |world: World, of: &str, remote: &str, flags| {
        let spec = PeeringSpec { flags, ..peering(&format!("{of}-to-{remote}"), remote) };
        world.with(Operation::UpdatePeering(vnet_name(of), spec))
    };
    let forwarded = PeeringFlags { allow_forwarded_traffic: true, ..PeeringFlags::default() };
    let denied = PeeringFlags { allow_virtual_network_access: false, ..PeeringFlags::default() };
    let hop = |world: &World, of: &str| {
        let found = table(world, of, "s").into_iter().find_map(|row| match row.next_hop {
            NextHop::Peering(hop) => Some(hop),
            _ => None,
        });
        found.unwrap()
    };
    // The receiving side's object decides about forwarded traffic.
    let world = update(world, "b", "a", forwarded);
    assert!(hop(&world, "a").forwarded_traffic_allowed);
    assert!(!hop(&world, "b").forwarded_traffic_allowed);
    assert_eq!(
        (&hop(&world, "a").peering, &hop(&world, "a").remote_peering),
        (&peering_name("a-to-b"), &peering_name("b-to-a"))
    );
    // Either side's object denies access both ways; the row stays.
    let world = update(world, "b", "a", denied);
    for (of, local, remote) in [("a", true, false), ("b", false, true)] {
        let hop = hop(&world, of);
        assert_eq!(
            (hop.local_access_allowed, hop.remote_access_allowed, hop.access_allowed()),
            (local, remote, false)
        );
    }
}
