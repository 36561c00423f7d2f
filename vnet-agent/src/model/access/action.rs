//! Actions: what can be done to an object, by Azure's names.

use std::fmt;

macro_rules! actions {
    ($($(#[$doc:meta])* $action:ident = $name:literal,)*) => {
        /// Something that a caller needs a role for. The names are Azure's, but for those of tokens, which Azure has none of.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action {
            $($(#[$doc])* $action,)*
        }

        impl Action {
            /// Every action that there is.
            pub const ALL: &[Self] = &[$(Self::$action),*];

            /// The action as it is printed: `Microsoft.Network/virtualNetworks/write`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$action => $name,)*
                }
            }
        }
    };
}

actions!(
    /// Reading a virtual network.
    VnetRead = "Microsoft.Network/virtualNetworks/read",
    /// Creating a virtual network, or giving it another region or address space.
    VnetWrite = "Microsoft.Network/virtualNetworks/write",
    /// Deleting a virtual network with its subnets and peerings.
    VnetDelete = "Microsoft.Network/virtualNetworks/delete",
    /// Naming a virtual network as the remote of a peering.
    VnetPeer = "Microsoft.Network/virtualNetworks/peer/action",
    /// Reading a subnet.
    SubnetRead = "Microsoft.Network/virtualNetworks/subnets/read",
    /// Creating or changing a subnet.
    SubnetWrite = "Microsoft.Network/virtualNetworks/subnets/write",
    /// Deleting a subnet.
    SubnetDelete = "Microsoft.Network/virtualNetworks/subnets/delete",
    /// Putting a NIC into a subnet.
    SubnetJoin = "Microsoft.Network/virtualNetworks/subnets/join/action",
    /// Reading a peering.
    PeeringRead = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings/read",
    /// Creating, changing or synchronising a peering.
    PeeringWrite = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings/write",
    /// Deleting a peering.
    PeeringDelete = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings/delete",
    /// Reading a NIC.
    NicRead = "Microsoft.Network/networkInterfaces/read",
    /// Creating or changing a NIC.
    NicWrite = "Microsoft.Network/networkInterfaces/write",
    /// Deleting a NIC.
    NicDelete = "Microsoft.Network/networkInterfaces/delete",
    /// Reading the effective routes of a NIC, which show ranges of its virtual network's peers too.
    NicEffectiveRoutes = "Microsoft.Network/networkInterfaces/effectiveRouteTable/action",
    /// Attaching a NIC by a Linux interface of the host. The host belongs to no subscription: the scope is `/`.
    HostInterfaceJoin = "Microsoft.Network/hostInterfaces/join/action",
    /// Reading what concerns the agent as a whole, such as its drops. The scope is `/`.
    AgentRead = "Microsoft.Network/agents/read",
    /// Reading a subscription.
    SubscriptionRead = "Microsoft.Resources/subscriptions/read",
    /// Creating or changing a subscription. The scope is `/`.
    SubscriptionWrite = "Microsoft.Resources/subscriptions/write",
    /// Deleting a subscription. The scope is `/`.
    SubscriptionDelete = "Microsoft.Resources/subscriptions/delete",
    /// Reading role assignments.
    RoleAssignmentRead = "Microsoft.Authorization/roleAssignments/read",
    /// Giving a role.
    RoleAssignmentWrite = "Microsoft.Authorization/roleAssignments/write",
    /// Taking a role away.
    RoleAssignmentDelete = "Microsoft.Authorization/roleAssignments/delete",
    /// Reading the activity log.
    ActivityLogRead = "Microsoft.Insights/eventtypes/values/read",
    /// Reading the names of tokens and for whom they stand. The scope is `/`.
    TokenRead = "Vnet.Agent/tokens/read",
    /// Making a token. The scope is `/`.
    TokenWrite = "Vnet.Agent/tokens/write",
    /// Making a token invalid. The scope is `/`.
    TokenDelete = "Vnet.Agent/tokens/delete",
);

impl Action {
    /// Whether this is only reading.
    #[must_use]
    pub fn is_read(self) -> bool {
        self.as_str().ends_with("/read")
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
