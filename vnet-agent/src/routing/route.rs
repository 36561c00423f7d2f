//! One row of an effective route table.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use serde::Serialize;

use crate::model::{PeeringName, VnetId};

/// Where a route comes from. At equal prefix length the later in this order wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum RouteSource {
    /// The system: own ranges, peered ranges, `Internet`, `None`.
    Default,
    /// Learned by a gateway.
    VirtualNetworkGateway,
    /// Declared in a route table.
    User,
}

impl fmt::Display for RouteSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Default => "Default",
            Self::VirtualNetworkGateway => "VirtualNetworkGateway",
            Self::User => "User",
        })
    }
}

/// Whether a row is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum RouteState {
    /// The row takes part in the choice.
    Active,
    /// A row of source User has taken its place.
    Invalid,
}

impl fmt::Display for RouteState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Active => "Active",
            Self::Invalid => "Invalid",
        })
    }
}

/// The word for a next hop in every output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum NextHopType {
    /// A NIC of the own virtual network.
    VnetLocal,
    /// A NIC of a peered virtual network in the same region.
    VNetPeering,
    /// A NIC of a peered virtual network in another region.
    VNetGlobalPeering,
    /// A gateway.
    VirtualNetworkGateway,
    /// A NIC that forwards.
    VirtualAppliance,
    /// Outside: dropped and counted, unless an uplink says otherwise.
    Internet,
    /// Nowhere: dropped and counted.
    None,
}

impl fmt::Display for NextHopType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::VnetLocal => "VnetLocal",
            Self::VNetPeering => "VNetPeering",
            Self::VNetGlobalPeering => "VNetGlobalPeering",
            Self::VirtualNetworkGateway => "VirtualNetworkGateway",
            Self::VirtualAppliance => "VirtualAppliance",
            Self::Internet => "Internet",
            Self::None => "None",
        })
    }
}

/// A connected peering as a next hop: both objects, and what their flags say together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeeringHop {
    /// The sending virtual network.
    pub vnet: VnetId,
    /// Its peering object.
    pub peering: PeeringName,
    /// The receiving virtual network.
    pub remote: VnetId,
    /// The receiving side's peering object.
    pub remote_peering: PeeringName,
    /// Whether the two stand in different regions.
    pub is_global: bool,
    /// Whether the sending side's object has `allowVirtualNetworkAccess`.
    pub local_access_allowed: bool,
    /// Whether the receiving side's object has `allowVirtualNetworkAccess`.
    pub remote_access_allowed: bool,
    /// Whether the receiving side's object has `allowForwardedTraffic`: packets may have a source outside the sending virtual
    /// network's space.
    pub forwarded_traffic_allowed: bool,
}

impl PeeringHop {
    /// Whether packets may cross: both objects must have `allowVirtualNetworkAccess`.
    #[must_use]
    pub fn access_allowed(&self) -> bool {
        self.local_access_allowed && self.remote_access_allowed
    }
}

/// Where a route leads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NextHop {
    /// The NIC of the own virtual network that has the destination address.
    VnetLocal,
    /// The NIC of the remote virtual network that has the destination address.
    Peering(Arc<PeeringHop>),
    /// Outside.
    Internet,
    /// Nowhere.
    None,
}

impl NextHop {
    /// The word for it.
    #[must_use]
    pub fn kind(&self) -> NextHopType {
        match self {
            Self::VnetLocal => NextHopType::VnetLocal,
            Self::Peering(hop) if hop.is_global => NextHopType::VNetGlobalPeering,
            Self::Peering(_) => NextHopType::VNetPeering,
            Self::Internet => NextHopType::Internet,
            Self::None => NextHopType::None,
        }
    }

    /// The address of the next hop, where it is a machine of its own (none of the present kinds is).
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::VnetLocal | Self::Peering(_) | Self::Internet | Self::None => None,
        }
    }
}

/// One row of a subnet's effective route table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EffectiveRoute {
    /// Where the row comes from.
    pub source: RouteSource,
    /// Whether it is used.
    pub state: RouteState,
    /// The destinations that it is for.
    pub prefix: IpNet,
    /// Where it leads.
    pub next_hop: NextHop,
}
