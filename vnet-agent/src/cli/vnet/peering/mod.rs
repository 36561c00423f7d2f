//! `vnet peering`: the peering objects of a virtual network, each its own side alone.

mod flags;

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::flags::{Both, Extent, Flags};
use super::AddressSpace;
use crate::api::resource_of;
use crate::cli::agent::At;
use crate::cli::reader::Children;
use crate::cli::resource::{self, Row, last_part, properties};
use crate::cli::scope::{Group, Named, Scoped};
use crate::cli::source::Source;
use crate::cli::{CliError, CliResult, Outcome, Printer, join};
use crate::model::{PeeringName, ResourceId, VnetId};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum PeeringCommand {
    /// Create one side of a peering, or both
    Create(Create),
    /// Change the flags of one side
    Update(Update),
    /// Delete one side, which disconnects the other, or both
    Delete(Delete),
    /// Show one side
    Show(Show),
    /// List a virtual network's sides of peerings
    List(List),
    /// Take over what the remote virtual network's address space is now
    Sync(Side),
}

/// One side of a peering.
#[derive(Debug, Args)]
pub(in crate::cli) struct Side {
    /// The peering
    #[arg(short, long, value_name = "NAME")]
    name: PeeringName,
    /// The virtual network that has it
    #[arg(long, value_name = "VNET")]
    vnet_name: Named<VnetId>,
    #[command(flatten)]
    at: At,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Create {
    #[command(flatten)]
    side: Side,
    /// The virtual network to peer with: a name in the same resource group, SUBSCRIPTION/GROUP/NAME, or a resource id
    #[arg(long, value_name = "VNET")]
    remote_vnet: Named<VnetId>,
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    extent: Extent,
    #[command(flatten)]
    both: Both,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Update {
    #[command(flatten)]
    side: Side,
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    extent: Extent,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Delete {
    #[command(flatten)]
    side: Side,
    /// Delete the other side too, in the same step
    #[arg(long)]
    both: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    /// The peering
    #[arg(short, long, value_name = "NAME")]
    name: PeeringName,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// The virtual network that has the peering
    #[arg(long, value_name = "VNET")]
    vnet_name: Named<VnetId>,
    #[command(flatten)]
    group: Group,
    #[command(flatten)]
    source: Source,
}

/// The row of a peering.
#[derive(Debug, Deserialize)]
struct PeeringRow {
    id: String,
    name: String,
    properties: PeeringProperties,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PeeringProperties {
    remote_virtual_network: Id,
    peering_state: String,
    peering_sync_level: String,
    allow_virtual_network_access: bool,
    allow_forwarded_traffic: bool,
    remote_address_space: AddressSpace,
}

#[derive(Debug, Deserialize)]
struct Id {
    id: String,
}

impl Row for PeeringRow {
    const HEADER: &'static [&'static str] = &[
        "Name",
        "Remote Virtual Network",
        "Peering State",
        "Peering Sync Level",
        "Access",
        "Forwarded Traffic",
        "Remote Address Space",
    ];

    fn id(&self) -> Option<&str> {
        Some(&self.id)
    }

    fn cells(self) -> Vec<String> {
        let remote = self.properties.remote_virtual_network.id;
        // As it is typed: the bare name in the default group.
        let full = resource_of(&remote).and_then(VnetId::of);
        vec![
            self.name,
            full.map_or_else(|| last_part(&remote).to_owned(), |full| full.to_string()),
            self.properties.peering_state,
            self.properties.peering_sync_level,
            self.properties.allow_virtual_network_access.to_string(),
            self.properties.allow_forwarded_traffic.to_string(),
            join(&self.properties.remote_address_space.address_prefixes),
        ]
    }
}

impl Side {
    fn vnet(&self) -> Result<VnetId, CliError> {
        self.vnet_name.within(&self.at.scope())
    }

    fn id(&self) -> Result<ResourceId, CliError> {
        Ok(ResourceId::Peering(self.vnet()?, self.name.clone()))
    }
}

pub(super) fn run(command: &PeeringCommand, printer: &mut Printer<'_>) -> CliResult {
    match command {
        PeeringCommand::Create(args) => {
            let id = args.side.id()?;
            let created = args.side.at.agent()?.create(&id, &body(args)?)?;
            resource::show::<PeeringRow>(&created, printer)?;
        }
        PeeringCommand::Update(args) => {
            let id = args.side.id()?;
            let updated = args.side.at.agent()?.update(&id, "", |peering| {
                let properties = properties(peering)?;
                args.flags.put_into(properties);
                args.extent.put_into(properties);
                Ok(())
            })?;
            resource::show::<PeeringRow>(&updated, printer)?;
        }
        PeeringCommand::Delete(args) => {
            let id = args.side.id()?;
            let query = if args.both { "?both=true" } else { "" };
            args.side.at.agent()?.delete(&id, query)?;
        }
        PeeringCommand::Show(Show { name, list }) => {
            let id = ResourceId::Peering(list.vnet_name.within(&list.group.scope())?, name.clone());
            resource::show::<PeeringRow>(&list.source.reader(printer)?.one(&id)?, printer)?;
        }
        PeeringCommand::List(list) => {
            let vnet = list.vnet_name.within(&list.group.scope())?;
            resource::list::<PeeringRow>(
                list.source.reader(printer)?.children(Children::Peerings, &vnet)?,
                printer,
            )?;
        }
        PeeringCommand::Sync(side) => {
            let id = side.id()?;
            let agent = side.at.agent()?;
            let synced = agent.update(&id, "?syncRemoteAddressSpace=true", |_| Ok(()))?;
            resource::show::<PeeringRow>(&synced, printer)?;
        }
    }
    Ok(Outcome::Done)
}

/// What is asked for, as a resource; with the other side beside it where both are to be created.
fn body(args: &Create) -> Result<Value, CliError> {
    let scope = args.side.at.scope();
    let (local, remote) = (args.side.vnet()?, args.remote_vnet.within(&scope)?);
    let mut properties =
        Map::from_iter([("remoteVirtualNetwork".to_owned(), json!({"id": remote.arm_id()}))]);
    args.flags.put_into(&mut properties);
    args.extent.put_into(&mut properties);
    let mut body = json!({"properties": properties});
    if args.both.both {
        body["remotePeering"] = json!({
            "name": args.both.name(&local, &remote)?,
            "properties": args.both.properties(&args.extent),
        });
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::cli::args::parsed;

    fn asked(flags: &str) -> Value {
        body(&parsed(&format!("-n p --vnet-name hub --remote-vnet {flags}")).unwrap()).unwrap()
    }

    fn id(subscription: &str, group: &str, name: &str) -> String {
        format!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/virtualNetworks/{name}"
        )
    }

    #[rstest]
    #[case("spoke", id("default", "default", "spoke"))]
    #[case("spoke --subscription red -g prod", id("red", "prod", "spoke"))]
    #[case("blue/dev/spoke --subscription red -g prod", id("blue", "dev", "spoke"))]
    #[case(&id("blue", "dev", "spoke"), id("blue", "dev", "spoke"))]
    fn the_remote_is_a_name_near_by_or_one_that_says_where(#[case] remote: &str, #[case] expected: String) {
        assert_eq!(asked(remote), json!({"properties": {"remoteVirtualNetwork": {"id": expected}}}));
    }

    #[test]
    fn flags_that_are_given_are_asked_for_and_no_others() {
        let flags = "spoke --allow-forwarded-traffic --allow-vnet-access false --use-remote-gateways=no";
        let expected = json!({"properties": {
            "remoteVirtualNetwork": {"id": id("default", "default", "spoke")},
            "allowVirtualNetworkAccess": false,
            "allowForwardedTraffic": true,
            "useRemoteGateways": false,
        }});
        assert_eq!(asked(flags), expected);
    }

    #[test]
    fn both_sides_are_asked_for_in_one_request_with_the_subnets_the_other_way_round() {
        let flags = "blue/dev/spoke --both --allow-gateway-transit --remote-use-remote-gateways \
                     --peer-complete-vnets false --local-subnet-names a b --remote-subnet-names c --enable-only-ipv6";
        let expected = json!({
            "properties": {
                "remoteVirtualNetwork": {"id": id("blue", "dev", "spoke")},
                "allowGatewayTransit": true,
                "peerCompleteVnets": false,
                "localSubnetNames": ["a", "b"],
                "remoteSubnetNames": ["c"],
                "enableOnlyIPv6Peering": true,
            },
            "remotePeering": {
                "name": "spoke-to-hub",
                "properties": {
                    "useRemoteGateways": true,
                    "peerCompleteVnets": false,
                    "localSubnetNames": ["c"],
                    "remoteSubnetNames": ["a", "b"],
                    "enableOnlyIPv6Peering": true,
                },
            },
        });
        assert_eq!(asked(flags), expected);
        assert_eq!(asked("spoke --both --remote-name back")["remotePeering"]["name"], json!("back"));
    }

    #[test]
    fn flags_of_the_other_side_mean_nothing_without_it() {
        let line = "-n p --vnet-name hub --remote-vnet spoke --remote-allow-vnet-access";
        assert!(parsed::<Create>(line).is_err());
        assert!(parsed::<Create>("-n p --vnet-name hub --remote-vnet spoke --remote-name q").is_err());
    }
}
