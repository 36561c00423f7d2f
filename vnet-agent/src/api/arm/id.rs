//! Resource ids and types, as Azure Resource Manager writes them.

use crate::model::access::{AccessScope, Action};
use crate::model::{NicId, ResourceId, SubnetRef};

/// The id of a resource. What Azure has no id for has its path.
pub(in crate::api) fn of(resource: &ResourceId) -> String {
    match resource {
        ResourceId::Subscription(name) => format!("/subscriptions/{name}"),
        ResourceId::RoleAssignment(scope, name) => {
            let scope = scope.to_string();
            format!(
                "{}/providers/Microsoft.Authorization/roleAssignments/{name}",
                scope.trim_end_matches('/')
            )
        }
        ResourceId::Token(name) => format!("/tokens/{name}"),
        ResourceId::VirtualNetwork(vnet) => vnet.arm_id(),
        ResourceId::Subnet(vnet, name) => format!("{}/subnets/{name}", vnet.arm_id()),
        ResourceId::Nic(nic) => nic.arm_id(),
        ResourceId::Peering(vnet, name) | ResourceId::OtherSide(vnet, name) => {
            format!("{}/virtualNetworkPeerings/{name}", vnet.arm_id())
        }
    }
}

/// The id of a subnet.
pub(super) fn of_subnet(subnet: &SubnetRef) -> String {
    of(&ResourceId::Subnet(subnet.vnet.clone(), subnet.subnet.clone()))
}

/// The name of a NIC's configuration for a family. They are not named otherwise.
pub(super) fn ip_configuration_name(is_ipv4: bool) -> &'static str {
    if is_ipv4 { "ipv4" } else { "ipv6" }
}

/// The id of a NIC's configuration for a family.
pub(super) fn of_ip_configuration(nic: &NicId, is_ipv4: bool) -> String {
    format!("{}/ipConfigurations/{}", nic.arm_id(), ip_configuration_name(is_ipv4))
}

/// The name of a resource within whatever it stands in.
pub(in crate::api) fn name(resource: &ResourceId) -> &str {
    match resource {
        ResourceId::Subscription(name) => name.as_str(),
        ResourceId::RoleAssignment(_, name) | ResourceId::Token(name) => name,
        ResourceId::VirtualNetwork(vnet) => vnet.name(),
        ResourceId::Subnet(_, name) => name.as_str(),
        ResourceId::Nic(nic) => nic.name(),
        ResourceId::Peering(_, name) | ResourceId::OtherSide(_, name) => name.as_str(),
    }
}

/// The type of a resource.
pub(super) fn resource_type(resource: &ResourceId) -> &'static str {
    match resource {
        ResourceId::Subscription(_) => "Microsoft.Resources/subscriptions",
        ResourceId::RoleAssignment(..) => "Microsoft.Authorization/roleAssignments",
        ResourceId::Token(_) => "Vnet.Agent/tokens",
        ResourceId::VirtualNetwork(_) => "Microsoft.Network/virtualNetworks",
        ResourceId::Subnet(..) => "Microsoft.Network/virtualNetworks/subnets",
        ResourceId::Nic(_) => "Microsoft.Network/networkInterfaces",
        ResourceId::Peering(..) | ResourceId::OtherSide(..) => {
            "Microsoft.Network/virtualNetworks/virtualNetworkPeerings"
        }
    }
}

/// What is done to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api) enum Verb {
    /// It is read.
    Read,
    /// It is created or changed.
    Write,
    /// It is deleted.
    Delete,
}

/// The action that somebody needs a role for, and where.
pub(in crate::api) fn action(resource: &ResourceId, verb: Verb) -> (Action, AccessScope) {
    let of = |read, write, delete| match verb {
        Verb::Read => read,
        Verb::Write => write,
        Verb::Delete => delete,
    };
    match resource {
        ResourceId::Subscription(name) => {
            let action = of(Action::SubscriptionRead, Action::SubscriptionWrite, Action::SubscriptionDelete);
            let scope = match verb {
                Verb::Read => AccessScope::Subscription(name.clone()),
                Verb::Write | Verb::Delete => AccessScope::Root,
            };
            (action, scope)
        }
        ResourceId::RoleAssignment(scope, _) => (
            of(Action::RoleAssignmentRead, Action::RoleAssignmentWrite, Action::RoleAssignmentDelete),
            AccessScope::clone(scope),
        ),
        ResourceId::Token(_) => {
            (of(Action::TokenRead, Action::TokenWrite, Action::TokenDelete), AccessScope::Root)
        }
        ResourceId::VirtualNetwork(vnet) => {
            (of(Action::VnetRead, Action::VnetWrite, Action::VnetDelete), AccessScope::Vnet(vnet.clone()))
        }
        ResourceId::Subnet(vnet, _) => (
            of(Action::SubnetRead, Action::SubnetWrite, Action::SubnetDelete),
            AccessScope::Vnet(vnet.clone()),
        ),
        ResourceId::Nic(nic) => {
            (of(Action::NicRead, Action::NicWrite, Action::NicDelete), AccessScope::of_nic(nic))
        }
        ResourceId::Peering(vnet, _) | ResourceId::OtherSide(vnet, _) => (
            of(Action::PeeringRead, Action::PeeringWrite, Action::PeeringDelete),
            AccessScope::Vnet(vnet.clone()),
        ),
    }
}
