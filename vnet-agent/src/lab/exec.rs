//! Running a command in a NIC's namespace.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitStatus;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use super::{LabError, namespace};
use crate::model::NicName;

/// Runs `command` in the namespace of `nic` and waits for it.
///
/// /sys shows the namespace's interfaces to it. Ctrl-C reaches the command from the terminal and does not end the caller;
/// SIGTERM is passed on. Blocks: within an executor, call it from a thread that may.
///
/// # Errors
/// [`LabError`]: no namespace, or the command cannot be started. How the command ends is its status.
pub fn exec(nic: &NicName, command: &[OsString]) -> Result<ExitStatus, LabError> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(LabError::NoCommand { nic: nic.clone() });
    };
    let namespace = namespace::open(nic)?;
    let inside = namespace.enter(|| {
        show_own_interfaces();
        run(program, arguments)
    });
    inside.map_err(LabError::system(format!("enter the namespace of NIC {nic}")))?
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

fn run(program: &OsString, arguments: &[OsString]) -> Result<ExitStatus, LabError> {
    let what = format!("run {}", program.display());
    let start = || -> std::io::Result<ExitStatus> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            // From here on neither signal ends this process.
            let mut interrupt = signal(SignalKind::interrupt())?;
            let mut quit = signal(SignalKind::quit())?;
            let mut terminate = signal(SignalKind::terminate())?;
            // The child is a child of this thread, and so stands in its namespaces.
            let mut child = Command::new(program).args(arguments).spawn()?;
            loop {
                tokio::select! {
                    status = child.wait() => return status,
                    _ = interrupt.recv() => {}
                    _ = quit.recv() => {}
                    _ = terminate.recv() => pass_on(&child, Signal::SIGTERM),
                }
            }
        })
    };
    start().map_err(LabError::system(what))
}

fn pass_on(child: &Child, signal: Signal) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(pid) = pid
        && let Err(error) = kill(Pid::from_raw(pid), signal)
    {
        tracing::warn!(%error, "the signal did not reach the command");
    }
}
