//! The file as a whole: which objects it declares, where, and what is wrong with the form of each.
//!
//! An object with a mistake is not declared but noted as broken, so that what names it is not reported as naming nothing. A
//! key that is merely unknown or not supported yet spoils nothing: the object is checked further without it.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

use super::assertion::Assertion;
use super::keys;
use super::problem::Finding;
use super::reader::{Fields, Reader, quoted};
use super::tree::NodeId;
use crate::model::{
    AddressSpace, Declared, DesiredState, InterfaceName, MacAddress, NameError, NicName, NicSpec,
    PrefixFault, Refusal, RefusalCode, Region, ResourceId, SubnetRef, SubnetRefError, SubnetSpec, VnetName,
    VnetSpec,
};

/// What a file declares.
#[derive(Default)]
pub(super) struct Declarations {
    /// The objects; their places are nodes of the tree.
    pub(super) desired: DesiredState,
    pub(super) assertions: Vec<Assertion>,
    /// The names of all NICs, broken ones too.
    pub(super) nics: BTreeSet<NicName>,
    pub(super) unnamed: Unnamed,
}

/// Where an object stands whose name could not be read: whatever seems to be missing there may be it.
#[derive(Default)]
pub(super) struct Unnamed {
    vnet: bool,
    nic: bool,
    subnet_of: BTreeSet<VnetName>,
}

impl Declarations {
    /// Whether a refusal may only follow from a name that could not be read.
    pub(super) fn may_follow(&self, refusal: &Refusal) -> bool {
        match refusal {
            Refusal::ResourceNotFound { resource: ResourceId::VirtualNetwork(_) } => self.unnamed.vnet,
            Refusal::ResourceNotFound { resource: ResourceId::Subnet(vnet, _) } => {
                self.unnamed.subnet_of.contains(vnet)
            }
            Refusal::ResourceNotFound { resource: ResourceId::Nic(_) } => self.unnamed.nic,
            _ => false,
        }
    }

    /// Reads the file. What can be read is read, whatever else is wrong.
    pub(super) fn read(reader: &mut Reader<'_>, root: NodeId) -> Self {
        let mut file = Self::default();
        let Some(fields) = reader.mapping(root, &keys::FILE) else { return file };
        match fields.get("virtualNetworks").and_then(|node| reader.list(node, "virtualNetworks")) {
            Some(vnets) => vnets.iter().for_each(|vnet| file.read_vnet(reader, *vnet)),
            None => file.unnamed.vnet = true,
        }
        match fields.get("nics").map(|node| reader.list(node, "nics")) {
            Some(Some(nics)) => nics.iter().for_each(|nic| file.read_nic(reader, *nic)),
            Some(None) => file.unnamed.nic = true,
            None => {}
        }
        // A section that is there twice, or misspelt, may hold whatever is missed in the one that was read.
        file.unnamed.vnet |= fields.is_unclear(&["virtualNetworks"]);
        file.unnamed.nic |= fields.is_unclear(&["nics"]);
        if let Some(assertions) = fields.get("assertions").and_then(|node| reader.list(node, "assertions")) {
            let read = assertions.iter().filter_map(|node| Assertion::read(reader, *node));
            file.assertions = read.collect();
        }
        file
    }

    fn read_vnet(&mut self, reader: &mut Reader<'_>, node: NodeId) {
        let Some(fields) = reader.mapping(node, &keys::VNET) else {
            self.unnamed.vnet = true;
            return;
        };
        let name: Option<VnetName> = reader.name(&fields, "name", VnetName::from_str);
        let region = reader.name(&fields, "region", Region::new);
        let id = name.clone().map(ResourceId::VirtualNetwork);
        let address_space = reader.prefixes(&fields, "addressSpace", id.as_ref());
        let subnets = fields.get("subnets").map_or(Some(&[][..]), |node| reader.list(node, "subnets"));
        for subnet in subnets.unwrap_or_default() {
            self.read_subnet(reader, *subnet, name.as_ref());
        }
        for peering in
            fields.get("peerings").and_then(|node| reader.list(node, "peerings")).unwrap_or_default()
        {
            self.read_peering(reader, *peering, name.as_ref());
        }
        let Some(name) = name else {
            self.unnamed.vnet = true;
            return;
        };
        if subnets.is_none() || fields.is_unclear(&["subnets"]) {
            self.unnamed.subnet_of.insert(name.clone());
        }
        match (region, address_space) {
            (Some(region), Some(address_space)) if !fields.is_unclear(keys::VNET.required) => {
                let spec = VnetSpec { name, region, address_space };
                self.desired.vnets.push(Declared { spec, place: node.into() });
            }
            _ => {
                self.desired.broken.insert(ResourceId::VirtualNetwork(name));
            }
        }
    }

