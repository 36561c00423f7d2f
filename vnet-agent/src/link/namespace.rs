//! Network namespaces, entered by threads.
//!
//! `setns` moves one thread. A thread of an executor that moved and came back late would run other tasks in the wrong
//! namespace, so nothing here ever moves the caller: a thread is made for the work and ends with it.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::path::Path;
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};

/// A handle of a network namespace. The namespace lives at least as long.
#[derive(Debug)]
pub struct Namespace(File);

impl Namespace {
    /// Opens a namespace by its path: `/run/netns/NAME`, `/proc/PID/ns/net`.
    ///
    /// # Errors
    /// The file cannot be opened. A file that is no namespace shows only when it is entered.
    pub fn open(path: &Path) -> io::Result<Self> {
        File::open(path).map(Self)
    }

    /// The namespace of the calling thread.
    ///
    /// # Errors
    /// `/proc` is not there.
    pub fn current() -> io::Result<Self> {
        Self::open(Path::new("/proc/thread-self/ns/net"))
    }

    /// A new namespace, which nothing else holds.
    ///
    /// # Errors
    /// `EPERM` without `CAP_SYS_ADMIN`.
    pub fn create() -> io::Result<Self> {
        in_a_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            Self::current()
        })?
    }

    /// Does `work` in the namespace, in a thread of its own, and waits for it.
    ///
    /// # Errors
    /// The namespace could not be entered: `EPERM` without `CAP_SYS_ADMIN`, `EINVAL` where the file is no namespace.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        in_a_thread(|| {
            setns(self.as_fd(), CloneFlags::CLONE_NEWNET)?;
            Ok(work())
        })?
    }

    /// Opens an rtnetlink socket in the namespace and serves it on the current runtime.
    ///
    /// # Errors
    /// As for [`Self::enter`].
    pub(crate) fn connect(&self) -> io::Result<rtnetlink::Handle> {
        let runtime = tokio::runtime::Handle::current();
        let (connection, handle, _) = self.enter(|| {
            let _inside = runtime.enter();
            rtnetlink::new_connection()
        })??;
        runtime.spawn(connection);
        Ok(handle)
    }
}

impl AsFd for Namespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Namespace {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

fn in_a_thread<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("namespace".into()).spawn_scoped(scope, work)?;
        thread.join().or_else(|panic| std::panic::resume_unwind(panic))
    })
}
