//! A pin directory for one test, removed with all that is in it when the test ends, whatever way.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use vnet_agent::dataplane::kernel::{AttachMode, Links, PinDirectory, PinError};

use crate::requirements::{BPFFS, require_bpffs};

/// How long a lock may be held by what is not an agent.
const PATIENCE: Duration = Duration::from_secs(10);

/// A directory of its own in bpffs.
#[derive(Debug)]
pub struct Pins {
    path: PathBuf,
}

impl Pins {
    /// A name that nothing else has; the directory is made by who opens it.
    ///
    /// # Panics
    /// Where there is no BPF file system.
    #[must_use]
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        require_bpffs();
        let name =
            format!("vnet-test-kernel-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        Self { path: Path::new(BPFFS).join(name) }
    }

    /// The path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the directory, as an agent does that starts.
    ///
    /// # Panics
    /// Where it cannot be made, or somebody has it open for good.
    #[must_use]
    pub fn open(&self) -> PinDirectory {
        let started = Instant::now();
        loop {
            match PinDirectory::open(&self.path) {
                // The tests run side by side in one process: a tool that another one starts has this one's lock, too, from its
                // fork to its exec.
                Err(PinError::InUse { .. }) if started.elapsed() < PATIENCE => std::thread::yield_now(),
                opened => return opened.expect("the pin directory can be made"),
            }
        }
    }

    /// The directory opened, without an attachment of its own yet.
    ///
    /// # Panics
    /// As above.
    #[must_use]
    pub fn links(&self) -> Links {
        Links::new(self.open(), AttachMode::Native)
    }
}

impl Default for Pins {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.path).ok();
    }
}
