//! `validate`: everything that is wrong with a topology file, at once.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::source::read;
use super::{CliResult, Format, Outcome, Printer, Table};
use crate::config::{self, Problems};
use crate::model::{PeeringState, Topology};

#[derive(Debug, Args)]
pub(super) struct Validate {
    /// The topology file
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// The result for programs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Verdict {
    valid: bool,
    errors: Vec<ErrorView>,
    /// How many more errors there are than are listed.
    omitted_errors: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorView {
    /// None for a mistake of form.
    code: Option<String>,
    message: String,
    line: Option<usize>,
    column: Option<usize>,
}

pub(super) fn run(validate: &Validate, printer: &mut Printer<'_>) -> CliResult {
    let text = read(&validate.file)?;
    let name = validate.file.display().to_string();
    let format = printer.report_format();
    match config::load(&text, &Topology::default()) {
        Ok(loaded) if format == Format::Table => {
            printer.line(format_args!("{name}: valid: {}", summary(&loaded.topology)))?;
            for note in notes(&loaded.topology) {
                printer.line(format_args!("{name}: note: {note}"))?;
            }
            Ok(Outcome::Done)
        }
        Ok(_) => {
            let verdict = Verdict { valid: true, errors: Vec::new(), omitted_errors: 0 };
            printer.show_as(format, &verdict, table)?;
            Ok(Outcome::Done)
        }
        Err(problems) if format == Format::Table => {
            let text = problems.render(&name, &text, printer.error_color());
            // As with every refusal, on the standard error; nothing is left to tell where that is closed.
            let _ = writeln!(std::io::stderr(), "{}", text.trim_end());
            Ok(Outcome::Failed)
        }
        Err(problems) => {
            printer.show_as(format, &verdict(&problems), table)?;
            Ok(Outcome::Failed)
        }
    }
}

fn verdict(problems: &Problems) -> Verdict {
    let errors = problems.iter().map(|problem| ErrorView {
        code: problem.code.map(|code| code.to_string()),
        message: problem.message.clone(),
        line: problem.location.map(|location| location.line),
        column: problem.location.map(|location| location.column),
    });
    Verdict { valid: false, errors: errors.collect(), omitted_errors: problems.omitted() }
}

fn table(verdict: &Verdict) -> Table {
    let mut table = Table::new(["Line", "Column", "Code", "Message"]).numbers([0, 1]);
    let number = |number: Option<usize>| number.map(|number| number.to_string()).unwrap_or_default();
    for error in &verdict.errors {
        let code = error.code.clone().unwrap_or_default();
        table.row([number(error.line), number(error.column), code, error.message.clone()]);
    }
    table
}

/// What a topology consists of, in a sentence.
pub(super) fn summary(topology: &Topology) -> String {
    let count =
        |number: usize, one: &str, many: &str| format!("{number} {}", if number == 1 { one } else { many });
    let subnets = topology.vnets().map(|vnet| vnet.subnets().len()).sum();
    let peerings = topology.vnets().map(|vnet| vnet.peerings().len()).sum();
    [
        count(topology.vnets().len(), "virtual network", "virtual networks"),
        count(subnets, "subnet", "subnets"),
        count(topology.nic_count(), "NIC", "NICs"),
        count(peerings, "peering", "peerings"),
    ]
    .join(", ")
}

/// What is legal and may still surprise: peerings that nothing crosses.
pub(super) fn notes(topology: &Topology) -> Vec<String> {
    let mut notes = Vec::new();
    for vnet in topology.vnets() {
        for peering in vnet.peerings() {
            let object = format!("peering {}/{}", vnet.name(), peering.name());
            match peering.state() {
                PeeringState::Initiated => notes.push(format!(
                    "{object} is Initiated: nothing crosses until {} has a peering to {}",
                    peering.remote(),
                    vnet.name()
                )),
                PeeringState::Disconnected => {
                    notes.push(format!(
                        "{object} is Disconnected: its other side was deleted, nothing crosses"
                    ));
                }
                PeeringState::Connected if !peering.flags().allow_virtual_network_access => {
                    notes.push(format!("{object} has allowVirtualNetworkAccess false: nothing crosses"));
                }
                PeeringState::Connected => {}
            }
        }
    }
    notes
}
