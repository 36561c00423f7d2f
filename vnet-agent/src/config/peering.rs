//! Peerings: their flags, and the lists of subnets that mean something only when not the complete virtual networks take part.

use std::collections::BTreeSet;
use std::str::FromStr;

use super::keys;
use super::reader::{Fields, Reader};
use super::tree::NodeId;
use crate::model::{PeeredSubnets, PeeringFlags, PeeringName, PeeringSpec, Scope, SubnetName};

/// Reads a peering of a virtual network that stands in `scope`: its name as far as it can be read, and the whole when nothing
/// is wrong with it.
pub(super) fn read(
    reader: &mut Reader<'_>,
    node: NodeId,
    scope: &Scope,
) -> (Option<PeeringName>, Option<PeeringSpec>) {
    let Some(fields) = reader.mapping(node, &keys::PEERING) else { return (None, None) };
    let name = reader.name(&fields, "name", PeeringName::from_str);
    let remote = reader.remote(&fields, scope);
    let flags = flags(reader, &fields);
    let subnets = subnets(reader, &fields);
    let spec =
        || Some(PeeringSpec { name: name.clone()?, remote: remote?, flags: flags?, subnets: subnets? });
    let spec = if fields.any_unclear() { None } else { spec() };
    (name, spec)
}

fn flags(reader: &mut Reader<'_>, fields: &Fields) -> Option<PeeringFlags> {
    let default = PeeringFlags::default();
    let mut flag = |key, default| reader.optional_flag(fields, key, default);
    let access = flag("allowVirtualNetworkAccess", default.allow_virtual_network_access);
    let forwarded = flag("allowForwardedTraffic", default.allow_forwarded_traffic);
    let transit = flag("allowGatewayTransit", default.allow_gateway_transit);
    let remote = flag("useRemoteGateways", default.use_remote_gateways);
    Some(PeeringFlags {
        allow_virtual_network_access: access?,
        allow_forwarded_traffic: forwarded?,
        allow_gateway_transit: transit?,
        use_remote_gateways: remote?,
    })
}

/// The subnets that take part: `None` when something is wrong, `Some(None)` when the complete virtual networks do.
fn subnets(reader: &mut Reader<'_>, fields: &Fields) -> Option<Option<PeeredSubnets>> {
    let complete = reader.optional_flag(fields, "peerCompleteVnets", true);
    let local = names(reader, fields, "localSubnetNames");
    let remote = names(reader, fields, "remoteSubnetNames");
    let only_ipv6 = reader.optional_flag(fields, "enableOnlyIPv6Peering", false);
    if complete? {
        let keys = ["localSubnetNames", "remoteSubnetNames", "enableOnlyIPv6Peering"];
        let vain: Vec<_> = keys.into_iter().filter_map(|key| Some((key, fields.get(key)?))).collect();
        for (key, node) in &vain {
            let message = format!("`{key}` means nothing while the complete virtual networks take part");
            reader.form_with_help(*node, message, "add `peerCompleteVnets: false`, or remove the key");
        }
        return vain.is_empty().then_some(None);
    }
    for (key, names) in [("localSubnetNames", &local), ("remoteSubnetNames", &remote)] {
        let is_empty = names.as_ref().is_some_and(BTreeSet::is_empty);
        if is_empty && !fields.is_unclear(&[key]) {
            let at = fields.get(key).or_else(|| fields.get("peerCompleteVnets")).unwrap_or(fields.node);
            reader.form(at, format!("`peerCompleteVnets: false` needs at least one subnet in `{key}`"));
        }
    }
    let subnets = PeeredSubnets { local: local?, remote: remote?, only_ipv6: only_ipv6? };
    (!subnets.local.is_empty() && !subnets.remote.is_empty()).then_some(Some(subnets))
}

/// A list of subnets' names; empty when it is not there, `None` when something in it is wrong.
fn names(reader: &mut Reader<'_>, fields: &Fields, key: &str) -> Option<BTreeSet<SubnetName>> {
    let Some(node) = fields.get(key) else { return Some(BTreeSet::new()) };
    let elements = reader.words(node, key)?;
    let mut names = BTreeSet::new();
    for element in elements {
        let Some(name) = reader.named(*element, key, SubnetName::from_str) else { continue };
        if names.contains(&name) {
            reader.form(*element, format!("subnet {name} stands in `{key}` twice"));
        }
        names.insert(name);
    }
    (names.len() == elements.len()).then_some(names)
}
