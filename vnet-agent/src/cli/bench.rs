//! `bench`: how fast the forwarder is on this machine, beside what is possible and what Linux does.

use clap::Args;

use super::progress::Rounds;
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
    let rounds = Rounds::start();
    let mut show = |progress: Progress| rounds.show(progress.done, progress.total);
    let report = bench::run(&options, &mut table, &mut show).map_err(CliError::failed)?;
    drop(rounds);
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
