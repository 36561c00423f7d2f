//! `matrix`: who reaches whom by the rules and, probed, in truth.
//!
//! A cell is a sender, a receiver and an address family that both have. Probed, each cell shows what the rules say beside what
//! an echo request found out, and the command fails where one cell differs: a forwarder that lets through too much is as wrong
//! as one that lets through too little.

use std::collections::{BTreeMap, HashMap};

use clap::Args;
use serde::Serialize;

use super::progress::Spinner;
use super::source::{Source, block_on};
use super::{CliError, CliResult, Format, Outcome, Printer, Table};
use crate::lab::{self, ProbeOptions};
use crate::model::{NicId, Topology};
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
    /// How many cells were to be probed: those of senders that a lab made. None where no probe was asked for.
    probed: Option<usize>,
    /// How many of those are as expected.
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
    /// Whether the cell was to be probed.
    is_probed: bool,
    /// Whether an answer came; none where nothing was probed.
    observed: Option<bool>,
}

/// Answers found by probing, by sender, receiver and family.
type Observed = HashMap<(NicId, NicId, Family), bool>;

pub(super) fn run(args: &MatrixArgs, printer: &mut Printer<'_>) -> CliResult {
    let topology = args.source.topology(printer)?;
    print(&topology, args.probe, printer)
}

/// Prints the matrix of a topology, probed where asked for.
pub(super) fn print(topology: &Topology, probe: bool, printer: &mut Printer<'_>) -> CliResult {
    let observed = if probe {
        let _spinner = Spinner::start("probing");
        Some(observe(topology)?)
    } else {
        None
    };
    let matrix = matrix(topology, observed.as_ref());
    if matrix.probed == Some(0) {
        // A probe of nothing shows nothing.
        return Err(CliError::failed(
            "nothing to probe: probes start from namespaces that `vnet-agent lab up FILE` makes for NICs without an \
             `interface`, and here none of those has another NIC of its address family to probe",
        ));
    }
    match printer.report_format() {
        Format::Table => print_report(topology, &matrix, printer)?,
        format => printer.show_as(format, &matrix, |matrix| list(&matrix.cells))?,
    }
    Ok(if matrix.is_as_expected() { Outcome::Done } else { Outcome::Failed })
}

impl Matrix {
    fn is_as_expected(&self) -> bool {
        self.probed == self.as_expected
    }
}

fn observe(topology: &Topology) -> Result<Observed, CliError> {
    let results = block_on(lab::probe(topology, &ProbeOptions::default()))?.map_err(CliError::failed)?;
    Ok(results.into_iter().map(|found| ((found.from, found.to, found.family), found.reached)).collect())
}

fn matrix(topology: &Topology, observed: Option<&Observed>) -> Matrix {
    let mut reachability = Reachability::new(topology);
    // An interface of its own leads to a guest that somebody else runs: no probe starts there.
    let is_of_lab = |nic: &NicId| topology.nic(nic).is_some_and(|(_, nic)| nic.interface().is_none());
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
                is_probed: observed.is_some() && is_of_lab(from),
                observed: observed.and_then(|observed| observed.get(&key).copied()),
            });
        }
    }
    let expected_reachable = cells.iter().filter(|cell| cell.expected).count();
    let probed = cells.iter().filter(|cell| cell.is_probed).count();
    // A cell that was to be probed and has no answer either way is not as expected.
    let as_expected =
        cells.iter().filter(|cell| cell.is_probed && cell.observed == Some(cell.expected)).count();
    Matrix {
        total: cells.len(),
        expected_reachable,
        probed: observed.map(|_| probed),
        as_expected: observed.map(|_| as_expected),
        cells,
    }
}

fn word(reached: bool) -> &'static str {
    if reached { "yes" } else { "no" }
}

/// What a cell shows: `expected`, or `expected/observed`; what is not as expected is marked.
fn shown(cell: &Cell) -> String {
    let expected = word(cell.expected);
    match cell.observed {
        _ if !cell.is_probed => expected.to_owned(),
        Some(observed) if observed == cell.expected => format!("{expected}/{}", word(observed)),
        Some(observed) => format!("{expected}/{} !", word(observed)),
        None => format!("{expected}/? !"),
    }
}

fn print_report(topology: &Topology, matrix: &Matrix, printer: &mut Printer<'_>) -> Result<(), CliError> {
    printer.line(if matrix.probed.is_some() {
        "Who reaches whom, row to column: by the rules/by probe"
    } else {
        "Who reaches whom, row to column, by the rules"
    })?;
    if topology.nic_count() <= MAX_DRAWN {
        for family in Family::ALL {
            draw(&matrix.cells, family, printer)?;
        }
    } else {
        printer.line("")?;
        printer.table(&list(&matrix.cells))?;
    }
    print_reasons(&matrix.cells, printer)?;
    printer.line("")?;
    let (Some(probed), Some(as_expected)) = (matrix.probed, matrix.as_expected) else {
        let Matrix { expected_reachable, total, .. } = matrix;
        return printer.line(format_args!("matrix: {expected_reachable} of {total} reachable"));
    };
    if probed < matrix.total {
        let left = matrix.total - probed;
        printer
            .line(format_args!("{left} cells not probed: their senders have interfaces that no lab made"))?;
    }
    let answers = || matrix.cells.iter().filter(|cell| cell.is_probed && cell.expected);
    if answers().next().is_some() && answers().all(|cell| cell.observed != Some(true)) {
        printer.line(
            "no answer came from anywhere: is an agent running for these NICs (`vnet-agent run --file FILE`)?",
        )?;
    }
    printer.line(format_args!("matrix: {as_expected} of {probed} as expected"))
}

