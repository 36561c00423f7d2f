//! The activity log: who did or tried what, and how it went.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redb::{Database, ReadableDatabase as _, ReadableTableMetadata as _, Table};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::tables::ACTIVITIES;

/// How many entries the log keeps: the newest.
pub const MAX_ACTIVITIES: u64 = 100_000;

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

/// Which entries are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityQuery {
    /// Those whose resource lies in this subscription alone.
    pub subscription: Option<String>,
    /// Those of this moment and later alone.
    pub since: Option<SystemTime>,
    /// At most so many, the newest.
    pub limit: usize,
}

impl Default for ActivityQuery {
    fn default() -> Self {
        Self { subscription: None, since: None, limit: usize::MAX }
    }
}

impl ActivityQuery {
    /// Whether an entry is asked for, the limit aside.
    #[must_use]
    pub fn matches(&self, activity: &Activity) -> bool {
        let in_subscription = self.subscription.as_ref().is_none_or(|wanted| {
            let mut parts = activity.resource.split('/').skip(1);
            parts.next().is_some_and(|word| word.eq_ignore_ascii_case("subscriptions"))
                && parts.next().is_some_and(|name| name == wanted)
        });
        in_subscription && self.since.is_none_or(|since| activity.time >= since)
    }
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

/// Takes old entries away, some at a time. `added` have just been put in.
pub(super) fn trim(table: &mut Table<'_, u64, &'static [u8]>, added: u64) -> Result<(), redb::Error> {
    let surplus = table.len()?.saturating_sub(MAX_ACTIVITIES);
    for _ in 0..surplus.min(added + TRIM_STEP) {
        table.pop_first()?;
    }
    Ok(())
}

/// The newest entries with a number below `end` that are asked for, newest first. An entry that cannot be read is left out: it is
/// a record of the past, and no reason to refuse the present.
pub(super) fn newest(
    database: &Database,
    end: u64,
    limit: usize,
    mut is_wanted: impl FnMut(&Activity) -> bool,
) -> Result<Vec<Activity>, redb::Error> {
    let transaction = database.begin_read()?;
    let table = transaction.open_table(ACTIVITIES)?;
    let mut found = Vec::new();
    for entry in table.range(..end)?.rev() {
        if found.len() >= limit {
            break;
        }
        let (_, value) = entry?;
        if let Ok(activity) = serde_json::from_slice::<Activity>(value.value())
            && is_wanted(&activity)
        {
            found.push(activity);
        }
    }
    Ok(found)
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
