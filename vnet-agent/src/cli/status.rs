//! `status`: the agent at a glance, what is stored beside what is observed.

use clap::Args;

use super::agent::Socket;
use super::{CliError, CliResult, Format, Outcome, Printer, Table};
use crate::api::report::Status;
use crate::daemon::{NicState, NicStatus};

#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    socket: Socket,
}

pub(super) fn run(args: &StatusArgs, printer: &mut Printer<'_>) -> CliResult {
    let status: Status = args.socket.agent()?.get("/status")?;
    match printer.report_format() {
        Format::Table => print(&status, printer)?,
        format => printer.show_as(format, &status, table)?,
    }
    Ok(Outcome::Done)
}

fn print(status: &Status, printer: &mut Printer<'_>) -> Result<(), CliError> {
    let Status { agent_version, version, drift, generation, virtual_networks, nics } = status;
    let attached = nics.iter().filter(|nic| nic.state == NicState::Attached).count();
    let state = if drift.is_empty() { "in force" } else { "not in force as a whole" };
    printer.line(format_args!("agent        {agent_version}"))?;
    printer.line(format_args!(
        "stored       version {version}; virtual networks: {virtual_networks}, NICs: {}",
        nics.len()
    ))?;
    printer.line(format_args!("observed     generation {generation}; NICs attached: {attached}; {state}"))?;
    for difference in drift {
        printer.line(format_args!("differs      {difference}"))?;
    }
    let table = table(status);
    if !table.is_empty() {
        printer.line("")?;
        printer.table(&table)?;
    }
    Ok(())
}

/// The NICs about which there is something to say: those that are not as they should be, and those that have notes.
fn table(status: &Status) -> Table {
    let mut table = Table::new(["NIC", "Virtual Network", "Interface", "State", "Notes"]);
    let is_quiet = |nic: &&NicStatus| {
        matches!(nic.state, NicState::Attached | NicState::Unassigned) && nic.notes.is_empty()
    };
    for nic in status.nics.iter().filter(|nic| !is_quiet(nic)) {
        table.row([
            nic.name.clone(),
            nic.virtual_network.clone(),
            nic.interface.clone().unwrap_or_default(),
            nic.state.to_string(),
            nic.notes.join("; "),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nic(name: &str, state: NicState, notes: &[&str]) -> NicStatus {
        NicStatus {
            name: name.to_owned(),
            virtual_network: "hub".to_owned(),
            interface: Some(format!("veth-{name}")),
            state,
            notes: notes.iter().map(|note| (*note).to_owned()).collect(),
        }
    }

    fn printed(status: &Status) -> String {
        let mut bytes = Vec::new();
        let mut printer = Printer::new(&mut bytes, None, false, false);
        print(status, &mut printer).unwrap();
        drop(printer);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn what_is_stored_stands_above_what_is_observed_and_what_differs_below() {
        let mut status = Status {
            agent_version: "1.2.3".to_owned(),
            version: 7,
            drift: Vec::new(),
            generation: 9,
            virtual_networks: 2,
            nics: vec![nic("a", NicState::Attached, &[]), nic("b", NicState::Missing, &["gone"])],
        };
        let expected = "\
agent        1.2.3
stored       version 7; virtual networks: 2, NICs: 2
observed     generation 9; NICs attached: 1; in force

NIC  Virtual Network  Interface  State    Notes
---  ---------------  ---------  -------  -----
b    hub              veth-b     Missing  gone
";
        assert_eq!(printed(&status), expected);
        status.drift = vec!["the pin of a is gone".to_owned()];
        let told = printed(&status);
        assert!(
            told.contains("NICs attached: 1; not in force as a whole\ndiffers      the pin of a is gone\n"),
            "{told}"
        );
    }
}
