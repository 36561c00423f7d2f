//! Effective routes, next hops and reachability, rule by rule.

mod choice;
mod effective;
mod reach;

use super::{EffectiveRoute, effective_routes};
use crate::model::tests::{World, subnet_name};

/// The table of a subnet.
fn table(world: &World, vnet: &str, subnet: &str) -> Vec<EffectiveRoute> {
    let vnet = world.network(vnet);
    effective_routes(&world.0, vnet, vnet.subnet(&subnet_name(subnet)).unwrap())
}

/// The table as people read it: source, state, prefix, next hop type.
fn rows(world: &World, vnet: &str, subnet: &str) -> Vec<String> {
    let row =
        |row: &EffectiveRoute| format!("{} {} {} {}", row.source, row.state, row.prefix, row.next_hop.kind());
    table(world, vnet, subnet).iter().map(row).collect()
}

/// The rows that every table ends with, where no range is in the way.
const SYSTEM: [&str; 6] = [
    "Default Active 0.0.0.0/0 Internet",
    "Default Active ::/0 Internet",
    "Default Active 10.0.0.0/8 None",
    "Default Active 172.16.0.0/12 None",
    "Default Active 192.168.0.0/16 None",
    "Default Active 100.64.0.0/10 None",
];

/// `first`, then the rows that every table ends with.
fn and_system(first: &[&str]) -> Vec<String> {
    first.iter().chain(&SYSTEM).map(ToString::to_string).collect()
}
