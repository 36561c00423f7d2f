//! `vnet`: virtual networks.

mod peering;
mod subnet;

use std::collections::BTreeSet;

use clap::{Args, Subcommand};
use ipnet::IpNet;
use serde::Deserialize;
use serde_json::{Value, json};

use super::agent::At;
use super::args::{List, Show};
use super::reader::Collection;
use super::resource::{self, Row, properties};
use super::scope::Named;
use super::{CliError, CliResult, Outcome, Printer, join};
use crate::model::{Region, ResourceId, SubnetName, VnetId};

#[derive(Debug, Subcommand)]
pub(super) enum VnetCommand {
    /// Create a virtual network
    Create(Create),
    /// Change a virtual network's address space
    Update(Update),
    /// Delete a virtual network, with its subnets and its sides of peerings
    Delete(Delete),
    /// Show one virtual network
    Show(Show<VnetId>),
    /// List virtual networks
    List(List),
    /// Subnets of a virtual network
    #[command(subcommand)]
    Subnet(subnet::SubnetCommand),
    /// Peerings of a virtual network: its sides of them
    #[command(subcommand)]
    Peering(peering::PeeringCommand),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// The name of the new virtual network
    #[arg(short, long, value_name = "NAME")]
    name: Named<VnetId>,
    /// The address space: one or more IPv4 and IPv6 ranges
    #[arg(long, value_name = "PREFIX", num_args = 1.., required = true)]
    address_prefixes: Vec<IpNet>,
    /// The region: a peering between two regions is a global one
    #[arg(
        short,
        long,
        visible_alias = "region",
        value_name = "REGION",
        env = "VNET_LOCATION",
        hide_env_values = true,
        value_parser = Region::new
    )]
    location: Region,
    /// A first subnet
    #[arg(long, value_name = "NAME", requires = "subnet_prefixes")]
    subnet_name: Option<SubnetName>,
    /// The prefixes of that subnet
    #[arg(long, value_name = "PREFIX", num_args = 1.., requires = "subnet_name")]
    subnet_prefixes: Vec<IpNet>,
    #[command(flatten)]
    at: At,
}

#[derive(Debug, Args)]
pub(super) struct Update {
    /// The virtual network
    #[arg(short, long, value_name = "NAME")]
    name: Named<VnetId>,
    /// The whole address space anew
    #[arg(long, value_name = "PREFIX", num_args = 1.., conflicts_with_all = ["add_address_prefix", "remove_address_prefix"])]
    address_prefixes: Vec<IpNet>,
    /// Ranges to add to the address space; a peer reaches them after `vnet peering sync` on its side
    #[arg(long, value_name = "PREFIX", num_args = 1..)]
    add_address_prefix: Vec<IpNet>,
    /// Ranges to take out of the address space
    #[arg(long, value_name = "PREFIX", num_args = 1..)]
    remove_address_prefix: Vec<IpNet>,
    #[command(flatten)]
    at: At,
}

#[derive(Debug, Args)]
pub(super) struct Delete {
    /// The virtual network
    #[arg(short, long, value_name = "NAME")]
    name: Named<VnetId>,
    #[command(flatten)]
    at: At,
}

/// The row of a virtual network.
#[derive(Debug, Deserialize)]
struct VnetRow {
    id: String,
    name: String,
    location: String,
    properties: VnetProperties,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct VnetProperties {
    address_space: AddressSpace,
    subnets: Vec<SubnetOfVnet>,
    virtual_network_peerings: Vec<NameOnly>,
}

/// An address space as it stands in a resource.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AddressSpace {
    address_prefixes: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct NameOnly {
    name: String,
}

#[derive(Debug, Deserialize)]
struct SubnetOfVnet {
    name: String,
    properties: subnet::SubnetProperties,
}

impl Row for VnetRow {
    const HEADER: &'static [&'static str] =
        &["Name", "Region", "Address Space", "Subnets", "Peerings", "NICs"];
    const NUMBERS: &'static [&'static str] = &["NICs"];

    fn id(&self) -> Option<&str> {
        Some(&self.id)
    }

    fn cells(self) -> Vec<String> {
        let VnetProperties { address_space, subnets, virtual_network_peerings } = self.properties;
        let nics: BTreeSet<&str> = subnets.iter().flat_map(|subnet| subnet.properties.nics()).collect();
        let nics = nics.len().to_string();
        vec![
            self.name,
            self.location,
            join(&address_space.address_prefixes),
            join(subnets.iter().map(|subnet| &subnet.name)),
            join(virtual_network_peerings.iter().map(|peering| &peering.name)),
            nics,
        ]
    }
}

pub(super) fn run(command: &VnetCommand, printer: &mut Printer<'_>) -> CliResult {
    match command {
        VnetCommand::Create(args) => create(args, printer)?,
        VnetCommand::Update(args) => update(args, printer)?,
        VnetCommand::Delete(args) => {
            let id = ResourceId::VirtualNetwork(args.name.within(&args.at.scope())?);
            args.at.agent()?.delete(&id, "")?;
        }
        VnetCommand::Show(show) => {
            let id = ResourceId::VirtualNetwork(show.name.within(&show.group.scope())?);
            resource::show::<VnetRow>(&show.source.reader(printer)?.one(&id)?, printer)?;
        }
        VnetCommand::List(list) => {
            let lists = list.source.reader(printer)?.all(Collection::VirtualNetworks, &list.group)?;
            resource::list::<VnetRow>(lists, printer)?;
        }
        VnetCommand::Subnet(command) => return subnet::run(command, printer),
        VnetCommand::Peering(command) => return peering::run(command, printer),
    }
    Ok(Outcome::Done)
}

