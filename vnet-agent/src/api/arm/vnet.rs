//! Virtual networks.

use ipnet::IpNet;
use serde::Serialize;

use super::view::{Resource, SUCCEEDED};
use super::{peering, subnet};
use crate::api::body::{Located, Object};
use crate::api::error::ApiError;
use crate::api::sight::Sight;
use crate::model::{
    Operation, PeeringSpec, PrefixFault, Refusal, Region, ResourceId, SubnetSpec, Topology, VirtualNetwork,
    VnetId, VnetSpec,
};

/// What Azure has and the agent has not.
const UNSUPPORTED: &[&str] = &[
    "dhcpOptions",
    "flowTimeoutInMinutes",
    "enableDdosProtection",
    "enableVmProtection",
    "ddosProtectionPlan",
    "bgpCommunities",
    "encryption",
    "ipAllocations",
    "privateEndpointVNetPolicies",
    "summarizedGatewayPrefixes",
];

/// The words of those that mean what is the case here.
const IDLE: &[&str] = &["Disabled", "AllowUnencrypted"];

const READ_ONLY: &[&str] = &["resourceGuid", "provisioningState", "flowLogs", "defaultPublicNatGateway"];

/// The properties of a virtual network.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Properties {
    address_space: AddressSpace,
    subnets: Vec<Resource<subnet::Properties>>,
    virtual_network_peerings: Vec<Resource<peering::Properties>>,
    provisioning_state: &'static str,
}

/// A list of ranges.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AddressSpace {
    address_prefixes: Vec<IpNet>,
}

impl From<&[IpNet]> for AddressSpace {
    fn from(ranges: &[IpNet]) -> Self {
        Self { address_prefixes: ranges.to_vec() }
    }
}

/// A virtual network as a body declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Declared {
    spec: VnetSpec,
    subnets: Option<Vec<SubnetSpec>>,
    peerings: Option<Vec<PeeringSpec>>,
}

/// A virtual network with its subnets and peerings.
pub(super) fn view(topology: &Topology, vnet: &VirtualNetwork, sight: Sight<'_>) -> Resource<Properties> {
    let properties = Properties {
        address_space: vnet.address_space().ranges().into(),
        subnets: subnet::views(vnet),
        virtual_network_peerings: vnet
            .peerings()
            .map(|peering| peering::view(topology, vnet, peering, sight))
            .collect(),
        provisioning_state: SUCCEEDED,
    };
    let location = Some(vnet.region().to_string());
    Resource::new(&ResourceId::VirtualNetwork(vnet.name().clone()), location, properties)
}

/// A prefix that stands in a body.
pub(super) fn prefix(resource: &ResourceId, text: &Located<String>) -> Result<IpNet, ApiError> {
    text.value.parse().map_err(|_| {
        let prefix = text.value.chars().take(100).collect();
        Refusal::InvalidAddressPrefix { resource: resource.clone(), prefix, fault: PrefixFault::Form }.into()
    })
}

/// `location`.
pub(super) fn location(body: &mut Object) -> Result<Option<Region>, ApiError> {
    Ok(body.text("location")?.map(|text| Region::new(&text.value)).transpose()?)
}

/// A body.
pub(super) fn parse(vnet: &VnetId, mut body: Object) -> Result<Declared, ApiError> {
    let resource = ResourceId::VirtualNetwork(vnet.clone());
    body.identity(&resource)?;
    let region = location(&mut body)?;
    let region = body.required("location", region)?;
    let properties = body.object("properties")?;
    let mut properties = body.required("properties", properties)?;
    body.unsupported(&["tags", "extendedLocation"], &[])?;
    body.end()?;
    let space = properties.object("addressSpace")?;
    let mut space = properties.required("addressSpace", space)?;
    let ranges = space.texts("addressPrefixes")?;
    let ranges = space.required("addressPrefixes", ranges)?;
    space.unsupported(&["ipamPoolPrefixAllocations"], &[])?;
    space.end()?;
    let address_space = ranges.iter().map(|range| prefix(&resource, range)).collect::<Result<_, _>>()?;
    let subnets = properties.list("subnets")?;
    let subnets = subnets.map(|items| items.into_iter().map(|item| subnet::parse_item(vnet, item)).collect());
    let peerings = properties.list("virtualNetworkPeerings")?;
    let peerings =
        peerings.map(|items| items.into_iter().map(|item| peering::parse_item(vnet, item)).collect());
    properties.read_only(READ_ONLY);
    properties.unsupported(UNSUPPORTED, IDLE)?;
    properties.end()?;
    Ok(Declared {
        spec: VnetSpec { name: vnet.clone(), region, address_space },
        subnets: subnets.transpose()?,
        peerings: peerings.transpose()?,
    })
}

/// What leads to the virtual network.
pub(super) fn put(topology: &Topology, declared: Declared) -> Vec<Operation> {
    let Declared { spec, subnets, peerings } = declared;
    let name = spec.name.clone();
    let current = topology.vnet(&name);
    let mut operations = Vec::new();
    // Before the subnets: one that a peering names cannot be deleted.
    if let (Some(vnet), Some(peerings)) = (current, &peerings) {
        let gone = vnet.peerings().filter(|old| peerings.iter().all(|new| new.name != *old.name()));
        operations.extend(gone.map(|old| Operation::DeletePeering(name.clone(), old.name().clone())));
    }
    match (current, subnets) {
        (None, subnets) => {
            operations.push(Operation::CreateVnet(spec));
            let subnets = subnets.unwrap_or_default().into_iter();
            operations.extend(subnets.map(|subnet| Operation::CreateSubnet(name.clone(), subnet)));
        }
        (Some(_), None) => operations.push(Operation::UpdateVnet(spec)),
        (Some(_), Some(subnets)) => operations.push(Operation::ReplaceVnet(spec, subnets)),
    }
    for peering in peerings.unwrap_or_default() {
        // Those that are sent back as they were read are not touched: an update has effects of its own.
        match current.and_then(|vnet| vnet.peering(&peering.name)) {
            None => operations.push(Operation::CreatePeering(name.clone(), peering)),
            Some(old) if old.spec() == peering => {}
            Some(_) => operations.push(Operation::UpdatePeering(name.clone(), peering)),
        }
    }
    operations
}
