//! The file as a whole: which objects it declares, where, and what is wrong with the form of each.
//!
//! An object with a mistake is not declared but noted as broken, so that what names it is not reported as naming nothing. A
//! key that is merely unknown or not supported yet spoils nothing: the object is checked further without it.

use std::collections::{BTreeSet, HashSet};
use std::str::FromStr;

use super::access::Access;
use super::assertion::Assertion;
use super::keys;
use super::peering::Read;
use super::reader::{Fields, Reader};
use super::tree::NodeId;
use crate::model::access::Directory;
use crate::model::{
    Declared, DesiredState, InterfaceName, Located, MacAddress, NicId, NicName, NicSpec, PeeringPast,
    PeeringState, Place, Refusal, Region, ResourceId, Scope, SubnetRef, SubnetRefError, SubnetSpec,
    SubscriptionId, Topology, VnetId, VnetName, VnetSpec,
};

/// What a file declares.
#[derive(Default)]
pub(super) struct Declarations {
    /// The objects; their places are nodes of the tree.
    pub(super) desired: DesiredState,
    pub(super) access: Access,
    pub(super) assertions: Vec<Assertion>,
    /// The names of all NICs, broken ones too.
    pub(super) nics: BTreeSet<NicId>,
    pub(super) unnamed: Unnamed,
    /// Where an object stands that does not say so itself; none when that cannot be told.
    scope: Option<Scope>,
    /// The one subscription that the file is about; none where it is about all.
    within: Option<SubscriptionId>,
}

