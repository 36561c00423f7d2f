//! `next-hop`: where a NIC's packet to an address goes.

use std::net::IpAddr;

use clap::Args;
use serde::Serialize;

use super::agent::Agent;
use super::nic::{can_send_to, routes};
use super::reader::Reader;
use super::resource::target;
use super::scope::{Group, Named};
use super::source::Source;
use super::{CliError, CliResult, Outcome, Printer, Table, not_found};
use crate::model::{NicId, RefusalCode, ResourceId, Topology};
use crate::routing::{Family, NextHopType, Unreachable, next_hop};

#[derive(Debug, Args)]
pub(super) struct NextHop {
    /// The NIC that sends
    #[arg(long, value_name = "NIC")]
    nic: Named<NicId>,
    /// The address that it sends to
    #[arg(long, value_name = "IP")]
    dest_ip: IpAddr,
    #[command(flatten)]
    group: Group,
    #[command(flatten)]
    source: Source,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct NextHopView {
    next_hop_type: String,
    next_hop_ip_address: Option<String>,
    route_table_id: String,
}

pub(super) fn run(asked: &NextHop, printer: &mut Printer<'_>) -> CliResult {
    let nic = asked.nic.within(&asked.group.scope())?;
    let view = match asked.source.reader(printer)? {
        Reader::Agent(agent) => told(&agent, &nic, asked.dest_ip)?,
        Reader::File(state) => declared(&state.topology, &nic, asked.dest_ip)?,
    };
    printer.show(&view, |view| {
        let mut table = Table::new(["Next Hop Type", "Next Hop IP Address", "Route Table ID"]);
        table.row([
            view.next_hop_type.clone(),
            view.next_hop_ip_address.clone().unwrap_or_default(),
            view.route_table_id.clone(),
        ]);
        table
    })?;
    Ok(Outcome::Done)
}

/// The next hop by the route table that the agent has for the NIC: whoever may read that needs to read nothing else.
fn told(agent: &Agent, nic: &NicId, address: IpAddr) -> Result<NextHopView, CliError> {
    let resource = agent.get(&target(&ResourceId::Nic(nic.clone())))?;
    let routes = routes::told(agent, nic.clone())?;
    if !can_send_to(&resource, address) {
        let family = if address.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
        return Err(no_such_family(&Unreachable::AddressFamily { nic: nic.clone(), family }));
    }
    let route = routes.select(address);
    Ok(NextHopView {
        next_hop_type: route
            .map_or_else(|| NextHopType::None.to_string(), |route| route.next_hop_type.clone()),
        next_hop_ip_address: route.and_then(|route| route.next_hop_ip_address.first().cloned()),
        route_table_id: "System Route".to_owned(),
    })
}

fn declared(topology: &Topology, nic: &NicId, address: IpAddr) -> Result<NextHopView, CliError> {
    let answer = next_hop(topology, nic, address).map_err(|reason| match reason {
        Unreachable::UnknownNic(nic) => not_found(&ResourceId::Nic(nic)),
        other => no_such_family(&other),
    })?;
    Ok(NextHopView {
        next_hop_type: answer.next_hop_type.to_string(),
        next_hop_ip_address: answer.next_hop_ip_address.map(|address| address.to_string()),
        route_table_id: answer.route_table_id,
    })
}

/// An address of a family that the NIC does not have.
fn no_such_family(reason: &Unreachable) -> CliError {
    CliError::refused(RefusalCode::InvalidAddressPrefix, reason.to_string())
}
