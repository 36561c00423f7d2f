//! What a peering's commands say about its sides: flags, what takes part, and the other side.

use clap::Args;
use serde_json::{Map, Value, json};

use crate::cli::CliError;
use crate::cli::args::switch;
use crate::model::{PeeringName, SubnetName, VnetId};

/// What a side allows. What is not given is Azure's default in a new one, and stays in one that is there.
#[derive(Debug, Args)]
pub(super) struct Flags {
    /// Let traffic cross; both sides must [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", value_parser = switch)]
    allow_vnet_access: Option<bool>,
    /// Accept packets from the remote whose source lies outside its address space, as appliances forward them [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", value_parser = switch)]
    allow_forwarded_traffic: Option<bool>,
    /// Let the remote use this network's gateway [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", value_parser = switch)]
    allow_gateway_transit: Option<bool>,
    /// Use the remote's gateway [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", value_parser = switch)]
    use_remote_gateways: Option<bool>,
}

/// What of the two networks takes part.
#[derive(Debug, Args)]
pub(super) struct Extent {
    /// Whether all subnets take part, or only those named next; cannot be changed later [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", value_parser = switch)]
    peer_complete_vnets: Option<bool>,
    /// The own subnets that take part, with --peer-complete-vnets false
    #[arg(long, value_name = "SUBNET", num_args = 1..)]
    local_subnet_names: Vec<SubnetName>,
    /// The remote's subnets that take part, with --peer-complete-vnets false
    #[arg(long, value_name = "SUBNET", num_args = 1..)]
    remote_subnet_names: Vec<SubnetName>,
    /// Peer those subnets' IPv6 prefixes alone [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", value_parser = switch)]
    enable_only_ipv6: Option<bool>,
}

/// The other side, where both are created in one step.
#[derive(Debug, Args)]
#[command(next_help_heading = "The other side")]
pub(super) struct Both {
    /// Create the other side too, in the same step; needs rights on both networks
    #[arg(long)]
    pub(super) both: bool,
    /// Its name [default: REMOTE-to-LOCAL]
    #[arg(long, value_name = "NAME", requires = "both")]
    remote_name: Option<PeeringName>,
    /// Its --allow-vnet-access
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", value_parser = switch, requires = "both")]
    remote_allow_vnet_access: Option<bool>,
    /// Its --allow-forwarded-traffic
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", value_parser = switch, requires = "both")]
    remote_allow_forwarded_traffic: Option<bool>,
    /// Its --allow-gateway-transit
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", value_parser = switch, requires = "both")]
    remote_allow_gateway_transit: Option<bool>,
    /// Its --use-remote-gateways
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", value_parser = switch, requires = "both")]
    remote_use_remote_gateways: Option<bool>,
}

impl Flags {
    /// Puts what is given into a peering's properties.
    pub(super) fn put_into(&self, properties: &mut Map<String, Value>) {
        for (name, flag) in [
            ("allowVirtualNetworkAccess", self.allow_vnet_access),
            ("allowForwardedTraffic", self.allow_forwarded_traffic),
            ("allowGatewayTransit", self.allow_gateway_transit),
            ("useRemoteGateways", self.use_remote_gateways),
        ] {
            if let Some(flag) = flag {
                properties.insert(name.to_owned(), json!(flag));
            }
        }
    }
}

impl Extent {
    /// Puts what is given into a peering's properties.
    pub(super) fn put_into(&self, properties: &mut Map<String, Value>) {
        for (name, flag) in [
            ("peerCompleteVnets", self.peer_complete_vnets),
            ("enableOnlyIPv6Peering", self.enable_only_ipv6),
        ] {
            if let Some(flag) = flag {
                properties.insert(name.to_owned(), json!(flag));
            }
        }
        for (name, subnets) in
            [("localSubnetNames", &self.local_subnet_names), ("remoteSubnetNames", &self.remote_subnet_names)]
        {
            if !subnets.is_empty() {
                properties.insert(name.to_owned(), json!(subnets));
            }
        }
    }
}

impl Both {
    /// The other side's name.
    pub(super) fn name(&self, local: &VnetId, remote: &VnetId) -> Result<PeeringName, CliError> {
        match &self.remote_name {
            Some(name) => Ok(name.clone()),
            None => PeeringName::new(&format!("{}-to-{}", remote.name(), local.name()))
                .map_err(|error| CliError::Usage(format!("{error}; name the other side with --remote-name"))),
        }
    }

    /// The other side: of what takes part, the same from there.
    pub(super) fn properties(&self, extent: &Extent) -> Map<String, Value> {
        let mut properties = Map::new();
        let flags = Flags {
            allow_vnet_access: self.remote_allow_vnet_access,
            allow_forwarded_traffic: self.remote_allow_forwarded_traffic,
            allow_gateway_transit: self.remote_allow_gateway_transit,
            use_remote_gateways: self.remote_use_remote_gateways,
        };
        flags.put_into(&mut properties);
        let extent = Extent {
            local_subnet_names: extent.remote_subnet_names.clone(),
            remote_subnet_names: extent.local_subnet_names.clone(),
            ..*extent
        };
        extent.put_into(&mut properties);
        properties
    }
}
