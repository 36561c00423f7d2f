//! `nic show-effective-route-table`.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::cli::agent::Agent;
use crate::cli::args::Show;
use crate::cli::reader::Reader;
use crate::cli::resource::target;
use crate::cli::{CliError, Printer, Table, join, not_found};
use crate::model::{NicId, ResourceId, Topology};
use crate::routing::{EffectiveRoute, effective_routes};

/// A route table in the shape that `az network nic show-effective-route-table` gives it.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::cli) struct RouteTable {
    value: Vec<Route>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct Route {
    source: String,
    state: String,
    address_prefix: Vec<String>,
    /// What kind of thing comes next.
    pub(in crate::cli) next_hop_type: String,
    /// Its address, where it has one.
    pub(in crate::cli) next_hop_ip_address: Vec<String>,
}

pub(super) fn show(show: &Show<NicId>, printer: &mut Printer<'_>) -> Result<(), CliError> {
    let nic = show.name.within(&show.group.scope())?;
    let table = match show.source.reader(printer)? {
        Reader::Agent(agent) => told(&agent, nic)?,
        Reader::File(state) => declared(&state.topology, &nic)?,
    };
    printer.show(&table, rows)
}

/// The table as the agent has it.
pub(in crate::cli) fn told(agent: &Agent, nic: NicId) -> Result<RouteTable, CliError> {
    let target = format!("{}/effectiveRouteTable", target(&ResourceId::Nic(nic)));
    Ok(agent.send(Call::post(target))?.json()?)
}

impl RouteTable {
    /// The row that a packet to `destination` takes: the longest prefix among the active rows; at equal length User, then
    /// VirtualNetworkGateway, then Default.
    pub(in crate::cli) fn select(&self, destination: IpAddr) -> Option<&Route> {
        let rank = |route: &Route| match route.source.as_str() {
            "User" => 2,
            "VirtualNetworkGateway" => 1,
            _ => 0,
        };
        let matching = |route: &&Route| {
            let prefixes = route.address_prefix.iter().filter_map(|prefix| prefix.parse::<IpNet>().ok());
            prefixes.filter(|prefix| prefix.contains(&destination)).map(|prefix| prefix.prefix_len()).max()
        };
        let active = self.value.iter().filter(|route| route.state == "Active");
        let matches = active.filter_map(|route| Some(((matching(&route)?, rank(route)), route)));
        matches.max_by_key(|(order, _)| *order).map(|(_, route)| route)
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::routing::next_hop;

    #[test]
    fn the_row_that_is_chosen_is_the_one_that_the_rules_choose() {
        let text = include_str!("../../../../examples/nontransitive.yaml");
        let topology = config::load(text, &Topology::default()).unwrap().topology;
        let nic = NicId::new("alpha-1").unwrap();
        let table = declared(&topology, &nic).unwrap();
        let mut kinds = std::collections::BTreeSet::new();
        for address in
            ["10.1.1.5", "10.2.1.4", "10.3.1.4", "10.200.0.1", "8.8.8.8", "192.168.1.1", "100.64.0.1"]
        {
            let address = address.parse().unwrap();
            let chosen = table.select(address).unwrap().next_hop_type.clone();
            assert_eq!(
                chosen,
                next_hop(&topology, &nic, address).unwrap().next_hop_type.to_string(),
                "{address}"
            );
            kinds.insert(chosen);
        }
        assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["Internet", "None", "VNetPeering", "VnetLocal"]);
    }

    #[test]
    fn invalid_rows_are_passed_over_and_at_equal_length_a_users_row_wins() {
        let route = |source: &str, state: &str, prefix: &str, kind: &str| Route {
            source: source.to_owned(),
            state: state.to_owned(),
            address_prefix: vec![prefix.to_owned()],
            next_hop_type: kind.to_owned(),
            next_hop_ip_address: Vec::new(),
        };
        let value = vec![
            route("Default", "Active", "10.0.0.0/8", "a"),
            route("User", "Active", "10.0.0.0/8", "b"),
            route("VirtualNetworkGateway", "Active", "10.0.0.0/8", "c"),
            route("User", "Invalid", "10.1.0.0/16", "d"),
        ];
        assert_eq!(RouteTable { value }.select("10.1.2.3".parse().unwrap()).unwrap().next_hop_type, "b");
    }
}
