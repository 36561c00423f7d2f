//! The Debian package.
//!
//! What the agent says of itself, completions and manual, is asked of the very binary that is packed, and staged beside it.
//! cargo-deb packs what `[package.metadata.deb]` in vnet-agent/Cargo.toml lists; unit and maintainer scripts stand in
//! vnet-agent/dist.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};

use crate::command::{self, cargo, program, shown};
use crate::{build, setup};

/// What to pack.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How the agent is compiled
    #[arg(long, default_value = "release")]
    profile: Profile,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Profile {
    /// With optimisation, as it is shipped
    Release,
    /// As the tests have it, and packed in less time
    Dev,
}

/// Shells that the agent knows to be completed in.
const SHELLS: [&str; 3] = ["bash", "fish", "zsh"];

pub(crate) fn run(options: &Options) -> Result<()> {
    setup::run(setup::Scope::Build)?;
    setup::packaging_ready()?;
    let agent = build::compile(options.profile == Profile::Release)?;
    let target = build::target_directory()?;
    let stage = target.join("package");
    // cargo-deb knows the folder `release` alone: the binary of either profile is staged there.
    stage_files(&agent, &stage.join("release"))
        .with_context(|| format!("the package could not be staged in {}", stage.display()))?;
    let packages = target.join("debian");
    let mut deb = cargo();
    deb.args(["deb", "--locked", "--no-build", "--strip", "--package", "vnet-agent", "--output"]);
    deb.arg(format!("{}/", packages.display())).env("CARGO_TARGET_DIR", &stage);
    if options.profile == Profile::Dev {
        deb.arg("--fast");
    }
    command::run(&mut deb)
}

/// Lays out the binary, its completions and its manual, and nothing that an earlier run has left.
fn stage_files(agent: &Path, stage: &Path) -> Result<()> {
    let documents = stage.join("dist");
    if documents.exists() {
        fs::remove_dir_all(&documents)?;
    }
    fs::create_dir_all(&documents)?;
    let agent_here = stage.join("vnet-agent");
    fs::copy(agent, &agent_here)?;
    for shell in SHELLS {
        let script = File::create(documents.join("vnet-agent").with_extension(shell))?;
        command::run(program(&agent_here).args(["completions", shell]).stdout(script))?;
    }
    let manual = documents.join("man");
    command::run(program(&agent_here).arg("manual").arg(&manual))?;
    let pages: Vec<PathBuf> = fs::read_dir(&manual)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    // As Debian wants it: no name and no time in it, so that the same sources give the same package.
    let mut gzip = program("gzip");
    gzip.args(["-9", "-n"]);
    let line = format!("{} {}/*", shown(&gzip), manual.display());
    eprintln!("+ {line}");
    let status = gzip.args(pages).status().with_context(|| format!("`{line}` could not be started"))?;
    anyhow::ensure!(status.success(), "`{line}` failed: {status}");
    Ok(())
}
