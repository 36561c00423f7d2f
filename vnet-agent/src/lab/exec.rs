//! Running a command in a NIC's namespace.

use std::ffi::OsString;
use std::process::ExitStatus;

use super::{LabError, namespace_name};
use crate::model::NicName;

/// Runs `command` in the namespace of `nic` and waits for it. Ctrl-C goes to the command.
///
/// # Errors
/// [`LabError`].
pub fn exec(nic: &NicName, command: &[OsString]) -> Result<ExitStatus, LabError> {
    let _ = command;
    Err(LabError::NoNamespace { nic: nic.clone(), namespace: namespace_name(nic) })
}
