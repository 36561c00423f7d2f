//! Fuzzing: cargo-fuzz over the targets in tests/fuzz.
//!
//! Without a sanitizer: the code under test holds no `unsafe`, so that a panic, a hang or an endless allocation is all
//! that can be found, and a stable toolchain is enough.

use std::time::Duration;

use anyhow::Result;
use clap::Args;

use crate::command::{self, cargo, which};

const DIRECTORY: &str = "tests/fuzz";
const TARGETS: [&str; 2] = ["frame", "topology_file"];

/// What to fuzz.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// For how long, in seconds, all targets together
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    all(Duration::from_secs(options.seconds))
}

/// Fuzzes each target for an equal part of `time`.
pub(crate) fn all(time: Duration) -> Result<()> {
    if which("cargo-fuzz").is_none() {
        eprintln!("fuzz: building cargo-fuzz (about a minute)");
        command::run(cargo().args(["install", "cargo-fuzz", "--locked"]))?;
    }
    let seconds = (time.as_secs() / TARGETS.len() as u64).max(1);
    for target in TARGETS {
        let mut command = cargo();
        command.args(["fuzz", "run", "--fuzz-dir", DIRECTORY, "--sanitizer", "none", target, "--"]);
        command::run(
            command.arg(format!("-max_total_time={seconds}")).args(["-timeout=10", "-rss_limit_mb=4096"]),
        )?;
    }
    Ok(())
}
