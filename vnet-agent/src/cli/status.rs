//! `status`: the agent at a glance, what is stored beside what is observed.

use clap::Args;

use super::agent::Socket;
use super::{CliResult, Format, Outcome, Printer, Table};
use crate::api::report::Status;
use crate::daemon::NicState;

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

fn print(status: &Status, printer: &mut Printer<'_>) -> Result<(), super::CliError> {
    printer.table(&table(status))
}

fn table(status: &Status) -> Table {
    let mut table = Table::new(["NIC", "Virtual Network", "Interface", "State", "Notes"]);
    for nic in status.nics.iter().filter(|nic| nic.state != NicState::Unassigned) {
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