fn draw(cells: &[Cell], family: Family, printer: &mut Printer<'_>) -> Result<(), CliError> {
    let family = family.to_string();
    let mut rows: BTreeMap<&str, BTreeMap<&str, String>> = BTreeMap::new();
    for cell in cells.iter().filter(|cell| cell.family == family) {
        rows.entry(&cell.from).or_default().insert(&cell.to, shown(cell));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    /// `a` and `b` in peered networks, `c` alone; `c` has an interface of its own.
    fn topology() -> Topology {
        let vnet = |name: &str, number: u8, peerings: &str| {
            format!(
                "  - name: {name}
    region: westeurope
    addressSpace: [10.{number}.0.0/16]
    subnets: [{{ name: default, addressPrefixes: [10.{number}.1.0/24] }}]
    peerings: [{peerings}]
"
            )
        };
        let text = [
            "virtualNetworks:\n".to_owned(),
            vnet("a", 1, "{ name: a-b, remoteVirtualNetwork: b }"),
            vnet("b", 2, "{ name: b-a, remoteVirtualNetwork: a }"),
            vnet("c", 3, ""),
            "nics:
  - { name: a, subnet: a/default, addresses: [10.1.1.4] }
  - { name: b, subnet: b/default, addresses: [10.2.1.4] }
  - { name: c, subnet: c/default, addresses: [10.3.1.4], interface: eth9 }
"
            .to_owned(),
        ];
        config::load(&text.concat(), &Topology::default()).unwrap().topology
    }

    fn observed(answers: &[(&str, &str, bool)]) -> Observed {
        let name = |name: &str| NicId::new(name).unwrap();
        answers.iter().map(|(from, to, reached)| ((name(from), name(to), Family::Ipv4), *reached)).collect()
    }

    fn report(observed: Option<&Observed>) -> (String, bool) {
        let topology = topology();
        let mut bytes = Vec::new();
        let mut printer = Printer::new(&mut bytes, None, false, false);
        let matrix = matrix(&topology, observed);
        print_report(&topology, &matrix, &mut printer).unwrap();
        drop(printer);
        (String::from_utf8(bytes).unwrap(), matrix.is_as_expected())
    }

    const AS_THE_RULES_SAY: [(&str, &str, bool); 4] =
        [("a", "b", true), ("a", "c", false), ("b", "a", true), ("b", "c", false)];

    #[test]
    fn a_probe_that_finds_what_the_rules_say_is_as_expected() {
        let (text, is_as_expected) = report(Some(&observed(&AS_THE_RULES_SAY)));
        assert!(is_as_expected);
        let expected = "Who reaches whom, row to column: by the rules/by probe

IPv4  a        b        c
----  -------  -------  -----
a     -        yes/yes  no/no
b     yes/yes  -        no/no
c     no       no       -

Why not, by the rules:
  virtual networks a and c are not peered (1 cell)
  virtual networks b and c are not peered (1 cell)
  virtual networks c and a are not peered (1 cell)
  virtual networks c and b are not peered (1 cell)

2 cells not probed: their senders have interfaces that no lab made
matrix: 4 of 4 as expected
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_leak_a_loss_and_a_missing_answer_are_each_marked_and_fail_the_matrix() {
        for (index, mark) in [(0, "yes/no !"), (1, "no/yes !")] {
            let mut answers = AS_THE_RULES_SAY;
            answers[index].2 = !answers[index].2;
            let (text, is_as_expected) = report(Some(&observed(&answers)));
            assert!(!is_as_expected && text.contains(mark), "{text}");
            assert!(text.ends_with("matrix: 3 of 4 as expected\n"), "{text}");
        }
        let (text, is_as_expected) = report(Some(&observed(&AS_THE_RULES_SAY[1..])));
        assert!(!is_as_expected && text.contains("yes/? !"), "{text}");
    }

    #[test]
    fn where_not_one_answer_came_the_report_asks_for_the_agent() {
        let ask = "no answer came from anywhere: is an agent running";
        let silent = AS_THE_RULES_SAY.map(|(from, to, _)| (from, to, false));
        let (text, is_as_expected) = report(Some(&observed(&silent)));
        assert!(!is_as_expected && text.contains(ask), "{text}");
        assert!(text.ends_with("matrix: 2 of 4 as expected\n"), "{text}");
        let (text, _) = report(Some(&observed(&AS_THE_RULES_SAY)));
        assert!(!text.contains(ask), "{text}");
    }

    #[test]
    fn without_a_probe_nothing_can_differ() {
        let (text, is_as_expected) = report(None);
        assert!(is_as_expected && text.ends_with("matrix: 2 of 6 reachable\n"), "{text}");
    }

    #[test]
    fn a_probe_of_nothing_shows_nothing_and_says_why() {
        let mut bytes = Vec::new();
        let mut printer = Printer::new(&mut bytes, None, false, false);
        let error = print(&Topology::default(), true, &mut printer).unwrap_err();
        drop(printer);
        assert!(error.to_string().starts_with("nothing to probe: "), "{error}");
        assert_eq!(bytes, b"");
    }
}
