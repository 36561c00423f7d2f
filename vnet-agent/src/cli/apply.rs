//! `apply` and `export`: the whole state as a topology file, into the agent and out of it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};

use super::agent::Socket;
use super::progress::Spinner;
use super::reader::Reader;
use super::source::Source;
use super::{CliError, CliResult, Format, Outcome, Printer, Table};
use crate::api::{Call, UNNAMED_FILE};
use crate::config;
use crate::input;
use crate::model::SubscriptionId;

#[derive(Debug, Args)]
pub(super) struct ApplyArgs {
    /// The topology file; `-` for the standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Make the file the truth about this subscription alone
    // Not from the environment: that would make a whole file a part of one.
    #[arg(long, value_name = "NAME")]
    subscription: Option<SubscriptionId>,
    #[command(flatten)]
    socket: Socket,
}

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Write to this file instead of the standard output
    #[arg(long, value_name = "FILE")]
    output_file: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
}

/// What changed, or would.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Applied {
    version: u64,
    changes: Vec<Change>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    /// `+`, `~` or `-`.
    action: String,
    resource: String,
    details: Vec<String>,
}

pub(super) fn apply(args: &ApplyArgs, printer: &mut Printer<'_>) -> CliResult {
    let text = if args.file == Path::new("-") { input::read_stdin() } else { input::read(&args.file) };
    let text = text.map_err(|source| CliError::Unreadable { path: args.file.clone(), source })?;
    let agent = args.socket.agent()?;
    let spinner = Spinner::start(if args.dry_run { "planning" } else { "applying" });
    let answer = agent.send(Call::post_yaml(target(args), text));
    drop(spinner);
    let applied: Applied = answer.map_err(|error| named(error, &args.file))?.json()?;
    match printer.report_format() {
        Format::Table => {
            for Change { action, resource, details } in &applied.changes {
                let colon = if details.is_empty() { "" } else { ": " };
                printer.line(format_args!("{action} {resource}{colon}{}", details.join(", ")))?;
            }
            printer.line(summary(&applied, args.dry_run))?;
        }
        format => printer.show_as(format, &applied, table)?,
    }
    Ok(Outcome::Done)
}

/// The mistakes of a file with its name in their places: the agent has read a text that had none.
fn named(error: CliError, file: &Path) -> CliError {
    let name =
        if file == Path::new("-") { "the standard input".to_owned() } else { file.display().to_string() };
    match error {
        CliError::Problems(text) => {
            let lines = text.lines().map(|line| {
                let (indent, place) = line.split_at(line.len() - line.trim_start().len());
                match ["--> ", "::: "].iter().find_map(|arrow| Some((arrow, place.strip_prefix(arrow)?))) {
                    Some((arrow, place)) => {
                        format!("{indent}{arrow}{}\n", place.replacen(UNNAMED_FILE, &name, 1))
                    }
                    None => format!("{line}\n"),
                }
            });
            CliError::Problems(lines.collect())
        }
        error => error,
    }
}

fn target(args: &ApplyArgs) -> String {
    let mut target = format!("/apply?dryRun={}", args.dry_run);
    if let Some(subscription) = &args.subscription {
        target += &format!("&subscription={subscription}");
    }
    target
}

fn summary(applied: &Applied, is_dry_run: bool) -> String {
    let count = |action: &str| applied.changes.iter().filter(|change| change.action == action).count();
    let [created, changed, deleted] = ["+", "~", "-"].map(count);
    if is_dry_run {
        return format!(
            "plan: {created} to create, {changed} to change, {deleted} to delete; nothing has changed"
        );
    }
    format!("applied: {created} created, {changed} changed, {deleted} deleted")
}

fn table(applied: &Applied) -> Table {
    let mut table = Table::new(["Action", "Resource", "Details"]);
    for Change { action, resource, details } in &applied.changes {
        table.row([action.clone(), resource.clone(), details.join(", ")]);
    }
    table
}

pub(super) fn export(args: &ExportArgs, printer: &mut Printer<'_>) -> CliResult {
    let text = match args.source.reader(printer)? {
        Reader::Agent(agent) => {
            String::from_utf8_lossy(agent.send(Call::get("/export"))?.bytes()).into_owned()
        }
        Reader::File(state) => config::write_state(&state),
    };
    match &args.output_file {
        Some(file) => write(file, text.as_bytes())
            .map_err(|error| CliError::failed(format!("{} cannot be written: {error}", file.display())))?,
        None => printer.text(&text)?,
    }
    Ok(Outcome::Done)
}

/// Writes a file whole or not at all, so that one that stands there is not lost to a full disk.
fn write(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut part = file.as_os_str().to_owned();
    part.push(".part");
    let written = fs::File::create(&part).and_then(|mut to| {
        to.write_all(bytes)?;
        to.sync_all()
    });
    written.and_then(|()| fs::rename(&part, file)).inspect_err(|_| {
        // What is left of it is of no use to anyone.
        let _ = fs::remove_file(&part);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(actions: &[&str]) -> Applied {
        let change = |action: &&str| Change {
            action: (*action).to_owned(),
            resource: "NIC a".to_owned(),
            details: Vec::new(),
        };
        Applied { version: 7, changes: actions.iter().map(change).collect() }
    }

    #[test]
    fn the_summary_counts_each_action_and_says_what_a_plan_is() {
        let changes = applied(&["+", "~", "+", "-", "+"]);
        assert_eq!(summary(&changes, false), "applied: 3 created, 1 changed, 1 deleted");
        let plan = "plan: 3 to create, 1 to change, 1 to delete; nothing has changed";
        assert_eq!(summary(&changes, true), plan);
        assert_eq!(summary(&applied(&[]), false), "applied: 0 created, 0 changed, 0 deleted");
    }

    #[test]
    fn mistakes_stand_in_the_file_that_was_named() {
        let text = "error: no key\n --> the file:3:5\n  |\n3 | x: --> the file\n";
        let told = named(CliError::Problems(text.to_owned()), Path::new("a/b.yaml")).to_string();
        assert_eq!(told, "error: no key\n --> a/b.yaml:3:5\n  |\n3 | x: --> the file\n");
    }

    #[test]
    fn a_file_is_written_whole_and_leaves_nothing_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("state.yaml");
        write(&file, b"one").unwrap();
        write(&file, b"two").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        let nowhere = directory.path().join("missing/state.yaml");
        assert_eq!(write(&nowhere, b"three").unwrap_err().kind(), std::io::ErrorKind::NotFound);
    }
}
