//! The activity log: in order, bounded, and no burden to the disk.

use pretty_assertions::assert_eq;
use rstest::rstest;
use tempfile::tempdir;

use super::{activity, messages, open, small};
use crate::model::State;
use crate::store::{Activity, ActivityStatus, MAX_ACTIVITIES, MAX_REFUSALS, MAX_WAITING, Store};

fn refused(message: &str) -> Activity {
    Activity {
        status: ActivityStatus::Failed,
        code: Some("AuthorizationFailed".to_owned()),
        ..activity(message)
    }
}

#[test]
fn an_entry_is_read_as_it_was_written_and_a_commits_has_its_version() {
    let place = tempdir().unwrap();
    let mut store = open(place.path()).store;
    store.record(refused("not you")).unwrap();
    store.commit(&small(), activity("")).unwrap();
    let entries = [Activity { version: Some(1), ..activity("") }, refused("not you")];
    assert_eq!(super::entries(&mut store), entries);
    drop(store);
    assert_eq!(super::entries(&mut open(place.path()).store), entries);
}

#[test]
fn entries_come_newest_first_those_that_wait_before_those_on_the_disk() {
    let place = tempdir().unwrap();
    let mut store = open(place.path()).store;
    store.record(refused("1")).unwrap();
    store.commit(&small(), activity("2")).unwrap();
    store.record(refused("3")).unwrap();
    store.record(refused("4")).unwrap();
    assert_eq!(messages(&mut store), ["4", "3", "2", "1"]);
    let log = store.log().unwrap();
    let newest = |limit| {
        log.newest(limit, |_| true).unwrap().into_iter().map(|entry| entry.message).collect::<Vec<_>>()
    };
    assert_eq!(
        (newest(0), newest(1), newest(3)),
        (vec![], vec!["4".into()], vec!["4".into(), "3".into(), "2".into()])
    );
    store.close().unwrap();
    assert_eq!(messages(&mut open(place.path()).store), ["4", "3", "2", "1"]);
}

#[test]
fn only_what_is_wanted_is_found_and_counts() {
    let place = tempdir().unwrap();
    let mut store = open(place.path()).store;
    store.record(refused("1")).unwrap();
    store.commit(&small(), activity("2")).unwrap();
    store.record(refused("3")).unwrap();
    store.record(activity("4")).unwrap();
    let log = store.log().unwrap();
    let found = |limit, status| {
        let found = log.newest(limit, |entry| entry.status == status).unwrap();
        found.into_iter().map(|entry| entry.message).collect::<Vec<_>>()
    };
    assert_eq!(found(9, ActivityStatus::Failed), ["3", "1"]);
    assert_eq!(found(9, ActivityStatus::Succeeded), ["4", "2"]);
    assert_eq!(found(1, ActivityStatus::Succeeded), ["4"]);
}

#[test]
fn a_log_is_read_as_it_was_while_others_write() {
    let place = tempdir().unwrap();
    let mut store = open(place.path()).store;
    store.commit(&small(), activity("1")).unwrap();
    store.record(refused("2")).unwrap();
    let log = store.log().unwrap();
    let messages = log.newest(9, |entry| {
        // In the midst of it.
        store.commit(&State::default(), activity("late")).unwrap();
        store.record(refused("later")).unwrap();
        !entry.message.is_empty()
    });
    let messages: Vec<_> = messages.unwrap().into_iter().map(|entry| entry.message).collect();
    assert_eq!(messages, ["2", "1"]);
}

#[test]
fn what_is_refused_waits_in_memory_and_an_end_without_a_close_loses_it() {
    let place = tempdir().unwrap();
    let mut store = open(place.path()).store;
    store.commit(&small(), activity("done")).unwrap();
    let file = std::fs::read(place.path().join("state.redb")).unwrap();
    for _ in 0..MAX_WAITING {
        store.record(refused("no")).unwrap();
    }
    assert!(std::fs::read(place.path().join("state.redb")).unwrap() == file, "a refusal was written");
    drop(store);
    assert_eq!(messages(&mut open(place.path()).store), ["done"]);
}

#[test]
fn more_refusals_than_may_wait_are_written_together() {
    let place = tempdir().unwrap();
    let mut store = open(place.path()).store;
    let names: Vec<String> = (0..MAX_WAITING + 5).rev().map(|number| number.to_string()).collect();
    for name in names.iter().rev() {
        store.record(refused(name)).unwrap();
    }
    assert_eq!(messages(&mut store), names);
    drop(store);
    assert_eq!(messages(&mut open(place.path()).store), names[4..]);
}

#[rstest]
#[case::of_what_was_done(ActivityStatus::Succeeded, MAX_ACTIVITIES)]
#[case::of_what_was_refused(ActivityStatus::Failed, MAX_REFUSALS)]
fn the_log_keeps_the_newest_and_its_file_stops_growing(#[case] status: ActivityStatus, #[case] limit: u64) {
    let place = tempdir().unwrap();
    let mut store = open(place.path()).store;
    let size = || std::fs::metadata(place.path().join("state.redb")).unwrap().len();
    let fill = |store: &mut Store, from: u64, to: u64| {
        for number in from..to {
            store.record(Activity { status, ..activity(&number.to_string()) }).unwrap();
        }
        store.flush().unwrap();
    };
    fill(&mut store, 0, limit);
    let full = size();
    fill(&mut store, limit, limit * 3 / 2);
    let kept: Vec<u64> = messages(&mut store).iter().map(|message| message.parse().unwrap()).collect();
    assert_eq!(kept.len() as u64, limit);
    assert!(kept.iter().copied().eq((limit / 2..limit * 3 / 2).rev()));
    assert!(size() <= full * 2, "{full} bytes grew to {}", size());
    store.commit(&small(), Activity { status, ..activity("one more") }).unwrap();
    drop(store);
    let kept = messages(&mut open(place.path()).store);
    assert_eq!((kept.len() as u64, kept[0].as_str()), (limit, "one more"));
}

#[test]
fn what_was_done_stays_however_often_somebody_is_refused() {
    let place = tempdir().unwrap();
    let mut store = open(place.path()).store;
    store.record(refused("the first")).unwrap();
    store.commit(&small(), activity("done")).unwrap();
    for _ in 0..MAX_ACTIVITIES + MAX_REFUSALS {
        store.record(refused("no")).unwrap();
    }
    store.close().unwrap();
    let kept = messages(&mut open(place.path()).store);
    assert_eq!(kept.len() as u64, MAX_REFUSALS + 1);
    assert_eq!(kept.last().unwrap(), "done");
}

#[test]
fn a_text_of_any_length_is_cut_between_two_characters() {
    let place = tempdir().unwrap();
    let mut store = open(place.path()).store;
    let long = Activity {
        caller: "é".repeat(5_000),
        resource: "x".repeat(5_000),
        code: Some("x".repeat(5_000)),
        ..activity(&format!("x{}", "é".repeat(5_000)))
    };
    store.commit(&State::default(), long).unwrap();
    let [entry] = &super::entries(&mut store)[..] else { panic!("one entry") };
    assert_eq!(entry.caller, "é".repeat(512));
    assert_eq!(entry.resource, "x".repeat(1024));
    assert_eq!(entry.code, Some("x".repeat(1024)));
    assert_eq!(entry.message, format!("x{}", "é".repeat(511)));
}
