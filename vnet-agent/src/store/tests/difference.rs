//! Only what differs is written.

use std::cell::Cell;
use std::collections::BTreeMap;

use pretty_assertions::assert_eq;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::{directory, small, state};
use crate::model::tests::random::{dice, furnished, step};
use crate::model::tests::{World, nic, nic_name, peering, vnet, vnet_name};
use crate::model::{Operation, Region, State, VnetSpec};
use crate::store::difference::{Write, difference};
use crate::store::record::Key;

/// The records that are written and those that are taken away, in words.
fn written(before: &State, after: &State) -> (Vec<String>, Vec<String>) {
    let writes = difference(before, after).unwrap();
    let (put, removed): (Vec<_>, Vec<_>) = writes.iter().partition(|write| write.value.is_some());
    let words = |writes: Vec<&Write>| writes.iter().map(|write| write.key.to_string()).collect();
    (words(put), words(removed))
}

fn after(before: &State, operation: Operation) -> State {
    state(before.topology.apply(operation).unwrap())
}

#[test]
fn one_more_peering_of_a_hub_with_499_is_one_record_on_each_side() {
    let mut world = World::default().vnet("hub", &["10.0.0.0/16"]);
    for number in 0..500 {
        let spoke = format!("spoke-{number}");
        world = world.vnet(&spoke, &[&format!("172.{}.{}.0/24", 16 + number / 250, number % 250)]);
        if number < 499 {
            world = world.peered("hub", &spoke);
        }
    }
    let hub = state(world.0);
    let create = |of: &str, remote: &str| {
        let spec = peering(&format!("{of}-to-{remote}"), remote);
        Operation::CreatePeering(vnet_name(of), spec)
    };
    let initiated = after(&hub, create("hub", "spoke-499"));
    let own = "peering hub-to-spoke-499 of hub".to_owned();
    assert_eq!(written(&hub, &initiated), (vec![own.clone()], vec![]));
    let connected = after(&initiated, create("spoke-499", "hub"));
    let other = "peering spoke-499-to-hub of spoke-499".to_owned();
    assert_eq!(written(&initiated, &connected), (vec![own, other], vec![]));
}

#[test]
fn a_nic_is_one_record_and_one_that_moves_to_another_network_leaves_its_old_one() {
    let before = state(
        World::default()
            .vnet("a", &["10.0.0.0/16"])
            .subnet("a", "default", &["10.0.1.0/24"])
            .vnet("b", &["10.1.0.0/16"])
            .subnet("b", "default", &["10.1.1.0/24"])
            .nic("one", "a/default", &["10.0.1.4"])
            .nic("two", "a/default", &["10.0.1.5"])
            .0,
    );
    let same = after(&before, Operation::UpdateNic(nic("one", "a/default", &["10.0.1.6"])));
    assert_eq!(written(&before, &same), (vec!["NIC one of a".to_owned()], vec![]));
    let moved = after(&before, Operation::UpdateNic(nic("one", "b/default", &["10.1.1.4"])));
    let (put, removed) = (vec!["NIC one of b".to_owned()], vec!["NIC one of a".to_owned()]);
    assert_eq!(written(&before, &moved), (put, removed));
    let gone = after(&before, Operation::DeleteNic(nic_name("two")));
    assert_eq!(written(&before, &gone), (vec![], vec!["NIC two of a".to_owned()]));
}

#[test]
fn a_network_with_another_region_is_one_record_whatever_stands_in_it() {
    let before = small();
    let spec = VnetSpec {
        region: Region::new("northeurope").unwrap(),
        ..vnet("hub", &["10.0.0.0/16", "fd00::/48"])
    };
    let next = after(&before, Operation::UpdateVnet(spec));
    assert_eq!(written(&before, &next), (vec!["virtual network hub".to_owned()], vec![]));
}

#[test]
fn each_entry_of_the_directory_is_one_record() {
    let with = State { directory: directory(), ..small() };
    let records = [
        "subscription red",
        "role assignment one at /",
        "role assignment one at /subscriptions/red",
        "role assignment two at /subscriptions/red/resourceGroups/prod",
        "role assignment three at \
         /subscriptions/red/resourceGroups/prod/providers/Microsoft.Network/virtualNetworks/hub",
        "token ci",
    ]
    .map(str::to_owned)
    .to_vec();
    assert_eq!(written(&small(), &with), (records.clone(), vec![]));
    assert_eq!(written(&with, &small()), (vec![], records));
    assert_eq!(written(&with, &State { directory: directory(), ..small() }), (vec![], vec![]));
}

#[test]
fn the_records_that_differ_lead_from_any_state_to_any_other_and_none_of_them_is_needless() {
    let records = |state: &State| -> BTreeMap<Key, Option<Vec<u8>>> {
        let all = difference(&State::default(), state).unwrap();
        all.into_iter().map(|write| (write.key, write.value)).collect()
    };
    let (put, removed) = (Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(ProptestConfig::with_cases(128));
    let result = runner.run(&dice(12), |steps| {
        let before = state(furnished());
        let mut topology = before.topology.clone();
        for dice in steps {
            step(&mut topology, dice);
        }
        let next = state(topology);
        let mut found = records(&before);
        for Write { key, value } in difference(&before, &next).unwrap() {
            prop_assert_ne!(found.get(&key), Some(&value), "{} is written as it was", key);
            if value.is_some() {
                put.set(put.get() + 1);
                found.insert(key, value);
            } else {
                removed.set(removed.get() + 1);
                prop_assert!(found.remove(&key).is_some(), "{} was never there", key);
            }
        }
        prop_assert_eq!(found, records(&next));
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    let (put, removed) = (put.get(), removed.get());
    assert!(put > 100 && removed > 20, "{put} records were written, {removed} taken away");
}
