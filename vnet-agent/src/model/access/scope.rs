//! Where a role holds.

use std::fmt;

use crate::model::{Scope, SubscriptionId, VnetId};

/// Where a role holds: there, and in all that lies within. Written as Azure Resource Manager writes a scope.
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
