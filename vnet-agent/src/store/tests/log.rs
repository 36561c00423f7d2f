//! The activity log: in order, bounded, and no burden to the disk.

use std::time::{Duration, UNIX_EPOCH};

use pretty_assertions::assert_eq;
use tempfile::tempdir;

use super::{activity, messages, open, small};
use crate::model::State;
use crate::store::{Activity, ActivityQuery, ActivityStatus, MAX_ACTIVITIES, MAX_WAITING, Store};

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
    assert_eq!(store.activities(&ActivityQuery::default()).unwrap(), entries);
    drop(store);
    assert_eq!(open(place.path()).store.activities(&ActivityQuery::default()).unwrap(), entries);
}

#[test]
fn entries_come_newest_first_those_that_wait_before_those_on_the_disk() {
    let place = tempdir().unwrap();
    let mut store = open(place.path()).store;
    store.record(refused("1")).unwrap();
    store.commit(&small(), activity("2")).unwrap();
    store.record(refused("3")).unwrap();
    store.record(refused("4")).unwrap();
    assert_eq!(messages(&store), ["4", "3", "2", "1"]);
    let newest = |limit| {
        let query = ActivityQuery { limit, ..ActivityQuery::default() };
        store.activities(&query).unwrap().into_iter().map(|entry| entry.message).collect::<Vec<_>>()
    };
    assert_eq!(
        (newest(0), newest(1), newest(3)),
        (vec![], vec!["4".into()], vec!["4".into(), "3".into(), "2".into()])
    );
    store.close().unwrap();
    assert_eq!(messages(&open(place.path()).store), ["4", "3", "2", "1"]);
}

#[test]
fn a_query_takes_one_subscription_alone_and_what_is_not_older_than_a_moment() {
    let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
    let entry = |message: &str, seconds, resource: &str| Activity {
        time: at(seconds),
        resource: resource.to_owned(),
        ..activity(message)
    };
    let place = tempdir().unwrap();
    let mut store = open(place.path()).store;
    store.record(entry("red", 10, "/subscriptions/red/resourceGroups/prod")).unwrap();
    store.commit(&small(), entry("red itself", 20, "/Subscriptions/red")).unwrap();
    // The clock was set back.
    store.record(entry("reddish", 15, "/subscriptions/reddish/resourceGroups/red")).unwrap();
    store.record(entry("all", 20, "/")).unwrap();
    let ask = |subscription: Option<&str>, since| {
        let (subscription, limit) = (subscription.map(str::to_owned), 10);
        let entries = store.activities(&ActivityQuery { subscription, since, limit }).unwrap();
        entries.into_iter().map(|entry| entry.message).collect::<Vec<_>>()
    };
    assert_eq!(ask(Some("red"), None), ["red itself", "red"]);
    assert_eq!(ask(Some("reddish"), None), ["reddish"]);
    assert_eq!(ask(None, Some(at(20))), ["all", "red itself"]);
    assert_eq!(ask(Some("red"), Some(at(11))), ["red itself"]);
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
    assert_eq!(messages(&open(place.path()).store), ["done"]);
}

#[test]
fn more_refusals_than_may_wait_are_written_together() {
    let place = tempdir().unwrap();
    let mut store = open(place.path()).store;
    let names: Vec<String> = (0..MAX_WAITING + 5).rev().map(|number| number.to_string()).collect();
    for name in names.iter().rev() {
        store.record(refused(name)).unwrap();
    }
    assert_eq!(messages(&store), names);
    drop(store);
    assert_eq!(messages(&open(place.path()).store), names[4..]);
}

#[test]
fn the_log_keeps_the_newest_and_its_file_stops_growing() {
    let place = tempdir().unwrap();
    let mut store = open(place.path()).store;
    let size = || std::fs::metadata(place.path().join("state.redb")).unwrap().len();
    let fill = |store: &mut Store, from: u64, to: u64| {
        for number in from..to {
            store.record(refused(&number.to_string())).unwrap();
        }
        store.flush().unwrap();
    };
    fill(&mut store, 0, MAX_ACTIVITIES);
    let full = size();
    fill(&mut store, MAX_ACTIVITIES, MAX_ACTIVITIES * 3 / 2);
    let kept: Vec<u64> = messages(&store).iter().map(|message| message.parse().unwrap()).collect();
    assert_eq!(kept.len() as u64, MAX_ACTIVITIES);
    assert!(kept.iter().copied().eq((MAX_ACTIVITIES / 2..MAX_ACTIVITIES * 3 / 2).rev()));
    assert!(size() <= full * 2, "{full} bytes grew to {}", size());
    store.commit(&small(), activity("one more")).unwrap();
    drop(store);
    let kept = messages(&open(place.path()).store);
    assert_eq!((kept.len() as u64, kept[0].as_str()), (MAX_ACTIVITIES, "one more"));
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
    let [entry] = &store.activities(&ActivityQuery::default()).unwrap()[..] else { panic!("one entry") };
    assert_eq!(entry.caller, "é".repeat(512));
    assert_eq!(entry.resource, "x".repeat(1024));
    assert_eq!(entry.code, Some("x".repeat(1024)));
    assert_eq!(entry.message, format!("x{}", "é".repeat(511)));
}
