//! Peerings.

use std::collections::BTreeSet;

use serde::Serialize;

use super::subnet::Reference;
use super::view::{Resource, SUCCEEDED};
use super::vnet::AddressSpace;
use crate::api::body::{Located, Object};
use crate::api::error::{ApiError, ContentFault};
use crate::api::sight::Sight;
use crate::model::{
    Operation, PeeredSubnets, Peering, PeeringFlags, PeeringName, PeeringSpec, PeeringState,
    PeeringSyncLevel, ResourceId, SubnetName, Topology, VirtualNetwork, VnetId, taking_part,
};

/// What Azure has and the agent has not.
const UNSUPPORTED: &[&str] = &["doNotVerifyRemoteGateways", "remoteBgpCommunities"];

const READ_ONLY: &[&str] = &[
    "peeringState",
    "peeringSyncLevel",
    "remoteAddressSpace",
    "remoteVirtualNetworkAddressSpace",
    "localAddressSpace",
    "localVirtualNetworkAddressSpace",
    "remoteVirtualNetworkEncryption",
    "provisioningState",
    "resourceGuid",
];

/// The properties of a peering.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Properties {
    remote_virtual_network: Reference,
    allow_virtual_network_access: bool,
    allow_forwarded_traffic: bool,
    allow_gateway_transit: bool,
    use_remote_gateways: bool,
    peer_complete_vnets: bool,
    // With the complete virtual networks, the lists have no meaning.
    #[serde(skip_serializing_if = "Option::is_none")]
    local_subnet_names: Option<BTreeSet<SubnetName>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_subnet_names: Option<BTreeSet<SubnetName>>,
    #[serde(rename = "enableOnlyIPv6Peering", skip_serializing_if = "Option::is_none")]
    enable_only_ipv6_peering: Option<bool>,
    peering_state: PeeringState,
    peering_sync_level: PeeringSyncLevel,
    local_address_space: AddressSpace,
    local_virtual_network_address_space: AddressSpace,
    remote_address_space: AddressSpace,
    // None: the remote is gone, or hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_virtual_network_address_space: Option<AddressSpace>,
    provisioning_state: &'static str,
}

/// A peering of a virtual network. What its remote has now is there for the other side of a connection, and for whoever may read
/// the remote: one side alone has the say of nobody there.
pub(super) fn view(
    topology: &Topology,
    vnet: &VirtualNetwork,
    peering: &Peering,
    sight: Sight<'_>,
) -> Resource<Properties> {
    let (flags, subnets) = (peering.flags(), peering.subnets());
    let local = taking_part(vnet, subnets.map(|s| (&s.local, s.only_ipv6)));
    let is_connected = peering.state() == PeeringState::Connected;
    let remote = topology.vnet(peering.remote());
    let remote = remote.filter(|remote| is_connected || sight.sees_vnet(remote.name()));
    let remote = remote.map(|remote| taking_part(remote, subnets.map(|s| (&s.remote, s.only_ipv6))));
    // What the other side took over last, where there is one that did.
    let other = topology.other_side(vnet.name(), peering).filter(|_| is_connected);
    let known_there = other.map(|(_, other)| other.remote_address_space().into());
    let properties = Properties {
        remote_virtual_network: Reference { id: peering.remote().arm_id() },
        allow_virtual_network_access: flags.allow_virtual_network_access,
        allow_forwarded_traffic: flags.allow_forwarded_traffic,
        allow_gateway_transit: flags.allow_gateway_transit,
        use_remote_gateways: flags.use_remote_gateways,
        peer_complete_vnets: subnets.is_none(),
        local_subnet_names: subnets.map(|subnets| subnets.local.clone()),
        remote_subnet_names: subnets.map(|subnets| subnets.remote.clone()),
        enable_only_ipv6_peering: subnets.map(|subnets| subnets.only_ipv6),
        peering_state: peering.state(),
        peering_sync_level: topology.sync_level(vnet, peering),
        local_address_space: known_there.unwrap_or_else(|| local.as_slice().into()),
        local_virtual_network_address_space: local.as_slice().into(),
        remote_address_space: peering.remote_address_space().into(),
        remote_virtual_network_address_space: remote.map(|remote| remote.as_slice().into()),
        provisioning_state: SUCCEEDED,
    };
    Resource::new(&ResourceId::Peering(vnet.name().clone(), peering.name().clone()), None, properties)
}

