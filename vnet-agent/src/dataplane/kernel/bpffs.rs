//! The BPF file system, in which pins live.

use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Where the BPF file system is mounted by custom, and by this agent where it is missing.
const MOUNT_POINT: &str = "/sys/fs/bpf";

/// The start of the name of a link's pin.
const LINK: &str = "link-";

/// `BPF_FS_MAGIC` of include/uapi/linux/magic.h.
const BPF_FS_MAGIC: i64 = 0xcafe_4a11;

/// The pin directory does not work.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// It could not be made or read.
    #[error(
        "the pin directory {path} cannot be used: {source}{}",
        // kernel/bpf/inode.c, bpf_lookup: such names are kept for the kernel.
        if path.file_name().is_some_and(|name| name.as_bytes().contains(&b'.')) {
            "; the BPF file system takes no name with a `.`"
        } else {
            ""
        },
        path = path.display()
    )]
    Directory {
        /// The path.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// It is not on a BPF file system.
    #[error(
        "the pin directory {path} is not directly on a BPF file system; mount one (mount -t bpf bpf /sys/fs/bpf) \
         or name a --pin-dir on one",
        path = path.display()
    )]
    NotBpffs {
        /// The path.
        path: PathBuf,
    },
    /// The BPF file system is missing, and could not be mounted.
    #[error(
        "no BPF file system is mounted at {path}, and mounting one failed: {source}; run: mount -t bpf bpf {path}",
        path = path.display()
    )]
    Mount {
        /// Where.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// Another agent keeps its pins there.
    #[error("another agent is running with the pin directory {path}; stop that one, or name another --pin-dir", path = path.display())]
    InUse {
        /// The path.
        path: PathBuf,
    },
    /// Somebody else made the directory: who owns it may take the pins away, and with them the program off the interfaces.
    #[error("the pin directory {path} belongs to another user (uid {uid}) or is open to others; remove it, or name another --pin-dir", path = path.display())]
    NotOurs {
        /// The path.
        path: PathBuf,
        /// Its owner.
        uid: u32,
    },
    /// A pin could not be made.
    #[error("nothing could be pinned at {path}", path = path.display())]
    Pin {
        /// The path.
        path: PathBuf,
        /// What the kernel said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The directory in bpffs in which an agent keeps its links, one file each, named after the ifindex, and its tables, in a
/// directory of their own.
///
/// It is locked while it is open: two agents with one directory would take each other's interfaces.
#[derive(Clone, Debug)]
pub struct PinDirectory {
    path: PathBuf,
    lock: Arc<Mutex<File>>,
}

impl PinDirectory {
    /// Makes the directory, mode 0700, where it is not there, and locks it.
    ///
    /// # Errors
    /// [`PinError`].
    pub fn open(path: &Path) -> Result<Self, PinError> {
        let lock = make_and_lock(path)?;
        Ok(Self { path: path.to_owned(), lock: Arc::new(Mutex::new(lock)) })
    }

    /// The path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the link of an interface is pinned.
    pub(super) fn link(&self, ifindex: u32) -> PathBuf {
        self.path.join(format!("{LINK}{ifindex}"))
    }

    /// The interfaces that an agent left attached, by the names of its pins.
    ///
    /// # Errors
    /// [`PinError::Directory`].
    pub fn pinned(&self) -> Result<Vec<u32>, PinError> {
        let names = self.names()?;
        Ok(names.iter().filter_map(|name| name.strip_prefix(LINK)?.parse().ok()).collect())
    }

    /// The names of all that is in the directory, those left out that are no text.
    pub(super) fn names(&self) -> Result<Vec<String>, PinError> {
        let directory = |source| PinError::Directory { path: self.path.clone(), source };
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(directory)? {
            names.extend(entry.map_err(directory)?.file_name().into_string().ok());
        }
        Ok(names)
    }

    /// Whether the directory is still the one that was opened.
    pub(super) fn is_there(&self) -> bool {
        let identity = |found: fs::Metadata| (found.dev(), found.ino());
        let opened = self.lock.lock().unwrap_or_else(PoisonError::into_inner).metadata();
        match (opened, fs::symlink_metadata(&self.path)) {
            (Ok(opened), Ok(found)) => identity(opened) == identity(found),
            _ => false,
        }
    }

    /// Makes and locks the directory anew where somebody has removed it.
    ///
    /// # Errors
    /// [`PinError`].
    pub(super) fn restore(&self) -> Result<(), PinError> {
        if !self.is_there() {
            let lock = make_and_lock(&self.path)?;
            *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = lock;
        }
        Ok(())
    }

    /// Removes the directory where nothing is in it. Tables may hold counts that go on, also where no interface is attached.
    pub fn remove_where_empty(&self) {
        if let Err(error) = fs::remove_dir(&self.path) {
            tracing::debug!(path = %self.path.display(), %error, "the pin directory stays");
        }
    }
}

fn make_and_lock(path: &Path) -> Result<File, PinError> {
    let directory = |source| PinError::Directory { path: path.to_owned(), source };
    let parent = path.parent().unwrap_or(path);
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    if !on_bpffs(parent).map_err(directory)? {
        return Err(PinError::NotBpffs { path: path.to_owned() });
    }
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(directory(error)),
        _ => {}
    }
    // A BPF file system lets everybody make directories, where it is not mounted with another mode.
    let flags = libc::O_NOFOLLOW | libc::O_DIRECTORY;
    let lock = File::options().read(true).custom_flags(flags).open(path).map_err(directory)?;
    let found = lock.metadata().map_err(directory)?;
    let own_uid = nix::unistd::geteuid().as_raw();
    if found.uid() != own_uid || found.mode() & 0o022 != 0 {
        return Err(PinError::NotOurs { path: path.to_owned(), uid: found.uid() });
    }
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(fs::TryLockError::WouldBlock) => Err(PinError::InUse { path: path.to_owned() }),
        Err(fs::TryLockError::Error(error)) => Err(directory(error)),
    }
}

/// Mounts the BPF file system at its customary place, where a pin directory directly under it needs one and none is there.
/// Whether it did.
///
/// # Errors
/// [`PinError::Mount`].
pub fn mount_where_missing(pin_directory: &Path) -> Result<bool, PinError> {
    let mount_point = Path::new(MOUNT_POINT);
    let failed = |source| PinError::Mount { path: mount_point.to_owned(), source };
    if pin_directory.parent() != Some(mount_point) || on_bpffs(mount_point).map_err(failed)? {
        return Ok(false);
    }
    let target = CString::new(MOUNT_POINT).map_err(|error| failed(io::Error::other(error)))?;
    let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    // SAFETY: all pointers are C strings that outlive the call, and the options are a C string too.
    let answer = unsafe {
        libc::mount(c"bpf".as_ptr(), target.as_ptr(), c"bpf".as_ptr(), flags, c"mode=0700".as_ptr().cast())
    };
    if answer == 0 { Ok(true) } else { Err(failed(io::Error::last_os_error())) }
}

fn on_bpffs(path: &Path) -> io::Result<bool> {
    let path = CString::new(path.as_os_str().as_bytes()).map_err(io::Error::other)?;
    let mut stat = std::mem::MaybeUninit::<libc::statfs>::zeroed();
    // SAFETY: the path is a C string, and the kernel fills the whole structure where it returns 0.
    let stat = unsafe {
        if libc::statfs(path.as_ptr(), stat.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        stat.assume_init()
    };
    Ok(stat.f_type == BPF_FS_MAGIC)
}
