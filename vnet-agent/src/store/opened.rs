//! The open store.

use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

use redb::{Database, ReadableDatabase as _, ReadableTable as _};

use super::StoreError;
use super::activity::{self, Activity, ActivityLog, Encoded};
use super::difference::{Write, difference};
use super::load::Reader;
use super::migrate::{STEPS, Step, migrate};
use super::place::Place;
use super::tables::{ABOUT, ABOUT_VERSION, NOTES};
use super::transaction::Batch;
use crate::model::State;

/// How many entries of the log wait in memory at most. With one more, they are written, which waits for the disk once.
pub const MAX_WAITING: usize = 1_000;

/// What was found in a state directory.
#[derive(Debug)]
pub struct Opened {
    /// The store, which writes from now on.
    pub store: Store,
    /// The state that was committed last.
    pub state: State,
    /// How many commits led to it.
    pub version: u64,
    /// The format that the file had, where it was brought to the present one.
    pub migrated_from: Option<u64>,
}

/// The committed state on disk. No other process has it while this exists.
#[derive(Debug)]
pub struct Store {
    /// None after a failed write, until it can be opened again.
    database: Option<Database>,
    place: Place,
    /// What is on the disk.
    committed: State,
    version: u64,
    /// The number of the first entry of the log that is not on the disk.
    next_activity: u64,
    /// The entries from there on.
    waiting: Vec<Arc<Activity>>,
    notes: BTreeMap<String, Vec<u8>>,
    /// Those of them that are not on the disk; none where one is removed.
    waiting_notes: BTreeMap<String, Option<Vec<u8>>>,
    /// The state whose commit failed. It may be on the disk all the same.
    doubtful: Option<State>,
}

impl Store {
    /// Takes the state directory and reads what is in it. A directory that is missing is made (mode 0700), and so is the file
    /// (mode 0600), with an empty state.
    ///
    /// # Errors
    /// [`StoreError`], which says what to do. No file that is not wholly understood is changed.
    pub fn open(directory: &Path) -> Result<Opened, StoreError> {
        Self::open_with(Place::take(directory)?, STEPS)
    }

    pub(super) fn open_with(place: Place, steps: &[Step]) -> Result<Opened, StoreError> {
        place.make_file()?;
        let database = place.open()?;
        let migrated_from = migrate(&place, &database, steps)?;
        let transaction = database.begin_read().map_err(|error| place.failure("read", error))?;
        let state = Reader { place: &place, transaction: &transaction }.state()?;
        drop(transaction);
        let found = Found::read(&place, &database)?;
        let version = found.version;
        let store = Self {
            database: Some(database),
            place,
            committed: state.clone(),
            version,
            next_activity: found.next_activity,
            waiting: Vec::new(),
            notes: found.notes,
            waiting_notes: BTreeMap::new(),
            doubtful: None,
        };
        Ok(Opened { store, state, version, migrated_from })
    }

    /// How many commits led to the state on the disk.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Makes `next` the committed state: what differs from the one before is written in one transaction, together with the
    /// activity, and with the entries and notes that wait. Returns its version when all of it is on the disk.
    ///
    /// # Errors
    /// [`StoreError`]. The committed state is the one from before then, here and on the disk, and the store can be used on: a
    /// later commit succeeds when what stood in the way is gone. (Only where the very last call to the disk failed, and every
    /// later one too until the agent ended, may the next start find `next`, whole.)
    pub fn commit(&mut self, next: &State, mut activity: Activity) -> Result<u64, StoreError> {
        let version = self.version + 1;
        activity.version = Some(version);
        self.waiting.push(Arc::new(activity.cut()));
        let written = self.write(next, version);
        if written.is_err() {
            // What was not done is no entry of the log. The caller may record that it failed.
            self.waiting.pop();
        }
        written.map(|()| version)
    }

    /// Adds an entry that no commit belongs to: a refusal. It waits in memory for the next commit, [`Self::flush`] or
    /// [`Self::close`], or until [`MAX_WAITING`] wait; an agent that is killed before loses it.
    ///
    /// # Errors
    /// [`StoreError`], where the entries that wait were to be written. The oldest of them are given up then.
    pub fn record(&mut self, activity: Activity) -> Result<(), StoreError> {
        self.waiting.push(Arc::new(activity.cut()));
        if self.waiting.len() <= MAX_WAITING {
            return Ok(());
        }
        let written = self.flush();
        if written.is_err() {
            self.waiting.drain(..MAX_WAITING / 10);
        }
        written
    }

    /// Keeps a small piece of data beside the state, under a key of the caller's. It is on the disk with the next commit,
    /// [`Self::flush`] or [`Self::close`].
    pub fn put_note(&mut self, key: &str, value: &[u8]) {
        if self.note(key) != Some(value) {
            self.notes.insert(key.to_owned(), value.to_owned());
            self.waiting_notes.insert(key.to_owned(), Some(value.to_owned()));
        }
    }

    /// Removes what was put under this key. It is off the disk when a note that is put would be on it.
    pub fn remove_note(&mut self, key: &str) {
        if self.notes.remove(key).is_some() {
            self.waiting_notes.insert(key.to_owned(), None);
        }
    }

    /// What was last put under this key.
    #[must_use]
    pub fn note(&self, key: &str) -> Option<&[u8]> {
        self.notes.get(key).map(Vec::as_slice)
    }

