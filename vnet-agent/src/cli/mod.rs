//! The command line: one file per noun, each with its arguments and what it prints.
//!
//! Words follow `az network`. Commands print into a [`Printer`] and never to the standard output itself, so that a reader that
//! went away (`| head`) ends a command cleanly in one place. Exit status: 0 done, 1 refused or failed, 2 wrong usage.

mod error;
mod output;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

pub use error::{CliError, CliResult, Outcome};
pub use output::{Format, Printer, Table};

/// Virtual network peering on Linux at XDP speed.
#[derive(Debug, Parser)]
#[command(name = "vnet-agent", version, propagate_version = true, max_term_width = 110)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Global {
    /// How to print [default: table on a terminal, json elsewhere]
    #[arg(short, long, value_name = "FORMAT", global = true)]
    output: Option<Format>,
    /// Print without colour; so does a non-empty NO_COLOR
    #[arg(long, global = true)]
    no_color: bool,
}

#[derive(Debug, Subcommand)]
enum Command {}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let stdout = std::io::stdout();
    let is_terminal = stdout.is_terminal();
    let is_plain = cli.global.no_color || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let mut printer = Printer::new(stdout.lock(), cli.global.output, is_terminal, is_terminal && !is_plain);
    let result = run(cli.command, &mut printer);
    let flushed = printer.flush();
    match result.and_then(|outcome| flushed.map(|()| outcome)) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Failed) => ExitCode::FAILURE,
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to tell of a standard error that is closed.
            let _ = writeln!(std::io::stderr(), "error: {error}");
            error.exit_code()
        }
    }
}

fn run(command: Command, _printer: &mut Printer<'_>) -> CliResult {
    match command {}
}
