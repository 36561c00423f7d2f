//! What differs between two topologies, for people: one line per object, `+` made, `~` changed, `-` gone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};
use std::sync::Arc;

use super::{Nic, Peering, ResourceId, Subnet, Topology, VirtualNetwork};

/// What happens to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// It is made.
    Create,
    /// It is changed.
    Change,
    /// It is gone.
    Delete,
}

impl Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Create => "+",
            Self::Change => "~",
            Self::Delete => "-",
        })
    }
}

/// What happens to one object. Printed: `~ peering a/a-to-b: peeringState Connected -> Disconnected`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What happens.
    pub action: Action,
    /// The object.
    pub resource: ResourceId,
    /// For a change, each property as `name old -> new`; for a new object, each property as `name value`.
    pub details: Vec<String>,
}

impl Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.action, self.resource)?;
        if !self.details.is_empty() {
            write!(f, ": {}", self.details.join(", "))?;
        }
        Ok(())
    }
}

/// An object's properties in the order of printing, by the names that the file has for them.
type Properties = Vec<(&'static str, String)>;

/// What differs between two topologies: virtual networks in the order of their names, each followed by its subnets, NICs and
/// peerings. Networks with the same `Arc` are not looked into.
#[must_use]
pub fn changes(old: &Topology, new: &Topology) -> Vec<Change> {
    let names: BTreeSet<_> = old.vnets.keys().chain(new.vnets.keys()).collect();
    let mut changes = Vec::new();
    for name in names {
        let (before, after) = (old.vnets.get(name), new.vnets.get(name));
        if let (Some(before), Some(after)) = (before, after)
            && Arc::ptr_eq(before, after)
        {
            continue;
        }
        let before = before.map(|vnet| objects(vnet)).unwrap_or_default();
        let after = after.map(|vnet| objects(vnet)).unwrap_or_default();
        compare(&before, &after, &mut changes);
    }
    changes
}

fn compare(
    before: &BTreeMap<ResourceId, Properties>,
    after: &BTreeMap<ResourceId, Properties>,
    changes: &mut Vec<Change>,
) {
    let ids: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    for id in ids {
        let (action, details) = match (before.get(id), after.get(id)) {
            (Some(before), Some(after)) if before == after => continue,
            (Some(before), Some(after)) => (Action::Change, differences(before, after)),
            (None, Some(after)) => {
                let shown = after.iter().filter(|(_, value)| !value.is_empty());
                (Action::Create, shown.map(|(name, value)| format!("{name} {value}")).collect())
            }
            (_, None) => (Action::Delete, Vec::new()),
        };
        changes.push(Change { action, resource: id.clone(), details });
    }
}

fn differences(before: &Properties, after: &Properties) -> Vec<String> {
    let or_none = |value: &str| if value.is_empty() { "none".to_owned() } else { value.to_owned() };
    before
        .iter()
        .zip(after)
        .filter(|(before, after)| before != after)
        .map(|((name, before), (_, after))| format!("{name} {} -> {}", or_none(before), or_none(after)))
        .collect()
}

/// A virtual network and all that stands in it. The order of [`ResourceId`]'s variants is the order of printing.
fn objects(vnet: &VirtualNetwork) -> BTreeMap<ResourceId, Properties> {
    let name = vnet.name();
    let own = vec![("region", vnet.region().to_string()), ("addressSpace", vnet.address_space().to_string())];
    let mut objects = BTreeMap::from([(ResourceId::VirtualNetwork(name.clone()), own)]);
    let subnets = vnet.subnets().map(|s| (ResourceId::Subnet(name.clone(), s.name().clone()), subnet(s)));
    objects.extend(subnets);
    objects.extend(vnet.nics().iter().map(|n| (ResourceId::Nic(n.name().clone()), nic(vnet, n))));
    let peerings = vnet.peerings().map(|p| (ResourceId::Peering(name.clone(), p.name().clone()), peering(p)));
    objects.extend(peerings);
    objects
}

fn list<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(" ")
}

fn subnet(subnet: &Subnet) -> Properties {
    vec![("addressPrefixes", list(subnet.address_prefixes()))]
}

fn nic(vnet: &VirtualNetwork, nic: &Nic) -> Properties {
    vec![
        ("subnet", format!("{}/{}", vnet.name(), nic.subnet())),
        ("addresses", list(nic.addresses())),
        ("mac", nic.mac().to_string()),
        ("interface", list(nic.interface())),
        ("enableIPForwarding", nic.enable_ip_forwarding().to_string()),
    ]
}

fn peering(peering: &Peering) -> Properties {
    let flags = peering.flags();
    let subnets = peering.subnets();
    vec![
        ("remoteVirtualNetwork", peering.remote().to_string()),
        ("peeringState", peering.state().to_string()),
        ("remoteAddressSpace", list(peering.remote_address_space())),
        ("allowVirtualNetworkAccess", flags.allow_virtual_network_access.to_string()),
        ("allowForwardedTraffic", flags.allow_forwarded_traffic.to_string()),
        ("allowGatewayTransit", flags.allow_gateway_transit.to_string()),
        ("useRemoteGateways", flags.use_remote_gateways.to_string()),
        ("peerCompleteVnets", peering.peer_complete_vnets().to_string()),
        ("localSubnetNames", list(subnets.iter().flat_map(|subnets| &subnets.local))),
        ("remoteSubnetNames", list(subnets.iter().flat_map(|subnets| &subnets.remote))),
        ("enableOnlyIPv6Peering", subnets.is_some_and(|subnets| subnets.only_ipv6).to_string()),
    ]
}