    fn read_subnet(&mut self, reader: &mut Reader<'_>, node: NodeId, vnet: Option<&VnetName>) {
        let fields = reader.mapping(node, &keys::SUBNET);
        let name = fields.as_ref().and_then(|fields| reader.name(fields, "name", FromStr::from_str));
        let id = vnet.zip(name.clone()).map(|(vnet, name)| ResourceId::Subnet(vnet.clone(), name));
        let prefixes = fields.as_ref().and_then(|f| reader.prefixes(f, "addressPrefixes", id.as_ref()));
        let Some(vnet) = vnet else { return };
        let Some((name, id)) = name.zip(id) else {
            self.unnamed.subnet_of.insert(vnet.clone());
            return;
        };
        match prefixes {
            Some(address_prefixes) if !fields.is_some_and(|fields| fields.any_unclear()) => {
                let spec = (vnet.clone(), SubnetSpec { name, address_prefixes });
                self.desired.subnets.push(Declared { spec, place: node.into() });
            }
            _ => {
                self.desired.broken.insert(id);
            }
        }
    }

    fn read_peering(&mut self, reader: &mut Reader<'_>, node: NodeId, vnet: Option<&VnetName>) {
        let (name, spec) = super::peering::read(reader, node);
        let Some(vnet) = vnet else { return };
        if let Some(spec) = spec {
            self.desired.peerings.push(Declared { spec: (vnet.clone(), spec), place: node.into() });
        } else if let Some(name) = name {
            self.desired.broken.insert(ResourceId::Peering(vnet.clone(), name));
        }
    }

    fn read_nic(&mut self, reader: &mut Reader<'_>, node: NodeId) {
        let fields = reader.mapping(node, &keys::NIC);
        let name: Option<NicName> = fields.as_ref().and_then(|f| reader.name(f, "name", FromStr::from_str));
        match &name {
            Some(name) => {
                self.nics.insert(name.clone());
            }
            None => self.unnamed.nic = true,
        }
        let Some(fields) = fields else { return };
        match nic_spec(reader, &fields, name.clone()) {
            Some(spec) if !fields.any_unclear() => {
                self.desired.nics.push(Declared { spec, place: node.into() });
            }
            _ => self.desired.broken.extend(name.map(ResourceId::Nic)),
        }
    }
}

/// A NIC without a mistake of form. Every value is looked at, whatever is wrong with another.
fn nic_spec(reader: &mut Reader<'_>, fields: &Fields, name: Option<NicName>) -> Option<NicSpec> {
    let subnet = fields.get("subnet").and_then(|node| {
        let text = reader.text(node, "subnet")?;
        match text.parse::<SubnetRef>() {
            Ok(subnet) => Some(subnet),
            Err(SubnetRefError::Name(error)) => {
                reader.refuse(node, &Refusal::InvalidResourceName { error });
                None
            }
            Err(error @ SubnetRefError::Form(_)) => {
                reader.form(node, error.to_string());
                None
            }
        }
    });
    let addresses = reader.addresses(fields, name.clone().map(ResourceId::Nic).as_ref());
    let mac = reader.optional(fields, "mac", MacAddress::from_str);
    let interface = reader.optional(fields, "interface", InterfaceName::new);
    let forwarding = reader.optional_flag(fields, "enableIPForwarding", false);
    let (ipv4, ipv6) = addresses?;
    Some(NicSpec {
        name: name?,
        subnet: subnet?,
        ipv4,
        ipv6,
        mac: mac?,
        interface: interface?,
        enable_ip_forwarding: forwarding?,
    })
}

impl<'t> Reader<'t> {
    /// A required name. One that breaks its rule is refused as the model would refuse it.
    pub(super) fn name<T>(
        &mut self,
        fields: &Fields,
        key: &str,
        check: impl Fn(&str) -> Result<T, NameError>,
    ) -> Option<T> {
        let node = fields.get(key)?;
        self.named(node, key, check)
    }

