//! What somebody sees who may read some of the networks only.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;

use pretty_assertions::assert_eq;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{World, assert_same, nic_name, peering_name, random, subnets, vnet_name};
use crate::model::*;
use crate::routing::effective_routes;

/// spoke - hub - other, each with a NIC, and far, peered with other.
fn world() -> World {
    let mut world = World::default();
    for (number, name) in ["spoke", "hub", "other", "far"].into_iter().enumerate() {
        world = world
            .vnet(name, &[&format!("10.{number}.0.0/16")])
            .subnet(name, "s", &[&format!("10.{number}.1.0/24")])
            .nic(name, &format!("{name}/s"), &[&format!("10.{number}.1.4")]);
    }
    world.peered("spoke", "hub").peered("hub", "other").peered("other", "far")
}

fn visible(world: &World, readable: &[&str]) -> World {
    World(world.0.visible_to(|name| readable.contains(&name.as_str())))
}

fn names(world: &World) -> Vec<&str> {
    world.0.vnets().map(|vnet| vnet.name().as_str()).collect()
}

fn peerings(world: &World, of: &str) -> Vec<String> {
    world.network(of).peerings().map(|peering| peering.name().to_string()).collect()
}

#[test]
fn who_may_read_everything_sees_everything() {
    let world = world();
    assert_same(&world.0.visible_to(|_| true), &world.0);
}

#[test]
fn who_may_read_nothing_sees_nothing() {
    assert_eq!(world().0.visible_to(|_| false), Topology::default());
}

#[test]
fn a_readable_network_is_there_whole_and_its_peers_without_nics_and_other_peerings() {
    let world = world();
    let seen = visible(&world, &["spoke"]);
    assert_eq!(names(&seen), ["hub", "spoke"]);
    assert!(Arc::ptr_eq(seen.network("spoke"), world.network("spoke")));
    let (stub, hub) = (seen.network("hub"), world.network("hub"));
    assert_eq!((stub.region(), stub.address_space()), (hub.region(), hub.address_space()));
    assert_eq!(stub.subnets().count(), 0);
    assert!(stub.nics().is_empty());
    assert_eq!(peerings(&seen, "hub"), ["hub-to-spoke"]);
    assert_eq!(seen.object("hub", "spoke"), world.object("hub", "spoke"));
    assert!(seen.0.nic(&nic_name("spoke")).is_some() && seen.0.nic(&nic_name("hub")).is_none());
}

#[test]
fn a_network_between_two_readable_ones_is_a_stub_with_both_peerings() {
    let seen = visible(&world(), &["spoke", "other"]);
    assert_eq!(names(&seen), ["far", "hub", "other", "spoke"]);
    assert_eq!(peerings(&seen, "hub"), ["hub-to-other", "hub-to-spoke"]);
    assert_eq!(seen.0.nic_count(), 2);
}

#[test]
fn a_side_that_stands_alone_shows_nothing_of_the_other_network() {
    let base = || World::default().vnet("a", &["10.0.0.0/16"]).vnet("b", &["10.1.0.0/16"]);
    let gone = Operation::DeletePeering(vnet_name("b"), peering_name("b-to-a"));
    let again = |world: World| world.with(Operation::DeleteVnet(vnet_name("b"))).vnet("b", &["10.7.0.0/16"]);
    for (world, objects) in [
        (base().side("a", "b"), 1),
        (base().side("b", "a"), 0),
        (base().peered("a", "b").with(gone), 1),
        (again(base().peered("a", "b")), 1),
    ] {
        let seen = visible(&world, &["a"]);
        assert_eq!(names(&seen), ["a"]);
        assert_eq!(peerings(&seen, "a").len(), objects);
        assert_eq!(Topology::restore_visible(seen.0.snapshot()), Ok(seen.0));
    }
}

#[test]
fn a_peering_whose_remote_is_gone_stays_and_shows_no_more() {
    let gone = Operation::DeleteVnet(vnet_name("b"));
    let world =
        World::default().vnet("a", &["10.0.0.0/16"]).vnet("b", &["10.1.0.0/16"]).vnet("c", &["10.2.0.0/16"]);
    let world = world.peered("a", "b").with(gone);
    let seen = visible(&world, &["a"]);
    assert_eq!((names(&seen), seen.state("a", "b")), (vec!["a"], PeeringState::Disconnected));
}

