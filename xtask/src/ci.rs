//! What CI runs. In order of what fails fastest, and each step by the command that a person would use.

use std::time::Duration;

use anyhow::Result;

use crate::command::{self, cargo};
use crate::{fuzz, setup, test};

/// vnet-ebpf is compiled for the BPF target alone, by vnet-agent's build script.
const WORKSPACE: [&str; 4] = ["--locked", "--workspace", "--exclude", "vnet-ebpf"];

pub(crate) fn run() -> Result<()> {
    command::run(cargo().args(["fmt", "--all", "--check"]))?;
    setup::run(setup::Scope::Everything)?;
    command::run(cargo().arg("clippy").args(WORKSPACE).args(["--all-targets", "--", "--deny", "warnings"]))?;
    test::run(&test::Options::default())?;
    fuzz::all(Duration::from_secs(60))?;
    command::run(cargo().arg("doc").args(WORKSPACE).arg("--no-deps").env("RUSTDOCFLAGS", "--deny warnings"))
}
