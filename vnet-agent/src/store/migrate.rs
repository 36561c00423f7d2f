//! Formats of the file, and the steps from an older one to the present one.
//!
//! Whatever changes what the tables hold raises [`FORMAT`] and adds a step. All steps that a file needs are taken in one
//! transaction together with its new number, so that a file is of one format or the other at any moment. There is no way back:
//! an older agent refuses the file, which `export` before an upgrade is for.

use redb::{Database, ReadableDatabase as _, WriteTransaction};

use super::StoreError;
use super::activity;
use super::place::Place;
use super::tables::{ABOUT, ABOUT_FORMAT, make_all, set_about};

/// The format that this program writes.
pub(super) const FORMAT: u64 = 2;

/// A step to the next format.
#[derive(Clone, Copy)]
pub(super) struct Step {
    /// The format that it takes over. It leaves the next one.
    pub(super) from: u64,
    /// What it does.
    pub(super) take: fn(&WriteTransaction) -> Result<(), redb::Error>,
}

/// Every step, in the order of the formats. The first one kept what was refused among what was done.
pub(super) const STEPS: &[Step] = &[Step { from: 1, take: activity::part }];

/// Brings the file to [`FORMAT`]; the format that it had, where that was another.
pub(super) fn migrate(place: &Place, database: &Database, steps: &[Step]) -> Result<Option<u64>, StoreError> {
    let found = format(database).map_err(|error| place.failure("read", error))?;
    let file = place.file().to_owned();
    let Some(found) = found else {
        let what = "it says nothing about its format".to_owned();
        return Err(StoreError::Foreign { file, what });
    };
    if found == FORMAT {
        return Ok(None);
    }
    if found > FORMAT {
        return Err(StoreError::Newer { file, found, known: FORMAT });
    }
    let needed: Vec<_> = (found..FORMAT).map_while(|from| steps.iter().find(|s| s.from == from)).collect();
    if u64::try_from(needed.len()) != Ok(FORMAT - found) {
        return Err(StoreError::Older { file, found });
    }
    take(database, &needed).map_err(|error| place.failure("brought to the present format", error))?;
    Ok(Some(found))
}

fn format(database: &Database) -> Result<Option<u64>, redb::Error> {
    let transaction = database.begin_read()?;
    Ok(transaction.open_table(ABOUT)?.get(ABOUT_FORMAT)?.map(|format| format.value()))
}

fn take(database: &Database, steps: &[&Step]) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    for step in steps {
        (step.take)(&transaction)?;
    }
    make_all(&transaction)?;
    set_about(&transaction, ABOUT_FORMAT, FORMAT)?;
    Ok(transaction.commit()?)
}
