//! Refusals: why an operation did not happen. Each has Azure's code and a sentence that names what stands in the way.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use super::access::{AccessScope, Action, Principal, Role};
use super::{
    AddressSpace, InterfaceName, MacAddress, NameError, NicId, PeeringName, PrefixFault, ReservedAddress,
    SubnetName, SubscriptionId, VnetId,
};

/// A kind of object, as a word in a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResourceKind {
    /// A virtual network.
    VirtualNetwork,
    /// A subnet.
    Subnet,
    /// A NIC.
    Nic,
    /// A peering.
    Peering,
    /// A region.
    Region,
    /// A subscription.
    Subscription,
    /// A resource group.
    ResourceGroup,
    /// What people call a subscription.
    DisplayName,
    /// A tenant.
    Tenant,
    /// A role assignment.
    RoleAssignment,
    /// A token.
    Token,
}

impl fmt::Display for ResourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::VirtualNetwork => "virtual network",
            Self::Subnet => "subnet",
            Self::Nic => "NIC",
            Self::Peering => "peering",
            Self::Region => "region",
            Self::Subscription => "subscription",
            Self::ResourceGroup => "resource group",
            Self::DisplayName => "display",
            Self::Tenant => "tenant",
            Self::RoleAssignment => "role assignment",
            Self::Token => "token",
        })
    }
}

/// One object, by its full name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceId {
    /// A subscription.
    Subscription(SubscriptionId),
    /// A role assignment of a scope.
    RoleAssignment(Box<AccessScope>, String),
    /// A token.
    Token(String),
    /// A virtual network.
    VirtualNetwork(VnetId),
    /// A subnet of a virtual network.
    Subnet(VnetId, SubnetName),
    /// A NIC.
    Nic(NicId),
    /// A peering of a virtual network.
    Peering(VnetId, PeeringName),
    /// The object on the other side of a peering.
    OtherSide(VnetId, PeeringName),
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subscription(name) => write!(f, "subscription {name}"),
            Self::RoleAssignment(scope, name) => write!(f, "role assignment {name} of scope {scope}"),
            Self::Token(name) => write!(f, "token {name}"),
            Self::VirtualNetwork(name) => write!(f, "virtual network {name}"),
            Self::Subnet(vnet, name) => write!(f, "subnet {vnet}/{name}"),
            Self::Nic(name) => write!(f, "NIC {name}"),
            Self::Peering(vnet, name) => write!(f, "peering {vnet}/{name}"),
            Self::OtherSide(vnet, name) => write!(f, "the other side of peering {vnet}/{name}"),
        }
    }
}

/// What two NICs cannot both have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holding {
    /// An IP address within one virtual network.
    Ip(IpAddr),
    /// A MAC address within one virtual network.
    Mac(MacAddress),
    /// A host interface.
    Interface(InterfaceName),
}

impl fmt::Display for Holding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => write!(f, "address {address}"),
            Self::Mac(mac) => write!(f, "MAC address {mac}"),
            Self::Interface(name) => write!(f, "interface {name}"),
        }
    }
}

/// What there may only be so much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quota {
    /// Peerings of one virtual network.
    Peerings,
    /// Addresses held by the NICs of one virtual network.
    Addresses,
    /// Subscriptions.
    Subscriptions,
    /// Role assignments of one subscription and all scopes in it, or of the scope `/` itself.
    RoleAssignments,
    /// Tokens.
    Tokens,
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Peerings => "peerings",
            Self::Addresses => "addresses",
            Self::Subscriptions => "subscriptions",
            Self::RoleAssignments => "role assignments",
            Self::Tokens => "tokens",
        })
    }
}

macro_rules! codes {
    ($($code:ident),* $(,)?) => {
        /// The code of a refusal: Azure's word, the same in every output.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum RefusalCode {
            $(#[doc = concat!("`", stringify!($code), "`")] $code,)*
        }

        impl RefusalCode {
            /// Every code that there is.
            pub const ALL: &[Self] = &[$(Self::$code),*];

            /// The code as it is printed.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => stringify!($code),)*
                }
            }
        }

        impl Refusal {
            /// The refusal's code.
            #[must_use]
            pub fn code(&self) -> RefusalCode {
                match self {
                    $(Self::$code { .. } => RefusalCode::$code,)*
                }
            }
        }
    };
}

codes!(
    VnetAddressSpacesOverlap,
    VnetAddressSpaceOverlapsWithAlreadyPeeredVnet,
    AnotherPeeringAlreadyReferencesRemoteVnet,
    RemotePeeringIsDisconnected,
    RemoteVnetHasNoGateways,
    VnetAddressSpaceInUse,
    InvalidAddressPrefix,
    SubnetNotInVnet,
    SubnetsOverlap,
    AddressReserved,
    AddressInUse,
    InvalidResourceName,
    ResourceNotFound,
    ResourceAlreadyExists,
    InvalidResourceReference,
    QuotaExceeded,
    OperationNotAllowed,
    AuthorizationFailed,
    LinkedAuthorizationFailed,
    RoleAssignmentExists,
    RoleAssignmentUpdateNotPermitted,
);

