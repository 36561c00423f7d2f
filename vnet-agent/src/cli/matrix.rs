//! `matrix`: who reaches whom by the rules and, probed, in truth.
//!
//! A cell is a sender, a receiver and an address family that both have. Probed, each cell shows what the rules say beside what
//! an echo request found out, and the command fails where one cell differs: a forwarder that lets through too much is as wrong
//! as one that lets through too little.

use std::collections::{BTreeMap, HashMap};

use clap::Args;
use serde::Serialize;

use super::source::{Source, block_on};
use super::{CliError, CliResult, Format, Outcome, Printer, Table};
use crate::lab::{self, ProbeOptions};
use crate::model::{NicName, Topology};
use crate::routing::{Family, Reachability};

/// Up to how many NICs the matrix is drawn as one; more become a list, a line per cell.
const MAX_DRAWN: usize = 16;

#[derive(Debug, Args)]
pub(super) struct MatrixArgs {
    /// Send echo requests between the lab's namespaces too, and compare
    #[arg(long)]
    probe: bool,
    #[command(flatten)]
    source: Source,
}

/// The matrix for programs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Matrix {
    cells: Vec<Cell>,
    /// How many cells there are.
    total: usize,
    /// How many of them the rules let through.
    expected_reachable: usize,
    /// How many of them are as expected; none where nothing was probed.
    as_expected: Option<usize>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Cell {
    from: String,
    to: String,
    family: String,
    /// Whether the rules let packets and their answers through.
    expected: bool,
    /// Why they do not.
    reason: Option<String>,
    /// Whether an answer came; none where nothing was probed.
    observed: Option<bool>,
}

/// Answers found by probing, by sender, receiver and family.
type Observed = HashMap<(NicName, NicName, Family), bool>;

pub(super) fn run(args: &MatrixArgs, printer: &mut Printer<'_>) -> CliResult {
    let topology = args.source.topology(printer)?;
    print(&topology, args.probe, printer)
}

/// Prints the matrix of a topology, probed where asked for.
pub(super) fn print(topology: &Topology, probe: bool, printer: &mut Printer<'_>) -> CliResult {
    let observed = if probe { Some(observe(topology)?) } else { None };
    let matrix = matrix(topology, observed.as_ref());
    match printer.report_format() {
        Format::Table => print_report(topology, &matrix, printer)?,
        format => printer.show_as(format, &matrix, |matrix| list(&matrix.cells))?,
    }
    let is_as_expected = matrix.as_expected.is_none_or(|count| count == matrix.total);
    Ok(if is_as_expected { Outcome::Done } else { Outcome::Failed })
}

fn observe(topology: &Topology) -> Result<Observed, CliError> {
    let results = block_on(lab::probe(topology, &ProbeOptions::default()))?.map_err(CliError::failed)?;
    Ok(results.into_iter().map(|found| ((found.from, found.to, found.family), found.reached)).collect())
}

fn matrix(topology: &Topology, observed: Option<&Observed>) -> Matrix {
    let mut reachability = Reachability::new(topology);
    let mut cells = Vec::new();
    for family in Family::ALL {
        let nics = || topology.nics().map(|(_, nic)| nic).filter(|nic| family.address_of(nic).is_some());
        for (from, to) in nics().flat_map(|from| nics().map(move |to| (from.name(), to.name()))) {
            if from == to {
                continue;
            }
            let outcome = reachability.reachable_over(from, to, family);
            let key = (from.clone(), to.clone(), family);
            cells.push(Cell {
                from: from.to_string(),
                to: to.to_string(),
                family: family.to_string(),
                expected: outcome.is_ok(),
                reason: outcome.err().map(|reason| reason.to_string()),
                observed: observed.and_then(|observed| observed.get(&key).copied()),
            });
        }
    }
    let expected_reachable = cells.iter().filter(|cell| cell.expected).count();
    // A cell without an answer either way is not as expected.
    let as_expected = cells.iter().filter(|cell| cell.observed == Some(cell.expected)).count();
    Matrix { total: cells.len(), expected_reachable, as_expected: observed.map(|_| as_expected), cells }
}

fn word(reached: bool) -> &'static str {
    if reached { "yes" } else { "no" }
}

/// What a cell shows: `expected`, or `expected/observed`; what is not as expected is marked.
fn shown(cell: &Cell, is_probed: bool) -> String {
    let expected = word(cell.expected);
    match cell.observed {
        Some(observed) if observed == cell.expected => format!("{expected}/{}", word(observed)),
        Some(observed) => format!("{expected}/{} !", word(observed)),
        None if is_probed => format!("{expected}/? !"),
        None => expected.to_owned(),
    }
}

fn print_report(topology: &Topology, matrix: &Matrix, printer: &mut Printer<'_>) -> Result<(), CliError> {
    let is_probed = matrix.as_expected.is_some();
    printer.line(if is_probed {
        "Who reaches whom, row to column: by the rules/by probe"
    } else {
        "Who reaches whom, row to column, by the rules"
    })?;
    if topology.nic_count() <= MAX_DRAWN {
        for family in Family::ALL {
            draw(&matrix.cells, family, is_probed, printer)?;
        }
    } else {
        printer.line("")?;
        printer.table(&list(&matrix.cells))?;
    }
    print_reasons(&matrix.cells, printer)?;
    printer.line("")?;
    match matrix.as_expected {
        Some(count) => printer.line(format_args!("matrix: {count} of {} as expected", matrix.total)),
        None => {
            printer.line(format_args!("matrix: {} of {} reachable", matrix.expected_reachable, matrix.total))
        }
    }
}

fn draw(cells: &[Cell], family: Family, is_probed: bool, printer: &mut Printer<'_>) -> Result<(), CliError> {
    let family = family.to_string();
    let mut rows: BTreeMap<&str, BTreeMap<&str, String>> = BTreeMap::new();
    for cell in cells.iter().filter(|cell| cell.family == family) {
        rows.entry(&cell.from).or_default().insert(&cell.to, shown(cell, is_probed));
    }
    if rows.is_empty() {
        return Ok(());
    }
    let mut table =
        Table::new([family.clone()].into_iter().chain(rows.keys().map(|name| (*name).to_owned())));
    for (from, cells) in &rows {
        let answers = rows.keys().map(|to| cells.get(to).cloned().unwrap_or_else(|| "-".to_owned()));
        table.row([(*from).to_owned()].into_iter().chain(answers));
    }
    printer.line("")?;
    printer.table(&table)
}

/// Why some do not reach others: each reason once.
fn print_reasons(cells: &[Cell], printer: &mut Printer<'_>) -> Result<(), CliError> {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for reason in cells.iter().filter_map(|cell| cell.reason.as_deref()) {
        *reasons.entry(reason).or_default() += 1;
    }
    if reasons.is_empty() {
        return Ok(());
    }
    printer.line("")?;
    printer.line("Why not, by the rules:")?;
    for (reason, count) in reasons {
        let cells = if count == 1 { "cell" } else { "cells" };
        printer.line(format_args!("  {reason} ({count} {cells})"))?;
    }
    Ok(())
}

fn list(cells: &[Cell]) -> Table {
    let mut table = Table::new(["Family", "From", "To", "Expected", "Observed", "Reason"]);
    for cell in cells {
        table.row([
            cell.family.clone(),
            cell.from.clone(),
            cell.to.clone(),
            word(cell.expected).to_owned(),
            cell.observed.map_or("-", word).to_owned(),
            cell.reason.clone().unwrap_or_default(),
        ]);
    }
    table
}
