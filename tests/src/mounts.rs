//! A small file system for one test, which nobody else sees.

use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// A file system in memory with room for `bytes`, mounted at a directory of its own.
#[derive(Debug)]
pub struct SmallDisk {
    directory: tempfile::TempDir,
    bytes: usize,
}

impl SmallDisk {
    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Makes it smaller or larger, or read-only. What is in it stays.
    ///
    /// # Panics
    /// Where the kernel refuses.
    pub fn remount(&mut self, bytes: usize, is_read_only: bool) {
        self.bytes = bytes;
        let flags = if is_read_only { MsFlags::MS_RDONLY } else { MsFlags::empty() };
        self.mount(MsFlags::MS_REMOUNT | flags);
    }

    fn mount(&self, flags: MsFlags) {
        let options = format!("size={},mode=0700", self.bytes);
        let mounted = mount(Some("tmpfs"), self.path(), Some("tmpfs"), flags, Some(options.as_str()));
        mounted.expect("a file system in memory can be mounted");
    }
}

/// Runs `test` on a thread of its own with such a file system, and gives its answer or goes on with its panic. The mount
/// namespace that it is mounted in ends with the thread.
///
/// # Panics
/// Where it cannot be mounted, or as `test` does.
pub fn with_small_disk<T: Send>(bytes: usize, test: impl FnOnce(&mut SmallDisk) -> T + Send) -> T {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let mut disk = SmallDisk { directory, bytes };
    let ended = std::thread::scope(|scope| {
        let enter = || {
            unshare(CloneFlags::CLONE_NEWNS).expect("a mount namespace can be made: this suite needs root");
            let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
            mount(None::<&str>, "/", None::<&str>, private, None::<&str>)
                .expect("mounts can be made private");
            disk.mount(MsFlags::empty());
            test(&mut disk)
        };
        scope.spawn(enter).join()
    });
    ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
