//! Files of other formats.

use std::path::Path;

use pretty_assertions::assert_eq;
use redb::{
    Database, ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _, WriteTransaction,
};
use tempfile::tempdir;

use super::{activity, messages, open, refusal, small};
use crate::store::migrate::{FORMAT, Step};
use crate::store::place::Place;
use crate::store::tables::{ABOUT, ABOUT_FORMAT, ACTIVITIES, Kind, REFUSALS, set_about};
use crate::store::{Activity, ActivityStatus, Opened, Store, StoreError};

/// Makes a change to the file behind the store's back.
fn edit(directory: &Path, change: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>) {
    let database = Database::open(directory.join("state.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    change(&transaction).unwrap();
    transaction.commit().unwrap();
}

fn format_of(directory: &Path) -> u64 {
    let database = Database::open(directory.join("state.redb")).unwrap();
    let transaction = database.begin_read().unwrap();
    let format = transaction.open_table(ABOUT).unwrap().get(ABOUT_FORMAT).unwrap().unwrap();
    format.value()
}

/// Replaces a word in every record of a virtual network.
fn replace(transaction: &WriteTransaction, old: &str, new: &str) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(Kind::Vnet.table())?;
    let mut replaced = Vec::new();
    for entry in table.iter()? {
        let (key, value) = entry?;
        let text = String::from_utf8(value.value().to_vec()).unwrap();
        assert!(text.contains(old), "{text} has no {old}");
        replaced.push((key.value().1.to_owned(), text.replace(old, new)));
    }
    for (name, text) in replaced {
        table.insert(("", name.as_str()), text.as_bytes())?;
    }
    Ok(())
}

/// A file as a program before the first one might have left it: a region was a location, and there were no notes.
fn older(directory: &Path) {
    let mut store = open(directory).store;
    store.commit(&small(), activity("long ago")).unwrap();
    store.close().unwrap();
    edit(directory, |transaction| {
        replace(transaction, "\"region\"", "\"location\"")?;
        transaction.delete_table(crate::store::tables::NOTES)?;
        set_about(transaction, ABOUT_FORMAT, FORMAT - 1)
    });
}

fn open_with(directory: &Path, steps: &[Step]) -> Result<Opened, StoreError> {
    Store::open_with(Place::take(directory)?, steps)
}

#[test]
fn an_older_file_is_brought_to_the_present_format_once() {
    let place = tempdir().unwrap();
    older(place.path());
    let step = Step { from: FORMAT - 1, take: |t| replace(t, "\"location\"", "\"region\"") };
    let opened = open_with(place.path(), &[step]).unwrap();
    assert_eq!((&opened.state, opened.version, opened.migrated_from), (&small(), 1, Some(FORMAT - 1)));
    drop(opened);
    let opened = open(place.path());
    assert_eq!((&opened.state, opened.version, opened.migrated_from), (&small(), 1, None));
}

#[test]
fn a_step_that_fails_leaves_the_file_as_it_was() {
    let place = tempdir().unwrap();
    older(place.path());
    let fails = |transaction: &WriteTransaction| {
        replace(transaction, "\"location\"", "\"region\"")?;
        Err(redb::Error::Corrupted("no".to_owned()))
    };
    open_with(place.path(), &[Step { from: FORMAT - 1, take: fails }]).expect_err("the step fails");
    assert_eq!(format_of(place.path()), FORMAT - 1);
    let step = Step { from: FORMAT - 1, take: |t| replace(t, "\"location\"", "\"region\"") };
    assert_eq!(open_with(place.path(), &[step]).unwrap().state, small());
}

#[test]
fn an_older_file_that_no_step_leads_from_is_refused_and_stays() {
    let place = tempdir().unwrap();
    older(place.path());
    edit(place.path(), |transaction| set_about(transaction, ABOUT_FORMAT, 0));
    assert_eq!(
        refusal(place.path()),
        "the state DIR/state.redb has format 0, which this vnet-agent takes over no more: start the one that wrote it, \
         `export` the state, move the file away, and apply the export"
    );
    assert_eq!(format_of(place.path()), 0);
}

#[test]
fn refusals_of_the_first_format_come_to_a_place_of_their_own() {
    let place = tempdir().unwrap();
    let mut store = open(place.path()).store;
    let refused = |message: &str| Activity { status: ActivityStatus::Failed, ..activity(message) };
    store.record(refused("1")).unwrap();
    store.commit(&small(), activity("2")).unwrap();
    store.record(refused("3")).unwrap();
    store.close().unwrap();
    edit(place.path(), |transaction| {
        let mut whole = transaction.open_table(ACTIVITIES)?;
        for refusal in transaction.open_table(REFUSALS)?.iter()? {
            let (number, json) = refusal?;
            whole.insert(number.value(), json.value())?;
        }
        assert_eq!(whole.len()?, 3);
        transaction.delete_table(REFUSALS)?;
        set_about(transaction, ABOUT_FORMAT, 1)
    });
    let mut opened = open(place.path());
    assert_eq!((opened.version, opened.migrated_from), (1, Some(1)));
    assert_eq!(messages(&mut opened.store), ["3", "2", "1"]);
    drop(opened);
    edit(place.path(), |transaction| {
        assert_eq!(transaction.open_table(ACTIVITIES)?.len()?, 1);
        assert_eq!(transaction.open_table(REFUSALS)?.len()?, 2);
        Ok(())
    });
}

#[test]
fn a_newer_file_is_refused_and_stays() {
    let place = tempdir().unwrap();
    drop(open(place.path()));
    edit(place.path(), |transaction| set_about(transaction, ABOUT_FORMAT, FORMAT + 6));
    let sentence = format!(
        "the state DIR/state.redb was written by a newer vnet-agent: it has format {}, and this one knows {FORMAT}. Start \
         the newer one, or move the file away and apply an export",
        FORMAT + 6
    );
    assert_eq!(refusal(place.path()), sentence);
    assert_eq!(format_of(place.path()), FORMAT + 6);
}
