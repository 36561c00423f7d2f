//! The state directory: made, checked, locked; and the database file in it.
//!
//! The lock is on the directory and not on the file, so that it holds while the file is made, and while it is opened anew after
//! a failed write. A new file is made under another name, and gets its own when all of it is on the disk: whatever ends the
//! agent in between, the next one finds either no state or a whole one.
//!
//! Whoever may write to the directory may put anything in the file's place. So both must be the agent's own or root's, and a
//! link is not followed: what it leads to may be root's, and nobody asked for that to be read or closed to others.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use redb::Database;
use redb::backends::FileBackend;

use super::StoreError;
use super::tables;

/// The name of the database in the state directory.
const FILE: &str = "state.redb";
/// The name of a database that is being made.
const UNFINISHED: &str = "state.redb.new";
/// How much of the file is kept in memory. The state itself is in memory anyway.
const CACHE_BYTES: usize = 16 << 20;

/// A state directory that this process alone has.
#[derive(Debug)]
pub(super) struct Place {
    file: PathBuf,
    /// The directory, locked as long as this is open.
    directory: File,
    #[cfg(test)]
    pub(super) faults: super::faults::Faults,
}

impl Place {
    /// Makes the directory (mode 0700) where it is missing, and locks it.
    pub(super) fn take(path: &Path) -> Result<Self, StoreError> {
        let disk = |action, source| StoreError::Disk { action, path: path.to_owned(), source };
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|source| disk("made", source))?;
        let directory = File::open(path).map_err(|source| disk("opened", source))?;
        let metadata = directory.metadata().map_err(|source| disk("read", source))?;
        check_owner(path, &metadata)?;
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & 0o022 != 0 {
            return Err(StoreError::Exposed { directory: path.to_owned(), mode });
        }
        match directory.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse { directory: path.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(disk("locked", source)),
        }
        Ok(Self {
            file: path.join(FILE),
            directory,
            #[cfg(test)]
            faults: super::faults::Faults::default(),
        })
    }

    /// The database file.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// What `redb` says about the file.
    pub(super) fn failure(&self, action: &'static str, error: impl Into<redb::Error>) -> StoreError {
        StoreError::of(&self.file, action, error.into())
    }

    /// What the operating system says about the file.
    pub(super) fn disk(&self, action: &'static str, source: io::Error) -> StoreError {
        StoreError::Disk { action, path: self.file.clone(), source }
    }

    /// Makes the file of an empty state where there is none.
    pub(super) fn make_file(&self) -> Result<(), StoreError> {
        match fs::symlink_metadata(&self.file) {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(self.disk("opened", error)),
        }
        let unfinished = self.file.with_file_name(UNFINISHED);
        let made = self.fill(&unfinished);
        if made.is_err() {
            // What is left of it would be replaced at the next start anyway.
            let _ = fs::remove_file(&unfinished);
        }
        made
    }

    fn fill(&self, unfinished: &Path) -> Result<(), StoreError> {
        match fs::remove_file(unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(self.disk("made", error)),
            _ => {}
        }
        let made = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(unfinished);
        let made = made.map_err(|error| self.disk("made", error))?;
        let database = self.database(made).map_err(|error| self.failure("made", error))?;
        tables::begin(&database).map_err(|error| self.failure("made", error))?;
        database.close().map_err(|error| self.failure("made", error))?;
        let named = fs::rename(unfinished, &self.file).and_then(|()| self.directory.sync_all());
        named.map_err(|error| self.disk("made", error))
    }

    /// Opens the file, which must be there, and reads all of it: a file that was changed behind `redb`'s back is refused here
    /// and not met later.
    pub(super) fn open(&self) -> Result<Database, StoreError> {
        let foreign = |what: &str| StoreError::Foreign { file: self.file.clone(), what: what.to_owned() };
        // A named pipe without a reader keeps nobody waiting.
        let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
        let opened = OpenOptions::new().read(true).write(true).custom_flags(flags.bits()).open(&self.file);
        let opened = opened.map_err(|error| match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ELOOP) => foreign("it is a symbolic link"),
            Some(Errno::EISDIR) => foreign("it is a directory"),
            _ => self.disk("opened", error),
        })?;
        let metadata = opened.metadata().map_err(|error| self.disk("read", error))?;
        if !metadata.is_file() {
            return Err(foreign("it is no regular file"));
        }
        check_owner(&self.file, &metadata)?;
        if metadata.len() == 0 {
            return Err(foreign("it is empty"));
        }
        let same = opened.try_clone().map_err(|error| self.disk("opened", error))?;
        let database = self.database(opened).map_err(|error| self.failure("opened", error))?;
        // Only now: what is no database is left as it is.
        if metadata.permissions().mode() & 0o7777 != 0o600 {
            let closed = same.set_permissions(Permissions::from_mode(0o600));
            closed.map_err(|error| self.disk("closed to others", error))?;
        }
        Ok(database)
    }

    fn database(&self, file: File) -> Result<Database, redb::Error> {
        let backend = FileBackend::new(file)?;
        #[cfg(test)]
        let backend = super::faults::Faulty::new(backend, self.faults.clone());
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
        Ok(builder.create_with_backend(backend)?)
    }
}

/// Refuses what belongs neither to the user that the agent runs as nor to root.
fn check_owner(path: &Path, metadata: &fs::Metadata) -> Result<(), StoreError> {
    let (uid, own) = (metadata.uid(), nix::unistd::geteuid().as_raw());
    if uid == own || uid == 0 {
        return Ok(());
    }
    Err(StoreError::NotOurs { path: path.to_owned(), uid, own })
}
