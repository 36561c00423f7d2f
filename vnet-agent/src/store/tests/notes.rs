//! Notes: kept beside the state, on the disk when something else is.

use pretty_assertions::assert_eq;
use tempfile::tempdir;

use super::{activity, open, small};

#[test]
fn a_note_is_found_at_once_and_after_a_restart_as_it_was_put_last() {
    let place = tempdir().unwrap();
    let mut store = open(place.path()).store;
    assert_eq!(store.note("places"), None);
    store.put_note("places", &[1]);
    store.put_note("other", b"");
    assert_eq!((store.note("places"), store.note("other")), (Some(&[1][..]), Some(&[][..])));
    store.commit(&small(), activity("with it")).unwrap();
    store.put_note("places", &[2, 0, 255]);
    store.flush().unwrap();
    drop(store);
    let store = open(place.path()).store;
    assert_eq!((store.note("places"), store.note("other")), (Some(&[2, 0, 255][..]), Some(&[][..])));
}

#[test]
fn a_close_writes_the_notes_that_wait_and_an_end_without_one_loses_them() {
    let place = tempdir().unwrap();
    let mut store = open(place.path()).store;
    store.put_note("kept", &[1]);
    store.close().unwrap();
    let mut opened = open(place.path());
    assert_eq!((opened.store.note("kept"), opened.version), (Some(&[1][..]), 0));
    opened.store.put_note("kept", &[2]);
    drop(opened);
    assert_eq!(open(place.path()).store.note("kept"), Some(&[1][..]));
}

#[test]
fn a_note_that_is_removed_is_gone_at_once_and_after_a_restart_and_others_stay() {
    let place = tempdir().unwrap();
    let mut store = open(place.path()).store;
    for key in ["a", "a/1", "a/2", "b"] {
        store.put_note(key, key.as_bytes());
    }
    store.flush().unwrap();
    store.remove_note("a/1");
    store.remove_note("never put");
    store.put_note("a/3", &[3]);
    store.remove_note("a/3");
    let left = [("a/2", &b"a/2"[..])];
    assert_eq!(store.notes_under("a/").collect::<Vec<_>>(), left);
    store.flush().unwrap();
    drop(store);
    let store = open(place.path()).store;
    assert_eq!(store.notes_under("a/").collect::<Vec<_>>(), left);
    assert_eq!(
        (store.note("a"), store.note("a/1"), store.note("b")),
        (Some(&b"a"[..]), None, Some(&b"b"[..]))
    );
}
