//! System calls on BPF links and pins for which aya has none, or none that gives the descriptor back.
//!
//! Detaching: removing a pin and closing its descriptors detaches too, but later, since the kernel leaves that to a work queue
//! (kernel/bpf/syscall.c, `bpf_link_put`). An agent that has said it is off an interface must be off it.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Commands of `enum bpf_cmd` in include/uapi/linux/bpf.h.
const BPF_OBJ_PIN: libc::c_int = 6;
const BPF_OBJ_GET: libc::c_int = 7;
const BPF_OBJ_GET_INFO_BY_FD: libc::c_int = 15;
const BPF_LINK_UPDATE: libc::c_int = 29;
const BPF_LINK_DETACH: libc::c_int = 34;

/// `BPF_LINK_TYPE_XDP` of `enum bpf_link_type`.
const LINK_TYPE_XDP: u32 = 6;

/// The part of `union bpf_attr` that `BPF_OBJ_PIN` and `BPF_OBJ_GET` read.
#[repr(C)]
struct ObjectAtPath {
    path: u64,
    fd: u32,
    flags: u32,
}

/// The part of `union bpf_attr` that `BPF_OBJ_GET_INFO_BY_FD` reads.
#[repr(C)]
struct ObjectInfo {
    fd: u32,
    info_bytes: u32,
    info: u64,
}

/// The part of `union bpf_attr` that `BPF_LINK_UPDATE` reads.
#[repr(C)]
struct LinkUpdate {
    link: u32,
    new_program: u32,
    flags: u32,
    old_program: u32,
}

/// The part of `union bpf_attr` that `BPF_LINK_DETACH` reads.
#[repr(C)]
struct LinkDetach {
    fd: u32,
}

/// The first part of `struct bpf_link_info`, up to what an XDP link tells.
#[repr(C)]
#[derive(Default)]
struct LinkInfo {
    kind: u32,
    id: u32,
    program: u32,
    padding: u32,
    ifindex: u32,
    padding_after: u32,
}

/// What an XDP link holds together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct XdpLinkInfo {
    /// The program's id.
    pub(super) program_id: u32,
    /// The interface, 0 where the link is off it.
    pub(super) ifindex: u32,
}

/// Opens what is pinned at `path`.
pub(super) fn open(path: &Path) -> io::Result<OwnedFd> {
    let path = c_string(path)?;
    let get = ObjectAtPath { path: path.as_ptr() as u64, fd: 0, flags: 0 };
    let fd = i32::try_from(bpf(BPF_OBJ_GET, &get)?).map_err(io::Error::other)?;
    // SAFETY: the kernel has just made the descriptor, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Pins a program, a map or a link at `path`.
pub(super) fn pin(object: &impl AsFd, path: &Path) -> io::Result<()> {
    let path = c_string(path)?;
    let pin = ObjectAtPath { path: path.as_ptr() as u64, fd: number(object)?, flags: 0 };
    bpf(BPF_OBJ_PIN, &pin).map(|_| ())
}

/// Puts another program under a link; a packet runs by the one or by the other. Programs of any age can be exchanged.
pub(super) fn update_link(link: &impl AsFd, program: &impl AsFd) -> io::Result<()> {
    let update = LinkUpdate { link: number(link)?, new_program: number(program)?, flags: 0, old_program: 0 };
    bpf(BPF_LINK_UPDATE, &update).map(|_| ())
}

/// Takes a link off its interface. Its pin stays.
pub(super) fn detach_link(link: &impl AsFd) -> io::Result<()> {
    bpf(BPF_LINK_DETACH, &LinkDetach { fd: number(link)? }).map(|_| ())
}

/// What an XDP link holds together; an error for a link of another kind. The caller knows that it is a link.
pub(super) fn link_info(link: &impl AsFd) -> io::Result<XdpLinkInfo> {
    let mut info = LinkInfo::default();
    let info_bytes = u32::try_from(size_of::<LinkInfo>()).map_err(io::Error::other)?;
    let ask = ObjectInfo { fd: number(link)?, info_bytes, info: std::ptr::from_mut(&mut info) as u64 };
    bpf(BPF_OBJ_GET_INFO_BY_FD, &ask)?;
    if info.kind != LINK_TYPE_XDP {
        return Err(io::Error::other("it is no XDP link"));
    }
    Ok(XdpLinkInfo { program_id: info.program, ifindex: info.ifindex })
}

fn c_string(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(io::Error::other)
}

fn number(object: &impl AsFd) -> io::Result<u32> {
    u32::try_from(object.as_fd().as_raw_fd()).map_err(io::Error::other)
}

fn bpf<T>(command: libc::c_int, attributes: &T) -> io::Result<libc::c_long> {
    // SAFETY: `attributes` is one of the structures above, of the size that is told; what it points to outlives the call, and
    // is as large as it says.
    let answer = unsafe {
        libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(attributes), size_of::<T>() as libc::c_uint)
    };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}
