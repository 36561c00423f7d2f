//! Peerings: their flags, the lists of subnets that mean something only when not the complete virtual networks take part, and
//! what only the past explains.

use std::collections::BTreeSet;
use std::str::FromStr;

use super::keys;
use super::reader::{Fields, Reader, quoted};
use super::tree::NodeId;
use crate::model::{
    PeeredSubnets, PeeringFlags, PeeringName, PeeringPast, PeeringSpec, PeeringState, ResourceId, Scope,
    SubnetName, VnetId,
};

/// A peering as far as it can be read.
pub(super) struct Read {
    pub(super) name: Option<PeeringName>,
    /// The whole, when nothing is wrong with it.
    pub(super) whole: Option<(PeeringSpec, PeeringPast)>,
}

/// Reads a peering of a virtual network that stands in `scope` and, when its name could be read, is `vnet`.
pub(super) fn read(reader: &mut Reader<'_>, node: NodeId, scope: &Scope, vnet: Option<&VnetId>) -> Read {
    let Some(fields) = reader.mapping(node, &keys::PEERING) else { return Read { name: None, whole: None } };
    let name = reader.name(&fields, "name", PeeringName::from_str);
    let remote = reader.remote(&fields, scope);
    let flags = flags(reader, &fields);
    let subnets = subnets(reader, &fields);
    let id = vnet.zip(name.clone()).map(|(vnet, name)| ResourceId::Peering(vnet.clone(), name));
    let past = past(reader, &fields, id.as_ref());
    let whole = || {
        let spec = PeeringSpec { name: name.clone()?, remote: remote?, flags: flags?, subnets: subnets? };
        Some((spec, past?))
    };
    let whole = if fields.any_unclear() { None } else { whole() };
    Read { name, whole }
}

/// What is declared of a peering's past.
fn past(reader: &mut Reader<'_>, fields: &Fields, id: Option<&ResourceId>) -> Option<PeeringPast> {
    let is_disconnected = match fields.get("peeringState") {
        None => Some(false),
        Some(node) => reader.text(node, "peeringState").and_then(|state| {
            let is_disconnected = state == PeeringState::Disconnected.to_string();
            if !is_disconnected {
                let message =
                    format!("`peeringState` may only be said to be Disconnected, not {}", quoted(state));
                let help = "Initiated and Connected follow from which sides are declared: leave the key out";
                reader.form_with_help(node, message, help);
            }
            is_disconnected.then_some(true)
        }),
    };
    let key = "remoteAddressSpace";
    let space = match fields.get(key) {
        None => Some(None),
        Some(node) => reader.written_list(node, key).and_then(|_| reader.prefixes(fields, key, id)).map(Some),
    };
    Some(PeeringPast { is_disconnected: is_disconnected?, remote_address_space: space? })
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
    let missing = |key: &&str| fields.get(key).is_none_or(|node| reader.tree.is_null(node));
    let missing: Vec<_> = ["localSubnetNames", "remoteSubnetNames"].into_iter().filter(missing).collect();
    for key in missing.iter().filter(|key| !fields.is_unclear(&[**key])) {
        let at = fields.get(key).or_else(|| fields.get("peerCompleteVnets")).unwrap_or(fields.node);
        let message = format!("`peerCompleteVnets: false` needs `{key}`: the subnets that take part");
        reader.form_with_help(at, message, &format!("write `{key}: []` where none is to take part"));
    }
    let subnets = PeeredSubnets { local: local?, remote: remote?, only_ipv6: only_ipv6? };
    missing.is_empty().then_some(Some(subnets))
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
