//! What the tables should hold, in the words of the topology. No index, no layout.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::IpNet;

use crate::model::{NicId, PeeringName, SubnetName, VnetId};

/// Everything, by VNet. Two images share the [`VnetImage`]s that did not change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Image {
    /// The VNets by name.
    pub vnets: BTreeMap<VnetId, Arc<VnetImage>>,
}

/// What concerns one VNet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VnetImage {
    /// The ranges of the address space.
    pub ranges: Vec<IpNet>,
    /// The NICs by name, attached or not.
    pub nics: BTreeMap<NicId, NicImage>,
    /// The effective routes, by subnet. Subnets with equal routes share the table.
    pub subnets: BTreeMap<SubnetName, Arc<RouteTable>>,
}

/// The active routes of a subnet; at most one a prefix.
pub type RouteTable = BTreeMap<IpNet, Target>;

/// Where a route leads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A range of the own VNet.
    Local {
        /// The range.
        range: IpNet,
    },
    /// A range of a directly peered VNet.
    Peering {
        /// The sending VNet's peering object, by which the traffic is counted.
        peering: PeeringName,
        /// The remote VNet.
        remote: VnetId,
        /// The range of the remote VNet; it must stand in that VNet's [`VnetImage::ranges`].
        range: IpNet,
        /// Whether both sides allow virtual network access.
        access: bool,
        /// Whether the receiving side allows forwarded traffic.
        forwarded: bool,
    },
    /// Next hop `None`.
    None,
    /// Next hop `Internet`.
    Internet,
    /// A range that no VNet may hold: multicast, loopback, link-local.
    Unroutable,
}

/// One NIC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NicImage {
    /// The subnet whose routes the NIC uses.
    pub subnet: SubnetName,
    /// The MAC address.
    pub mac: [u8; 6],
    /// The IPv4 address.
    pub ipv4: Option<Ipv4Addr>,
    /// The IPv6 address.
    pub ipv6: Option<Ipv6Addr>,
    /// The first address of the subnet's prefix that holds `ipv4`: the virtual router's.
    pub router4: Option<Ipv4Addr>,
    /// The same for `ipv6`.
    pub router6: Option<Ipv6Addr>,
    /// Whether any source address is accepted (`enableIPForwarding`).
    pub ip_forwarding: bool,
    /// The host interface, while one is attached.
    pub interface: Option<Interface>,
}

/// An attached host interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The kernel's number of it.
    pub ifindex: u32,
    /// The longest IP packet that it takes, in bytes.
    pub mtu_bytes: u32,
}
