//! `nic`: NICs, and the route table in force for one.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::source::{Group, Source};
use super::{CliResult, Outcome, Printer, Table, join, not_found};
use crate::api::report::Status;
use crate::daemon::NicStatus;
use crate::model::{Nic, NicId, ResourceId, VirtualNetwork};
use crate::routing::{EffectiveRoute, effective_routes};

#[derive(Debug, Subcommand)]
pub(super) enum NicCommand {
    /// Every NIC, with its interface and how attaching it went
    List(List),
    /// One NIC
    Show(Show),
    /// The route table in force for a NIC
    ShowEffectiveRouteTable(Show),
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    group: Group,
    #[command(flatten)]
    source: Source,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// The NIC
    #[arg(short, long, value_name = "NIC")]
    name: NicId,
    #[command(flatten)]
    group: Group,
    #[command(flatten)]
    source: Source,
}

/// A NIC as it is printed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct NicView {
    name: String,
    virtual_network: String,
    subnet: String,
    addresses: Vec<String>,
    mac: String,
    #[serde(rename = "enableIPForwarding")]
    enable_ip_forwarding: bool,
    interface: Option<String>,
    /// Told by an agent alone: a file knows of no interface's state.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notes: Option<Vec<String>>,
}

/// A route table in the shape that `az network nic show-effective-route-table` gives it.
#[derive(Debug, Serialize)]
struct RouteTableView {
    value: Vec<RouteView>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RouteView {
    source: String,
    state: String,
    address_prefix: Vec<String>,
    next_hop_type: String,
    next_hop_ip_address: Vec<String>,
}

pub(super) fn run(command: &NicCommand, printer: &mut Printer<'_>) -> CliResult {
    match command {
        NicCommand::List(list) => {
            let topology = list.source.topology(printer)?;
            let status = status(&list.source)?;
            let views: Vec<NicView> = topology.nics().map(|(vnet, nic)| view(vnet, nic, &status)).collect();
            printer.show(&views, |views| table(views))?;
        }
        NicCommand::Show(show) => {
            let topology = show.source.topology(printer)?;
            let status = status(&show.source)?;
            let (vnet, nic) =
                topology.nic(&show.name).ok_or_else(|| not_found(&ResourceId::Nic(show.name.clone())))?;
            printer.show(&view(vnet, nic, &status), |view| table(std::slice::from_ref(view)))?;
        }
        NicCommand::ShowEffectiveRouteTable(show) => show_effective_route_table(show, printer)?,
    }
    Ok(Outcome::Done)
}

/// What the agent says about each NIC; nothing where a file was asked.
fn status(source: &Source) -> Result<BTreeMap<String, NicStatus>, super::CliError> {
    if source.file.is_some() {
        return Ok(BTreeMap::new());
    }
    let status: Status = source.get("/status")?;
    Ok(status.nics.into_iter().map(|nic| (nic.name.clone(), nic)).collect())
}

fn view(vnet: &VirtualNetwork, nic: &Nic, status: &BTreeMap<String, NicStatus>) -> NicView {
    let status = status.get(nic.name().as_str());
    let declared = nic.interface().map(ToString::to_string);
    NicView {
        name: nic.name().to_string(),
        virtual_network: vnet.name().to_string(),
        subnet: nic.subnet().to_string(),
        addresses: nic.addresses().map(|address| address.to_string()).collect(),
        mac: nic.mac().to_string(),
        enable_ip_forwarding: nic.enable_ip_forwarding(),
        interface: status.and_then(|status| status.interface.clone()).or(declared),
        state: status.map(|status| status.state.to_string()),
        notes: status.map(|status| status.notes.clone()),
    }
}

fn table(views: &[NicView]) -> Table {
    let mut table = Table::new(["Name", "Subnet", "Addresses", "MAC", "Interface", "State", "Notes"]);
    for view in views {
        table.row([
            view.name.clone(),
            format!("{}/{}", view.virtual_network, view.subnet),
            join(&view.addresses),
            view.mac.clone(),
            view.interface.clone().unwrap_or_default(),
            view.state.clone().unwrap_or_default(),
            view.notes.iter().flatten().map(String::as_str).collect::<Vec<_>>().join("; "),
        ]);
    }
    table
}

fn show_effective_route_table(show: &Show, printer: &mut Printer<'_>) -> Result<(), super::CliError> {
    let topology = show.source.topology(printer)?;
    let (vnet, nic) =
        topology.nic(&show.name).ok_or_else(|| not_found(&ResourceId::Nic(show.name.clone())))?;
    let rows = vnet.subnet(nic.subnet()).map(|subnet| effective_routes(&topology, vnet, subnet));
    let value = rows.unwrap_or_default().iter().map(route).collect();
    printer.show(&RouteTableView { value }, route_table)
}

fn route(route: &EffectiveRoute) -> RouteView {
    RouteView {
        source: route.source.to_string(),
        state: route.state.to_string(),
        address_prefix: vec![route.prefix.to_string()],
        next_hop_type: route.next_hop.kind().to_string(),
        next_hop_ip_address: route.next_hop.address().iter().map(ToString::to_string).collect(),
    }
}

fn route_table(view: &RouteTableView) -> Table {
    let mut table = Table::new(["Source", "State", "Address Prefix", "Next Hop Type", "Next Hop IP"]);
    for route in &view.value {
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
