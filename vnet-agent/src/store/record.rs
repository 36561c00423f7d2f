//! A state as records: one for each object, so that a change writes little.
//!
//! A virtual network is several records. Its subnets, NICs and peerings have their own, under its name: one more peering of a hub
//! that has 499 is one record on the hub's side and one on the other, not a thousand. Records are JSON: they tell what they are
//! to whoever has to look at a damaged file, a field that is added later can have a default, and reading 100,000 of them takes
//! less time than building the topology from them does.

use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::tables::Kind;
use crate::model::access::{AccessScope, Principal, Role, RoleAssignment};
use crate::model::{Region, ResourceGroupName, Scope, SubscriptionId, VnetId};

/// Which record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) kind: Kind,
    /// The virtual network of a subnet, NIC or peering, the scope of a role assignment; empty for what stands alone.
    pub(super) parent: String,
    pub(super) name: String,
}

impl Key {
    pub(super) fn new(kind: Kind, parent: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind, parent: parent.into(), name: name.into() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.word(), self.name)?;
        match self.kind {
            Kind::Assignment => write!(f, " at {}", self.parent),
            _ if self.parent.is_empty() => Ok(()),
            _ => write!(f, " of {}", self.parent),
        }
    }
}

/// A virtual network without what stands in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct VnetRecord {
    pub(super) name: VnetId,
    pub(super) region: Region,
    pub(super) address_space: Vec<IpNet>,
}

/// A role assignment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AssignmentRecord {
    pub(super) name: String,
    pub(super) principal: Principal,
    pub(super) role: Role,
    pub(super) scope: ScopeRecord,
}

/// Where a role holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum ScopeRecord {
    Root,
    Subscription(SubscriptionId),
    ResourceGroup(SubscriptionId, ResourceGroupName),
    VirtualNetwork(VnetId),
}

impl AssignmentRecord {
    pub(super) fn of(assignment: &RoleAssignment) -> Self {
        let scope = match &assignment.scope {
            AccessScope::Root => ScopeRecord::Root,
            AccessScope::Subscription(subscription) => ScopeRecord::Subscription(subscription.clone()),
            AccessScope::ResourceGroup(Scope { subscription, resource_group }) => {
                ScopeRecord::ResourceGroup(subscription.clone(), resource_group.clone())
            }
            AccessScope::Vnet(vnet) => ScopeRecord::VirtualNetwork(vnet.clone()),
        };
        let RoleAssignment { name, principal, role, .. } = assignment.clone();
        Self { name, principal, role, scope }
    }

    pub(super) fn into_assignment(self) -> RoleAssignment {
        let scope = match self.scope {
            ScopeRecord::Root => AccessScope::Root,
            ScopeRecord::Subscription(subscription) => AccessScope::Subscription(subscription),
            ScopeRecord::ResourceGroup(subscription, resource_group) => {
                AccessScope::ResourceGroup(Scope { subscription, resource_group })
            }
            ScopeRecord::VirtualNetwork(vnet) => AccessScope::Vnet(vnet),
        };
        let Self { name, principal, role, .. } = self;
        RoleAssignment { name, principal, role, scope }
    }
}
