//! A disk that fails when a test wants it to.

use std::io;
use std::sync::{Arc, Mutex};

use redb::StorageBackend;
use redb::backends::FileBackend;

/// Tells the disk of one store when to fail. A clone tells the same disk.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    /// How many calls that write have been made.
    calls: u64,
    /// Those of them that fail: from the first number up to the second.
    failing: (u64, u64),
    /// The error's number in the operating system.
    code: i32,
    /// Whether a failing call does its work all the same, as a failing sync may have.
    is_late: bool,
}

impl Faults {
    /// Lets the call after `after` more calls that write fail, and each one behind it up to `times` of them.
    pub(super) fn fail(&self, after: u64, times: u64, code: i32, is_late: bool) {
        let mut inner = self.0.lock().unwrap();
        let first = inner.calls + after;
        inner.failing = (first, first.saturating_add(times));
        (inner.code, inner.is_late) = (code, is_late);
    }

    /// Lets nothing fail from now on. Whether anything had failed.
    pub(super) fn end(&self) -> bool {
        let mut inner = self.0.lock().unwrap();
        let (first, _) = std::mem::take(&mut inner.failing);
        inner.calls > first
    }

    /// Does a call that writes, or lets it fail.
    fn call(&self, work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let mut inner = self.0.lock().unwrap();
        let fails = (inner.failing.0..inner.failing.1).contains(&inner.calls);
        inner.calls += 1;
        if fails {
            if inner.is_late {
                work()?;
            }
            return Err(io::Error::from_raw_os_error(inner.code));
        }
        drop(inner);
        work()
    }
}

/// A file on such a disk.
#[derive(Debug)]
pub(super) struct Faulty {
    file: FileBackend,
    faults: Faults,
}

impl Faulty {
    pub(super) fn new(file: FileBackend, faults: Faults) -> Self {
        Self { file, faults }
    }
}

impl StorageBackend for Faulty {
    fn len(&self) -> Result<u64, io::Error> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.faults.call(|| self.file.set_len(len))
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        self.faults.call(|| self.file.sync_data())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.faults.call(|| self.file.write(offset, data))
    }

    fn close(&self) -> Result<(), io::Error> {
        self.file.close()
    }
}
