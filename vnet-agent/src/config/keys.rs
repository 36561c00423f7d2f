//! Which keys each mapping of a file has, and what to say about the others.

/// The keys of one kind of mapping.
pub(super) struct Keys {
    /// What the mapping is, as words in a sentence.
    pub(super) what: &'static str,
    /// Keys without which it means nothing.
    pub(super) required: &'static [&'static str],
    /// Keys that have a default.
    pub(super) optional: &'static [&'static str],
    /// Keys of the design that this version does not act on: to ignore them would be to forward what they forbid.
    pub(super) later: &'static [&'static str],
    /// Keys that Azure prints and nobody sets.
    pub(super) read_only: &'static [&'static str],
    /// Words that others have for a key, too far from it to be taken for a slip.
    pub(super) synonyms: &'static [(&'static str, &'static str)],
}

/// The longest unknown key that is compared with the known ones. Beyond it nothing is near.
const MAX_COMPARED: usize = 64;

impl Keys {
    /// Every key that a reader may have meant.
    fn candidates(&self) -> impl Iterator<Item = &'static str> {
        self.acted_on().chain(self.later.iter().copied())
    }

    fn acted_on(&self) -> impl Iterator<Item = &'static str> {
        self.required.iter().chain(self.optional).copied()
    }

    /// The key as it is spelt here, when it is one that this version acts on.
    pub(super) fn known(&self, key: &str) -> Option<&'static str> {
        self.acted_on().find(|known| *known == key)
    }

    /// The key that an unknown one is a slip of, or another word for.
    pub(super) fn nearest(&self, key: &str) -> Option<&'static str> {
        if key.len() > MAX_COMPARED {
            return None;
        }
        let lower = key.to_lowercase();
        if let Some((_, meant)) = self.synonyms.iter().find(|(word, _)| word.to_lowercase() == lower) {
            return Some(meant);
        }
        self.candidates()
            .map(|known| (strsim::osa_distance(&known.to_lowercase(), &lower), known))
            .filter(|(distance, known)| *distance <= (known.len() / 3).max(1))
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, known)| known)
    }

    /// The keys that there are, for whoever wrote one that resembles none.
    pub(super) fn list(&self) -> String {
        self.acted_on().collect::<Vec<_>>().join(", ")
    }
}

/// The file as a whole.
pub(super) const FILE: Keys = Keys {
    what: "the file",
    required: &["virtualNetworks"],
    optional: &["nics", "assertions", "subscriptions", "roleAssignments", "subscription", "resourceGroup"],
    later: &[
        "routeTables",
        "networkSecurityGroups",
        "tenants",
        "resourceGroups",
        "principals",
        "onPremisesNetworks",
    ],
    read_only: &[],
    synonyms: &[
        ("vnets", "virtualNetworks"),
        ("networkInterfaces", "nics"),
        ("nsgs", "networkSecurityGroups"),
    ],
};

/// A virtual network.
pub(super) const VNET: Keys = Keys {
    what: "a virtual network",
    required: &["name", "region", "addressSpace"],
    optional: &["subnets", "peerings", "subscription", "resourceGroup"],
    later: &["gateways"],
    read_only: &["provisioningState"],
    synonyms: &[
        ("location", "region"),
        ("addressPrefix", "addressSpace"),
        ("addressPrefixes", "addressSpace"),
        ("virtualNetworkPeerings", "peerings"),
    ],
};

/// A subnet.
pub(super) const SUBNET: Keys = Keys {
    what: "a subnet",
    required: &["name", "addressPrefixes"],
    optional: &[],
    later: &["routeTable", "networkSecurityGroup"],
    read_only: &["provisioningState"],
    synonyms: &[
        ("addressSpace", "addressPrefixes"),
        ("prefixes", "addressPrefixes"),
        ("nsg", "networkSecurityGroup"),
    ],
};

/// A peering.
pub(super) const PEERING: Keys = Keys {
    what: "a peering",
    required: &["name", "remoteVirtualNetwork"],
    optional: &[
        "allowVirtualNetworkAccess",
        "allowForwardedTraffic",
        "allowGatewayTransit",
        "useRemoteGateways",
        "peerCompleteVnets",
        "localSubnetNames",
        "remoteSubnetNames",
        "enableOnlyIPv6Peering",
        "peeringState",
        "remoteAddressSpace",
    ],
    later: &[],
    read_only: &["peeringSyncLevel", "provisioningState", "remoteVirtualNetworkAddressSpace"],
    synonyms: &[("remoteVnet", "remoteVirtualNetwork"), ("allowVnetAccess", "allowVirtualNetworkAccess")],
};

/// A NIC.
pub(super) const NIC: Keys = Keys {
    what: "a NIC",
    required: &["name", "subnet", "addresses"],
    optional: &["mac", "interface", "enableIPForwarding", "subscription", "resourceGroup"],
    later: &["networkSecurityGroup"],
    read_only: &["provisioningState"],
    synonyms: &[
        ("privateIpAddress", "addresses"),
        ("ipAddress", "addresses"),
        ("ipAddresses", "addresses"),
        ("macAddress", "mac"),
        ("nsg", "networkSecurityGroup"),
    ],
};

/// An assertion.
pub(super) const ASSERTION: Keys = Keys {
    what: "an assertion",
    required: &["from", "to", "reachable"],
    optional: &["family"],
    later: &[],
    read_only: &[],
    synonyms: &[("source", "from"), ("destination", "to")],
};

/// A subscription.
pub(super) const SUBSCRIPTION: Keys = Keys {
    what: "a subscription",
    required: &["name"],
    optional: &["displayName", "tenant", "roleAssignments"],
    later: &[],
    read_only: &["state"],
    synonyms: &[("subscriptionId", "name"), ("tenantId", "tenant"), ("roles", "roleAssignments")],
};

/// A role given in a subscription.
pub(super) const ROLE: Keys = Keys {
    what: "a role assignment of a subscription",
    required: &["principal", "role"],
    optional: &["name", "scope"],
    later: &[],
    read_only: &[],
    synonyms: ROLE_SYNONYMS,
};

/// A role given everywhere.
pub(super) const ROOT_ROLE: Keys = Keys {
    what: "a role assignment at the scope /",
    required: &["principal", "role"],
    optional: &["name"],
    later: &[],
    read_only: &[],
    synonyms: ROLE_SYNONYMS,
};

const ROLE_SYNONYMS: &[(&str, &str)] = &[
    ("principalId", "principal"),
    ("assignee", "principal"),
    ("roleDefinitionId", "role"),
    ("roleDefinitionName", "role"),
];
