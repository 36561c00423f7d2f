//! Isolation between subscriptions, with changes that no one thought of.
//!
//! Random changes are carried out without looking at roles, and then judged. What must not pass is said here once more, by what
//! a subscription's owner declared, and not by the actions that the product asks for.

use std::cell::Cell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{ALICE, House, caller};
use crate::model::access::authorize_change;
use crate::model::tests::random::{dice, furnished, step};
use crate::model::tests::{nic_name, vnet_name};
use crate::model::*;

/// Networks `a` and `b` and NICs `n0` to `n3` belong to `red`, which is Alice's, all others to `blue`.
fn in_subscriptions(topology: &Topology) -> Topology {
    let is_red = |name: &str| matches!(name, "a" | "b" | "n0" | "n1" | "n2" | "n3");
    let place = |name: &str| format!("{}/g/{name}", if is_red(name) { "red" } else { "blue" });
    let mut snapshot = topology.snapshot();
    for vnet in &mut snapshot.virtual_networks {
        vnet.name = vnet_name(&place(vnet.name.name()));
        for nic in &mut vnet.nics {
            nic.name = nic_name(&place(nic.name.name()));
        }
        for peering in &mut vnet.peerings {
            peering.remote_virtual_network = vnet_name(&place(peering.remote_virtual_network.name()));
        }
    }
    Topology::restore(snapshot).unwrap()
}

type Declaration = (Option<VnetSnapshot>, Option<(VnetId, NicSnapshot)>);

/// What is declared in `blue`, by resource id: each network without its NICs and without what only follows, and each NIC.
fn declared_in_blue(topology: &Topology) -> BTreeMap<String, Declaration> {
    let mut declared = BTreeMap::new();
    for mut vnet in topology.snapshot().virtual_networks {
        for nic in std::mem::take(&mut vnet.nics) {
            if nic.name.subscription() == "blue" {
                declared.insert(nic.name.arm_id(), (None, Some((vnet.name.clone(), nic))));
            }
        }
        if vnet.name.subscription() == "blue" {
            for peering in &mut vnet.peerings {
                peering.peering_state = PeeringState::Initiated;
                peering.remote_address_space.clear();
            }
            declared.insert(vnet.name.arm_id(), (Some(vnet), None));
        }
    }
    declared
}

/// Whether nothing happened but within `red`, and to peerings that became `Disconnected`: no reference to `blue`, to the host or
/// back is new, and none takes over what it did not have.
fn stays_within_red(before: &Topology, after: &Topology) -> bool {
    let is_red = |name: &VnetId| name.subscription() == "red";
    let peerings = after.vnets().flat_map(|vnet| vnet.peerings().map(move |peering| (vnet.name(), peering)));
    let mut across = peerings.filter(|(vnet, peering)| !is_red(vnet) || !is_red(peering.remote()));
    let is_as_before = |(vnet, new): (&VnetId, &Peering)| {
        before.peering(vnet, new.name()).is_some_and(|old| {
            old.spec() == new.spec()
                && old.remote_address_space() == new.remote_address_space()
                && [old.state(), PeeringState::Disconnected].contains(&new.state())
        })
    };
    let mut nics = after.nics().filter(|(vnet, nic)| !is_red(vnet.name()) || nic.interface().is_some());
    across.all(is_as_before)
        && nics.all(|(vnet, nic)| {
            before.nic(nic.name()).is_some_and(|(old_vnet, old)| {
                let place = |vnet: &VirtualNetwork, nic: &Nic| (vnet.name().clone(), nic.subnet().clone());
                place(old_vnet, old) == place(vnet, nic) && old.interface() == nic.interface()
            })
        })
}

/// All of `blue`, what only follows included.
fn blue(topology: &Topology) -> Vec<VnetSnapshot> {
    let vnets = topology.snapshot().virtual_networks.into_iter();
    vnets.filter(|vnet| vnet.name.subscription() == "blue").collect()
}

#[derive(Default)]
struct Reached {
    touched: Cell<u32>,
    only_followed: Cell<u32>,
    within: Cell<u32>,
    linked: Cell<u32>,
}

fn count(cell: &Cell<u32>) {
    cell.set(cell.get() + 1);
}

#[test]
fn the_owner_of_one_subscription_touches_nothing_that_is_declared_in_another() {
    let house = House::new().with_owners();
    let alice = caller(ALICE);
    let reached = Reached::default();
    let steps = (dice(24), 1..4_usize);
    let config = Config { cases: 200, failure_persistence: None, ..Config::default() };
    let run = TestRunner::new(config).run(&steps, |(steps, at_once)| {
        let mut current = furnished();
        for chunk in steps.chunks(at_once) {
            let before = in_subscriptions(&current);
            for dice in chunk {
                step(&mut current, *dice);
            }
            let after = in_subscriptions(&current);
            let outcome = authorize_change(&house.0.directory, &alice, &before, &after);
            if declared_in_blue(&before) != declared_in_blue(&after) {
                count(&reached.touched);
                prop_assert!(outcome.is_err());
            } else if before == after {
                prop_assert_eq!(outcome, Ok(()));
            } else if stays_within_red(&before, &after) {
                count(if blue(&before) == blue(&after) { &reached.within } else { &reached.only_followed });
                prop_assert_eq!(outcome, Ok(()));
            } else if outcome.is_err() {
                count(&reached.linked);
            }
        }
        Ok(())
    });
    run.unwrap();
    for (case, reached) in [
        ("a change of what another declared", &reached.touched),
        ("a change that the other side only follows", &reached.only_followed),
        ("a change within the own subscription", &reached.within),
        ("a change that lacks a role elsewhere", &reached.linked),
    ] {
        assert!(reached.get() > 10, "{case} was reached {} times", reached.get());
    }
}
