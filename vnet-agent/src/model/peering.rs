//! Peering objects: each a child of one virtual network that names a remote one.
//!
//! Two objects, one on each side, make a connection. The state is stored and not derived, because `Disconnected` remembers
//! that there was another side; the sync level is derived ([`super::Topology::sync_level`]), because it says nothing but how
//! what this object took over compares with what the remote has now.

use std::collections::BTreeSet;
use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{PeeringName, SubnetName, VnetId};

/// The flags that may be changed while a peering exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeeringFlags {
    /// Traffic crosses only while both objects have it true.
    pub allow_virtual_network_access: bool,
    /// Accept packets from the remote whose source lies outside the remote's space.
    pub allow_forwarded_traffic: bool,
    /// Let the remote use my gateway.
    pub allow_gateway_transit: bool,
    /// Use the remote's gateway.
    pub use_remote_gateways: bool,
}

impl Default for PeeringFlags {
    fn default() -> Self {
        Self {
            allow_virtual_network_access: true,
            allow_forwarded_traffic: false,
            allow_gateway_transit: false,
            use_remote_gateways: false,
        }
    }
}

/// The subnets that take part when not the complete virtual networks do (`peerCompleteVnets: false`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeeredSubnets {
    /// Own subnets (`localSubnetNames`).
    pub local: BTreeSet<SubnetName>,
    /// Subnets of the remote (`remoteSubnetNames`).
    pub remote: BTreeSet<SubnetName>,
    /// Only the IPv6 prefixes of those subnets (`enableOnlyIPv6Peering`).
    pub only_ipv6: bool,
}

/// What an administrator says about a peering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeeringSpec {
    /// The peering's name within its virtual network.
    pub name: PeeringName,
    /// The virtual network on the other side.
    pub remote: VnetId,
    /// The flags.
    pub flags: PeeringFlags,
    /// The subnets that take part; none when the complete virtual networks do.
    pub subnets: Option<PeeredSubnets>,
}

/// `peeringState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PeeringState {
    /// This side exists, the other does not yet.
    Initiated,
    /// Both sides exist.
    Connected,
    /// The other side was there and is gone.
    Disconnected,
}

impl fmt::Display for PeeringState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Initiated => "Initiated",
            Self::Connected => "Connected",
            Self::Disconnected => "Disconnected",
        })
    }
}

/// `peeringSyncLevel`: whether each side works with what the other one has now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum PeeringSyncLevel {
    /// Both do.
    FullyInSync,
    /// The remote works with an older space of mine.
    LocalNotInSync,
    /// This side works with an older space of the remote's, or there is no other side.
    RemoteNotInSync,
    /// Neither does.
    LocalAndRemoteNotInSync,
}

impl fmt::Display for PeeringSyncLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::FullyInSync => "FullyInSync",
            Self::LocalNotInSync => "LocalNotInSync",
            Self::RemoteNotInSync => "RemoteNotInSync",
            Self::LocalAndRemoteNotInSync => "LocalAndRemoteNotInSync",
        })
    }
}

/// One side of a connection between two virtual networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peering {
    name: PeeringName,
    remote: VnetId,
    flags: PeeringFlags,
    subnets: Option<PeeredSubnets>,
    state: PeeringState,
    remote_address_space: Vec<IpNet>,
}

impl Peering {
    /// A checked peering, as the first side leaves it. The caller has checked the two virtual networks against each other.
    pub(super) fn initiated(spec: PeeringSpec, remote_address_space: Vec<IpNet>) -> Self {
        Self {
            name: spec.name,
            remote: spec.remote,
            flags: spec.flags,
            subnets: spec.subnets,
            state: PeeringState::Initiated,
            remote_address_space,
        }
    }

    /// The peering's name within its virtual network.
    #[must_use]
    pub fn name(&self) -> &PeeringName {
        &self.name
    }

    /// The virtual network on the other side. It may be gone while the state is `Disconnected`.
    #[must_use]
    pub fn remote(&self) -> &VnetId {
        &self.remote
    }

    /// The flags.
    #[must_use]
    pub fn flags(&self) -> PeeringFlags {
        self.flags
    }

    /// The subnets that take part; none when the complete virtual networks do.
    #[must_use]
    pub fn subnets(&self) -> Option<&PeeredSubnets> {
        self.subnets.as_ref()
    }

    /// `peerCompleteVnets`.
    #[must_use]
    pub fn peer_complete_vnets(&self) -> bool {
        self.subnets.is_none()
    }

    /// `peeringState`.
    #[must_use]
    pub fn state(&self) -> PeeringState {
        self.state
    }

    /// `remoteAddressSpace`: the remote's ranges (its taking-part subnets' prefixes, for subnet peering) as this side took
    /// them over last, sorted. What of it the remote no longer has is not in force.
    #[must_use]
    pub fn remote_address_space(&self) -> &[IpNet] {
        &self.remote_address_space
    }

    /// What an administrator would say to have this peering.
    #[must_use]
    pub fn spec(&self) -> PeeringSpec {
        PeeringSpec {
            name: self.name.clone(),
            remote: self.remote.clone(),
            flags: self.flags,
            subnets: self.subnets.clone(),
        }
    }

    pub(super) fn set_state(&mut self, state: PeeringState) {
        self.state = state;
    }

    pub(super) fn set_flags(&mut self, flags: PeeringFlags) {
        self.flags = flags;
    }

    pub(super) fn set_subnets(&mut self, subnets: Option<PeeredSubnets>) {
        self.subnets = subnets;
    }

    pub(super) fn set_remote_address_space(&mut self, space: Vec<IpNet>) {
        self.remote_address_space = space;
    }
}
