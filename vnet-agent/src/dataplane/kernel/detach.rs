//! Detaching a pinned link at once.
//!
//! Removing a pin and closing its descriptors detaches too, but later: the kernel leaves that to a work queue
//! (kernel/bpf/syscall.c, `bpf_link_put`). An agent that has said it is off an interface must be off it. aya has no call for
//! `BPF_LINK_DETACH` (Linux 5.9).

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Commands of `enum bpf_cmd` in include/uapi/linux/bpf.h.
const BPF_OBJ_GET: libc::c_int = 7;
const BPF_LINK_DETACH: libc::c_int = 34;

/// The part of `union bpf_attr` that `BPF_OBJ_GET` reads.
#[repr(C)]
struct ObjectGet {
    path: u64,
    fd: u32,
    flags: u32,
}

/// The part of `union bpf_attr` that `BPF_LINK_DETACH` reads.
#[repr(C)]
struct LinkDetach {
    fd: u32,
}

/// Takes the link that is pinned at `path` off its interface. The pin stays.
///
/// # Errors
/// There is no such pin, or the kernel refused.
pub(super) fn detach(path: &Path) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes()).map_err(io::Error::other)?;
    let get = ObjectGet { path: path.as_ptr() as u64, fd: 0, flags: 0 };
    let fd = i32::try_from(bpf(BPF_OBJ_GET, &get)?).map_err(io::Error::other)?;
    // SAFETY: the kernel has just made the descriptor, and nobody else knows of it.
    let link = unsafe { OwnedFd::from_raw_fd(fd) };
    let fd = u32::try_from(link.as_raw_fd()).map_err(io::Error::other)?;
    bpf(BPF_LINK_DETACH, &LinkDetach { fd })?;
    Ok(())
}

fn bpf<T>(command: libc::c_int, attributes: &T) -> io::Result<libc::c_long> {
    // SAFETY: `attributes` is one of the structures above, of the size that is told; what it points to outlives the call.
    let answer = unsafe {
        libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(attributes), size_of::<T>() as libc::c_uint)
    };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}
