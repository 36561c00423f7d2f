//! NICs: the endpoints. A NIC has one IPv4 address, one IPv6 address, or one of each.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::address::reserved;
use super::{
    Holding, InterfaceName, MacAddress, NicId, PrefixFault, Refusal, ResourceId, Subnet, SubnetName,
    SubnetRef, VirtualNetwork, VnetId,
};

/// What an administrator says about a NIC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NicSpec {
    /// The NIC's name, unique in the topology.
    pub name: NicId,
    /// The subnet that it stands in.
    pub subnet: SubnetRef,
    /// Its IPv4 address.
    pub ipv4: Option<Ipv4Addr>,
    /// Its IPv6 address.
    pub ipv6: Option<Ipv6Addr>,
    /// Its MAC address; without one, [`MacAddress::derived`].
    pub mac: Option<MacAddress>,
    /// The host interface that it is attached by; without one, a lab makes a veth pair for it.
    pub interface: Option<InterfaceName>,
    /// Whether it may send packets with sources that are not its own (a router or firewall does).
    pub enable_ip_forwarding: bool,
}

/// A NIC whose addresses were checked against its subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nic {
    name: NicId,
    subnet: SubnetName,
    ipv4: Option<Ipv4Addr>,
    ipv6: Option<Ipv6Addr>,
    mac: MacAddress,
    interface: Option<InterfaceName>,
    enable_ip_forwarding: bool,
}

impl Nic {
    /// Checks a NIC against the virtual network that is to hold it. A NIC of the same name is the one being replaced.
    ///
    /// # Errors
    /// `InvalidResourceReference`, `ResourceNotFound` (the subnet), `InvalidAddressPrefix`, `AddressReserved`, `AddressInUse`.
    pub(super) fn validate(vnet: &VirtualNetwork, spec: NicSpec) -> Result<Self, Refusal> {
        if spec.name.subscription() != vnet.name().subscription() {
            return Err(Refusal::InvalidResourceReference { nic: spec.name, vnet: vnet.name().clone() });
        }
        let subnet = vnet.subnet(&spec.subnet.subnet).ok_or_else(|| Refusal::ResourceNotFound {
            resource: ResourceId::Subnet(vnet.name().clone(), spec.subnet.subnet.clone()),
        })?;
        let nic = Self {
            mac: spec.mac.unwrap_or_else(|| MacAddress::derived(&spec.name)),
            name: spec.name,
            subnet: spec.subnet.subnet,
            ipv4: spec.ipv4,
            ipv6: spec.ipv6,
            interface: spec.interface,
            enable_ip_forwarding: spec.enable_ip_forwarding,
        };
        nic.check_addresses(vnet, subnet)?;
        Ok(nic)
    }

    fn check_addresses(&self, vnet: &VirtualNetwork, subnet: &Subnet) -> Result<(), Refusal> {
        let invalid = |prefix: String, fault| Refusal::InvalidAddressPrefix {
            resource: ResourceId::Nic(self.name.clone()),
            prefix,
            fault,
        };
        if self.addresses().next().is_none() {
            return Err(invalid(String::new(), PrefixFault::NoAddress));
        }
        let in_use = |holding, holder: &Self| {
            Err(Refusal::AddressInUse { nic: self.name.clone(), holding, holder: holder.name.clone() })
        };
        for address in self.addresses() {
            let Some(prefix) = subnet.address_prefixes().iter().find(|prefix| prefix.contains(&address))
            else {
                return Err(invalid(address.to_string(), PrefixFault::OutsideSubnet));
            };
            if let Some(reason) = reserved(prefix, address) {
                return Err(Refusal::AddressReserved {
                    nic: self.name.clone(),
                    address,
                    prefix: *prefix,
                    reason,
                });
            }
            match vnet.nics().by_address(address) {
                Some(holder) if holder.name != self.name => return in_use(Holding::Ip(address), holder),
                _ => {}
            }
        }
        match vnet.nics().by_mac(self.mac) {
            Some(holder) if holder.name != self.name => in_use(Holding::Mac(self.mac), holder),
            _ => Ok(()),
        }
    }

    /// What an administrator would say to have this NIC in its virtual network.
    #[must_use]
    pub fn spec(&self, vnet: &VnetId) -> NicSpec {
        NicSpec {
            name: self.name.clone(),
            subnet: SubnetRef { vnet: vnet.clone(), subnet: self.subnet.clone() },
            ipv4: self.ipv4,
            ipv6: self.ipv6,
            mac: Some(self.mac),
            interface: self.interface.clone(),
            enable_ip_forwarding: self.enable_ip_forwarding,
        }
    }

