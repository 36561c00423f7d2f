//! The dependencies: licences, sources, duplicate versions. Rules and exceptions stand in deny.toml.

use anyhow::Result;

use crate::command::{self, cargo, which};

pub(crate) fn run() -> Result<()> {
    if which("cargo-deny").is_none() {
        eprintln!("audit: building cargo-deny (some minutes)");
        command::run(cargo().args(["install", "cargo-deny", "--locked"]))?;
    }
    command::run(cargo().args(["deny", "--locked", "check", "bans", "licenses", "sources"]))
}
