//! Bounds-checked access to packets and map values: the one room for `unsafe` in the kernel program.

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::helpers::{bpf_xdp_adjust_tail, bpf_xdp_get_buff_len};
use aya_ebpf::maps::{HashMap, PerCpuArray};
use vnet_common::forward::{Frame, FrameMut};

/// No header that the program looks at starts further in.
const MAX_OFFSET: u32 = 1023;

/// The frame that the program was called for.
pub(crate) struct Packet {
    context: *mut xdp_md,
}

impl Packet {
    /// Wraps the context that the kernel handed to the program.
    #[inline(always)]
    pub(crate) fn new(context: *mut xdp_md) -> Self {
        Self { context }
    }

    /// The interface that the frame came in by.
    #[inline(always)]
    pub(crate) fn ingress_ifindex(&self) -> u32 {
        // SAFETY: the kernel hands a valid context to the program, for as long as it runs.
        unsafe { (*self.context).ingress_ifindex }
    }

    #[inline(always)]
    fn bounds(&self) -> (usize, usize) {
        // SAFETY: as above; both fields are packet pointers to the verifier.
        unsafe { ((*self.context).data as usize, (*self.context).data_end as usize) }
    }

    /// The address of `bytes` bytes at `offset`, where the accessible part of the frame holds them.
    #[inline(always)]
    fn address(&self, offset: u32, bytes: usize) -> Option<usize> {
        if offset > MAX_OFFSET {
            return None;
        }
        let (start, end) = self.bounds();
        let at = start + offset as usize;
        (at + bytes <= end).then_some(at)
    }
}

impl Frame for Packet {
    #[inline(always)]
    fn at<const N: usize>(&self, offset: u32) -> Option<&[u8; N]> {
        let at = self.address(offset, N)?;
        // SAFETY: `address` checked that the N bytes lie before data_end; a byte array needs no alignment. The borrow
        // of self rules out a resize, which would move the frame.
        Some(unsafe { &*(at as *const [u8; N]) })
    }

    #[inline(always)]
    fn linear_bytes(&self) -> u32 {
        let (start, end) = self.bounds();
        (end - start) as u32
    }

    #[inline(always)]
    fn total_bytes(&self) -> u32 {
        // SAFETY: the context is valid; the helper only reads it.
        unsafe { bpf_xdp_get_buff_len(self.context) as u32 }
    }
}

impl FrameMut for Packet {
    #[inline(always)]
    fn at_mut<const N: usize>(&mut self, offset: u32) -> Option<&mut [u8; N]> {
        let at = self.address(offset, N)?;
        // SAFETY: as in `at`; the exclusive borrow of self makes this the only reference into the frame.
        Some(unsafe { &mut *(at as *mut [u8; N]) })
    }

    #[inline(always)]
    fn resize(&mut self, bytes: u32) -> bool {
        let delta = bytes as i32 - self.total_bytes() as i32;
        // SAFETY: the context is valid; no reference into the frame is alive, as self is borrowed exclusively.
        delta == 0 || unsafe { bpf_xdp_adjust_tail(self.context, delta) } == 0
    }
}

/// Reads a value that user space changes while the program runs: once, and never again from memory, which a compiler
/// would be free to do for a plain read. One packet sees one generation by this.
#[inline(always)]
pub(crate) fn read_once(value: &u64) -> u64 {
    // SAFETY: a reference is valid to read; an aligned load of eight bytes is never torn.
    unsafe { core::ptr::read_volatile(value) }
}

/// A copy of the value of `key`.
#[inline(always)]
pub(crate) fn value_of<K, V: Copy>(map: &HashMap<K, V>, key: &K) -> Option<V> {
    // SAFETY: the agent never changes or reuses an entry that a packet can still reach, so the value does not change
    // while it is copied.
    unsafe { map.get(key) }.copied()
}

/// Changes this CPU's value of entry `index`; an index outside the map changes nothing.
#[inline(always)]
pub(crate) fn update<T>(map: &PerCpuArray<T>, index: u32, change: impl FnOnce(&mut T)) {
    if let Some(value) = map.get_ptr_mut(index) {
        // SAFETY: the pointer is to this CPU's value, and a CPU runs one XDP program at a time without preemption by
        // another of the same softirq; user space only reads.
        change(unsafe { &mut *value });
    }
}
