//! Which words of the file a refusal is about.
//!
//! The model knows the declaration that was refused; its refusal names the value at fault. Here the two are brought together:
//! the place is that of the value, and what it collides with elsewhere in the file is shown too.

use std::collections::HashMap;
use std::ops::Range;
use std::str::FromStr;

use ipnet::IpNet;

use super::problem::Finding;
use super::tree::{NodeId, Tree};
use crate::model::access::{Action, DesiredAccess};
use crate::model::{DesiredState, Holding, Located, PeeringName, Refusal, ResourceId, ResourceKind, VnetId};

/// A tree, and where its objects are declared.
pub(super) struct Blame<'t> {
    tree: &'t Tree<'t>,
    desired: &'t DesiredState,
    /// The first declaration of each object.
    declared: HashMap<ResourceId, NodeId>,
}

impl<'t> Blame<'t> {
    pub(super) fn new(tree: &'t Tree<'t>, desired: &'t DesiredState, access: &DesiredAccess) -> Self {
        let subscriptions = access.subscriptions.iter().flat_map(|all| &all.subscriptions);
        let subscriptions = subscriptions.map(|d| (ResourceId::Subscription(d.spec.name.clone()), d.place));
        let roles = access.grants().filter_map(|d| {
            let scope = Box::new(d.spec.grant.scope.clone());
            Some((ResourceId::RoleAssignment(scope, d.spec.name.clone()?), d.place))
        });
        let vnets = desired.vnets.iter().map(|d| (ResourceId::VirtualNetwork(d.spec.name.clone()), d.place));
        let subnets = desired.subnets.iter().map(|d| {
            let (vnet, subnet) = &d.spec;
            (ResourceId::Subnet(vnet.clone(), subnet.name.clone()), d.place)
        });
        let nics = desired.nics.iter().map(|d| (ResourceId::Nic(d.spec.name.clone()), d.place));
        let peerings = desired.peerings.iter().map(|d| {
            let (vnet, peering) = &d.spec;
            (ResourceId::Peering(vnet.clone(), peering.name.clone()), d.place)
        });
        let mut declared = HashMap::new();
        for (id, place) in subscriptions.chain(roles).chain(vnets).chain(subnets).chain(nics).chain(peerings)
        {
            declared.entry(id).or_insert(place.into());
        }
        Self { tree, desired, declared }
    }

    /// A refusal with its place, and with the places that it speaks of.
    pub(super) fn finding(&self, located: &Located) -> Finding {
        let declaration = located.place.into();
        let at = self.at_fault(declaration, &located.refusal);
        let mut notes = self.notes(&located.refusal);
        notes.retain(|(_, span)| *span != self.tree.span(at));
        Finding {
            code: Some(located.refusal.code()),
            message: located.refusal.to_string(),
            span: Some(self.tree.span(at)),
            notes,
            help: None,
        }
    }

    /// The value that a refusal is about; the object's name, or the object, when there is none.
    fn at_fault(&self, object: NodeId, refusal: &Refusal) -> NodeId {
        let field = |key: &str| self.tree.field(object, key);
        let value = match refusal {
            Refusal::VnetAddressSpacesOverlap { .. }
            | Refusal::VnetAddressSpaceOverlapsWithAlreadyPeeredVnet { .. }
            | Refusal::AnotherPeeringAlreadyReferencesRemoteVnet { .. }
            | Refusal::RemotePeeringIsDisconnected { .. } => field("remoteVirtualNetwork"),
            Refusal::InvalidResourceReference { .. } => field("subnet"),
            Refusal::RemoteVnetHasNoGateways { .. } => field("useRemoteGateways"),
            Refusal::InvalidAddressPrefix { prefix, .. } => {
                let keys = ["addressSpace", "addressPrefixes", "addresses", "remoteAddressSpace"];
                let list = keys.into_iter().find_map(field);
                list.map(|list| {
                    self.element(list, |text| text == prefix || same::<IpNet>(text, prefix)).unwrap_or(list)
                })
            }
            Refusal::SubnetNotInVnet { prefix, .. } | Refusal::SubnetsOverlap { prefix, .. } => {
                self.listed(object, "addressPrefixes", prefix)
            }
            Refusal::AddressReserved { address, .. } => self.listed(object, "addresses", address),
            Refusal::AddressInUse { holding, .. } => self.held(object, holding),
            Refusal::ResourceNotFound { resource } => self.reference(object, resource),
            Refusal::OperationNotAllowed { .. } => field("peeringState"),
            Refusal::InvalidResourceName { error } => match error.kind {
                ResourceKind::DisplayName => field("displayName"),
                ResourceKind::Tenant => field("tenant"),
                _ => None,
            },
            Refusal::RoleAssignmentExists { .. } => field("principal"),
            Refusal::LinkedAuthorizationFailed { .. } => field("remoteVirtualNetwork").or(field("subnet")),
            Refusal::AuthorizationFailed { action: Action::HostInterfaceJoin, .. } => field("interface"),
            Refusal::VnetAddressSpaceInUse { .. }
            | Refusal::ResourceAlreadyExists { .. }
            | Refusal::QuotaExceeded { .. }
            | Refusal::AuthorizationFailed { .. }
            | Refusal::RoleAssignmentUpdateNotPermitted { .. } => None,
        };
        value.or(field("name")).unwrap_or(object)
    }

