//! The command line: one file per noun, each with its arguments and what it prints.
//!
//! Words follow `az network`. Commands print into a [`Printer`] and never to the standard output itself, so that a reader that
//! went away (`| head`) ends a command cleanly in one place. Exit status: 0 done, 1 refused or failed, 2 wrong usage.

mod activity;
mod agent;
mod apply;
mod args;
mod bench;
mod completions;
mod counters;
mod detach;
mod error;
mod escape;
mod lab;
mod matrix;
mod next_hop;
mod nic;
mod output;
mod progress;
mod reader;
mod resource;
mod role;
mod run;
mod scope;
mod source;
mod status;
mod subscription;
mod token;
mod validate;
mod vnet;

#[cfg(test)]
mod tests;

use std::io::{BufWriter, IsTerminal, Write};
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};

pub use error::{CliError, CliResult, Outcome};
pub use output::{Format, Printer, Table};

use crate::model::{RefusalCode, ResourceId};

/// Virtual network peering on Linux at XDP speed.
#[derive(Debug, Parser)]
#[command(name = "vnet-agent", version, propagate_version = true, max_term_width = 110)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// How to print [default: table on a terminal, json elsewhere; reports such as `matrix` are text everywhere]
    #[arg(short, long, value_name = "FORMAT", global = true, env = "VNET_OUTPUT")]
    output: Option<Format>,
    /// Print without colour; so does a non-empty NO_COLOR
    #[arg(long, global = true)]
    no_color: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the agent: attach, forward, and answer on the socket
    Run(run::RunArgs),
    /// Find everything that is wrong with a topology file
    Validate(validate::Validate),
    /// Make a topology file the state: all of it in one transaction, or nothing
    Apply(apply::ApplyArgs),
    /// The state as a topology file that `apply` takes
    Export(apply::ExportArgs),
    /// The agent at a glance: what is stored beside what is observed
    Status(status::StatusArgs),
    /// Virtual networks, their subnets and their peerings
    #[command(subcommand)]
    Vnet(vnet::VnetCommand),
    /// NICs
    #[command(subcommand)]
    Nic(nic::NicCommand),
    /// Subscriptions: what is administered together
    #[command(subcommand)]
    Subscription(subscription::SubscriptionCommand),
    /// Who may do what
    #[command(subcommand)]
    Role(role::RoleCommand),
    /// Tokens for clients on TCP
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Who did what, when, and what came of it
    #[command(subcommand)]
    ActivityLog(activity::ActivityLogCommand),
    /// Where a NIC's packet to an address goes
    NextHop(next_hop::NextHop),
    /// What crossed each peering, and what each NIC sent and received
    Counters(counters::CountersArgs),
    /// How many frames were dropped, by reason
    Drops(counters::DropsArgs),
    /// Who reaches whom by the rules and, probed, in truth
    Matrix(matrix::MatrixArgs),
    /// A namespace and a veth pair for each NIC whose declaration names no interface
    #[command(subcommand)]
    Lab(lab::LabCommand),
    /// Measure the forwarder beside a bare redirect and Linux routing, on a rig of its own
    Bench(bench::BenchArgs),
    /// Take the program off the interfaces on which an agent that is no more left it
    Detach(detach::DetachArgs),
    /// Print the script that completes commands in a shell
    Completions(completions::CompletionsArgs),
    /// Write the manual's pages into a directory, for packages
    #[command(hide = true)]
    Manual(completions::ManualArgs),
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let stdout = std::io::stdout();
    let is_terminal = stdout.is_terminal();
    let is_plain = cli.global.no_color || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let error_color = std::io::stderr().is_terminal() && !is_plain;
    // A person sees each line as it comes; for a program, a long list is not written line by line.
    let stdout: Box<dyn Write> =
        if is_terminal { Box::new(stdout.lock()) } else { Box::new(BufWriter::new(stdout.lock())) };
    let mut printer = Printer::new(stdout, cli.global.output, is_terminal, error_color);
    let result = run(&cli.command, &mut printer);
    let flushed = printer.flush();
    match result.and_then(|outcome| flushed.map(|()| outcome)) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Failed) => ExitCode::FAILURE,
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to tell of a standard error that is closed.
            let _ = match &error {
                CliError::Problems(text) => writeln!(std::io::stderr(), "{}", text.trim_end()),
                // As the refusals of a topology file are shown.
                CliError::Refused { code, message, details } => {
                    let details: String = details.iter().map(|detail| format!("\n  {detail}")).collect();
                    writeln!(std::io::stderr(), "error[{code}]: {message}{details}")
                }
                error => writeln!(std::io::stderr(), "error: {error}"),
            };
            error.exit_code()
        }
    }
}

fn run(command: &Command, printer: &mut Printer<'_>) -> CliResult {
    match command {
        Command::Run(args) => run::run(args, printer),
        Command::Validate(args) => validate::run(args, printer),
        Command::Apply(args) => apply::apply(args, printer),
        Command::Export(args) => apply::export(args, printer),
        Command::Status(args) => status::run(args, printer),
        Command::Subscription(command) => subscription::run(command, printer),
        Command::Role(command) => role::run(command, printer),
        Command::Token(command) => token::run(command, printer),
        Command::ActivityLog(command) => activity::run(command, printer),
        Command::Vnet(command) => vnet::run(command, printer),
        Command::Nic(command) => nic::run(command, printer),
        Command::NextHop(args) => next_hop::run(args, printer),
        Command::Counters(args) => counters::counters(args, printer),
        Command::Drops(args) => counters::drops(args, printer),
        Command::Matrix(args) => matrix::run(args, printer),
        Command::Lab(command) => lab::run(command, printer),
        Command::Bench(args) => bench::run(args, printer),
        Command::Detach(args) => detach::run(args, printer),
        Command::Completions(args) => completions::completions(args, Cli::command(), printer),
        Command::Manual(args) => completions::manual(args, Cli::command(), printer),
    }
}

/// A list in one cell.
fn join<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    let mut joined = String::new();
    for item in items {
        if !joined.is_empty() {
            joined.push_str(", ");
        }
        joined.push_str(item.as_ref());
    }
    joined
}

/// An object was named that does not exist.
fn not_found(resource: &ResourceId) -> CliError {
    CliError::refused(RefusalCode::ResourceNotFound, format!("{resource} does not exist"))
}