impl RefusalCode {
    /// Whether it says that whoever asks lacks a role.
    #[must_use]
    pub fn is_lack_of_role(self) -> bool {
        matches!(self, Self::AuthorizationFailed | Self::LinkedAuthorizationFailed)
    }
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why an operation was refused. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The two virtual networks to be peered have a range in common.
    #[error(
        "virtual networks {vnet} and {remote} cannot be peered: range {range} of {vnet} meets range {remote_range} of {remote}"
    )]
    VnetAddressSpacesOverlap {
        /// The virtual network whose peering was to be made.
        vnet: VnetId,
        /// Its range.
        range: IpNet,
        /// The virtual network on the other side.
        remote: VnetId,
        /// The range of the other side.
        remote_range: IpNet,
    },
    /// Two peers of one virtual network would have a range in common, or a new range would meet a peer's.
    #[error(
        "range {range} of {newcomer} meets range {peer_range} of {peer}, which is already peered with {between}: \
         a virtual network's peers must not meet one another"
    )]
    VnetAddressSpaceOverlapsWithAlreadyPeeredVnet {
        /// The new peer, or the virtual network whose new range it is.
        newcomer: VnetId,
        /// Its range.
        range: IpNet,
        /// The virtual network that is peered already.
        peer: VnetId,
        /// The range of the one that is peered already.
        peer_range: IpNet,
        /// The virtual network whose peer it is.
        between: VnetId,
    },
    /// A virtual network has a peering to this remote already.
    #[error("virtual network {vnet} already has peering {existing} to {remote}; only one is possible")]
    AnotherPeeringAlreadyReferencesRemoteVnet {
        /// The virtual network whose peering was to be made.
        vnet: VnetId,
        /// The peering that it has.
        existing: PeeringName,
        /// The virtual network on the other side.
        remote: VnetId,
    },
    /// The other side was once connected and has lost this side.
    #[error(
        "peering {remote}/{remote_peering} is Disconnected: delete it and create both sides, \
         or update it, which makes it Initiated again, and then create the peering of {vnet}"
    )]
    RemotePeeringIsDisconnected {
        /// The virtual network whose peering was to be made.
        vnet: VnetId,
        /// The virtual network on the other side.
        remote: VnetId,
        /// The other side's peering.
        remote_peering: PeeringName,
    },
    /// `useRemoteGateways` towards a virtual network without a gateway.
    #[error("peering {vnet}/{peering} cannot use remote gateways: virtual network {remote} has none")]
    RemoteVnetHasNoGateways {
        /// The virtual network whose peering it is.
        vnet: VnetId,
        /// The peering.
        peering: PeeringName,
        /// The virtual network on the other side.
        remote: VnetId,
    },
    /// Something depends on what was to be taken away.
    #[error("{what} cannot be taken away: {holder} depends on it")]
    VnetAddressSpaceInUse {
        /// What was to be taken away: an object or a range.
        what: String,
        /// One object that depends on it.
        holder: ResourceId,
    },
    /// A prefix or address that cannot stand where it does.
    #[error("{resource}: {}{fault}", if .prefix.is_empty() { "the address ".into() } else { format!("{prefix} ") })]
    InvalidAddressPrefix {
        /// The object that was to have it.
        resource: ResourceId,
        /// The prefix or address as given; empty when it is missing.
        prefix: String,
        /// What is wrong with it.
        fault: PrefixFault,
    },
    /// A subnet's prefix outside its virtual network's ranges.
    #[error(
        "prefix {prefix} of subnet {vnet}/{subnet} lies in no range of {vnet}, which has {address_space}"
    )]
    SubnetNotInVnet {
        /// The virtual network.
        vnet: VnetId,
        /// The subnet.
        subnet: SubnetName,
        /// Its prefix.
        prefix: IpNet,
        /// The ranges that the virtual network has.
        address_space: AddressSpace,
    },
    /// Two subnets of one virtual network share addresses.
    #[error("prefix {prefix} of subnet {vnet}/{subnet} meets {other_prefix} of subnet {vnet}/{other}")]
    SubnetsOverlap {
        /// The virtual network.
        vnet: VnetId,
        /// The subnet to be created or changed.
        subnet: SubnetName,
        /// Its prefix.
        prefix: IpNet,
        /// The subnet that is there.
        other: SubnetName,
        /// The prefix of the one that is there.
        other_prefix: IpNet,
    },
    /// An address that no NIC may hold.
    #[error("NIC {nic} cannot have {address} in {prefix}: {reason}")]
    AddressReserved {
        /// The NIC.
        nic: NicId,
        /// The address.
        address: IpAddr,
        /// The prefix of the subnet that it lies in.
        prefix: IpNet,
        /// What it is reserved for.
        reason: ReservedAddress,
    },
    /// Another NIC has it.
    #[error("NIC {nic} cannot have {holding}: NIC {holder} has it")]
    AddressInUse {
        /// The NIC.
        nic: NicId,
        /// What it was to have.
        holding: Holding,
        /// The NIC that has it.
        holder: NicId,
    },
    /// A name that breaks its rule.
    #[error("{error}")]
    InvalidResourceName {
        /// The name and the rule.
        error: NameError,
    },
    /// Something named does not exist.
    #[error("{resource} does not exist")]
    ResourceNotFound {
        /// What was named.
        resource: ResourceId,
    },
    /// Something of this name exists.
    #[error("{resource} already exists{}", fixed.map(|p| format!(", and its {p} cannot be changed: delete it first")).unwrap_or_default())]
    ResourceAlreadyExists {
        /// What exists.
        resource: ResourceId,
        /// For an update: the property that only a new object can have another value of.
        fixed: Option<&'static str>,
    },
    /// An object that refers to one that it cannot refer to, though it exists.
    #[error(
        "NIC {nic} of subscription {} cannot stand in virtual network {vnet} of subscription {}: \
         a NIC and its virtual network belong to one subscription",
        .nic.subscription(),
        .vnet.subscription()
    )]
    InvalidResourceReference {
        /// The NIC.
        nic: NicId,
        /// The virtual network that holds the subnet it names.
        vnet: VnetId,
    },
    /// More of something than there may be.
    #[error("{} cannot have more than {limit} {quota}", match .holder { Some(holder) => holder.to_string(), None => "the scope /".into() })]
    QuotaExceeded {
        /// What would have too much of it; none for the agent as a whole.
        holder: Option<ResourceId>,
        /// What there would be too much of.
        quota: Quota,
        /// How much there may be.
        limit: usize,
    },
    /// Something that cannot be done to this object, whoever asks.
    #[error("{resource} {reason}")]
    OperationNotAllowed {
        /// The object.
        resource: ResourceId,
        /// What cannot be done, and why.
        reason: &'static str,
    },
    /// The caller has no role that allows it.
    #[error(
        "the client '{caller}' does not have authorization to perform action '{action}' over scope '{scope}' or the scope is \
         invalid; an Owner of the scope can give a role that allows it"
    )]
    AuthorizationFailed {
        /// Who asked.
        caller: Principal,
        /// For what.
        action: Action,
        /// Where.
        scope: AccessScope,
    },
    /// The caller has a role for what was asked, and none for what comes with it elsewhere.
    #[error(
        "the client '{caller}' has permission to perform action '{action}' on scope '{scope}'; however, it does not have \
         permission to perform action '{linked_action}' on the linked scope '{linked_scope}'{} or the linked scope is invalid; an \
         Owner there can give a role that allows it",
        .linked_scope.subscription().map(|name| format!(" of subscription '{name}'")).unwrap_or_default()
    )]
    LinkedAuthorizationFailed {
        /// Who asked.
        caller: Principal,
        /// For what.
        action: Action,
        /// Where.
        scope: Box<AccessScope>,
        /// What comes with it.
        linked_action: Action,
        /// Where that would happen.
        linked_scope: Box<AccessScope>,
    },
    /// The principal has the role at the scope already, by an assignment with another name.
    #[error("{principal} has the role {role} at scope {scope} already, by role assignment {existing}")]
    RoleAssignmentExists {
        /// The principal.
        principal: Principal,
        /// The role.
        role: Role,
        /// The scope.
        scope: AccessScope,
        /// The name of the assignment that there is.
        existing: String,
    },
    /// A role assignment cannot be given another principal or role.
    #[error(
        "role assignment {name} of scope {scope} gives {principal} the role {role}, which cannot be changed: delete it, then create another"
    )]
    RoleAssignmentUpdateNotPermitted {
        /// The assignment's name.
        name: String,
        /// Its scope.
        scope: AccessScope,
        /// Who has the role.
        principal: Principal,
        /// The role.
        role: Role,
    },
}

impl Refusal {
    pub(super) fn invalid_prefix(resource: ResourceId, prefix: Option<IpNet>, fault: PrefixFault) -> Self {
        Self::InvalidAddressPrefix {
            resource,
            prefix: prefix.map(|p| p.to_string()).unwrap_or_default(),
            fault,
        }
    }

    pub(super) fn not_found(resource: ResourceId) -> Self {
        Self::ResourceNotFound { resource }
    }

    pub(super) fn exists(resource: ResourceId) -> Self {
        Self::ResourceAlreadyExists { resource, fixed: None }
    }
}

impl From<NameError> for Refusal {
    fn from(error: NameError) -> Self {
        Self::InvalidResourceName { error }
    }
}
