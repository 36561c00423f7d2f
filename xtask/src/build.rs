//! Building the agent, and the tasks that are the agent's own commands.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::command::{self, cargo, program};
use crate::{host, setup};

/// Builds the agent, and gives the path of its binary.
pub(crate) fn run(release: bool) -> Result<PathBuf> {
    setup::run(setup::Scope::Build)?;
    compile(release)
}

/// As [`run`], with all tools in place already.
pub(crate) fn compile(release: bool) -> Result<PathBuf> {
    let mut command = cargo();
    command.args(["build", "--locked", "--package", "vnet-agent", "--bin", "vnet-agent"]);
    if release {
        command.arg("--release");
    }
    command::run(&mut command)?;
    Ok(target_directory()?.join(if release { "release" } else { "debug" }).join("vnet-agent"))
}

/// Where cargo puts what it builds: this program is one of those things.
pub(crate) fn target_directory() -> Result<PathBuf> {
    let own = std::env::current_exe().context("the path of this program cannot be read")?;
    let directory =
        own.ancestors().nth(2).context("this program does not stand in cargo's target directory")?;
    Ok(directory.to_owned())
}

/// Measures, with an optimised agent.
pub(crate) fn bench(options: &[OsString]) -> Result<()> {
    host::require_root("bench")?;
    setup::run(setup::Scope::Everything)?;
    host::require_kernel()?;
    host::mount_bpffs()?;
    let agent = compile(true)?;
    command::run(program(agent).arg("bench").args(options))
}