fn create(args: &Create, printer: &mut Printer<'_>) -> Result<(), CliError> {
    let id = ResourceId::VirtualNetwork(args.name.within(&args.at.scope())?);
    let created = args.at.agent()?.create(&id, &body(args))?;
    resource::show::<VnetRow>(&created, printer)
}

/// What is asked for, as a resource.
fn body(args: &Create) -> Value {
    let subnets = args.subnet_name.iter();
    let subnets: Vec<Value> = subnets.map(|name| subnet::body(Some(name), &args.subnet_prefixes)).collect();
    json!({
        "location": args.location,
        "properties": {
            "addressSpace": {"addressPrefixes": args.address_prefixes},
            "subnets": subnets,
        },
    })
}

fn update(args: &Update, printer: &mut Printer<'_>) -> Result<(), CliError> {
    let id = ResourceId::VirtualNetwork(args.name.within(&args.at.scope())?);
    let updated = args.at.agent()?.update(&id, "", |vnet| change(args, vnet))?;
    resource::show::<VnetRow>(&updated, printer)
}

/// Changes the address space. Subnets and peerings are left out: so they stay as they are, whatever the caller may do with them.
fn change(args: &Update, vnet: &mut Value) -> Result<(), CliError> {
    let properties = properties(vnet)?;
    properties.remove("subnets");
    properties.remove("virtualNetworkPeerings");
    let space: Option<AddressSpace> =
        properties.get("addressSpace").and_then(|space| AddressSpace::deserialize(space).ok());
    let mut ranges = space.unwrap_or_default().address_prefixes;
    if !args.address_prefixes.is_empty() {
        ranges = args.address_prefixes.iter().map(ToString::to_string).collect();
    }
    for range in &args.remove_address_prefix {
        let before = ranges.len();
        ranges.retain(|one| one != &range.to_string());
        if ranges.len() == before {
            let message =
                format!("{range} is no range of virtual network {}; it has {}", args.name, join(&ranges));
            return Err(CliError::refused(crate::model::RefusalCode::InvalidAddressPrefix, message));
        }
    }
    ranges.extend(args.add_address_prefix.iter().map(ToString::to_string));
    properties.insert("addressSpace".to_owned(), json!({"addressPrefixes": ranges}));
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::cli::args::parsed;

    #[test]
    fn a_network_is_asked_for_with_its_first_subnet() {
        let args = parsed::<Create>(
            "-n hub --address-prefixes 10.0.0.0/16 fd00::/48 --region west --subnet-name default --subnet-prefixes 10.0.1.0/24",
        );
        let expected = json!({
            "location": "west",
            "properties": {
                "addressSpace": {"addressPrefixes": ["10.0.0.0/16", "fd00::/48"]},
                "subnets": [{"name": "default", "properties": {"addressPrefixes": ["10.0.1.0/24"]}}],
            },
        });
        assert_eq!(body(&args.unwrap()), expected);
    }

    #[test]
    fn a_subnets_name_and_its_prefixes_go_together() {
        let start = "-n hub --address-prefixes 10.0.0.0/16 -l west";
        assert!(parsed::<Create>(&format!("{start} --subnet-name default")).is_err());
        assert!(parsed::<Create>(&format!("{start} --subnet-prefixes 10.0.1.0/24")).is_err());
        assert!(parsed::<Create>(start).is_ok());
    }

    fn hub() -> Value {
        json!({
            "location": "west",
            "properties": {
                "addressSpace": {"addressPrefixes": ["10.0.0.0/16", "10.1.0.0/16"]},
                "subnets": [{"name": "default"}],
                "virtualNetworkPeerings": [{"name": "hub-to-spoke"}],
                "provisioningState": "Succeeded",
            },
        })
    }

    #[rstest]
    #[case("", &["10.0.0.0/16", "10.1.0.0/16"])]
    #[case("--add-address-prefix 10.2.0.0/16 fd00::/48", &["10.0.0.0/16", "10.1.0.0/16", "10.2.0.0/16", "fd00::/48"])]
    #[case("--remove-address-prefix 10.0.0.0/16", &["10.1.0.0/16"])]
    #[case("--remove-address-prefix 10.0.0.0/16 --add-address-prefix 10.0.0.0/15", &["10.1.0.0/16", "10.0.0.0/15"])]
    #[case("--address-prefixes 10.9.0.0/16", &["10.9.0.0/16"])]
    fn an_update_changes_the_ranges_alone(#[case] flags: &str, #[case] ranges: &[&str]) {
        let mut vnet = hub();
        change(&parsed(&format!("-n hub {flags}")).unwrap(), &mut vnet).unwrap();
        let expected = json!({
            "location": "west",
            "properties": {"addressSpace": {"addressPrefixes": ranges}, "provisioningState": "Succeeded"},
        });
        assert_eq!(vnet, expected);
    }

    #[test]
    fn a_range_that_is_not_there_cannot_be_taken_out() {
        let error =
            change(&parsed("-n hub --remove-address-prefix 10.2.0.0/16").unwrap(), &mut hub()).unwrap_err();
        let expected = "InvalidAddressPrefix: 10.2.0.0/16 is no range of virtual network hub; it has 10.0.0.0/16, 10.1.0.0/16";
        assert_eq!(error.to_string(), expected);
    }
}
