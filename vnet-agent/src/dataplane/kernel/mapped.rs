//! A map's memory in this process: values change by one aligned store, which a system call does not promise.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use aya::maps::MapData;

/// The memory of an array map that was created with `BPF_F_MMAPABLE`.
#[derive(Debug)]
pub(super) struct Mapped {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the memory belongs to the process, not to a thread, and is only accessed atomically.
unsafe impl Send for Mapped {}
// SAFETY: as above.
unsafe impl Sync for Mapped {}

impl Mapped {
    /// Maps the `entries` values of 8 bytes of an array map.
    pub(super) fn new(map: &MapData, entries: u32) -> io::Result<Self> {
        let bytes = entries as usize * size_of::<u64>();
        // SAFETY: a new mapping at an address of the kernel's choice disturbs nothing; the descriptor is open.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                map.fd().as_fd().as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or_else(|| io::Error::other("mapped at address zero"))?;
        Ok(Self { start, bytes })
    }

    /// Stores the 32-bit word with this index; one outside the map changes nothing. Release ordering.
    pub(super) fn store_u32(&self, index: usize, value: u32) {
        if index < self.bytes / size_of::<u32>() {
            // SAFETY: inside the mapping, which is page-aligned and lives as long as self; every access is atomic.
            let word = unsafe { AtomicU32::from_ptr(self.start.as_ptr().cast::<u32>().add(index)) };
            word.store(value, Ordering::Release);
        }
    }

    /// Stores the 64-bit word with this index, after everything stored before by this thread.
    pub(super) fn store_u64(&self, index: usize, value: u64) {
        if index < self.bytes / size_of::<u64>() {
            // SAFETY: as in `store_u32`.
            let word = unsafe { AtomicU64::from_ptr(self.start.as_ptr().cast::<u64>().add(index)) };
            word.store(value, Ordering::SeqCst);
        }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: exactly the mapping made in `new`, of which no reference outlives self.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}
