//! `vnet peering`: the peering objects of a virtual network.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::source::{Group, Source};
use super::{CliError, CliResult, Outcome, Printer, Table, join, not_found};
use crate::model::{Peering, PeeringName, ResourceId, Topology, VirtualNetwork, VnetId};

#[derive(Debug, Subcommand)]
pub(super) enum PeeringCommand {
    /// Every peering of a virtual network
    List(List),
    /// One peering
    Show(Show),
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    of: Of,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// The peering
    #[arg(short, long, value_name = "PEERING")]
    name: PeeringName,
    #[command(flatten)]
    of: Of,
}

#[derive(Debug, Args)]
struct Of {
    /// The virtual network that has the peering
    #[arg(long, value_name = "VNET")]
    vnet_name: VnetId,
    #[command(flatten)]
    group: Group,
    #[command(flatten)]
    source: Source,
}

/// A peering as it is printed: what was declared, then what follows from both sides.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PeeringView {
    name: String,
    virtual_network: String,
    remote_virtual_network: String,
    peering_state: String,
    peering_sync_level: String,
    /// Always `Succeeded`: a change is committed as a whole or refused.
    provisioning_state: &'static str,
    allow_virtual_network_access: bool,
    allow_forwarded_traffic: bool,
    allow_gateway_transit: bool,
    use_remote_gateways: bool,
    peer_complete_vnets: bool,
    #[serde(rename = "enableOnlyIPv6Peering")]
    enable_only_ipv6_peering: bool,
    local_subnet_names: Vec<String>,
    remote_subnet_names: Vec<String>,
    remote_address_space: Vec<String>,
    remote_virtual_network_address_space: Vec<String>,
}

pub(super) fn run(command: &PeeringCommand, printer: &mut Printer<'_>) -> CliResult {
    match command {
        PeeringCommand::List(list) => {
            let topology = list.of.source.topology(printer)?;
            let vnet = vnet(&topology, &list.of.vnet_name)?;
            let views: Vec<PeeringView> =
                vnet.peerings().map(|peering| view(&topology, vnet, peering)).collect();
            printer.show(&views, |views| table(views))?;
        }
        PeeringCommand::Show(show) => {
            let topology = show.of.source.topology(printer)?;
            let vnet = vnet(&topology, &show.of.vnet_name)?;
            let peering = vnet
                .peering(&show.name)
                .ok_or_else(|| not_found(&ResourceId::Peering(vnet.name().clone(), show.name.clone())))?;
            printer.show(&view(&topology, vnet, peering), |view| table(std::slice::from_ref(view)))?;
        }
    }
    Ok(Outcome::Done)
}

fn vnet<'a>(topology: &'a Topology, name: &VnetId) -> Result<&'a VirtualNetwork, CliError> {
    let vnet = topology.vnet(name).ok_or_else(|| not_found(&ResourceId::VirtualNetwork(name.clone())))?;
    Ok(vnet.as_ref())
}

fn strings<T: ToString>(items: impl IntoIterator<Item = T>) -> Vec<String> {
    items.into_iter().map(|item| item.to_string()).collect()
}

fn view(topology: &Topology, vnet: &VirtualNetwork, peering: &Peering) -> PeeringView {
    let flags = peering.flags();
    let subnets = peering.subnets();
    let remote = topology.vnet(peering.remote());
    PeeringView {
        name: peering.name().to_string(),
        virtual_network: vnet.name().to_string(),
        remote_virtual_network: peering.remote().to_string(),
        peering_state: peering.state().to_string(),
        peering_sync_level: topology.sync_level(vnet, peering).to_string(),
        provisioning_state: "Succeeded",
        allow_virtual_network_access: flags.allow_virtual_network_access,
        allow_forwarded_traffic: flags.allow_forwarded_traffic,
        allow_gateway_transit: flags.allow_gateway_transit,
        use_remote_gateways: flags.use_remote_gateways,
        peer_complete_vnets: peering.peer_complete_vnets(),
        enable_only_ipv6_peering: subnets.is_some_and(|subnets| subnets.only_ipv6),
        local_subnet_names: strings(subnets.iter().flat_map(|subnets| &subnets.local)),
        remote_subnet_names: strings(subnets.iter().flat_map(|subnets| &subnets.remote)),
        remote_address_space: strings(peering.remote_address_space()),
        remote_virtual_network_address_space: strings(
            remote.iter().flat_map(|remote| remote.address_space().ranges()),
        ),
    }
}

fn table(views: &[PeeringView]) -> Table {
    let header = [
        "Name",
        "Remote Virtual Network",
        "Peering State",
        "Peering Sync Level",
        "Access",
        "Forwarded Traffic",
        "Remote Address Space",
    ];
    let mut table = Table::new(header);
    for view in views {
        table.row([
            view.name.clone(),
            view.remote_virtual_network.clone(),
            view.peering_state.clone(),
            view.peering_sync_level.clone(),
            view.allow_virtual_network_access.to_string(),
            view.allow_forwarded_traffic.to_string(),
            join(&view.remote_address_space),
        ]);
    }
    table
}
