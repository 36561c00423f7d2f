//! Every test suite.

use anyhow::Result;
use clap::Args;

use crate::command::{self, cargo};
use crate::{build, host, layering, setup};

/// What to run.
#[derive(Debug, Default, Args)]
pub(crate) struct Options {
    /// Only suites and tests whose name holds this
    filter: Option<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    prepare("test")?;
    layering::check()?;
    // The suites run the agent as its users do: as a program.
    build::compile(false)?;
    let filter = options.filter.iter();
    // Whatever needs no root, then the suites that need it.
    command::run(cargo().args(["test", "--locked"]).args(filter.clone()))?;
    command::run(cargo().args(["test", "--locked", "--package", "vnet-tests"]).args(filter))
}

/// Sees to tools, kernel and bpffs.
pub(crate) fn prepare(task: &str) -> Result<()> {
    host::require_root(task)?;
    setup::run(setup::Scope::Everything)?;
    host::require_kernel()?;
    host::mount_bpffs()
}
