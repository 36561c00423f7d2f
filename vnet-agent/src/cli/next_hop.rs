//! `next-hop`: where a NIC's packet to an address goes.

use std::net::IpAddr;

use clap::Args;
use serde::Serialize;

use super::scope::{Group, Named};
use super::source::Source;
use super::{CliError, CliResult, Outcome, Printer, Table, not_found};
use crate::model::{NicId, RefusalCode, ResourceId};
use crate::routing::{Unreachable, next_hop};

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
    let topology = asked.source.topology(printer)?;
    let nic = asked.nic.within(&asked.group.scope())?;
    let answer = next_hop(&topology, &nic, asked.dest_ip).map_err(|reason| match reason {
        Unreachable::UnknownNic(nic) => not_found(&ResourceId::Nic(nic)),
        // An address of a family that the NIC does not have.
        other => CliError::refused(RefusalCode::InvalidAddressPrefix, other.to_string()),
    })?;
    let view = NextHopView {
        next_hop_type: answer.next_hop_type.to_string(),
        next_hop_ip_address: answer.next_hop_ip_address.map(|address| address.to_string()),
        route_table_id: answer.route_table_id,
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
