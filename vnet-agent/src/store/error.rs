//! What goes wrong with the state on disk, as sentences that say what to do.

use std::io;
use std::path::{Path, PathBuf};

use crate::model::SnapshotError;

/// The state cannot be opened, read or written. The state in force is the one from before.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused something.
    #[error("{} cannot be {action}: {source}{}", .path.display(), advice(.source))]
    Disk {
        /// What was to be done, as in "it cannot be written".
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Another process has the directory.
    #[error(
        "another vnet-agent has the state directory {}: end it, or name another directory",
        .directory.display()
    )]
    InUse {
        /// The state directory.
        directory: PathBuf,
    },
    /// Others than its owner may write to the directory.
    #[error(
        "the state directory {} may be written by others (mode {mode:04o}): `chmod go-w {}` closes it",
        .directory.display(), .directory.display()
    )]
    Exposed {
        /// The state directory.
        directory: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Somebody else could change the state, or has chosen it.
    #[error(
        "{} belongs to another user (uid {uid}), and not to the one that vnet-agent runs as or to root: `chown {own} {}` gives it \
         over, or start vnet-agent as that user, or name another directory",
        .path.display(), .path.display()
    )]
    NotOurs {
        /// The state directory, or the file in it.
        path: PathBuf,
        /// To whom it belongs.
        uid: u32,
        /// The user that the agent runs as.
        own: u32,
    },
    /// Something else stands where the state should.
    #[error(
        "{} is no state of vnet-agent: {what}. It was left as it is; move it away to begin with an empty state",
        .file.display()
    )]
    Foreign {
        /// The file.
        file: PathBuf,
        /// Why it is none.
        what: String,
    },
    /// The file is not what was written to it.
    #[error(
        "the state {} is damaged: {what}. Nothing was mended by guessing; move the file away, start with an empty state and \
         apply the last export, or put a copy of the file in its place",
        .file.display()
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What was found.
        what: String,
    },
    /// A later program wrote it.
    #[error(
        "the state {} was written by a newer vnet-agent: it has format {found}, and this one knows {known}. Start the newer \
         one, or move the file away and apply an export",
        .file.display()
    )]
    Newer {
        /// The file.
        file: PathBuf,
        /// Its format.
        found: u64,
        /// The latest format that this program knows.
        known: u64,
    },
    /// An earlier program wrote it, and nothing leads from there to here.
    #[error(
        "the state {} has format {found}, which this vnet-agent takes over no more: start the one that wrote it, `export` the \
         state, move the file away, and apply the export",
        .file.display()
    )]
    Older {
        /// The file.
        file: PathBuf,
        /// Its format.
        found: u64,
    },
    /// A record that cannot be understood.
    #[error(
        "the state {} is damaged: the record of {record} {fault}. Move the file away and apply the last export, or put a copy \
         of the file in its place",
        .file.display()
    )]
    Record {
        /// The file.
        file: PathBuf,
        /// Whose record it is.
        record: String,
        /// What is wrong with it.
        fault: String,
    },
    /// Records that break a rule together.
    #[error(
        "the state {} is damaged: {source}. Move the file away and apply the last export, or put a copy of the file in its \
         place",
        .file.display()
    )]
    Rule {
        /// The file.
        file: PathBuf,
        /// The rule and the objects that break it.
        source: Box<SnapshotError>,
    },
}

/// What to do about an error of the operating system.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            ". Nothing was changed; make room on the disk and try again"
        }
        io::ErrorKind::ReadOnlyFilesystem => ". Mount the file system for writing, or name another directory",
        io::ErrorKind::PermissionDenied => {
            ". Start vnet-agent as the user who owns it, or name another directory"
        }
        _ => "",
    }
}

impl StoreError {
    /// What `redb` says about a file.
    pub(super) fn of(file: &Path, action: &'static str, error: redb::Error) -> Self {
        let path = file.to_owned();
        match error {
            redb::Error::Io(source) if source.kind() == io::ErrorKind::InvalidData => {
                Self::Foreign { file: path, what: source.to_string() }
            }
            redb::Error::Io(source) if source.kind() == io::ErrorKind::UnexpectedEof => {
                Self::Damaged { file: path, what: "it ends before its end".to_owned() }
            }
            redb::Error::Io(source) => Self::Disk { action, path, source },
            redb::Error::PreviousIo => {
                Self::Disk { action, path, source: io::Error::other("the disk failed before") }
            }
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => {
                Self::InUse { directory: file.parent().unwrap_or(file).to_owned() }
            }
            redb::Error::TableDoesNotExist(_) => {
                Self::Foreign { file: path, what: "it is a database of another program".to_owned() }
            }
            redb::Error::UpgradeRequired(version) => {
                Self::Foreign { file: path, what: format!("it is a database of layout {version}") }
            }
            redb::Error::Corrupted(what) => Self::Damaged { file: path, what },
            other => Self::Damaged { file: path, what: other.to_string() },
        }
    }
}
