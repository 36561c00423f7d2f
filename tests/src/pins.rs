//! A pin directory for one test, removed with all that is in it when the test ends, whatever way.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use vnet_agent::dataplane::kernel::{AttachMode, Links, PinDirectory};

use crate::requirements::{BPFFS, require_bpffs};

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

    /// Opens the directory, as an agent does that starts: without an attachment of its own yet.
    ///
    /// # Panics
    /// Where it cannot be made.
    #[must_use]
    pub fn links(&self) -> Links {
        Links::new(PinDirectory::open(&self.path).expect("the pin directory can be made"), AttachMode::Native)
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