#[test]
fn an_interface_of_a_network_that_one_may_not_read_is_not_found() {
    let mut world = world();
    for name in ["spoke", "hub"] {
        let (vnet, nic) = world.0.nic(&nic_name(name)).unwrap();
        let spec = NicSpec {
            name: nic.name().clone(),
            subnet: SubnetRef { vnet: vnet.name().clone(), subnet: nic.subnet().clone() },
            ipv4: nic.ipv4(),
            ipv6: None,
            mac: None,
            interface: Some(InterfaceName::new(name).unwrap()),
            enable_ip_forwarding: false,
        };
        world = world.with(Operation::UpdateNic(spec));
    }
    let seen = visible(&world, &["spoke"]);
    let found = |name: &str| seen.0.nic_by_interface(&InterfaceName::new(name).unwrap()).is_some();
    assert_eq!((found("spoke"), found("hub")), (true, false));
}

#[test]
fn of_the_other_network_s_subnets_those_are_there_that_either_side_names() {
    let side = |remote: &str, local: &[&str], of_remote: &[&str]| PeeringSpec {
        subnets: subnets(local, of_remote, false),
        ..super::peering("p", remote)
    };
    let world = world()
        .subnet("far", "t", &["10.3.2.0/24"])
        .subnet("far", "payroll", &["10.3.3.0/24"])
        .with(Operation::CreatePeering(vnet_name("spoke"), side("far", &["s"], &["s"])));
    assert_eq!(names(&visible(&world, &["spoke"])), ["hub", "spoke"]);
    let world = world.with(Operation::CreatePeering(vnet_name("far"), side("spoke", &["s", "t"], &["s"])));
    let seen = visible(&world, &["spoke"]);
    let shown: Vec<&str> = seen.network("far").subnets().map(|subnet| subnet.name().as_str()).collect();
    assert_eq!(shown, ["s", "t"]);
    assert_eq!(Topology::restore_visible(seen.0.snapshot()), Ok(seen.0));
}

/// Everything that `visible_to` promises, of a topology that random steps led to and a random choice of its networks.
fn check(whole: &Topology, readable: &BTreeSet<VnetId>) -> (usize, usize) {
    let seen = whole.visible_to(|name| readable.contains(name));
    assert_eq!(Topology::restore_visible(seen.snapshot()), Ok(seen.clone()));
    assert_eq!(seen.visible_to(|name| readable.contains(name)), seen);
    let (mut stubs, mut hidden) = (0, 0);
    for vnet in whole.vnets() {
        let shown = seen.vnet(vnet.name());
        if readable.contains(vnet.name()) {
            let shown = shown.expect("a readable network is there");
            assert!(Arc::ptr_eq(shown, vnet));
            for subnet in vnet.subnets() {
                assert_eq!(effective_routes(&seen, shown, subnet), effective_routes(whole, vnet, subnet));
            }
            continue;
        }
        let is_connected = |peering: &&Peering| {
            peering.state() == PeeringState::Connected && readable.contains(peering.remote())
        };
        let towards: Vec<&Peering> = vnet.peerings().filter(is_connected).collect();
        assert_eq!(shown.is_some(), !towards.is_empty(), "{}", vnet.name());
        let Some(stub) = shown else {
            hidden += 1;
            continue;
        };
        stubs += 1;
        assert_eq!((stub.region(), stub.address_space()), (vnet.region(), vnet.address_space()));
        let takes_part = |subnet: &&Subnet| {
            towards.iter().any(|own| {
                let (_, other) = whole.other_side(vnet.name(), own).unwrap();
                own.subnets().is_some_and(|subnets| subnets.local.contains(subnet.name()))
                    || other.subnets().is_some_and(|subnets| subnets.remote.contains(subnet.name()))
            })
        };
        assert!(stub.nics().is_empty() && stub.subnets().eq(vnet.subnets().filter(takes_part)));
        assert!(stub.peerings().eq(towards));
    }
    let nics = |topology: &Topology| -> Vec<NicId> {
        let nics = topology.nics().filter(|(vnet, _)| readable.contains(vnet.name()));
        nics.map(|(_, nic)| nic.name().clone()).collect()
    };
    assert_eq!(nics(&seen), nics(whole));
    assert_eq!(seen.nic_count(), nics(whole).len());
    (stubs, hidden)
}

#[test]
fn what_is_visible_is_sound_and_routes_as_the_whole_does() {
    let (stubs, hidden) = (Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(Config { cases: 300, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&(random::dice(60), any::<u8>()), |(dice, choice)| {
        let mut topology = random::furnished();
        dice.into_iter().for_each(|dice| _ = random::step(&mut topology, dice));
        let chosen = topology.vnets().enumerate().filter(|(number, _)| choice >> number & 1 == 1);
        let readable = chosen.map(|(_, vnet)| vnet.name().clone()).collect();
        let (more_stubs, more_hidden) = check(&topology, &readable);
        stubs.set(stubs.get() + more_stubs);
        hidden.set(hidden.get() + more_hidden);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    assert!(stubs.get() > 50 && hidden.get() > 50, "{} stubs, {} hidden", stubs.get(), hidden.get());
}
