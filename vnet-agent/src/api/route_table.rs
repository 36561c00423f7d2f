//! The effective routes of a NIC, as they stand in JSON.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::model::{NicId, Topology};
use crate::routing::{EffectiveRoute, effective_routes};

/// A route table in the shape that Azure gives it, and `az network nic show-effective-route-table` prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTable {
    /// The routes.
    pub value: Vec<Route>,
}

/// A route. The words are Azure's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// Where it comes from.
    pub source: String,
    /// Whether it is in force: `Active` or `Invalid`.
    pub state: String,
    /// The destination; one prefix.
    pub address_prefix: Vec<String>,
    /// What kind of thing comes next.
    pub next_hop_type: String,
    /// Its address, where it has one.
    pub next_hop_ip_address: Vec<String>,
}

impl RouteTable {
    /// The table in force for a NIC; none where there is no such NIC.
    #[must_use]
    pub fn of(topology: &Topology, nic: &NicId) -> Option<Self> {
        let (vnet, nic) = topology.nic(nic)?;
        let routes = vnet.subnet(nic.subnet()).map(|subnet| effective_routes(topology, vnet, subnet));
        Some(Self { value: routes.unwrap_or_default().iter().map(Route::from).collect() })
    }

    /// The row that a packet to `destination` takes: the longest prefix among the active rows; at equal length User, then
    /// VirtualNetworkGateway, then Default.
    #[must_use]
    pub fn select(&self, destination: IpAddr) -> Option<&Route> {
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

impl From<&EffectiveRoute> for Route {
    fn from(route: &EffectiveRoute) -> Self {
        Self {
            source: route.source.to_string(),
            state: route.state.to_string(),
            address_prefix: vec![route.prefix.to_string()],
            next_hop_type: route.next_hop.kind().to_string(),
            next_hop_ip_address: route.next_hop.address().iter().map(ToString::to_string).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::routing::next_hop;

    #[test]
    fn the_row_that_is_chosen_is_the_one_that_the_rules_choose() {
        let text = include_str!("../../../examples/nontransitive.yaml");
        let topology = config::load(text, &Topology::default()).unwrap().topology;
        let nic = NicId::new("alpha-1").unwrap();
        let table = RouteTable::of(&topology, &nic).unwrap();
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