/// Both sides of a peering, as a body declares them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Declared {
    spec: PeeringSpec,
    other: Option<PeeringSpec>,
}

impl Declared {
    /// What is asked for, as the body alone says it. The own side comes first, whatever is there already: the order of what one
    /// lacks a role for must not tell.
    pub(super) fn asked(&self, vnet: &VnetId) -> Vec<Operation> {
        let own = Operation::UpdatePeering(vnet.clone(), self.spec.clone());
        let other = self.other.clone().map(|other| Operation::UpdatePeering(self.spec.remote.clone(), other));
        [own].into_iter().chain(other).collect()
    }
}

/// A peering in the list of its virtual network.
pub(super) fn parse_item(vnet: &VnetId, item: Located<serde_json::Value>) -> Result<PeeringSpec, ApiError> {
    let mut object = item.object()?;
    let name = object.text("name")?;
    let name = PeeringName::new(&object.required("name", name)?.value)?;
    let resource = ResourceId::Peering(vnet.clone(), name.clone());
    object.identity_but_name(&resource)?;
    let properties = object.object("properties")?;
    let properties = object.required("properties", properties)?;
    object.end()?;
    parse_properties(name, None, properties)
}

/// A body.
pub(super) fn parse(vnet: &VnetId, name: &PeeringName, mut body: Object) -> Result<Declared, ApiError> {
    body.identity(&ResourceId::Peering(vnet.clone(), name.clone()))?;
    let properties = body.object("properties")?;
    let properties = body.required("properties", properties)?;
    let other = body.object("remotePeering")?;
    body.end()?;
    let spec = parse_properties(name.clone(), None, properties)?;
    let other = other.map(|other| parse_other(vnet, &spec, other)).transpose()?;
    Ok(Declared { spec, other })
}

/// The other side. Its remote is this virtual network.
fn parse_other(vnet: &VnetId, spec: &PeeringSpec, mut body: Object) -> Result<PeeringSpec, ApiError> {
    let name = body.text("name")?;
    let name = PeeringName::new(&body.required("name", name)?.value)?;
    body.identity_but_name(&ResourceId::Peering(spec.remote.clone(), name.clone()))?;
    let properties = body.object("properties")?.unwrap_or_default();
    body.end()?;
    parse_properties(name, Some(vnet), properties)
}

/// Properties. With `only`, the remote is that one, whether or not it is named.
fn parse_properties(
    name: PeeringName,
    only: Option<&VnetId>,
    mut properties: Object,
) -> Result<PeeringSpec, ApiError> {
    let remote = match (properties.reference("remoteVirtualNetwork")?, only) {
        (Some(id), only) => {
            let remote = match id.resource()? {
                ResourceId::VirtualNetwork(remote) => remote,
                other => {
                    let found = other.to_string();
                    return Err(id.fault(ContentFault::Kind { expected: "virtual network", found }));
                }
            };
            if let Some(only) = only.filter(|only| **only != remote) {
                return Err(id.contradicts(&ResourceId::VirtualNetwork(only.clone())));
            }
            remote
        }
        (None, Some(only)) => only.clone(),
        (None, None) => return Err(properties.fault("remoteVirtualNetwork", ContentFault::Missing)),
    };
    let defaults = PeeringFlags::default();
    let mut flag = |name, default| Ok::<_, ApiError>(properties.flag(name)?.unwrap_or(default));
    let flags = PeeringFlags {
        allow_virtual_network_access: flag(
            "allowVirtualNetworkAccess",
            defaults.allow_virtual_network_access,
        )?,
        allow_forwarded_traffic: flag("allowForwardedTraffic", defaults.allow_forwarded_traffic)?,
        allow_gateway_transit: flag("allowGatewayTransit", defaults.allow_gateway_transit)?,
        use_remote_gateways: flag("useRemoteGateways", defaults.use_remote_gateways)?,
    };
    let subnets = parse_subnets(&mut properties)?;
    properties.read_only(READ_ONLY);
    properties.unsupported(UNSUPPORTED, &[])?;
    properties.end()?;
    Ok(PeeringSpec { name, remote, flags, subnets })
}

