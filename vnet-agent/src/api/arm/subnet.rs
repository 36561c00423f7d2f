//! Subnets.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde::Serialize;

use super::id;
use super::view::{Resource, SUCCEEDED};
use super::vnet::prefix;
use crate::api::body::{Located, Object};
use crate::api::error::{ApiError, ContentFault};
use crate::model::{Operation, ResourceId, Subnet, SubnetName, SubnetSpec, Topology, VirtualNetwork, VnetId};

/// What Azure has and the agent has not.
const UNSUPPORTED: &[&str] = &[
    "networkSecurityGroup",
    "routeTable",
    "natGateway",
    "serviceEndpoints",
    "serviceEndpointPolicies",
    "ipAllocations",
    "delegations",
    "privateEndpointNetworkPolicies",
    "privateLinkServiceNetworkPolicies",
    "applicationGatewayIPConfigurations",
    "sharingScope",
    "defaultOutboundAccess",
    "ipamPoolPrefixAllocations",
    "serviceGateway",
];

const READ_ONLY: &[&str] = &[
    "privateEndpoints",
    "ipConfigurations",
    "ipConfigurationProfiles",
    "resourceNavigationLinks",
    "serviceAssociationLinks",
    "purpose",
    "provisioningState",
];

/// The properties of a subnet.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Properties {
    // One of the two alone: whoever changes one of them and sends both back would contradict himself.
    #[serde(skip_serializing_if = "Option::is_none")]
    address_prefix: Option<IpNet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address_prefixes: Option<Vec<IpNet>>,
    ip_configurations: Vec<Reference>,
    provisioning_state: &'static str,
}

/// A resource that another one names.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Reference {
    pub(super) id: String,
}

/// The subnets of a virtual network.
pub(super) fn views(vnet: &VirtualNetwork) -> Vec<Resource<Properties>> {
    let mut configurations: BTreeMap<&SubnetName, Vec<Reference>> = BTreeMap::new();
    for nic in vnet.nics().iter() {
        let of =
            nic.addresses().map(|ip| Reference { id: id::of_ip_configuration(nic.name(), ip.is_ipv4()) });
        configurations.entry(nic.subnet()).or_default().extend(of);
    }
    vnet.subnets()
        .map(|subnet| view(vnet, subnet, configurations.remove(subnet.name()).unwrap_or_default()))
        .collect()
}

/// A subnet of a virtual network.
pub(super) fn view_one(vnet: &VirtualNetwork, subnet: &Subnet) -> Resource<Properties> {
    let nics = vnet.nics().iter().filter(|nic| nic.subnet() == subnet.name());
    let configurations = nics.flat_map(|nic| {
        nic.addresses().map(|ip| Reference { id: id::of_ip_configuration(nic.name(), ip.is_ipv4()) })
    });
    view(vnet, subnet, configurations.collect())
}

fn view(vnet: &VirtualNetwork, subnet: &Subnet, ip_configurations: Vec<Reference>) -> Resource<Properties> {
    let (address_prefix, address_prefixes) = match subnet.address_prefixes() {
        [only] => (Some(*only), None),
        several => (None, Some(several.to_vec())),
    };
    let properties =
        Properties { address_prefix, address_prefixes, ip_configurations, provisioning_state: SUCCEEDED };
    Resource::new(&ResourceId::Subnet(vnet.name().clone(), subnet.name().clone()), None, properties)
}

/// A subnet in the list of its virtual network.
pub(super) fn parse_item(vnet: &VnetId, item: Located<serde_json::Value>) -> Result<SubnetSpec, ApiError> {
    let mut object = item.object()?;
    let name = object.text("name")?;
    let name = SubnetName::new(&object.required("name", name)?.value)?;
    let resource = ResourceId::Subnet(vnet.clone(), name.clone());
    object.identity_but_name(&resource)?;
    properties(&resource, name, object)
}

/// A subnet by itself.
pub(super) fn parse(vnet: &VnetId, name: &SubnetName, mut body: Object) -> Result<SubnetSpec, ApiError> {
    let resource = ResourceId::Subnet(vnet.clone(), name.clone());
    body.identity(&resource)?;
    properties(&resource, name.clone(), body)
}

fn properties(resource: &ResourceId, name: SubnetName, mut body: Object) -> Result<SubnetSpec, ApiError> {
    let properties = body.object("properties")?;
    let mut properties = body.required("properties", properties)?;
    body.end()?;
    let one = properties.text("addressPrefix")?;
    let one = one.map(|text| prefix(resource, &text)).transpose()?;
    let several = properties.texts("addressPrefixes")?.unwrap_or_default();
    let several = several.iter().map(|text| prefix(resource, text)).collect::<Result<Vec<_>, _>>()?;
    let address_prefixes = match one {
        None => several,
        Some(one) if several.is_empty() || several == [one] => vec![one],
        Some(_) => {
            let text = "does not go with addressPrefixes, which has others; leave one of the two out";
            return Err(properties.fault("addressPrefix", ContentFault::Combination(text.to_owned())));
        }
    };
    properties.read_only(READ_ONLY);
    properties.unsupported(UNSUPPORTED, &["Enabled", "Disabled"])?;
    properties.end()?;
    Ok(SubnetSpec { name, address_prefixes })
}

/// What leads to the subnet.
pub(super) fn put(topology: &Topology, vnet: &VnetId, spec: SubnetSpec) -> Operation {
    match topology.vnet(vnet).and_then(|vnet| vnet.subnet(&spec.name)) {
        Some(_) => Operation::UpdateSubnet(vnet.clone(), spec),
        None => Operation::CreateSubnet(vnet.clone(), spec),
    }
}
