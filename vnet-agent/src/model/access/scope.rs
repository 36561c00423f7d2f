//! Where a role holds.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::{NameError, NicId, ResourceGroupName, Scope, SubscriptionId, VnetId, VnetName};

/// Where a role holds: there, and in all that lies within. Written as Azure Resource Manager writes a scope.
///
/// What has no scope of its own is looked at where it lies: a subnet or peering in its virtual network, a NIC in its resource
/// group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccessScope {
    /// Everything, the host's interfaces included. Written `/`.
    Root,
    /// A subscription: `/subscriptions/red`.
    Subscription(SubscriptionId),
    /// A resource group: `/subscriptions/red/resourceGroups/prod`.
    ResourceGroup(Scope),
    /// A virtual network, by its resource id.
    Vnet(VnetId),
}

/// A text that names no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessScopeError {
    /// The text has none of the forms of a scope.
    #[error(
        "{0:?} is no scope; write /, /subscriptions/NAME, /subscriptions/NAME/resourceGroups/NAME, or the id of a virtual network"
    )]
    Form(String),
    /// A name in it breaks its rule.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl AccessScope {
    /// Where a NIC lies: its resource group.
    #[must_use]
    pub fn of_nic(nic: &NicId) -> Self {
        Self::ResourceGroup(nic.scope())
    }

    /// The scope around this one; none around `/`.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        match self {
            Self::Root => None,
            Self::Subscription(_) => Some(Self::Root),
            Self::ResourceGroup(scope) => Some(Self::Subscription(scope.subscription.clone())),
            Self::Vnet(vnet) => Some(Self::ResourceGroup(vnet.scope())),
        }
    }

    /// The scope and all scopes around it, from the inside out.
    pub fn and_around(&self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self.clone()), Self::parent)
    }

    /// Whether a role that holds here holds there.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        other.and_around().any(|scope| scope == *self)
    }

    /// The subscription that the scope is, or lies in; none for `/`.
    #[must_use]
    pub fn subscription(&self) -> Option<&str> {
        match self {
            Self::Root => None,
            Self::Subscription(subscription) => Some(subscription.as_str()),
            Self::ResourceGroup(scope) => Some(scope.subscription.as_str()),
            Self::Vnet(vnet) => Some(vnet.subscription()),
        }
    }
}

impl FromStr for AccessScope {
    type Err = AccessScopeError;

    /// Fixed segments match in any case of letters, names as they are.
    fn from_str(text: &str) -> Result<Self, AccessScopeError> {
        let form = || AccessScopeError::Form(text.chars().take(200).collect());
        if text == "/" {
            return Ok(Self::Root);
        }
        let segments: Vec<&str> = text.strip_prefix('/').ok_or_else(form)?.split('/').collect();
        let is_fixed = |at: usize, word: &str| segments.get(at).is_some_and(|s| s.eq_ignore_ascii_case(word));
        let group = |subscription: &str, group: &str| {
            let (subscription, resource_group) =
                (SubscriptionId::new(subscription)?, ResourceGroupName::new(group)?);
            Ok::<_, NameError>(Scope { subscription, resource_group })
        };
        let in_subscription = is_fixed(0, "subscriptions");
        let in_group = in_subscription && is_fixed(2, "resourceGroups");
        let is_vnet = in_group
            && is_fixed(4, "providers")
            && is_fixed(5, "Microsoft.Network")
            && is_fixed(6, "virtualNetworks");
        match segments.as_slice() {
            [_, subscription] if in_subscription => {
                Ok(Self::Subscription(SubscriptionId::new(subscription)?))
            }
            [_, subscription, _, name] if in_group => Ok(Self::ResourceGroup(group(subscription, name)?)),
            [_, subscription, _, name, _, _, _, vnet] if is_vnet => {
                Ok(Self::Vnet(VnetId::in_scope(&group(subscription, name)?, &VnetName::new(vnet)?)))
            }
            _ => Err(form()),
        }
    }
}

impl fmt::Display for AccessScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.pad("/"),
            Self::Subscription(subscription) => write!(f, "/subscriptions/{subscription}"),
            Self::ResourceGroup(scope) => {
                write!(f, "/subscriptions/{}/resourceGroups/{}", scope.subscription, scope.resource_group)
            }
            Self::Vnet(vnet) => f.pad(&vnet.arm_id()),
        }
    }
}

impl Serialize for AccessScope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AccessScope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