/// The subnets that take part, where not all do.
fn parse_subnets(properties: &mut Object) -> Result<Option<PeeredSubnets>, ApiError> {
    let complete = properties.flag("peerCompleteVnets")?.unwrap_or(true);
    let only_ipv6 = properties.flag("enableOnlyIPv6Peering")?.unwrap_or(false);
    let local = parse_names(properties, "localSubnetNames", complete)?;
    let remote = parse_names(properties, "remoteSubnetNames", complete)?;
    if complete && only_ipv6 {
        let text = "goes with peerCompleteVnets: false alone".to_owned();
        return Err(properties.fault("enableOnlyIPv6Peering", ContentFault::Combination(text)));
    }
    Ok((!complete).then_some(PeeredSubnets { local, remote, only_ipv6 }))
}

/// A list of subnets that take part. Where not all do it must be there, so that a peering of none is not made by leaving it out.
fn parse_names(
    properties: &mut Object,
    name: &'static str,
    complete: bool,
) -> Result<BTreeSet<SubnetName>, ApiError> {
    let given = properties.texts(name)?;
    let fault = match &given {
        Some(names) if complete && !names.is_empty() => Some("goes with peerCompleteVnets: false alone"),
        None if !complete => Some(
            "must be there, because peerCompleteVnets is false; give an empty list where no subnet is to take part",
        ),
        _ => None,
    };
    if let Some(text) = fault {
        return Err(properties.fault(name, ContentFault::Combination(text.to_owned())));
    }
    let names = given.unwrap_or_default();
    Ok(names.iter().map(|name| SubnetName::new(&name.value)).collect::<Result<_, _>>()?)
}

/// What leads to the peering, and to its other side where that is declared too; for somebody who may do what is asked for.
pub(super) fn put(topology: &Topology, vnet: &VnetId, declared: Declared) -> Vec<Operation> {
    let Declared { spec, other } = declared;
    let remote = spec.remote.clone();
    let own = put_one(topology, vnet, spec);
    let Some(other) = other.map(|other| put_one(topology, &remote, other)) else { return vec![own] };
    // A side that is there already comes first: Disconnected, it is taken up again before the missing one is created.
    if matches!(other, Operation::UpdatePeering(..)) { vec![other, own] } else { vec![own, other] }
}

fn put_one(topology: &Topology, vnet: &VnetId, spec: PeeringSpec) -> Operation {
    match topology.peering(vnet, &spec.name) {
        Some(_) => Operation::UpdatePeering(vnet.clone(), spec),
        None => Operation::CreatePeering(vnet.clone(), spec),
    }
}

/// What makes a side take over what its remote has now. A body that says something else besides is put in force first.
pub(super) fn sync(
    topology: &Topology,
    vnet: &VnetId,
    name: &PeeringName,
    declared: Option<Declared>,
) -> Vec<Operation> {
    let sync = Operation::SyncPeering(vnet.clone(), name.clone());
    let Some(declared) = declared else { return vec![sync] };
    match topology.peering(vnet, name) {
        Some(old) if old.spec() == declared.spec && declared.other.is_none() => vec![sync],
        _ => put(topology, vnet, declared).into_iter().chain([sync]).collect(),
    }
}

/// What deletes a peering, and with `both` its other side.
pub(super) fn delete(topology: &Topology, vnet: &VnetId, peering: &Peering, both: bool) -> Vec<Operation> {
    let other = topology.other_side(vnet, peering).filter(|_| both);
    let own = Operation::DeletePeering(vnet.clone(), peering.name().clone());
    let other =
        other.map(|(remote, other)| Operation::DeletePeering(remote.name().clone(), other.name().clone()));
    [own].into_iter().chain(other).collect()
}
