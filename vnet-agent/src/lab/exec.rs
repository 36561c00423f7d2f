//! Running a command in a NIC's namespace.

use std::convert::Infallible;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use super::{LabError, namespace};
use crate::model::NicId;

/// Becomes `command`, in the namespace of `nic`. /sys shows the namespace's interfaces to it.
///
/// The process is replaced, as `ip netns exec` does it: signals, job control, the terminal and the exit status are the
/// command's own, and nothing waits in between that would have to pass them on.
///
/// # Errors
/// [`LabError`]: no namespace, or the command cannot be started. Else it does not return.
pub fn exec(nic: &NicId, command: &[OsString]) -> Result<Infallible, LabError> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(LabError::NoCommand { nic: nic.clone() });
    };
    let failed = LabError::system(format!("run {}", program.display()));
    let namespace = namespace::open(nic)?;
    let inside = namespace.enter(|| {
        show_own_interfaces();
        // The calling thread becomes the process, and its namespaces the process's.
        Command::new(program).args(arguments).exec()
    });
    Err(inside.map_or_else(LabError::system(format!("enter the namespace of NIC {nic}")), failed))
}

/// Mounts a /sys of the thread's network namespace, for this thread and its children alone.
fn show_own_interfaces() {
    const NONE: Option<&Path> = None;
    let remount = || {
        unshare(CloneFlags::CLONE_NEWNS)?;
        // Without this the mount would show everywhere.
        mount(NONE, "/", NONE, MsFlags::MS_SLAVE | MsFlags::MS_REC, NONE)?;
        mount(Some("sysfs"), "/sys", Some("sysfs"), MsFlags::empty(), NONE)
    };
    // Within a container /sys may be fixed; few commands look there.
    if let Err(error) = remount() {
        tracing::debug!(%error, "/sys shows the host's interfaces");
    }
}
