//! Who reaches whom, and when not, why.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;

use crate::model::{Nic, NicId, PeeringName, PeeringState, SubnetName, Topology, VirtualNetwork, VnetId};

use super::{EffectiveRoute, NextHop, NextHopType, effective_routes, select};

/// What stands for the route table of a row that no administrator declared.
pub const SYSTEM_ROUTE: &str = "System Route";

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

impl Family {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ipv4, Self::Ipv6];

    /// A NIC's address of this family.
    #[must_use]
    pub fn address_of(self, nic: &Nic) -> Option<IpAddr> {
        match self {
            Self::Ipv4 => nic.ipv4().map(IpAddr::V4),
            Self::Ipv6 => nic.ipv6().map(IpAddr::V6),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
        })
    }
}

/// Why one NIC does not reach another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// There is no such NIC.
    #[error("NIC {0} does not exist")]
    UnknownNic(NicId),
    /// A NIC has no address of the family.
    #[error("NIC {nic} has no {family} address")]
    AddressFamily {
        /// The NIC.
        nic: NicId,
        /// The family.
        family: Family,
    },
    /// The two have no family in common.
    #[error("NICs {from} and {to} have no address family in common")]
    NoCommonFamily {
        /// The sender.
        from: NicId,
        /// The receiver.
        to: NicId,
    },
    /// No peering object on either side names the other.
    #[error("virtual networks {from} and {to} are not peered")]
    NotPeered {
        /// The sender's virtual network.
        from: VnetId,
        /// The receiver's virtual network.
        to: VnetId,
    },
    /// A peering object that is not Connected.
    #[error("peering {vnet}/{peering} is {state}, not Connected")]
    PeeringNotConnected {
        /// The virtual network that has the object.
        vnet: VnetId,
        /// The object.
        peering: PeeringName,
        /// Its state.
        state: PeeringState,
    },
    /// One or both objects have `allowVirtualNetworkAccess: false`.
    #[error(
        "allowVirtualNetworkAccess is false on {}",
        denied_by.iter().map(|(vnet, peering)| format!("peering {vnet}/{peering}")).collect::<Vec<_>>().join(" and ")
    )]
    AccessDisabled {
        /// The objects that deny it, the sender's first.
        denied_by: Vec<(VnetId, PeeringName)>,
    },
    /// The sender's route table leads elsewhere.
    #[error("subnet {vnet}/{subnet} has no route to {address}: its next hop is {next_hop}")]
    NoRoute {
        /// The sender's virtual network.
        vnet: VnetId,
        /// The sender's subnet.
        subnet: SubnetName,
        /// The receiver's address.
        address: IpAddr,
        /// Where the packet goes instead.
        next_hop: NextHopType,
    },
    /// Packets arrive, but no answer comes back.
    #[error("no way back: {0}")]
    NoWayBack(Box<Unreachable>),
}

/// The answer to "where does a packet of this NIC to this address go".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextHopAnswer {
    /// The word for the next hop.
    pub next_hop_type: NextHopType,
    /// Its address, where it is a machine of its own.
    pub next_hop_ip_address: Option<IpAddr>,
    /// The route table that the row was declared in, or [`SYSTEM_ROUTE`].
    pub route_table_id: String,
}

/// Where a packet of `nic` to `destination` goes.
///
/// # Errors
/// [`Unreachable::UnknownNic`]; [`Unreachable::AddressFamily`] when the NIC cannot send packets of that family.
pub fn next_hop(topology: &Topology, nic: &NicId, destination: IpAddr) -> Result<NextHopAnswer, Unreachable> {
    let (vnet, nic) = topology.nic(nic).ok_or_else(|| Unreachable::UnknownNic(nic.clone()))?;
    let family = if destination.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
    if family.address_of(nic).is_none() {
        return Err(Unreachable::AddressFamily { nic: nic.name().clone(), family });
    }
    let routes =
        vnet.subnet(nic.subnet()).map(|subnet| effective_routes(topology, vnet, subnet)).unwrap_or_default();
    let hop = select(&routes, destination).map_or(NextHop::None, |route| route.next_hop.clone());
    Ok(NextHopAnswer {
        next_hop_type: hop.kind(),
        next_hop_ip_address: hop.address(),
        route_table_id: SYSTEM_ROUTE.to_owned(),
    })
}

/// Whether `from` and `to` can talk: packets cross, and answers come back, in at least one address family that both have.
///
/// # Errors
/// The reason of the first common family when none works.
pub fn reachable(topology: &Topology, from: &NicId, to: &NicId) -> Result<(), Unreachable> {
    Reachability::new(topology).reachable(from, to)
}

