//! What was declared, as plain lists, and what the oracle knows of the past: states and the spaces taken over.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

/// A virtual network: what it was declared with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vnet {
    /// The region.
    pub region: String,
    /// The ranges.
    pub ranges: Vec<IpNet>,
    /// The subnets' prefixes by name.
    pub subnets: BTreeMap<String, Vec<IpNet>>,
}

/// A NIC: what it was declared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nic {
    /// The virtual network that it stands in.
    pub vnet: String,
    /// The subnet there.
    pub subnet: String,
    /// One or two addresses.
    pub addresses: Vec<IpAddr>,
    /// The MAC address.
    pub mac: [u8; 6],
    /// The declared host interface.
    pub interface: Option<String>,
    /// `enableIPForwarding`.
    pub forwards: bool,
}

impl Nic {
    /// The NIC's address of the family of `like`.
    #[must_use]
    pub fn address_like(&self, like: IpAddr) -> Option<IpAddr> {
        self.addresses.iter().copied().find(|address| address.is_ipv4() == like.is_ipv4())
    }
}

/// `peeringState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its other side was never there.
    Initiated,
    /// Its other side is there.
    Connected,
    /// Its other side is gone.
    Disconnected,
}

/// The subnets of a subnet peering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnets {
    /// Own subnets.
    pub local: BTreeSet<String>,
    /// Subnets of the remote.
    pub remote: BTreeSet<String>,
    /// `enableOnlyIPv6Peering`.
    pub only_ipv6: bool,
}

/// A peering object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peering {
    /// The virtual network whose child it is.
    pub vnet: String,
    /// Its name there.
    pub name: String,
    /// The virtual network that it names.
    pub remote: String,
    /// `allowVirtualNetworkAccess`.
    pub access: bool,
    /// `allowForwardedTraffic`.
    pub forwarded: bool,
    /// The subnets, where not the complete virtual networks take part.
    pub subnets: Option<Subnets>,
    /// The state.
    pub state: State,
    /// `remoteAddressSpace` as last taken over, sorted.
    pub remote_space: Vec<IpNet>,
}

/// The interface of an attached NIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The kernel's number of the interface.
    pub ifindex: u32,
    /// The longest IP packet that it takes.
    pub mtu_bytes: u32,
}

/// Everything that was declared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct World {
    /// Virtual networks by name.
    pub vnets: BTreeMap<String, Vnet>,
    /// NICs by name.
    pub nics: BTreeMap<String, Nic>,
    /// Peering objects, in the order of their creation.
    pub peerings: Vec<Peering>,
    /// The attached NICs.
    pub attached: BTreeMap<String, Attachment>,
}

impl World {
    /// The object of `vnet` that names `remote`.
    #[must_use]
    pub fn object(&self, vnet: &str, remote: &str) -> Option<&Peering> {
        self.peerings.iter().find(|peering| peering.vnet == vnet && peering.remote == remote)
    }

    /// The object of this name.
    #[must_use]
    pub fn named(&self, vnet: &str, name: &str) -> Option<&Peering> {
        self.peerings.iter().find(|peering| peering.vnet == vnet && peering.name == name)
    }

    /// The prefixes of `vnet` that take part where only the subnets of `only` do (IPv6 alone, where that is said), or
    /// all ranges; sorted.
    #[must_use]
    pub fn part(&self, vnet: &str, only: Option<(&BTreeSet<String>, bool)>) -> Vec<IpNet> {
        let Some(vnet) = self.vnets.get(vnet) else { return Vec::new() };
        let mut prefixes = match only {
            None => vnet.ranges.clone(),
            Some((names, only_ipv6)) => {
                let subnets = names.iter().filter_map(|name| vnet.subnets.get(name)).flatten();
                subnets.filter(|prefix| !only_ipv6 || prefix.addr().is_ipv6()).copied().collect()
            }
        };
        prefixes.sort_unstable();
        prefixes
    }

    /// What `peering` would take over now: the remote's ranges, or the prefixes of its taking-part subnets.
    #[must_use]
    pub fn remote_now(&self, peering: &Peering) -> Vec<IpNet> {
        self.part(&peering.remote, peering.subnets.as_ref().map(|s| (&s.remote, s.only_ipv6)))
    }

    /// The NIC of `vnet` that holds `address`.
    #[must_use]
    pub fn holder(&self, vnet: &str, address: IpAddr) -> Option<(&String, &Nic)> {
        self.nics.iter().find(|(_, nic)| nic.vnet == vnet && nic.addresses.contains(&address))
    }

    /// Whether two virtual networks are one, or have two Connected objects that both allow access. Nothing may ever
    /// pass between two for which this is false.
    #[must_use]
    pub fn may_talk(&self, from: &str, to: &str) -> bool {
        let open = |vnet: &str, remote: &str| {
            let count = self.peerings.iter().filter(|p| p.vnet == vnet && p.remote == remote).count();
            count == 1 && self.object(vnet, remote).is_some_and(|p| p.state == State::Connected && p.access)
        };
        from == to || (open(from, to) && open(to, from))
    }
}

/// One line an object, for a report.
impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, vnet) in &self.vnets {
            writeln!(f, "vnet {name} in {}: {:?}, subnets {:?}", vnet.region, vnet.ranges, vnet.subnets)?;
        }
        for p in &self.peerings {
            let flags = (p.access, p.forwarded);
            writeln!(f, "peering {}/{} to {}: {:?}", p.vnet, p.name, p.remote, p.state)?;
            writeln!(
                f,
                "  access, forwarded {flags:?}; subnets {:?}; took over {:?}",
                p.subnets, p.remote_space
            )?;
        }
        for (name, nic) in &self.nics {
            let (at, forwards) = (self.attached.get(name), nic.forwards);
            let interface = at.map(|at| (at.ifindex, at.mtu_bytes));
            writeln!(f, "nic {name} in {}/{}: {:?}", nic.vnet, nic.subnet, nic.addresses)?;
            writeln!(f, "  mac {:02x?}; forwards {forwards}; ifindex, mtu {interface:?}", nic.mac)?;
        }
        Ok(())
    }
}
