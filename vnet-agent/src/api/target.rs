//! Paths: what a request is about.
//!
//! Fixed segments match in any case of letters, as everywhere in Azure Resource Manager; names are taken as they are.

use percent_encoding::percent_decode_str;

use crate::model::access::{AccessScope, RoleAssignment, Token};
use crate::model::{
    NameError, NicId, NicName, PeeringName, ResourceGroupName, ResourceId, Scope, SubnetName, SubscriptionId,
    VnetId, VnetName,
};

/// The most segments that a path may have: those of a role assignment of a virtual network.
const MAX_SEGMENTS: usize = 12;

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// One resource, whether it exists or not.
    Item(ResourceId),
    /// All resources of a kind.
    List(Collection),
    /// The effective routes of a NIC.
    EffectiveRouteTable(NicId),
    /// The activity log, or what of it concerns one subscription.
    ActivityLog(Option<SubscriptionId>),
    /// `/status`
    Status,
    /// `/counters`
    Counters,
    /// `/drops`
    Drops,
    /// `/topology`
    Topology,
    /// `/export`
    Export,
    /// `/apply`
    Apply,
}

/// Resources of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Collection {
    /// Virtual networks of a subscription or resource group.
    Vnets(AccessScope),
    /// NICs of a subscription or resource group.
    Nics(AccessScope),
    /// Subnets of a virtual network.
    Subnets(VnetId),
    /// Peerings of a virtual network.
    Peerings(VnetId),
    /// Subscriptions.
    Subscriptions,
    /// Role assignments of a scope itself.
    RoleAssignments(AccessScope),
    /// Tokens.
    Tokens,
}

/// A path that leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PathError {
    /// There are no such resources.
    #[error("no resource type has the path {0}")]
    Unknown(String),
    /// A name breaks its rule.
    #[error(transparent)]
    Name(#[from] NameError),
    /// It is no text, or hides a `/` in a name.
    #[error("the path {0} has a percent-encoding that no path here needs")]
    Encoding(String),
}

impl Target {
    /// What a path names.
    pub(super) fn parse(path: &str) -> Result<Self, PathError> {
        let shown = || path.chars().take(300).collect::<String>();
        let unknown = || PathError::Unknown(shown());
        let rest = path.strip_prefix('/').ok_or_else(unknown)?;
        if rest.split('/').nth(MAX_SEGMENTS).is_some() {
            return Err(unknown());
        }
        let decode = |segment| {
            let decoded = percent_decode_str(segment).decode_utf8().ok();
            decoded.filter(|text| !text.contains('/')).ok_or_else(|| PathError::Encoding(shown()))
        };
        let names = rest.split('/').map(decode).collect::<Result<Vec<_>, _>>()?;
        let lower: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        let shape: Vec<&str> = lower.iter().map(String::as_str).collect();
        let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        Self::of(&shape, &names)?.ok_or_else(unknown)
    }

    /// The segments in lower case, and as they came.
    fn of(shape: &[&str], names: &[&str]) -> Result<Option<Self>, PathError> {
        let name = |at: usize| names.get(at).copied().unwrap_or_default();
        let subscription = || SubscriptionId::new(name(1));
        Ok(Some(match shape {
            ["status"] => Self::Status,
            ["counters"] => Self::Counters,
            ["drops"] => Self::Drops,
            ["topology"] => Self::Topology,
            ["export"] => Self::Export,
            ["apply"] => Self::Apply,
            ["tokens"] => Self::List(Collection::Tokens),
            ["tokens", _] => {
                Token::check_name(name(1))?;
                Self::Item(ResourceId::Token(name(1).to_owned()))
            }
            [scope @ .., "providers", "microsoft.authorization", "roleassignments"] => {
                return Ok(
                    access_scope(names, scope.len()).map(|s| Self::List(Collection::RoleAssignments(s)))
                );
            }
            [scope @ .., "providers", "microsoft.authorization", "roleassignments", _] => {
                let Some(scope) = access_scope(names, scope.len()) else { return Ok(None) };
                let assignment = name(shape.len() - 1);
                RoleAssignment::check_name(assignment)?;
                Self::Item(ResourceId::RoleAssignment(Box::new(scope), assignment.to_owned()))
            }
            ["providers", "microsoft.insights", "eventtypes", "management", "values"] => {
                Self::ActivityLog(None)
            }
            ["subscriptions", _, "providers", "microsoft.insights", "eventtypes", "management", "values"] => {
                Self::ActivityLog(Some(subscription()?))
            }
            ["subscriptions"] => Self::List(Collection::Subscriptions),
            ["subscriptions", _] => Self::Item(ResourceId::Subscription(subscription()?)),
            ["subscriptions", _, "providers", "microsoft.network", kind] => {
                return Ok(Self::list(kind, AccessScope::Subscription(subscription()?)));
            }
            ["subscriptions", _, "resourcegroups", _, "providers", "microsoft.network", rest @ ..] => {
                let scope =
                    Scope { subscription: subscription()?, resource_group: ResourceGroupName::new(name(3))? };
                return Self::in_group(&scope, rest, names.get(6..).unwrap_or_default());
            }
            _ => return Ok(None),
        }))
    }

