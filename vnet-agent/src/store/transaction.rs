//! What one transaction writes.

use std::collections::BTreeMap;

use redb::{Database, WriteTransaction};

use super::activity::{Encoded, append};
use super::difference::Write;
use super::tables::{ABOUT_VERSION, Kind, NOTES, set_about};

/// All that is written together.
pub(super) struct Batch<'a> {
    /// The version that it leads to.
    pub(super) version: u64,
    /// Records.
    pub(super) writes: &'a [Write],
    /// The number of the first of the activities.
    pub(super) first_activity: u64,
    /// Activities in the order of their numbers.
    pub(super) activities: &'a [Encoded],
    /// Notes; none where one is removed.
    pub(super) notes: &'a BTreeMap<String, Option<Vec<u8>>>,
}

impl Batch<'_> {
    /// Writes it. Returns when it is on the disk.
    pub(super) fn commit(&self, database: &Database) -> Result<(), redb::Error> {
        let transaction = database.begin_write()?;
        self.write(&transaction)?;
        Ok(transaction.commit()?)
    }

    fn write(&self, transaction: &WriteTransaction) -> Result<(), redb::Error> {
        set_about(transaction, ABOUT_VERSION, self.version)?;
        for kind in Kind::ALL {
            write_objects(transaction, kind, self.writes)?;
        }
        if !self.notes.is_empty() {
            let mut notes = transaction.open_table(NOTES)?;
            for (key, value) in self.notes {
                match value {
                    Some(value) => drop(notes.insert(key.as_str(), value.as_slice())?),
                    None => drop(notes.remove(key.as_str())?),
                }
            }
        }
        append(transaction, self.first_activity, self.activities)
    }
}

/// Writes the records of one kind. A table that none of them is for is not opened.
fn write_objects(transaction: &WriteTransaction, kind: Kind, writes: &[Write]) -> Result<(), redb::Error> {
    let mut writes = writes.iter().filter(|write| write.key.kind == kind).peekable();
    if writes.peek().is_none() {
        return Ok(());
    }
    let mut table = transaction.open_table(kind.table())?;
    for Write { key, value } in writes {
        let place = (key.parent.as_str(), key.name.as_str());
        match value {
            Some(value) => drop(table.insert(place, value.as_slice())?),
            None => drop(table.remove(place)?),
        }
    }
    Ok(())
}