    /// The NIC's name, unique in the topology.
    #[must_use]
    pub fn name(&self) -> &NicId {
        &self.name
    }

    /// The subnet of its virtual network that it stands in.
    #[must_use]
    pub fn subnet(&self) -> &SubnetName {
        &self.subnet
    }

    /// Its IPv4 address.
    #[must_use]
    pub fn ipv4(&self) -> Option<Ipv4Addr> {
        self.ipv4
    }

    /// Its IPv6 address.
    #[must_use]
    pub fn ipv6(&self) -> Option<Ipv6Addr> {
        self.ipv6
    }

    /// Its one or two addresses, IPv4 first.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + use<> {
        self.ipv4.map(IpAddr::V4).into_iter().chain(self.ipv6.map(IpAddr::V6))
    }

    /// Its MAC address, declared or derived.
    #[must_use]
    pub fn mac(&self) -> MacAddress {
        self.mac
    }

    /// The host interface that it is attached by, when declared.
    #[must_use]
    pub fn interface(&self) -> Option<&InterfaceName> {
        self.interface.as_ref()
    }

    /// Whether it may send packets with sources that are not its own.
    #[must_use]
    pub fn enable_ip_forwarding(&self) -> bool {
        self.enable_ip_forwarding
    }
}

/// The NICs of one virtual network, found by name, address or MAC.
///
/// It is shared behind an `Arc` of its own, so that a change of peerings leaves it, and the endpoint tables made from it, as
/// they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NicTable {
    by_name: BTreeMap<NicId, Nic>,
    by_address: BTreeMap<IpAddr, NicId>,
    by_mac: BTreeMap<MacAddress, NicId>,
}

impl NicTable {
    /// The NICs in the order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Nic> {
        self.by_name.values()
    }

    /// How many NICs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// How many addresses the NICs hold together.
    #[must_use]
    pub fn address_count(&self) -> usize {
        self.by_address.len()
    }

    /// The NIC with this name.
    #[must_use]
    pub fn get(&self, name: &NicId) -> Option<&Nic> {
        self.by_name.get(name)
    }

    /// The NIC that holds this address.
    #[must_use]
    pub fn by_address(&self, address: IpAddr) -> Option<&Nic> {
        self.by_address.get(&address).and_then(|name| self.by_name.get(name))
    }

    /// The NIC that holds this MAC address.
    #[must_use]
    pub fn by_mac(&self, mac: MacAddress) -> Option<&Nic> {
        self.by_mac.get(&mac).and_then(|name| self.by_name.get(name))
    }

    /// Puts a validated NIC in, in place of one with its name.
    pub(super) fn insert(&mut self, nic: Nic) {
        self.remove(&nic.name);
        self.by_address.extend(nic.addresses().map(|address| (address, nic.name.clone())));
        self.by_mac.insert(nic.mac, nic.name.clone());
        self.by_name.insert(nic.name.clone(), nic);
    }

    /// Takes a NIC out.
    pub(super) fn remove(&mut self, name: &NicId) -> Option<Nic> {
        let nic = self.by_name.remove(name)?;
        for address in nic.addresses() {
            self.by_address.remove(&address);
        }
        self.by_mac.remove(&nic.mac);
        Some(nic)
    }
}

/// The lowest address of a subnet, of one family, that a NIC of its virtual network may have and none has.
#[must_use]
pub fn free_address(vnet: &VirtualNetwork, subnet: &Subnet, is_ipv4: bool) -> Option<IpAddr> {
    let is_free = |prefix: &IpNet, address: &IpAddr| {
        reserved(prefix, *address).is_none() && vnet.nics().by_address(*address).is_none()
    };
    let prefixes = subnet.address_prefixes().iter().filter(|prefix| prefix.addr().is_ipv4() == is_ipv4);
    // An address is taken by a NIC or reserved, and there are only so many NICs: this ends soon, in a /64 too.
    prefixes
        .flat_map(|prefix| addresses(prefix).map(move |address| (prefix, address)))
        .find_map(|(prefix, address)| is_free(prefix, &address).then_some(address))
}

/// Every address of a prefix, from the lowest on.
fn addresses(prefix: &IpNet) -> Box<dyn Iterator<Item = IpAddr>> {
    match prefix {
        IpNet::V4(prefix) => {
            let bits = u32::from(prefix.network())..=u32::from(prefix.broadcast());
            Box::new(bits.map(|bits| IpAddr::V4(bits.into())))
        }
        IpNet::V6(prefix) => {
            let bits = u128::from(prefix.network())..=u128::from(prefix.broadcast());
            Box::new(bits.map(|bits| IpAddr::V6(bits.into())))
        }
    }
}