    fn element(&self, list: NodeId, is_it: impl Fn(&str) -> bool) -> Option<NodeId> {
        self.tree.elements(list).iter().copied().find(|node| self.tree.text(*node).is_some_and(&is_it))
    }

    /// The entry of a list that stands for `value`, however it is written.
    fn listed<T: FromStr + PartialEq>(&self, object: NodeId, key: &str, value: &T) -> Option<NodeId> {
        let list = self.tree.field(object, key)?;
        Some(self.element(list, |text| text.parse().is_ok_and(|found: T| found == *value)).unwrap_or(list))
    }

    /// What a NIC holds, where it says so. A MAC address that follows from the NIC's name stands nowhere.
    fn held(&self, nic: NodeId, holding: &Holding) -> Option<NodeId> {
        match holding {
            Holding::Ip(address) => self.listed(nic, "addresses", address),
            Holding::Mac(_) => self.tree.field(nic, "mac"),
            Holding::Interface(_) => self.tree.field(nic, "interface"),
        }
    }

    /// Where an object names another one.
    fn reference(&self, object: NodeId, missing: &ResourceId) -> Option<NodeId> {
        let field = |key: &str| self.tree.field(object, key);
        match missing {
            ResourceId::Subnet(vnet, subnet) if field("subnet").is_none() => {
                let peering = self.desired.peerings.iter().find(|d| NodeId::from(d.place) == object);
                let is_remote = peering.is_some_and(|declared| declared.spec.1.remote == *vnet);
                let key = if is_remote { "remoteSubnetNames" } else { "localSubnetNames" };
                let list = field(key)?;
                Some(self.element(list, |text| text == subnet.as_str()).unwrap_or(list))
            }
            ResourceId::Subscription(_) => field("subscription"),
            _ => field("subnet").or(field("remoteVirtualNetwork")).or(field("scope")),
        }
    }

    /// Where the other side of a peering is declared.
    fn other_side(&self, vnet: &VnetId, name: &PeeringName) -> Option<NodeId> {
        let mut peerings = self.desired.peerings.iter();
        let own = peerings.clone().find(|d| d.spec.0 == *vnet && d.spec.1.name == *name)?;
        let other = peerings.find(|d| d.spec.0 == own.spec.1.remote && d.spec.1.remote == *vnet)?;
        Some(other.place.into())
    }

    /// What else a refusal speaks of, where it stands in the file.
    fn notes(&self, refusal: &Refusal) -> Vec<(String, Range<usize>)> {
        let first = |id: &ResourceId| self.declared.get(id).copied();
        let named = |node: NodeId| self.tree.field(node, "name").unwrap_or(node);
        let range = |vnet: &VnetId, range: &IpNet| {
            let node =
                self.listed(first(&ResourceId::VirtualNetwork(vnet.clone()))?, "addressSpace", range)?;
            Some((format!("range {range} of {vnet} stands here"), node))
        };
        let notes = match refusal {
            Refusal::VnetAddressSpacesOverlap { vnet, range: own, remote, remote_range } => {
                vec![range(vnet, own), range(remote, remote_range)]
            }
            Refusal::VnetAddressSpaceOverlapsWithAlreadyPeeredVnet {
                newcomer,
                range: own,
                peer,
                peer_range,
                ..
            } => vec![range(newcomer, own), range(peer, peer_range)],
            Refusal::AnotherPeeringAlreadyReferencesRemoteVnet { vnet, existing, .. } => {
                let id = ResourceId::Peering(vnet.clone(), existing.clone());
                vec![first(&id).map(|node| (format!("{id} is declared here"), named(node)))]
            }
            Refusal::SubnetsOverlap { vnet, other, other_prefix, .. } => {
                let id = ResourceId::Subnet(vnet.clone(), other.clone());
                let node = first(&id).and_then(|node| self.listed(node, "addressPrefixes", other_prefix));
                vec![node.map(|node| (format!("{other_prefix} of {id} stands here"), node))]
            }
            Refusal::AddressInUse { holding, holder, .. } => {
                let id = ResourceId::Nic(holder.clone());
                let node = first(&id).map(|node| self.held(node, holding).unwrap_or(named(node)));
                vec![node.map(|node| (format!("{holding} of {id} stands here"), node))]
            }
            Refusal::OperationNotAllowed { resource: ResourceId::Peering(vnet, name), .. } => {
                let other = self.other_side(vnet, name);
                vec![other.map(|node| ("its other side is declared here".to_owned(), named(node)))]
            }
            Refusal::ResourceAlreadyExists { resource, .. } => {
                vec![first(resource).map(|node| (format!("{resource} is first declared here"), named(node)))]
            }
            _ => Vec::new(),
        };
        notes.into_iter().flatten().map(|(message, node)| (message, self.tree.span(node))).collect()
    }
}

/// Whether two texts are the same value in different spellings.
fn same<T: FromStr + PartialEq>(left: &str, right: &str) -> bool {
    match (left.parse::<T>(), right.parse::<T>()) {
        (Ok(left), Ok(right)) => left == right,
        _ => false,
    }
}
