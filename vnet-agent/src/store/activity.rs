//! The activity log: who did or tried what, and how it went.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redb::{AccessGuard, ReadTransaction, ReadableTable as _, ReadableTableMetadata as _, WriteTransaction};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::StoreError;
use super::tables::{ACTIVITIES, LogTable, REFUSALS};

/// How many entries the log keeps of what was done: the newest.
pub const MAX_ACTIVITIES: u64 = 100_000;

/// How many entries it keeps of what was refused or failed: again the newest.
pub const MAX_REFUSALS: u64 = 10_000;

/// The most bytes of each text in an entry. Longer ones are cut, so that nobody fills the disk with what was refused him.
const MAX_TEXT_BYTES: usize = 1024;

/// How many old entries a transaction takes away beyond as many as it adds, so that none of them has to take away very many.
const TRIM_STEP: u64 = 100;

/// How an operation went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActivityStatus {
    /// It was done.
    Succeeded,
    /// It was refused or failed, and changed nothing.
    Failed,
}

/// An entry of the activity log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Activity {
    /// When. Kept to the nanosecond.
    #[serde(with = "unix_ns")]
    pub time: SystemTime,
    /// Who, as `user:alice`.
    pub caller: String,
    /// The action, as Azure names it: `Microsoft.Network/virtualNetworks/write`.
    pub operation: String,
    /// The resource's id, as Azure Resource Manager writes it.
    pub resource: String,
    /// How it went.
    pub status: ActivityStatus,
    /// The code of a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What was said about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The version of the state that it led to. [`super::Store::commit`] sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

impl Activity {
    /// The entry as it is kept: no text longer than it may be.
    pub(super) fn cut(mut self) -> Self {
        let texts = [&mut self.caller, &mut self.operation, &mut self.resource, &mut self.message];
        for text in texts.into_iter().chain(&mut self.code) {
            text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
        }
        self
    }
}

/// The parts of the log: what has which status, in which table, and how many entries of it there may be.
const PARTS: [(ActivityStatus, LogTable, u64); 2] = [
    (ActivityStatus::Succeeded, ACTIVITIES, MAX_ACTIVITIES),
    (ActivityStatus::Failed, REFUSALS, MAX_REFUSALS),
];

/// An entry in the form in which it is kept.
#[derive(Debug)]
pub(super) struct Encoded {
    status: ActivityStatus,
    json: Vec<u8>,
}

impl Encoded {
    pub(super) fn of(activity: &Activity) -> Result<Self, serde_json::Error> {
        Ok(Self { status: activity.status, json: serde_json::to_vec(activity)? })
    }
}

/// Adds entries, whose numbers begin with `first`, and takes away old ones: some at a time.
pub(super) fn append(
    transaction: &WriteTransaction,
    first: u64,
    entries: &[Encoded],
) -> Result<(), redb::Error> {
    for (status, table, limit) in PARTS {
        let mut log = transaction.open_table(table)?;
        // Those of a transaction that failed and was on the disk all the same.
        log.retain_in(first.., |_, _| false)?;
        let mut added = 0;
        for (number, entry) in (first..).zip(entries).filter(|(_, entry)| entry.status == status) {
            log.insert(number, entry.json.as_slice())?;
            added += 1;
        }
        let surplus = log.len()?.saturating_sub(limit);
        for _ in 0..surplus.min(added + TRIM_STEP) {
            log.pop_first()?;
        }
    }
    Ok(())
}

/// The number behind that of the last entry.
pub(super) fn end(transaction: &ReadTransaction) -> Result<u64, redb::Error> {
    let mut end = 0;
    for (_, table, _) in PARTS {
        let last = transaction.open_table(table)?.last()?.map(|(number, _)| number.value());
        end = end.max(last.map_or(0, |last| last + 1));
    }
    Ok(end)
}

/// Moves refusals to the table that the first format had not. What cannot be read stays where it is, and is not read there either.
pub(super) fn part(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    let is_refusal = |json: &[u8]| {
        serde_json::from_slice::<Activity>(json).is_ok_and(|entry| entry.status == ActivityStatus::Failed)
    };
    let (mut whole, mut refusals) = (transaction.open_table(ACTIVITIES)?, transaction.open_table(REFUSALS)?);
    for moved in whole.extract_if(|_, json| is_refusal(json))? {
        let (number, json) = moved?;
        refusals.insert(number.value(), json.value())?;
    }
    Ok(())
}

/// The activity log as it is at one moment. While it is read, others write.
pub struct ActivityLog {
    pub(super) file: PathBuf,
    /// The newest entries, which are not on the disk.
    pub(super) waiting: Vec<Arc<Activity>>,
    /// The others.
    pub(super) transaction: ReadTransaction,
    /// The number behind that of the last of those.
    pub(super) end: u64,
}

impl ActivityLog {
    /// The newest entries that `is_wanted` takes, newest first, at most `limit`. An entry that cannot be read is left out: it is a
    /// record of the past, and no reason to refuse the present.
    ///
    /// # Errors
    /// [`StoreError`]: the disk, or the store was closed or opened anew meanwhile.
    pub fn newest(
        &self,
        limit: usize,
        mut is_wanted: impl FnMut(&Activity) -> bool,
    ) -> Result<Vec<Activity>, StoreError> {
        let waiting = self.waiting.iter().rev().filter(|activity| is_wanted(activity));
        let mut found: Vec<Activity> = waiting.take(limit).map(|activity| (**activity).clone()).collect();
        let older = self.older(limit - found.len(), is_wanted);
        found.extend(older.map_err(|error| StoreError::of(&self.file, "read", error))?);
        Ok(found)
    }

    fn older(
        &self,
        limit: usize,
        mut is_wanted: impl FnMut(&Activity) -> bool,
    ) -> Result<Vec<Activity>, redb::Error> {
        let [done, refused] = PARTS.map(|(_, table, _)| self.transaction.open_table(table));
        let (done, refused) = (done?, refused?);
        let mut done = done.range(..self.end)?.rev().peekable();
        let mut refused = refused.range(..self.end)?.rev().peekable();
        // An entry that cannot be had comes first, and ends it.
        let number = |entry: &Result<(AccessGuard<'_, u64>, _), _>| match entry {
            Ok((number, _)) => number.value(),
            Err(_) => u64::MAX,
        };
        let mut found = Vec::new();
        while found.len() < limit {
            let is_done = done.peek().map(number) > refused.peek().map(number);
            let Some(entry) = (if is_done { done.next() } else { refused.next() }) else { break };
            let (_, json) = entry?;
            if let Ok(activity) = serde_json::from_slice::<Activity>(json.value())
                && is_wanted(&activity)
            {
                found.push(activity);
            }
        }
        Ok(found)
    }
}

impl fmt::Debug for ActivityLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActivityLog")
            .field("file", &self.file)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

/// A time as nanoseconds since 1970. One before that is kept as 1970.
mod unix_ns {
    use super::{Deserialize as _, Deserializer, Duration, Serializer, SystemTime, UNIX_EPOCH};

    pub(super) fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        serializer.serialize_u64(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
        Ok(UNIX_EPOCH + Duration::from_nanos(u64::deserialize(deserializer)?))
    }
}
