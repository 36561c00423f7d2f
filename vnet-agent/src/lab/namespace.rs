//! Namespaces with a name, kept the way `ip netns` keeps them: a file in /run/netns with the namespace mounted on it.
//!
//! A lab's namespaces carry a mark, an alias on their loopback, so that a lab never takes over or removes what somebody
//! else made. The mark is set before the name: no namespace of a lab is ever seen without it.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use rtnetlink::LinkUnspec;
use rtnetlink::packet_route::link::LinkAttribute;

use super::{LabError, namespace_name};
use crate::link::{LinkError, Namespace, interfaces_of};
use crate::model::NicId;

const DIRECTORY: &str = "/run/netns";
/// The loopback's number in every namespace.
const LOOPBACK: u32 = 1;
const NO_DATA: Option<&Path> = None;

/// The alias that marks what a lab made for a NIC.
pub(super) fn mark(nic: &NicId) -> String {
    format!("vnet lab: NIC {nic}")
}

pub(super) fn path(nic: &NicId) -> PathBuf {
    Path::new(DIRECTORY).join(namespace_name(nic))
}

/// Who made something that has the name that a lab would give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Maker {
    /// It does not exist.
    Nobody,
    /// A lab, for the same NIC.
    Lab,
    /// Somebody else.
    Other,
}

/// Who made the namespace with the name of the NIC's.
pub(super) async fn maker(nic: &NicId) -> Result<Maker, LabError> {
    let path = path(nic);
    let namespace = match Namespace::open(&path) {
        Ok(namespace) => namespace,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Maker::Nobody),
        Err(error) => return Err(LabError::system(format!("open {}", path.display()))(error)),
    };
    let handle = match namespace.connect() {
        Ok(handle) => handle,
        // A plain file: what a lab leaves that is killed between making the file and mounting on it, or an `ip netns add`
        // under way.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => return Ok(Maker::Other),
        Err(error) => return Err(LabError::system(format!("enter {}", path.display()))(error)),
    };
    let links = interfaces_of(&handle).await?;
    let is_ours = links
        .iter()
        .any(|link| link.ifindex == LOOPBACK && link.alias.as_deref() == Some(mark(nic).as_str()));
    Ok(if is_ours { Maker::Lab } else { Maker::Other })
}

/// The NIC's namespace.
pub(super) fn open(nic: &NicId) -> Result<Namespace, LabError> {
    let path = path(nic);
    Namespace::open(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => LabError::NoNamespace { nic: nic.clone(), namespace: namespace_name(nic) },
        _ => LabError::system(format!("open {}", path.display()))(error),
    })
}

/// A new namespace with the lab's mark, its loopback up, that has no name yet.
pub(super) async fn create(nic: &NicId) -> Result<(Namespace, rtnetlink::Handle), LabError> {
    let namespace = Namespace::create().map_err(LabError::system("make a network namespace"))?;
    let handle = namespace.connect().map_err(LabError::system("enter a new network namespace"))?;
    let loopback = LinkUnspec::new_with_index(LOOPBACK)
        .append_extra_attribute(LinkAttribute::IfAlias(mark(nic)))
        .up()
        .build();
    let what = "bring up the loopback of a new network namespace";
    handle.link().set(loopback).execute().await.map_err(LinkError::request(what))?;
    Ok((namespace, handle))
}

/// Gives a namespace the NIC's name. Fails with `AlreadyExists` where something has it.
pub(super) fn bind(nic: &NicId, namespace: &Namespace) -> Result<(), LabError> {
    let path = path(nic);
    let failed = LabError::system(format!("bind a network namespace to {}", path.display()));
    let bind = || -> io::Result<()> {
        prepare_directory()?;
        File::options().read(true).write(true).create_new(true).open(&path)?;
        let source = format!("/proc/self/fd/{}", namespace.as_raw_fd());
        let mounted = mount(Some(source.as_str()), &path, Some("none"), MsFlags::MS_BIND, NO_DATA);
        mounted.or_else(|error| {
            fs::remove_file(&path)?;
            Err(error.into())
        })
    };
    bind().map_err(failed)
}

/// Takes the NIC's name from its namespace, which ends with the last process in it.
pub(super) fn unbind(nic: &NicId) -> Result<(), LabError> {
    let path = path(nic);
    let unbind = || -> io::Result<()> {
        match umount2(&path, MntFlags::MNT_DETACH) {
            // A plain file on which nothing was mounted yet.
            Ok(()) | Err(Errno::EINVAL) => fs::remove_file(&path),
            Err(error) => Err(error.into()),
        }
    };
    unbind().map_err(LabError::system(format!("remove {}", path.display())))
}

/// Makes the directory and a shared mount of it, as `ip netns` does: without that, a namespace that is removed here stays
/// alive in the mount namespaces of services.
fn prepare_directory() -> io::Result<()> {
    let directory = Path::new(DIRECTORY);
    match DirBuilder::new().mode(0o755).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // Whoever mounts the directory onto itself a second time hides what the first one bound there.
    let lock = File::open(directory)?;
    lock.lock()?;
    let share = || mount(NO_DATA, directory, NO_DATA, MsFlags::MS_SHARED | MsFlags::MS_REC, NO_DATA);
    match share() {
        // No mount point yet.
        Err(Errno::EINVAL) => {
            mount(Some(directory), directory, NO_DATA, MsFlags::MS_BIND | MsFlags::MS_REC, NO_DATA)?;
            share()?;
        }
        other => other?,
    }
    Ok(())
}
