//! `nic show-effective-route-table`.

use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::cli::args::Show;
use crate::cli::reader::Reader;
use crate::cli::resource::target;
use crate::cli::{CliError, Printer, Table, join, not_found};
use crate::model::{NicId, ResourceId, Topology};
use crate::routing::{EffectiveRoute, effective_routes};

/// A route table in the shape that `az network nic show-effective-route-table` gives it.
#[derive(Debug, Serialize, Deserialize)]
struct RouteTable {
    value: Vec<Route>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Route {
    source: String,
    state: String,
    address_prefix: Vec<String>,
    next_hop_type: String,
    next_hop_ip_address: Vec<String>,
}

pub(super) fn show(show: &Show<NicId>, printer: &mut Printer<'_>) -> Result<(), CliError> {
    let nic = show.name.within(&show.group.scope())?;
    let table = match show.source.reader(printer)? {
        Reader::Agent(agent) => {
            let target = format!("{}/effectiveRouteTable", target(&ResourceId::Nic(nic)));
            agent.send(Call::post(target))?.json()?
        }
        Reader::File(state) => declared(&state.topology, &nic)?,
    };
    printer.show(&table, rows)
}

fn declared(topology: &Topology, nic: &NicId) -> Result<RouteTable, CliError> {
    let (vnet, nic) = topology.nic(nic).ok_or_else(|| not_found(&ResourceId::Nic(nic.clone())))?;
    let routes = vnet.subnet(nic.subnet()).map(|subnet| effective_routes(topology, vnet, subnet));
    Ok(RouteTable { value: routes.unwrap_or_default().iter().map(route).collect() })
}

fn route(route: &EffectiveRoute) -> Route {
    Route {
        source: route.source.to_string(),
        state: route.state.to_string(),
        address_prefix: vec![route.prefix.to_string()],
        next_hop_type: route.next_hop.kind().to_string(),
        next_hop_ip_address: route.next_hop.address().iter().map(ToString::to_string).collect(),
    }
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
