//! NICs, which Azure calls network interfaces.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Serialize;
use serde_json::Value;

use super::id;
use super::subnet::Reference;
use super::view::{Resource, SUCCEEDED};
use super::vnet::location;
use crate::api::body::{Located, Object};
use crate::api::error::{ApiError, ContentFault};
use crate::model::{
    InterfaceName, MacAddress, Nic, NicId, NicSpec, Operation, PrefixFault, Refusal, Region, ResourceId,
    SubnetRef, Topology, VirtualNetwork, free_address,
};

/// What Azure has and the agent has not.
const UNSUPPORTED: &[&str] = &[
    "networkSecurityGroup",
    "dnsSettings",
    "enableAcceleratedNetworking",
    "disableTcpStateTracking",
    "workloadType",
    "nicType",
    "privateLinkService",
    "migrationPhase",
    "auxiliaryMode",
    "auxiliarySku",
];

/// The words of those that mean what is the case here.
const IDLE: &[&str] = &["None", "Standard"];

const READ_ONLY: &[&str] = &[
    "virtualMachine",
    "privateEndpoint",
    "tapConfigurations",
    "primary",
    "vnetEncryptionSupported",
    "defaultOutboundConnectivityEnabled",
    "hostedWorkloads",
    "dscpConfiguration",
    "resourceGuid",
    "provisioningState",
];

/// Of an IP configuration, what Azure has and the agent has not.
const UNSUPPORTED_BY_CONFIGURATION: &[&str] = &[
    "gatewayLoadBalancer",
    "virtualNetworkTaps",
    "applicationGatewayBackendAddressPools",
    "loadBalancerBackendAddressPools",
    "loadBalancerInboundNatRules",
    "privateIPAddressPrefixLength",
    "publicIPAddress",
    "applicationSecurityGroups",
];

/// The properties of a NIC.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Properties {
    ip_configurations: Vec<IpConfiguration>,
    mac_address: MacAddress,
    #[serde(rename = "enableIPForwarding")]
    enable_ip_forwarding: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    host_interface: Option<InterfaceName>,
    provisioning_state: &'static str,
}

#[derive(Clone, Debug, Serialize)]
struct IpConfiguration {
    id: String,
    name: &'static str,
    properties: IpProperties,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct IpProperties {
    #[serde(rename = "privateIPAddress")]
    private_ip_address: IpAddr,
    #[serde(rename = "privateIPAddressVersion")]
    private_ip_address_version: &'static str,
    #[serde(rename = "privateIPAllocationMethod")]
    private_ip_allocation_method: &'static str,
    subnet: Reference,
    primary: bool,
    provisioning_state: &'static str,
}

/// A NIC as a body declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Declared {
    region: Option<Region>,
    subnet: SubnetRef,
    ipv4: Wanted<Ipv4Addr>,
    ipv6: Wanted<Ipv6Addr>,
    mac: Wanted<MacAddress>,
    interface: Wanted<InterfaceName>,
    enable_ip_forwarding: bool,
}

impl Declared {
    /// What is asked for, as the body alone says it: what is chosen for it has no say in who may do it.
    pub(super) fn asked(&self, nic: &NicId) -> Operation {
        let interface = match &self.interface {
            Wanted::This(interface) => Some(interface.clone()),
            Wanted::Nothing | Wanted::Any => None,
        };
        Operation::UpdateNic(NicSpec {
            name: nic.clone(),
            subnet: self.subnet.clone(),
            ipv4: None,
            ipv6: None,
            mac: None,
            interface,
            enable_ip_forwarding: self.enable_ip_forwarding,
        })
    }
}

/// What a body says about something.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted<T> {
    /// There is to be none.
    Nothing,
    /// What there is stays; where there is none, one is chosen.
    Any,
    /// This one.
    This(T),
}

/// A NIC of a virtual network.
pub(super) fn view(vnet: &VirtualNetwork, nic: &Nic) -> Resource<Properties> {
    let subnet = SubnetRef { vnet: vnet.name().clone(), subnet: nic.subnet().clone() };
    let configuration = |address: IpAddr| IpConfiguration {
        id: id::of_ip_configuration(nic.name(), address.is_ipv4()),
        name: id::ip_configuration_name(address.is_ipv4()),
        properties: IpProperties {
            private_ip_address: address,
            private_ip_address_version: if address.is_ipv4() { "IPv4" } else { "IPv6" },
            private_ip_allocation_method: "Static",
            subnet: Reference { id: id::of_subnet(&subnet) },
            primary: nic.addresses().next() == Some(address),
            provisioning_state: SUCCEEDED,
        },
    };
    let properties = Properties {
        ip_configurations: nic.addresses().map(configuration).collect(),
        mac_address: nic.mac(),
        enable_ip_forwarding: nic.enable_ip_forwarding(),
        host_interface: nic.interface().cloned(),
        provisioning_state: SUCCEEDED,
    };
    Resource::new(&ResourceId::Nic(nic.name().clone()), Some(vnet.region().to_string()), properties)
}

