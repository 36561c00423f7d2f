//! One entry for people and CI.
//!
//! Every task first sees to what it needs: `cargo xtask demo` on a fresh machine installs the tools, builds, and runs.
//! What is there already is left alone, and a second run installs nothing.

mod audit;
mod build;
mod ci;
mod command;
mod demo;
mod dist;
mod fuzz;
mod host;
mod layering;
mod setup;
mod test;
mod toolchain;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds, tests and shows vnet.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Installs what is missing of the BPF toolchain and of the network tools, and says what it does
    Setup,
    /// Builds the agent with the XDP program in it
    Build {
        /// With optimisation, as it is shipped
        #[arg(long)]
        release: bool,
    },
    /// Brings up a lab of namespaces, sends real traffic through it, shows the connectivity matrix, takes it down
    Demo(demo::Options),
    /// Runs every test suite, those that need root and namespaces included
    Test(test::Options),
    /// Measures the forwarder against a bare redirect between the same interfaces
    Bench {
        /// Options of `vnet-agent bench`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<std::ffi::OsString>,
    },
    /// Fuzzes the parsers
    Fuzz(fuzz::Options),
    /// Packs the agent as a Debian package, into target/debian
    Dist(dist::Options),
    /// What CI runs: formatting, clippy, the tests, a minute of fuzzing, the documentation
    Ci,
    /// Checks licences, sources and duplicate versions of the dependencies (builds cargo-deny: some minutes)
    Audit,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Setup => setup::run(setup::Scope::Everything),
        Task::Build { release } => build::run(release).map(|_| ()),
        Task::Demo(options) => demo::run(&options),
        Task::Test(options) => test::run(&options),
        Task::Bench { options } => build::bench(&options),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Dist(options) => dist::run(&options),
        Task::Ci => ci::run(),
        Task::Audit => audit::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