    /// As [`name`](Self::name), for a value that is found already.
    pub(super) fn named<T>(
        &mut self,
        node: NodeId,
        key: &str,
        check: impl Fn(&str) -> Result<T, NameError>,
    ) -> Option<T> {
        let text = self.text(node, key)?;
        check(text).map_err(|error| self.refuse(node, &Refusal::InvalidResourceName { error })).ok()
    }

    /// A text that need not be there: `None` when it is wrong, `Some(None)` when it is not there.
    fn optional<T, E: std::fmt::Display>(
        &mut self,
        fields: &Fields,
        key: &str,
        check: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Option<T>> {
        let Some(node) = fields.get(key) else { return Some(None) };
        let text = self.text(node, key)?;
        check(text).map(Some).map_err(|error| self.form(node, error.to_string())).ok()
    }

    /// A truth value that need not be there.
    pub(super) fn optional_flag(&mut self, fields: &Fields, key: &str, default: bool) -> Option<bool> {
        fields.get(key).map_or(Some(default), |node| self.flag(node, key))
    }

    /// A required list of prefixes; `None` when any of them is wrong.
    fn prefixes(&mut self, fields: &Fields, key: &str, of: Option<&ResourceId>) -> Option<Vec<IpNet>> {
        let elements = self.words(fields.get(key)?, key)?;
        let mut prefixes = Vec::with_capacity(elements.len());
        for node in elements {
            let Some(text) = self.element(*node, key, "a prefix") else { continue };
            let checked = match text.parse::<IpNet>() {
                Err(_) => Err(PrefixFault::Form),
                // Each prefix on its own first: the model names one fault of a list, not all.
                Ok(prefix) => AddressSpace::new(vec![prefix]).map(|_| prefix).map_err(|(_, fault)| fault),
            };
            match checked {
                Ok(prefix) => prefixes.push(prefix),
                Err(fault) => self.wrong_prefix(*node, text, of, &fault),
            }
        }
        (prefixes.len() == elements.len()).then_some(prefixes)
    }

    /// A NIC's addresses, one of a family at most; `None` when any is wrong.
    fn addresses(
        &mut self,
        fields: &Fields,
        of: Option<&ResourceId>,
    ) -> Option<(Option<std::net::Ipv4Addr>, Option<std::net::Ipv6Addr>)> {
        let elements = self.words(fields.get("addresses")?, "addresses")?;
        let (mut ipv4, mut ipv6) = (None, None);
        let mut wrong = false;
        for node in elements {
            let Some(text) = self.element(*node, "addresses", "an IP address") else {
                wrong = true;
                continue;
            };
            let earlier = match text.parse() {
                Ok(IpAddr::V4(address)) => ipv4.replace(address).map(|_| "IPv4"),
                Ok(IpAddr::V6(address)) => ipv6.replace(address).map(|_| "IPv6"),
                Err(_) => {
                    wrong = true;
                    self.wrong_prefix(*node, text, of, &PrefixFault::Address);
                    None
                }
            };
            if let Some(family) = earlier {
                wrong = true;
                self.form(*node, format!("a NIC has one {family} address at most, and this is another"));
            }
        }
        (!wrong).then_some((ipv4, ipv6))
    }

    fn element(&mut self, node: NodeId, key: &str, wanted: &str) -> Option<&'t str> {
        let tree = self.tree;
        let text = tree.text(node);
        if text.is_none() {
            let ends_in_colon = tree.kind(node) == "a mapping";
            let help = ends_in_colon
                .then(|| "an IPv6 address or prefix that YAML takes for a key needs quotes".to_owned());
            let message = format!("an entry of `{key}` must be {wanted}, but this is {}", tree.kind(node));
            let span = Some(tree.span(node));
            self.findings.push(Finding { message, span, help, ..Finding::default() });
        }
        text
    }

    /// Refuses a prefix or address as the model would, of an object that may have no name.
    fn wrong_prefix(&mut self, node: NodeId, text: &str, of: Option<&ResourceId>, fault: &PrefixFault) {
        let of = of.map(|resource| format!("{resource}: ")).unwrap_or_default();
        self.findings.push(Finding {
            code: Some(RefusalCode::InvalidAddressPrefix),
            message: format!("{of}{} {fault}", quoted(text)),
            span: Some(self.tree.span(node)),
            ..Finding::default()
        });
    }
}
