//! `bench`: how fast the forwarder is on this machine, beside what is possible and what Linux does.

use std::io::{IsTerminal, Write};

use clap::Args;

use super::{CliError, CliResult, Format, Outcome, Printer, Table};
use crate::bench::{self, Options, Progress, Report};

#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// Fewer sizes and shorter rounds: under a minute on an idle machine
    #[arg(long)]
    quick: bool,
}

pub(super) fn run(args: &BenchArgs, printer: &mut Printer<'_>) -> CliResult {
    let options = if args.quick { Options::quick() } else { Options::full() };
    let mut table = Vec::new();
    let report = bench::run(&options, &mut table, &mut show).map_err(CliError::failed)?;
    if std::io::stderr().is_terminal() {
        // Over the progress; nothing is left to tell of a standard error that is closed.
        let _ = write!(std::io::stderr(), "\r\x1b[K");
    }
    match printer.report_format() {
        Format::Table => printer.text(&String::from_utf8_lossy(&table))?,
        format => printer.show_as(format, &report, list)?,
    }
    Ok(Outcome::Done)
}

fn list(report: &Report) -> Table {
    let mut table = Table::new(Report::HEADER);
    for cells in report.cells() {
        table.row(cells);
    }
    table
}

fn show(progress: Progress) {
    let mut stderr = std::io::stderr();
    if stderr.is_terminal() {
        let _ = write!(stderr, "\rround {} of {}", progress.done, progress.total);
    }
}