    /// The notes whose keys start with `prefix`, in the order of their keys.
    pub fn notes_under<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let notes = self.notes.range::<str, _>(from).take_while(move |(key, _)| key.starts_with(prefix));
        notes.map(|(key, value)| (key.as_str(), value.as_slice()))
    }

    /// Writes the entries and notes that wait. Returns when they are on the disk.
    ///
    /// # Errors
    /// [`StoreError`]. They wait on then.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        if self.waiting.is_empty() && self.waiting_notes.is_empty() {
            return Ok(());
        }
        let committed = self.committed.clone();
        self.write(&committed, self.version)
    }

    /// Ends: what waits is written, and the file is left so that the next start need not look it over.
    ///
    /// # Errors
    /// [`StoreError`]. What was committed is on the disk all the same.
    pub fn close(mut self) -> Result<(), StoreError> {
        let flushed = self.flush();
        let closed = match self.database.take() {
            Some(database) => database.close().map_err(|error| self.place.failure("closed", error)),
            None => Ok(()),
        };
        flushed.and(closed)
    }

    /// The activity log as it is now, the entries that wait included. It is taken in no time; to read it may take a while.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn log(&mut self) -> Result<ActivityLog, StoreError> {
        let transaction = self.reopen()?.begin_read();
        let transaction = transaction.map_err(|error| self.place.failure("read", error))?;
        let (file, waiting) = (self.place.file().to_owned(), self.waiting.clone());
        Ok(ActivityLog { file, waiting, transaction, end: self.next_activity })
    }

    /// Writes what differs between the committed state and `next`, and what waits.
    fn write(&mut self, next: &State, version: u64) -> Result<(), StoreError> {
        let writes = self.encode(&self.committed, next)?;
        let activities = self.waiting.iter().map(|one| Encoded::of(one)).collect::<Result<Vec<_>, _>>();
        let activities = activities.map_err(|error| self.not_encoded(&error))?;
        let mut written = self.try_write(version, &writes, &activities)?;
        if let Err(redb::Error::PreviousIo) = written {
            // A read failed earlier, and nothing was tried now.
            self.database = None;
            written = self.try_write(version, &writes, &activities)?;
        }
        if let Err(error) = written {
            self.database = None;
            self.doubtful = Some(next.clone());
            // Best now, so that what was not answered as done is not found done after a restart; else with the next write.
            let _ = self.reopen();
            return Err(self.place.failure("written", error));
        }
        self.next_activity += activities.len() as u64;
        self.waiting.clear();
        self.waiting_notes.clear();
        self.committed = next.clone();
        self.version = version;
        Ok(())
    }

    fn try_write(
        &mut self,
        version: u64,
        writes: &[Write],
        activities: &[Encoded],
    ) -> Result<Result<(), redb::Error>, StoreError> {
        let (first_activity, notes) = (self.next_activity, self.waiting_notes.clone());
        let database = self.reopen()?;
        Ok(Batch { version, writes, first_activity, activities, notes: &notes }.commit(database))
    }

    /// Opens the file again after a failed write, and takes back what of that is on the disk all the same: a write that failed
    /// at its very end may be.
    fn reopen(&mut self) -> Result<&Database, StoreError> {
        if let Some(database) = self.database.take() {
            return Ok(self.database.insert(database));
        }
        let database = self.place.open()?;
        let found = Found::read(&self.place, &database)?;
        if let Some(doubtful) = &self.doubtful
            && found.version == self.version + 1
        {
            let writes = self.encode(doubtful, &self.committed)?;
            let undo = Batch {
                version: self.version,
                writes: &writes,
                first_activity: self.next_activity,
                activities: &[],
                notes: &BTreeMap::new(),
            };
            undo.commit(&database).map_err(|error| self.place.failure("written", error))?;
        } else if found.version != self.version {
            let (file, what) = (self.place.file().to_owned(), "something else has written to it".to_owned());
            return Err(StoreError::Damaged { file, what });
        }
        self.doubtful = None;
        Ok(self.database.insert(database))
    }

    fn encode(&self, before: &State, after: &State) -> Result<Vec<Write>, StoreError> {
        difference(before, after).map_err(|error| self.not_encoded(&error))
    }

    fn not_encoded(&self, error: &serde_json::Error) -> StoreError {
        self.place.disk("written", io::Error::other(error.to_string()))
    }
}

/// What a file holds besides the state.
struct Found {
    version: u64,
    next_activity: u64,
    notes: BTreeMap<String, Vec<u8>>,
}

impl Found {
    fn read(place: &Place, database: &Database) -> Result<Self, StoreError> {
        let found = Self::read_tables(database).map_err(|error| place.failure("read", error))?;
        found.ok_or_else(|| {
            let (file, what) = (place.file().to_owned(), "it says nothing about its version".to_owned());
            StoreError::Foreign { file, what }
        })
    }

    fn read_tables(database: &Database) -> Result<Option<Self>, redb::Error> {
        let transaction = database.begin_read()?;
        let Some(version) = transaction.open_table(ABOUT)?.get(ABOUT_VERSION)? else { return Ok(None) };
        let mut notes = BTreeMap::new();
        for note in transaction.open_table(NOTES)?.iter()? {
            let (key, value) = note?;
            notes.insert(key.value().to_owned(), value.value().to_owned());
        }
        Ok(Some(Self { version: version.value(), next_activity: activity::end(&transaction)?, notes }))
    }
}
