//! `vnet subnet`: the subnets of a virtual network.

use clap::{Args, Subcommand};
use ipnet::IpNet;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::agent::At;
use crate::cli::reader::Children;
use crate::cli::resource::{self, Row, properties};
use crate::cli::scope::{Group, Named};
use crate::cli::source::Source;
use crate::cli::{CliResult, Outcome, Printer, join};
use crate::model::{ResourceId, SubnetName, VnetId};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SubnetCommand {
    /// Create a subnet
    Create(Write),
    /// Change a subnet's prefixes
    Update(Write),
    /// Delete a subnet in which no NIC stands
    Delete(Delete),
    /// Show one subnet
    Show(Show),
    /// List the subnets of a virtual network
    List(List),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Write {
    /// The subnet
    #[arg(short, long, value_name = "NAME")]
    name: SubnetName,
    /// The virtual network
    #[arg(long, value_name = "VNET")]
    vnet_name: Named<VnetId>,
    /// The prefixes, inside the network's address space: IPv4 from /29 up, IPv6 always /64
    #[arg(long, value_name = "PREFIX", num_args = 1.., required = true)]
    address_prefixes: Vec<IpNet>,
    #[command(flatten)]
    at: At,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Delete {
    /// The subnet
    #[arg(short, long, value_name = "NAME")]
    name: SubnetName,
    /// The virtual network
    #[arg(long, value_name = "VNET")]
    vnet_name: Named<VnetId>,
    #[command(flatten)]
    at: At,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    /// The subnet
    #[arg(short, long, value_name = "NAME")]
    name: SubnetName,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// The virtual network
    #[arg(long, value_name = "VNET")]
    vnet_name: Named<VnetId>,
    #[command(flatten)]
    group: Group,
    #[command(flatten)]
    source: Source,
}

/// The row of a subnet.
#[derive(Debug, Deserialize)]
struct SubnetRow {
    id: String,
    name: String,
    properties: SubnetProperties,
}

/// What is shown of a subnet.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SubnetProperties {
    address_prefix: Option<String>,
    #[serde(default)]
    address_prefixes: Vec<String>,
    #[serde(default)]
    ip_configurations: Vec<IdOnly>,
}

#[derive(Debug, Deserialize)]
struct IdOnly {
    id: String,
}

impl SubnetProperties {
    /// The ids of the NICs that stand in the subnet, some of them twice.
    pub(super) fn nics(&self) -> impl Iterator<Item = &str> {
        self.ip_configurations.iter().map(|one| one.id.split("/ipConfigurations/").next().unwrap_or(&one.id))
    }
}

impl Row for SubnetRow {
    const HEADER: &'static [&'static str] = &["Name", "Address Prefixes", "NICs"];
    const NUMBERS: &'static [&'static str] = &["NICs"];

    fn id(&self) -> Option<&str> {
        Some(&self.id)
    }

    fn cells(self) -> Vec<String> {
        let nics: std::collections::BTreeSet<&str> = self.properties.nics().collect();
        let nics = nics.len().to_string();
        let SubnetProperties { address_prefix, address_prefixes, .. } = self.properties;
        let prefixes =
            if address_prefixes.is_empty() { address_prefix.into_iter().collect() } else { address_prefixes };
        vec![self.name, join(&prefixes), nics]
    }
}

pub(super) fn run(command: &SubnetCommand, printer: &mut Printer<'_>) -> CliResult {
    match command {
        SubnetCommand::Create(args) => {
            let id = ResourceId::Subnet(args.vnet_name.within(&args.at.scope())?, args.name.clone());
            let body = body(None, &args.address_prefixes);
            resource::show::<SubnetRow>(&args.at.agent()?.create(&id, &body)?, printer)?;
        }
        SubnetCommand::Update(args) => {
            let id = ResourceId::Subnet(args.vnet_name.within(&args.at.scope())?, args.name.clone());
            let updated = args.at.agent()?.update(&id, "", |subnet| {
                let properties = properties(subnet)?;
                // The one and the other say the same; two that differ would be refused.
                properties.remove("addressPrefix");
                properties.insert("addressPrefixes".to_owned(), json!(args.address_prefixes));
                Ok(())
            })?;
            resource::show::<SubnetRow>(&updated, printer)?;
        }
        SubnetCommand::Delete(args) => {
            let id = ResourceId::Subnet(args.vnet_name.within(&args.at.scope())?, args.name.clone());
            args.at.agent()?.delete(&id, "")?;
        }
        SubnetCommand::Show(Show { name, list }) => {
            let id = ResourceId::Subnet(list.vnet_name.within(&list.group.scope())?, name.clone());
            resource::show::<SubnetRow>(&list.source.reader(printer)?.one(&id)?, printer)?;
        }
        SubnetCommand::List(list) => {
            let vnet = list.vnet_name.within(&list.group.scope())?;
            resource::list::<SubnetRow>(
                list.source.reader(printer)?.children(Children::Subnets, &vnet)?,
                printer,
            )?;
        }
    }
    Ok(Outcome::Done)
}

/// A subnet as a resource; named where it stands within its network.
pub(super) fn body(name: Option<&SubnetName>, prefixes: &[IpNet]) -> Value {
    let mut body = json!({"properties": {"addressPrefixes": prefixes}});
    if let Some(name) = name {
        body["name"] = json!(name);
    }
    body
}