    fn list(kind: &str, scope: AccessScope) -> Option<Self> {
        match kind {
            "virtualnetworks" => Some(Self::List(Collection::Vnets(scope))),
            "networkinterfaces" => Some(Self::List(Collection::Nics(scope))),
            _ => None,
        }
    }

    fn in_group(scope: &Scope, shape: &[&str], names: &[&str]) -> Result<Option<Self>, PathError> {
        let name = |at: usize| names.get(at).copied().unwrap_or_default();
        let vnet = || VnetName::new(name(1)).map(|name| VnetId::in_scope(scope, &name));
        let nic = || NicName::new(name(1)).map(|name| NicId::in_scope(scope, &name));
        Ok(Some(match shape {
            [kind] => return Ok(Self::list(kind, AccessScope::ResourceGroup(scope.clone()))),
            ["virtualnetworks", _] => Self::Item(ResourceId::VirtualNetwork(vnet()?)),
            ["virtualnetworks", _, "subnets"] => Self::List(Collection::Subnets(vnet()?)),
            ["virtualnetworks", _, "subnets", _] => {
                Self::Item(ResourceId::Subnet(vnet()?, SubnetName::new(name(3))?))
            }
            ["virtualnetworks", _, "virtualnetworkpeerings"] => Self::List(Collection::Peerings(vnet()?)),
            ["virtualnetworks", _, "virtualnetworkpeerings", _] => {
                Self::Item(ResourceId::Peering(vnet()?, PeeringName::new(name(3))?))
            }
            ["networkinterfaces", _] => Self::Item(ResourceId::Nic(nic()?)),
            ["networkinterfaces", _, "effectiveroutetable"] => Self::EffectiveRouteTable(nic()?),
            _ => return Ok(None),
        }))
    }
}

/// The scope that the first segments name. Without one, everything.
fn access_scope(names: &[&str], length: usize) -> Option<AccessScope> {
    format!("/{}", names.get(..length)?.join("/")).parse().ok()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn item(path: &str) -> String {
        match Target::parse(path) {
            Ok(Target::Item(id)) => id.to_string(),
            other => panic!("{path}: {other:?}"),
        }
    }

    #[rstest]
    #[case(
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v",
        "virtual network s/g/v"
    )]
    #[case(
        "/SUBSCRIPTIONS/s/resourcegroups/g/Providers/microsoft.network/VirtualNetworks/v/SUBNETS/n",
        "subnet s/g/v/n"
    )]
    #[case(
        "/subscriptions/default/resourceGroups/default/providers/Microsoft.Network/virtualNetworks/hub/virtualNetworkPeerings/p",
        "peering hub/p"
    )]
    #[case("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkInterfaces/n", "NIC s/g/n")]
    #[case("/subscriptions/s%2d1", "subscription s-1")]
    #[case("/providers/Microsoft.Authorization/roleAssignments/r", "role assignment r of scope /")]
    #[case(
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/providers/Microsoft.Authorization/roleAssignments/r",
        "role assignment r of scope /subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v"
    )]
    #[case("/tokens/ci", "token ci")]
    fn a_path_names_a_resource(#[case] path: &str, #[case] resource: &str) {
        assert_eq!(item(path), resource);
    }

    #[test]
    fn names_keep_their_case_of_letters() {
        let path = "/subscriptions/S/resourceGroups/G/providers/Microsoft.Network/virtualNetworks/V";
        assert_ne!(item(path), item(&path.replace("/V", "/v")));
    }

    #[rstest]
    #[case("")]
    #[case("status")]
    #[case("/")]
    #[case("//status")]
    #[case("/status/")]
    #[case("/subscriptions/s/")]
    #[case("/subscriptions/s/resourceGroups/g")]
    #[case("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/loadBalancers")]
    #[case("/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualNetworks")]
    #[case("/nowhere/providers/Microsoft.Authorization/roleAssignments/r")]
    #[case("/a/b/c/d/e/f/g/h/i/j/k/l/m/n")]
    fn what_leads_nowhere_says_so(#[case] path: &str) {
        assert!(matches!(Target::parse(path), Err(PathError::Unknown(_))), "{path}");
    }

    #[rstest]
    #[case("/subscriptions/..")]
    #[case("/subscriptions/%2e%2e")]
    #[case("/subscriptions/s p")]
    #[case("/subscriptions//providers/Microsoft.Network/virtualNetworks")]
    #[case("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v%00")]
    #[case("/tokens/")]
    #[case("/tokens/x%0ay")]
    #[case("/tokens/x%1b%5b31m")]
    #[case("/providers/Microsoft.Authorization/roleAssignments/x%09y")]
    #[case("/subscriptions/s/providers/Microsoft.Authorization/roleAssignments/x%e2%80%ae")]
    fn a_name_obeys_its_rule(#[case] path: &str) {
        assert!(matches!(Target::parse(path), Err(PathError::Name(_))), "{path}");
    }

    #[rstest]
    #[case("/subscriptions/a%2fb")]
    #[case("/subscriptions/%ff")]
    fn a_slash_or_garbage_in_an_encoding_is_refused(#[case] path: &str) {
        assert!(matches!(Target::parse(path), Err(PathError::Encoding(_))), "{path}");
    }
}
