//! What is committed is found again.

use pretty_assertions::assert_eq;
use proptest::prelude::*;
use tempfile::tempdir;

use super::{activity, directory, open, small, state};
use crate::model::State;
use crate::model::tests::random::{dice, furnished, step};

#[test]
fn a_new_directory_holds_an_empty_state_of_version_0() {
    let place = tempdir().unwrap();
    let opened = open(&place.path().join("run/vnet"));
    assert_eq!((opened.state, opened.version, opened.migrated_from), (State::default(), 0, None));
}

#[test]
fn each_commit_is_found_with_its_version_by_whoever_opens_next_even_if_the_store_was_never_closed() {
    let place = tempdir().unwrap();
    let full = State { directory: directory(), ..small() };
    for (version, next) in [(1, &full), (2, &small()), (3, &State::default()), (4, &full)] {
        let mut opened = open(place.path());
        assert_eq!(opened.store.commit(next, activity("a change")).unwrap(), version);
        assert_eq!(opened.store.version(), version);
        // Dropped without a close.
        drop(opened);
        let opened = open(place.path());
        assert_eq!((&opened.state, opened.version), (next, version));
    }
}

#[test]
fn a_commit_that_changes_nothing_is_a_version_too() {
    let place = tempdir().unwrap();
    let mut opened = open(place.path());
    let versions: Vec<u64> =
        (0..3).map(|_| opened.store.commit(&small(), activity("again")).unwrap()).collect();
    assert_eq!(versions, [1, 2, 3]);
    drop(opened);
    let opened = open(place.path());
    assert_eq!((opened.state, opened.version), (small(), 3));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn whatever_is_committed_step_by_step_is_found_after_any_of_the_steps(
        steps in dice(24), reopened_after in any::<u32>(),
    ) {
        let place = tempdir().unwrap();
        let mut opened = open(place.path());
        let mut topology = furnished();
        let mut version = 0;
        for (index, dice) in steps.into_iter().enumerate() {
            step(&mut topology, dice);
            let next = state(topology.clone());
            version += 1;
            prop_assert_eq!(opened.store.commit(&next, activity("a step")).unwrap(), version);
            if reopened_after >> index & 1 == 1 {
                drop(opened);
                opened = open(place.path());
                prop_assert_eq!((&opened.state, opened.version), (&next, version));
            }
        }
        opened.store.close().unwrap();
        let opened = open(place.path());
        prop_assert_eq!((&opened.state, opened.version), (&state(topology), version));
    }
}
