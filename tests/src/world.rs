//! A topology for a test, in few words. Everything goes through the model's operations, as a file would.

use std::collections::BTreeMap;

use vnet_agent::model::{
    MacAddress, NicId, NicSpec, Operation, PeeringFlags, PeeringName, PeeringSpec, Region, SubnetName,
    SubnetRef, SubnetSpec, Topology, VnetId, VnetSpec,
};

/// The MTU of a NIC that says nothing else.
pub const MTU_BYTES: u32 = 1500;

/// What is configured, and which MTU the interface of each NIC has (none: no interface).
#[derive(Clone, Debug, Default)]
pub struct World {
    topology: Topology,
    pub(crate) mtus: BTreeMap<NicId, u32>,
}

/// The flags of a peering object that says nothing else.
#[must_use]
pub fn flags() -> PeeringFlags {
    PeeringFlags::default()
}

/// The flags of a peering object without virtual network access.
#[must_use]
pub fn no_access() -> PeeringFlags {
    PeeringFlags { allow_virtual_network_access: false, ..PeeringFlags::default() }
}

/// The flags of a peering object that lets forwarded traffic in.
#[must_use]
pub fn forwarded() -> PeeringFlags {
    PeeringFlags { allow_forwarded_traffic: true, ..PeeringFlags::default() }
}

/// The name of a virtual network.
///
/// # Panics
/// Where the model refuses it; likewise below.
#[must_use]
pub fn vnet_name(name: &str) -> VnetId {
    VnetId::new(name).unwrap()
}

/// The name of a NIC.
///
/// # Panics
/// As above.
#[must_use]
pub fn nic_name(name: &str) -> NicId {
    NicId::new(name).unwrap()
}

/// The name of a peering.
///
/// # Panics
/// As above.
#[must_use]
pub fn peering_name(name: &str) -> PeeringName {
    PeeringName::new(name).unwrap()
}

impl World {
    /// The topology.
    #[must_use]
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// One operation more.
    ///
    /// # Panics
    /// Where the model refuses it; likewise below.
    #[must_use]
    pub fn with(mut self, operation: Operation) -> Self {
        self.topology = self.topology.apply(operation).unwrap();
        self
    }

    /// A virtual network, with one subnet `default` that holds the first /24 and /64 of each of its ranges.
    ///
    /// # Panics
    /// As above.
    #[must_use]
    pub fn vnet(self, name: &str, region: &str, ranges: &[&str]) -> Self {
        let ranges: Vec<ipnet::IpNet> = ranges.iter().map(|range| range.parse().unwrap()).collect();
        let first = |range: &ipnet::IpNet| {
            let length = if range.addr().is_ipv4() { 24 } else { 64 };
            ipnet::IpNet::new(range.network(), length.max(range.prefix_len())).unwrap()
        };
        let address_prefixes = ranges.iter().map(first).collect();
        let spec =
            VnetSpec { name: vnet_name(name), region: Region::new(region).unwrap(), address_space: ranges };
        let subnet = SubnetSpec { name: SubnetName::new("default").unwrap(), address_prefixes };
        self.with(Operation::CreateVnet(spec)).with(Operation::CreateSubnet(vnet_name(name), subnet))
    }

    /// A NIC in the subnet `default` of `vnet`, with an interface.
    ///
    /// # Panics
    /// As above.
    #[must_use]
    pub fn nic(mut self, vnet: &str, name: &str, mac: [u8; 6], addresses: &[&str]) -> Self {
        let v4 = addresses.iter().find_map(|address| address.parse().ok());
        let v6 = addresses.iter().find_map(|address| address.parse().ok());
        let spec = NicSpec {
            name: nic_name(name),
            subnet: SubnetRef { vnet: vnet_name(vnet), subnet: SubnetName::new("default").unwrap() },
            ipv4: v4,
            ipv6: v6,
            mac: Some(MacAddress::new(mac).unwrap()),
            interface: None,
            enable_ip_forwarding: false,
        };
        self.mtus.insert(nic_name(name), MTU_BYTES);
        self.with(Operation::CreateNic(spec))
    }

    /// Gives a NIC `enableIPForwarding`.
    ///
    /// # Panics
    /// Where there is no such NIC; likewise below.
    #[must_use]
    pub fn forwarding(self, name: &str) -> Self {
        let (vnet, nic) = self.topology.nic(&nic_name(name)).unwrap();
        let spec = NicSpec {
            name: nic.name().clone(),
            subnet: SubnetRef { vnet: vnet.name().clone(), subnet: nic.subnet().clone() },
            ipv4: nic.ipv4(),
            ipv6: nic.ipv6(),
            mac: Some(nic.mac()),
            interface: None,
            enable_ip_forwarding: true,
        };
        self.with(Operation::UpdateNic(spec))
    }

    /// Gives the interface of a NIC another MTU.
    #[must_use]
    pub fn mtu(mut self, name: &str, mtu_bytes: u32) -> Self {
        self.mtus.insert(nic_name(name), mtu_bytes);
        self
    }

    /// Takes the interface of a NIC away.
    #[must_use]
    pub fn detached(mut self, name: &str) -> Self {
        self.mtus.remove(&nic_name(name));
        self
    }

    /// One side of a peering: the object `to-REMOTE` of `vnet`.
    ///
    /// # Panics
    /// Where the model refuses it.
    #[must_use]
    pub fn peering(self, vnet: &str, remote: &str, flags: PeeringFlags) -> Self {
        let spec = PeeringSpec {
            name: peering_name(&format!("to-{remote}")),
            remote: vnet_name(remote),
            flags,
            subnets: None,
        };
        self.with(Operation::CreatePeering(vnet_name(vnet), spec))
    }

    /// Both sides of a peering, with the flags of `left`'s object and of `right`'s.
    ///
    /// # Panics
    /// Where the model refuses it.
    #[must_use]
    pub fn peered(self, left: &str, right: &str, flags: [PeeringFlags; 2]) -> Self {
        self.peering(left, right, flags[0]).peering(right, left, flags[1])
    }
}