/// A body.
pub(super) fn parse(nic: &NicId, mut body: Object) -> Result<Declared, ApiError> {
    let resource = ResourceId::Nic(nic.clone());
    body.identity(&resource)?;
    let region = location(&mut body)?;
    let properties = body.object("properties")?;
    let mut properties = body.required("properties", properties)?;
    body.unsupported(&["tags", "extendedLocation"], &[])?;
    body.end()?;
    let configurations = properties.list("ipConfigurations")?;
    let configurations = properties.required("ipConfigurations", configurations)?;
    let mut wish = Wish::default();
    for configuration in configurations {
        wish.take(&resource, configuration)?;
    }
    let subnet = properties.required("ipConfigurations", wish.subnet)?;
    let mac = wanted(&mut properties, "macAddress")?;
    let interface = match wanted_text(&mut properties, "hostInterface")? {
        Wanted::This(text) => Wanted::This(
            InterfaceName::new(&text.value)
                .map_err(|error| text.fault(ContentFault::Value(error.to_string())))?,
        ),
        Wanted::Any => Wanted::Any,
        Wanted::Nothing => Wanted::Nothing,
    };
    let enable_ip_forwarding = properties.flag("enableIPForwarding")?.unwrap_or(false);
    properties.read_only(READ_ONLY);
    properties.unsupported(UNSUPPORTED, IDLE)?;
    properties.end()?;
    Ok(Declared { region, subnet, ipv4: wish.ipv4, ipv6: wish.ipv6, mac, interface, enable_ip_forwarding })
}

/// A text that null takes away.
fn wanted_text(properties: &mut Object, name: &'static str) -> Result<Wanted<Located<String>>, ApiError> {
    if properties.take_null(name) {
        return Ok(Wanted::Nothing);
    }
    Ok(properties.text(name)?.map_or(Wanted::Any, Wanted::This))
}

fn wanted<T: std::str::FromStr<Err: std::fmt::Display>>(
    properties: &mut Object,
    name: &'static str,
) -> Result<Wanted<T>, ApiError> {
    Ok(match wanted_text(properties, name)? {
        Wanted::This(text) => Wanted::This(text.parse()?),
        Wanted::Any => Wanted::Any,
        Wanted::Nothing => Wanted::Nothing,
    })
}

/// What the IP configurations say together.
struct Wish {
    subnet: Option<SubnetRef>,
    ipv4: Wanted<Ipv4Addr>,
    ipv6: Wanted<Ipv6Addr>,
}

impl Default for Wish {
    fn default() -> Self {
        Self { subnet: None, ipv4: Wanted::Nothing, ipv6: Wanted::Nothing }
    }
}

impl Wish {
    fn take(&mut self, nic: &ResourceId, configuration: Located<Value>) -> Result<(), ApiError> {
        let mut configuration = configuration.object()?;
        configuration.read_only(&["id", "name", "type", "etag"]);
        let properties = configuration.object("properties")?;
        let mut properties = configuration.required("properties", properties)?;
        configuration.end()?;
        self.take_subnet(&mut properties)?;
        let method = properties.text("privateIPAllocationMethod")?;
        let address = properties.text("privateIPAddress")?;
        if let Some(method) = &method
            && !matches!(method.value.as_str(), "Static" | "Dynamic")
        {
            return Err(method.fault(ContentFault::Value("it is either Static or Dynamic".to_owned())));
        }
        if address.is_none() && method.is_some_and(|method| method.value == "Static") {
            return Err(properties.fault("privateIPAddress", ContentFault::Missing));
        }
        let address = address.map(|text| parse_address(nic, &text)).transpose()?;
        let version = properties.text("privateIPAddressVersion")?;
        let is_ipv4 = match version.as_ref().map(|version| version.value.as_str()) {
            None => address.is_none_or(|address| address.is_ipv4()),
            Some("IPv4") => true,
            Some("IPv6") => false,
            Some(_) => {
                let fault = ContentFault::Value("it is either IPv4 or IPv6".to_owned());
                return Err(properties.fault("privateIPAddressVersion", fault));
            }
        };
        if address.is_some_and(|address| address.is_ipv4() != is_ipv4) {
            let text = "is of another family than privateIPAddress".to_owned();
            return Err(properties.fault("privateIPAddressVersion", ContentFault::Combination(text)));
        }
        let is_second = if is_ipv4 { self.ipv4 != Wanted::Nothing } else { self.ipv6 != Wanted::Nothing };
        if is_second {
            let text = "is the second one of its family; a NIC has one address of each at most".to_owned();
            return Err(properties.fault("privateIPAddressVersion", ContentFault::Combination(text)));
        }
        match address {
            Some(IpAddr::V4(address)) => self.ipv4 = Wanted::This(address),
            Some(IpAddr::V6(address)) => self.ipv6 = Wanted::This(address),
            None if is_ipv4 => self.ipv4 = Wanted::Any,
            None => self.ipv6 = Wanted::Any,
        }
        properties.read_only(&["primary", "provisioningState", "privateLinkConnectionProperties"]);
        properties.unsupported(UNSUPPORTED_BY_CONFIGURATION, &[])?;
        properties.end()
    }

