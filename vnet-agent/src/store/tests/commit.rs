//! What is committed is found again.

use proptest::prelude::*;
use tempfile::tempdir;

use super::{activity, open, state};
use crate::model::State;
use crate::model::tests::random::{dice, furnished, step};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_committed_step_by_step_is_found_after_each_of_them(steps in dice(24), reopen in any::<u32>()) {
        let directory = tempdir().unwrap();
        let mut opened = open(directory.path());
        prop_assert_eq!(&opened.state, &State::default());
        let mut topology = furnished();
        let mut version = 0;
        for (index, dice) in steps.into_iter().enumerate() {
            step(&mut topology, dice);
            let next = state(topology.clone());
            version += 1;
            prop_assert_eq!(opened.store.commit(&next, activity("a step")).unwrap(), version);
            if reopen >> (index % 32) & 1 == 1 {
                drop(opened);
                opened = open(directory.path());
                prop_assert_eq!((&opened.state, opened.version), (&next, version));
            }
        }
        opened.store.close().unwrap();
        let opened = open(directory.path());
        prop_assert_eq!((&opened.state, opened.version), (&state(topology), version));
    }
}
