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
