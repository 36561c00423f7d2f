//! What an agent needs of its process and of the kernel, asked before anything is touched: one clear sentence at the start
//! beats an error number from the middle.

use std::path::Path;

use caps::Capability;
use caps::errors::CapsError;

use super::privileges::{self, EnterNamespaces};
use super::{Event, ServeError};
use crate::dataplane::kernel::mount_where_missing;

/// Something is missing.
#[derive(Debug, thiserror::Error)]
pub enum PreflightError {
    /// The process may not do what an agent does.
    #[error("the agent needs root, or the capabilities CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON; missing: {}", list(.missing))]
    Capabilities {
        /// The capabilities that are missing.
        missing: Vec<Capability>,
    },
    /// The process may not enter its guests' namespaces, and was told to.
    #[error(
        "--enter-namespaces needs the capability CAP_SYS_ADMIN, which is missing; without the option, guests' ends that \
         must be set by hand are named in the notes of their NICs"
    )]
    Namespaces,
    /// The process's capabilities could not be read, or not be given up.
    #[error("the capabilities that the agent does not need cannot be given up: {0}")]
    Privileges(#[source] CapsError),
    /// The way to other powers by executing a program could not be closed.
    #[error("no_new_privs cannot be set: {0}")]
    NewPrivileges(#[source] nix::Error),
    /// The kernel has no type information.
    #[error("the kernel has no BTF: {path} is missing; it must be built with CONFIG_DEBUG_INFO_BTF=y", path = BTF)]
    Btf,
}

const BTF: &str = "/sys/kernel/btf/vmlinux";

/// Makes this process one that is fit to run an agent: looks whether it can, mounts the BPF file system where it is missing,
/// the one thing that needs more than an agent keeps, and gives up every capability that an agent does not need.
///
/// To be called by the process's only thread, before anything is read that others wrote: what a thread may do, those that
/// it makes may do too, and giving up reaches none that is there already.
///
/// # Errors
/// [`ServeError`]: something is missing.
pub fn prepare(
    pin_directory: &Path,
    enter: EnterNamespaces,
    report: &mut dyn FnMut(Event<'_>),
) -> Result<(), ServeError> {
    let kept = privileges::look(enter)?;
    if !Path::new(BTF).exists() {
        return Err(PreflightError::Btf.into());
    }
    if mount_where_missing(pin_directory)? {
        report(Event::BpffsMounted);
    }
    privileges::keep_only(&kept)?;
    Ok(())
}

fn list(capabilities: &[Capability]) -> String {
    let names: Vec<String> = capabilities.iter().map(ToString::to_string).collect();
    names.join(", ")
}
