//! A disk that fails at any of the calls that write to it.

use std::path::Path;

use pretty_assertions::assert_eq;
use rstest::rstest;
use tempfile::tempdir;

use super::{activity, messages, open, small};
use crate::model::State;
use crate::model::tests::World;
use crate::store::faults::Faults;
use crate::store::migrate::STEPS;
use crate::store::place::Place;
use crate::store::{MAX_WAITING, Opened, Store, StoreError};

const NO_SPACE: i32 = 28;
const IO: i32 = 5;

fn open_faulty(directory: &Path) -> (Result<Opened, StoreError>, Faults) {
    let place = Place::take(directory).unwrap();
    let faults = place.faults.clone();
    (Store::open_with(place, STEPS), faults)
}

fn other() -> State {
    super::state(World::default().vnet("other", &["10.9.0.0/16"]).0)
}

fn sentence(code: i32) -> String {
    match code {
        NO_SPACE => "DIR/state.redb cannot be written: No space left on device (os error 28). Nothing was changed; make \
                     room on the disk and try again"
            .to_owned(),
        _ => "DIR/state.redb cannot be written: Input/output error (os error 5)".to_owned(),
    }
}

/// How a failure ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// The store goes on.
    Commit,
    /// The agent is started anew.
    Restart,
}

#[rstest]
fn a_commit_that_fails_at_any_call_changes_nothing_and_later_ones_succeed(
    #[values(NO_SPACE, IO)] code: i32,
    #[values(1, u64::MAX)] times: u64,
    #[values(false, true)] is_late: bool,
    #[values(Then::Commit, Then::Restart)] then: Then,
) {
    let mut failed = 0;
    for after in 0.. {
        assert!(after < 1_000, "the calls of a commit do not end");
        let place = tempdir().unwrap();
        let (opened, faults) = open_faulty(place.path());
        let mut store = opened.unwrap().store;
        store.commit(&small(), activity("first")).unwrap();
        store.record(activity("refused")).unwrap();
        store.put_note("places", &[7]);
        faults.fail(after, times, code, is_late);
        let result = store.commit(&other(), activity("second"));
        let was_hit = faults.end();
        let Err(error) = result else {
            // Whatever went wrong behind the commit is not its matter.
            drop(store);
            assert_eq!((open(place.path()).state, was_hit), (other(), false), "call {after}");
            break;
        };
        failed += 1;
        let error = error.to_string().replace(&place.path().display().to_string(), "DIR");
        assert_eq!(error, sentence(code), "call {after}");
        assert_eq!(store.version(), 1);
        match then {
            Then::Commit => {
                assert_eq!(messages(&mut store), ["refused", "first"]);
                assert_eq!(store.commit(&State::default(), activity("third")).unwrap(), 2);
                assert_eq!(messages(&mut store), ["third", "refused", "first"]);
                drop(store);
                let mut opened = open(place.path());
                assert_eq!((opened.state, opened.version), (State::default(), 2), "call {after}");
                assert_eq!(messages(&mut opened.store), ["third", "refused", "first"]);
                assert_eq!(opened.store.note("places"), Some(&[7][..]));
            }
            Then::Restart => {
                drop(store);
                let opened = open(place.path());
                // A disk that stays broken cannot be told to forget what it had taken in before it broke.
                let is_in_flight = times > 1 && opened.version == 2 && opened.state == other();
                assert!(is_in_flight || (opened.version, &opened.state) == (1, &small()), "call {after}");
            }
        }
    }
    assert!(failed >= 3, "a commit writes, and it failed {failed} times");
}

#[rstest]
fn a_start_that_fails_at_any_call_does_not_stop_the_next(#[values(NO_SPACE, IO)] code: i32) {
    let mut failed = 0;
    for after in 0.. {
        assert!(after < 1_000, "the calls of a start do not end");
        let place = tempdir().unwrap();
        let taken = Place::take(place.path()).unwrap();
        let faults = taken.faults.clone();
        faults.fail(after, u64::MAX, code, false);
        let result = Store::open_with(taken, STEPS);
        let was_hit = faults.end();
        match result {
            Err(error) => {
                let error = error.to_string();
                assert!(error.contains("state.redb cannot be "), "call {after}: {error}");
                failed += 1;
            }
            Ok(opened) => {
                drop(opened);
                if !was_hit {
                    break;
                }
            }
        }
        let mut opened = open(place.path());
        assert_eq!((opened.state, opened.version), (State::default(), 0));
        opened.store.commit(&small(), activity("first")).unwrap();
    }
    assert!(failed >= 3, "a start writes, and it failed {failed} times");
}

#[test]
fn refusals_that_cannot_be_written_are_given_up_oldest_first_and_stay_few() {
    let place = tempdir().unwrap();
    let (opened, faults) = open_faulty(place.path());
    let mut store = opened.unwrap().store;
    faults.fail(0, u64::MAX, NO_SPACE, false);
    let failed = (0..3 * MAX_WAITING).filter(|n| store.record(activity(&n.to_string())).is_err()).count();
    assert!((1..100).contains(&failed), "{failed} of them said so");
    faults.end();
    store.flush().unwrap();
    let kept = messages(&mut store);
    assert_eq!(kept[0], (3 * MAX_WAITING - 1).to_string());
    assert!(kept.len() <= MAX_WAITING && kept.len() > MAX_WAITING / 2, "{} are kept", kept.len());
}

#[test]
fn after_a_read_that_failed_the_next_commit_succeeds() {
    let place = tempdir().unwrap();
    let (opened, faults) = open_faulty(place.path());
    let mut store = opened.unwrap().store;
    // More than is kept in memory.
    for _ in 0..40_000 {
        store.record(activity(&"x".repeat(600))).unwrap();
    }
    store.flush().unwrap();
    faults.fail_reads();
    let read = store.log().and_then(|log| log.newest(usize::MAX, |_| true));
    let error = read.expect_err("the log is read from the disk");
    let error = error.to_string().replace(&place.path().display().to_string(), "DIR");
    assert_eq!(error, "DIR/state.redb cannot be read: Input/output error (os error 5)");
    faults.end();
    assert_eq!(store.commit(&small(), activity("first")).unwrap(), 1);
    drop(store);
    assert_eq!(open(place.path()).state, small());
}