    fn take_subnet(&mut self, properties: &mut Object) -> Result<(), ApiError> {
        let reference = properties.reference("subnet")?;
        let reference = properties.required("subnet", reference)?;
        let subnet = match reference.resource()? {
            ResourceId::Subnet(vnet, subnet) => SubnetRef { vnet, subnet },
            other => {
                let found = other.to_string();
                return Err(reference.fault(ContentFault::Kind { expected: "subnet", found }));
            }
        };
        if self.subnet.as_ref().is_some_and(|before| *before != subnet) {
            let text =
                "is another one than that of the configuration before; a NIC stands in one subnet".to_owned();
            return Err(reference.fault(ContentFault::Combination(text)));
        }
        self.subnet = Some(subnet);
        Ok(())
    }
}

fn parse_address(nic: &ResourceId, text: &Located<String>) -> Result<IpAddr, ApiError> {
    text.value.parse().map_err(|_| {
        let prefix = text.value.chars().take(100).collect();
        Refusal::InvalidAddressPrefix { resource: nic.clone(), prefix, fault: PrefixFault::Address }.into()
    })
}

/// What leads to the NIC; for somebody who may do what is asked for, because what is wrong with it tells of the subnet's network.
pub(super) fn put(topology: &Topology, nic: &NicId, declared: Declared) -> Result<Operation, ApiError> {
    let old = topology.nic(nic);
    let Declared { region, subnet, ipv4, ipv6, mac, interface, enable_ip_forwarding } = declared;
    let vnet = topology.vnet(&subnet.vnet);
    if let (Some(region), Some(vnet)) = (region, vnet)
        && region != *vnet.region()
    {
        let text =
            format!("is {region}, and the NIC's virtual network {} stands in {}", vnet.name(), vnet.region());
        let fault = ContentFault::Combination(text);
        return Err(ApiError::Content { target: "location".to_owned(), fault });
    }
    let stays = old.filter(|(vnet, nic)| (vnet.name(), nic.subnet()) == (&subnet.vnet, &subnet.subnet));
    let stays = stays.map(|(_, nic)| nic);
    let old = old.map(|(_, nic)| nic);
    let free = |is_ipv4: bool| {
        let found = vnet.and_then(|vnet| Some((vnet, vnet.subnet(&subnet.subnet)?)));
        // Where the subnet is missing, the operation says so.
        let Some((vnet, place)) = found else { return Ok(None) };
        let id = || ResourceId::Subnet(vnet.name().clone(), place.name().clone());
        free_address(vnet, place, is_ipv4).map(Some).ok_or_else(|| ApiError::SubnetIsFull { subnet: id() })
    };
    let ipv4 = match (ipv4, stays.and_then(Nic::ipv4)) {
        (Wanted::Nothing, _) => None,
        (Wanted::This(address), _) | (Wanted::Any, Some(address)) => Some(address),
        (Wanted::Any, None) => free(true)?.and_then(|address| match address {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        }),
    };
    let ipv6 = match (ipv6, stays.and_then(Nic::ipv6)) {
        (Wanted::Nothing, _) => None,
        (Wanted::This(address), _) | (Wanted::Any, Some(address)) => Some(address),
        (Wanted::Any, None) => free(false)?.and_then(|address| match address {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => Some(address),
        }),
    };
    let mac = match mac {
        Wanted::Nothing => None,
        Wanted::This(mac) => Some(mac),
        Wanted::Any => old.map(Nic::mac),
    };
    let interface = match interface {
        Wanted::Nothing => None,
        Wanted::This(interface) => Some(interface),
        Wanted::Any => old.and_then(Nic::interface).cloned(),
    };
    let is_there = old.is_some();
    let spec = NicSpec { name: nic.clone(), subnet, ipv4, ipv6, mac, interface, enable_ip_forwarding };
    Ok(if is_there { Operation::UpdateNic(spec) } else { Operation::CreateNic(spec) })
}
