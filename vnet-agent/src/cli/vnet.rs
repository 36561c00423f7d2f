//! `vnet`: virtual networks.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::peering::{self, PeeringCommand};
use super::source::{Group, Source};
use super::{CliResult, Outcome, Printer, Table, join, not_found};
use crate::model::{ResourceId, Subnet, VirtualNetwork, VnetId};

#[derive(Debug, Subcommand)]
pub(super) enum VnetCommand {
    /// Every virtual network
    List(List),
    /// One virtual network
    Show(Show),
    /// Peerings of a virtual network
    #[command(subcommand)]
    Peering(PeeringCommand),
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
    /// The virtual network
    #[arg(short, long, value_name = "VNET")]
    name: VnetId,
    #[command(flatten)]
    group: Group,
    #[command(flatten)]
    source: Source,
}

/// A virtual network as it is printed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct VnetView {
    name: String,
    region: String,
    address_space: Vec<String>,
    subnets: Vec<SubnetView>,
    peerings: Vec<String>,
    nics: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SubnetView {
    name: String,
    address_prefixes: Vec<String>,
}

pub(super) fn run(command: &VnetCommand, printer: &mut Printer<'_>) -> CliResult {
    match command {
        VnetCommand::List(list) => {
            let topology = list.source.topology(printer)?;
            let views: Vec<VnetView> = topology.vnets().map(|vnet| view(vnet)).collect();
            printer.show(&views, |views| table(views))?;
        }
        VnetCommand::Show(show) => {
            let topology = show.source.topology(printer)?;
            let vnet = topology
                .vnet(&show.name)
                .ok_or_else(|| not_found(&ResourceId::VirtualNetwork(show.name.clone())))?;
            printer.show(&view(vnet), |view| table(std::slice::from_ref(view)))?;
        }
        VnetCommand::Peering(command) => return peering::run(command, printer),
    }
    Ok(Outcome::Done)
}

fn view(vnet: &VirtualNetwork) -> VnetView {
    let subnet = |subnet: &Subnet| SubnetView {
        name: subnet.name().to_string(),
        address_prefixes: subnet.address_prefixes().iter().map(ToString::to_string).collect(),
    };
    VnetView {
        name: vnet.name().to_string(),
        region: vnet.region().to_string(),
        address_space: vnet.address_space().ranges().iter().map(ToString::to_string).collect(),
        subnets: vnet.subnets().map(subnet).collect(),
        peerings: vnet.peerings().map(|peering| peering.name().to_string()).collect(),
        nics: vnet.nics().iter().map(|nic| nic.name().to_string()).collect(),
    }
}

fn table(views: &[VnetView]) -> Table {
    let mut table =
        Table::new(["Name", "Region", "Address Space", "Subnets", "Peerings", "NICs"]).numbers([5]);
    for view in views {
        table.row([
            view.name.clone(),
            view.region.clone(),
            join(&view.address_space),
            join(view.subnets.iter().map(|subnet| &subnet.name)),
            join(&view.peerings),
            view.nics.len().to_string(),
        ]);
    }
    table
}
