//! `nic show-effective-route-table`.

use crate::api::Call;
use crate::api::route_table::RouteTable;
use crate::cli::agent::Agent;
use crate::cli::args::Show;
use crate::cli::reader::Reader;
use crate::cli::resource::target;
use crate::cli::{CliError, Printer, Table, join, not_found};
use crate::model::{NicId, ResourceId};

pub(super) fn show(show: &Show<NicId>, printer: &mut Printer<'_>) -> Result<(), CliError> {
    let nic = show.name.within(&show.group.scope())?;
    let table = match show.source.reader(printer)? {
        Reader::Agent(agent) => told(&agent, nic)?,
        Reader::File(state) => {
            RouteTable::of(&state.topology, &nic).ok_or_else(|| not_found(&ResourceId::Nic(nic)))?
        }
    };
    printer.show(&table, rows)
}

/// The table as the agent has it.
pub(in crate::cli) fn told(agent: &Agent, nic: NicId) -> Result<RouteTable, CliError> {
    let target = format!("{}/effectiveRouteTable", target(&ResourceId::Nic(nic)));
    Ok(agent.send(Call::post(target))?.json()?)
}

fn rows(routes: &RouteTable) -> Table {
    let mut table = Table::new(["Source", "State", "Address Prefix", "Next Hop Type", "Next Hop IP"]);
    for route in &routes.value {
        table.row([
            route.source.clone(),
            route.state.clone(),
            join(&route.address_prefix),
            route.next_hop_type.clone(),
            join(&route.next_hop_ip_address),
        ]);
    }
    table
}