/// Where an object stands whose name could not be read: whatever seems to be missing there may be it.
#[derive(Default)]
pub(super) struct Unnamed {
    vnet: bool,
    nic: bool,
    subnet_of: BTreeSet<VnetId>,
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
            Refusal::ResourceNotFound { resource: ResourceId::Subscription(_) } => self.access.is_unclear,
            _ => false,
        }
    }

    /// The directory that the file leads to: from `current`, or, without one, of a file that stands alone. There, subscriptions
    /// exist by being named, unless the file says itself which there are.
    ///
    /// # Errors
    /// Every refusal, each with its place.
    pub(super) fn directory(&self, current: Option<&Directory>) -> Result<Directory, Vec<Located>> {
        let broken = self.desired.broken.iter().filter_map(|id| match id {
            ResourceId::VirtualNetwork(vnet) => Some(vnet),
            _ => None,
        });
        let vnets: HashSet<_> = self.desired.vnets.iter().map(|vnet| &vnet.spec.name).chain(broken).collect();
        let nobody = Directory::default();
        let planned = current.unwrap_or(&nobody).plan(&self.access.desired, |vnet| vnets.contains(vnet))?;
        if current.is_none() && self.access.desired.subscriptions.is_none() {
            return planned.with_subscriptions_of(&self.desired);
        }
        let refusals = planned.check_subscriptions(&self.desired);
        if refusals.is_empty() { Ok(planned) } else { Err(refusals) }
    }

    /// Reads the file; about one subscription alone, and with what of `current` stands in others, when there is one. What can
    /// be read is read, whatever else is wrong.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        root: NodeId,
        current: &Topology,
        within: Option<&SubscriptionId>,
    ) -> Self {
        let mut file = Self { within: within.cloned(), ..Self::default() };
        if let Some(within) = within {
            // First, so that what stands in the way of another is what the file declares.
            file.add_bystanders(current, within);
        }
        let Some(fields) = reader.mapping(root, &keys::FILE) else { return file };
        let subscription = within.cloned().unwrap_or_default();
        file.scope = reader.scope(&fields, Some(&Scope { subscription, ..Scope::default() }));
        match fields.get("virtualNetworks").and_then(|node| reader.written_list(node, "virtualNetworks")) {
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
        file.access = Access::read(reader, &fields, within);
        if let Some(assertions) = fields.get("assertions").and_then(|node| reader.list(node, "assertions")) {
            let scope = file.scope.clone().unwrap_or_default();
            let read = assertions.iter().filter_map(|node| Assertion::read(reader, *node, &scope));
            file.assertions = read.collect();
        }
        if let Some(within) = within {
            file.settle_bystanders(current, within);
        }
        file
    }

    /// Declares what stands in other subscriptions, as it is: a peering there takes over nothing by itself.
    fn add_bystanders(&mut self, current: &Topology, within: &SubscriptionId) {
        let place = Place::default();
        for vnet in current.vnets().filter(|vnet| vnet.name().subscription() != within.as_str()) {
            let name = vnet.name();
            let address_space = vnet.address_space().ranges().to_vec();
            let spec = VnetSpec { name: name.clone(), region: vnet.region().clone(), address_space };
            self.desired.vnets.push(Declared { spec, place });
            for subnet in vnet.subnets() {
                let address_prefixes = subnet.address_prefixes().to_vec();
                let spec = SubnetSpec { name: subnet.name().clone(), address_prefixes };
                self.desired.subnets.push(Declared { spec: (name.clone(), spec), place });
            }
            for nic in vnet.nics().iter() {
                self.nics.insert(nic.name().clone());
                self.desired.nics.push(Declared { spec: nic.spec(name), place });
            }
            for peering in vnet.peerings() {
                self.desired.peerings.push(Declared { spec: (name.clone(), peering.spec()), place });
            }
        }
    }

    /// Says of the past of the peerings in other subscriptions what keeps them as they are. One takes over nothing by itself,
    /// unless it waits for the other side and the file declares that. One is `Disconnected` whose remote the file does not
    /// declare; and one that was so stays so whatever its remote has become. Only where the file declares its other side is that
    /// left open, for then the other side is the mistake.
    fn settle_bystanders(&mut self, current: &Topology, within: &SubscriptionId) {
        let broken = self.desired.broken.iter().filter_map(|id| match id {
            ResourceId::VirtualNetwork(vnet) => Some(vnet),
            _ => None,
        });
        let there: HashSet<&VnetId> =
            self.desired.vnets.iter().map(|vnet| &vnet.spec.name).chain(broken).collect();
        let sides: HashSet<(&VnetId, &VnetId)> =
            self.desired.peerings.iter().map(|peering| (&peering.spec.0, &peering.spec.1.remote)).collect();
        let mut pasts = Vec::new();
        for vnet in current.vnets().filter(|vnet| vnet.name().subscription() != within.as_str()) {
            for peering in vnet.peerings() {
                let is_answered = sides.contains(&(peering.remote(), vnet.name()));
                let was_disconnected = peering.state() == PeeringState::Disconnected;
                let waits = peering.state() == PeeringState::Initiated;
                let is_disconnected = !there.contains(peering.remote()) || was_disconnected && !is_answered;
                if is_answered && (was_disconnected || waits) && !is_disconnected {
                    continue;
                }
                let remote_address_space = Some(peering.remote_address_space().to_vec());
                let past = PeeringPast { is_disconnected, remote_address_space };
                pasts.push(((vnet.name().clone(), peering.name().clone()), past));
            }
        }
        self.desired.pasts.extend(pasts);
    }

    /// Whether an object stands where the file may declare it. One that does not is noted.
    fn belongs_here(
        &self,
        reader: &mut Reader<'_>,
        fields: &Fields,
        what: &ResourceId,
        subscription: &str,
    ) -> bool {
        let Some(within) = self.within.as_ref().filter(|within| within.as_str() != subscription) else {
            return true;
        };
        let message = format!(
            "{what} stands in subscription {subscription}, but this file is to be applied to subscription {within} alone"
        );
        reader.form(fields.get("subscription").or(fields.get("name")).unwrap_or(fields.node), message);
        false
    }

    fn read_vnet(&mut self, reader: &mut Reader<'_>, node: NodeId) {
        let Some(fields) = reader.mapping(node, &keys::VNET) else {
            self.unnamed.vnet = true;
            return;
        };
        let scope = reader.scope(&fields, self.scope.as_ref());
        let bare = reader.bare_name(&fields, VnetName::new);
        let name = scope.as_ref().zip(bare.as_ref()).map(|(scope, name)| VnetId::in_scope(scope, name));
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
            self.read_peering(reader, *peering, name.as_ref(), &scope.clone().unwrap_or_default());
        }
        let Some(name) = name else {
            self.unnamed.vnet = true;
            return;
        };
        let is_here = id.is_none_or(|id| self.belongs_here(reader, &fields, &id, name.subscription()));
        if subnets.is_none() || fields.is_unclear(&["subnets"]) {
            self.unnamed.subnet_of.insert(name.clone());
        }
        match (region, address_space) {
            (Some(region), Some(address_space)) if is_here && !fields.is_unclear(keys::VNET.required) => {
                let spec = VnetSpec { name, region, address_space };
                self.desired.vnets.push(Declared { spec, place: node.into() });
            }
            _ => {
                self.desired.broken.insert(ResourceId::VirtualNetwork(name));
            }
        }
    }

    fn read_subnet(&mut self, reader: &mut Reader<'_>, node: NodeId, vnet: Option<&VnetId>) {
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

    fn read_peering(&mut self, reader: &mut Reader<'_>, node: NodeId, vnet: Option<&VnetId>, scope: &Scope) {
        let Read { name, whole } = super::peering::read(reader, node, scope, vnet);
        let Some(vnet) = vnet else { return };
        if let Some((spec, past)) = whole {
            if past != PeeringPast::default() {
                self.desired.pasts.entry((vnet.clone(), spec.name.clone())).or_insert(past);
            }
            self.desired.peerings.push(Declared { spec: (vnet.clone(), spec), place: node.into() });
        } else if let Some(name) = name {
            self.desired.broken.insert(ResourceId::Peering(vnet.clone(), name));
        }
    }

    fn read_nic(&mut self, reader: &mut Reader<'_>, node: NodeId) {
        let fields = reader.mapping(node, &keys::NIC);
        let scope = fields.as_ref().and_then(|fields| reader.scope(fields, self.scope.as_ref()));
        let bare = fields.as_ref().and_then(|fields| reader.bare_name(fields, NicName::new));
        let name = scope.as_ref().zip(bare.as_ref()).map(|(scope, name)| NicId::in_scope(scope, name));
        match &name {
            Some(name) => {
                self.nics.insert(name.clone());
            }
            None => self.unnamed.nic = true,
        }
        let Some(fields) = fields else { return };
        if let Some(name) = &name
            && !self.belongs_here(reader, &fields, &ResourceId::Nic(name.clone()), name.subscription())
        {
            return;
        }
        match nic_spec(reader, &fields, name.clone(), &scope.unwrap_or_default()) {
            Some(spec) if !fields.any_unclear() => {
                self.desired.nics.push(Declared { spec, place: node.into() });
            }
            _ => self.desired.broken.extend(name.map(ResourceId::Nic)),
        }
    }
}

/// A NIC without a mistake of form. Every value is looked at, whatever is wrong with another.
fn nic_spec(reader: &mut Reader<'_>, fields: &Fields, name: Option<NicId>, scope: &Scope) -> Option<NicSpec> {
    let subnet = fields.get("subnet").and_then(|node| {
        let text = reader.text(node, "subnet")?;
        match SubnetRef::within(scope, text) {
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