/// Answers many questions about one topology. It keeps the route tables that it had to work out.
pub struct Reachability<'a> {
    topology: &'a Topology,
    tables: HashMap<(&'a VnetId, &'a SubnetName), Vec<EffectiveRoute>>,
}

impl<'a> Reachability<'a> {
    /// Starts without any table worked out.
    #[must_use]
    pub fn new(topology: &'a Topology) -> Self {
        Self { topology, tables: HashMap::new() }
    }

    /// As [`reachable`].
    ///
    /// # Errors
    /// As [`reachable`].
    pub fn reachable(&mut self, from: &NicId, to: &NicId) -> Result<(), Unreachable> {
        let mut reason = None;
        for family in Family::ALL {
            match self.reachable_over(from, to, family) {
                Ok(()) => return Ok(()),
                Err(Unreachable::AddressFamily { .. }) => {}
                Err(unknown @ Unreachable::UnknownNic(_)) => return Err(unknown),
                Err(other) => reason = reason.or(Some(other)),
            }
        }
        Err(reason.unwrap_or_else(|| Unreachable::NoCommonFamily { from: from.clone(), to: to.clone() }))
    }

    /// Whether `from` and `to` can talk in one address family: packets cross, and answers come back.
    ///
    /// # Errors
    /// The reason when they cannot.
    pub fn reachable_over(&mut self, from: &NicId, to: &NicId, family: Family) -> Result<(), Unreachable> {
        self.delivered(from, to, family)?;
        self.delivered(to, from, family).map_err(|reason| Unreachable::NoWayBack(Box::new(reason)))
    }

    /// Whether a packet of `from`, with its own source address, is delivered to `to`: one way.
    ///
    /// # Errors
    /// The reason when it is not.
    pub fn delivered(&mut self, from: &NicId, to: &NicId, family: Family) -> Result<(), Unreachable> {
        let topology = self.topology;
        let find = |name: &NicId| topology.nic(name).ok_or_else(|| Unreachable::UnknownNic(name.clone()));
        let ((from_vnet, from), (to_vnet, to)) = (find(from)?, find(to)?);
        let address = |nic: &Nic| {
            family
                .address_of(nic)
                .ok_or_else(|| Unreachable::AddressFamily { nic: nic.name().clone(), family })
        };
        address(from)?;
        let destination = address(to)?;
        if from_vnet.name() != to_vnet.name() {
            connected(from_vnet, to_vnet)?;
        }
        let next_hop = match select(self.table(from_vnet, from.subnet()), destination) {
            Some(route) => route.next_hop.clone(),
            None => NextHop::None,
        };
        match &next_hop {
            NextHop::VnetLocal if from_vnet.name() == to_vnet.name() => Ok(()),
            NextHop::Peering(hop) if &hop.remote == to_vnet.name() && hop.access_allowed() => Ok(()),
            NextHop::Peering(hop) if &hop.remote == to_vnet.name() => {
                let sides = [
                    (hop.local_access_allowed, &hop.vnet, &hop.peering),
                    (hop.remote_access_allowed, &hop.remote, &hop.remote_peering),
                ];
                let denied = sides.into_iter().filter(|(allowed, ..)| !allowed);
                Err(Unreachable::AccessDisabled {
                    denied_by: denied.map(|(_, vnet, peering)| (vnet.clone(), peering.clone())).collect(),
                })
            }
            _ => Err(Unreachable::NoRoute {
                vnet: from_vnet.name().clone(),
                subnet: from.subnet().clone(),
                address: destination,
                next_hop: next_hop.kind(),
            }),
        }
    }

    fn table(&mut self, vnet: &'a VirtualNetwork, subnet: &'a SubnetName) -> &[EffectiveRoute] {
        let topology = self.topology;
        self.tables.entry((vnet.name(), subnet)).or_insert_with(|| {
            vnet.subnet(subnet).map(|subnet| effective_routes(topology, vnet, subnet)).unwrap_or_default()
        })
    }
}

/// Whether two virtual networks have a connected peering, and if not, what there is.
fn connected(from: &VirtualNetwork, to: &VirtualNetwork) -> Result<(), Unreachable> {
    let own = from.peering_with(to.name()).map(|peering| (from, peering));
    let other = to.peering_with(from.name()).map(|peering| (to, peering));
    match own.or(other) {
        None => Err(Unreachable::NotPeered { from: from.name().clone(), to: to.name().clone() }),
        Some((_, peering)) if peering.state() == PeeringState::Connected => Ok(()),
        Some((vnet, peering)) => Err(Unreachable::PeeringNotConnected {
            vnet: vnet.name().clone(),
            peering: peering.name().clone(),
            state: peering.state(),
        }),
    }
}
