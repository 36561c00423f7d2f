//! Operations on virtual networks, subnets and NICs: which are refused, and what the others do.
//!
//! The rules have no order among each other. So a refusal is a list: every code that the operation has earned. The agent
//! must refuse with one of them, and must refuse nothing for which the list is empty.

use std::net::IpAddr;

use ipnet::IpNet;
use vnet_agent::model::{MacAddress, NicSpec, Operation, RefusalCode, SubnetSpec, VnetSpec};

use super::world::{Nic, State, Vnet, World};

/// Ranges that no address space may meet (semantics, section 1).
const NEVER: [&str; 8] = [
    "224.0.0.0/4",
    "255.255.255.255/32",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "168.63.129.16/32",
    "ff00::/8",
    "::1/128",
    "fe80::/10",
];

fn meet(left: &IpNet, right: &IpNet) -> bool {
    left.contains(&right.network()) || right.contains(&left.network())
}

/// A list of prefixes that cannot be used as it is.
fn bad_list(prefixes: &[IpNet]) -> bool {
    let never: Vec<IpNet> = NEVER.iter().filter_map(|text| text.parse().ok()).collect();
    prefixes.is_empty()
        || prefixes.iter().enumerate().any(|(i, prefix)| {
            prefix.addr() != prefix.network()
                || never.iter().any(|range| meet(range, prefix))
                || prefixes.iter().skip(i + 1).any(|other| meet(other, prefix))
        })
}

/// The network address, the next three, and the last of IPv4.
fn is_reserved(prefix: &IpNet, address: IpAddr) -> bool {
    match (prefix, address) {
        (IpNet::V4(prefix), IpAddr::V4(address)) => {
            address.to_bits() < prefix.network().to_bits().saturating_add(4) || address == prefix.broadcast()
        }
        (IpNet::V6(prefix), IpAddr::V6(address)) => {
            address.to_bits() < prefix.network().to_bits().saturating_add(4)
        }
        _ => false,
    }
}

type Outcome = Result<(), Vec<RefusalCode>>;

fn none_of(codes: Vec<RefusalCode>) -> Outcome {
    if codes.is_empty() { Ok(()) } else { Err(codes) }
}

impl World {
    /// Carries `operation` out.
    ///
    /// # Errors
    /// Every code that it is to be refused with; nothing has changed then.
    pub fn apply(&mut self, operation: &Operation) -> Outcome {
        match operation {
            Operation::CreateVnet(spec) => self.put_vnet(spec, true),
            Operation::UpdateVnet(spec) => self.put_vnet(spec, false),
            Operation::ReplaceVnet(spec, subnets) => self.replace_vnet(spec, subnets),
            Operation::DeleteVnet(name) => self.delete_vnet(name.as_str()),
            Operation::CreateSubnet(vnet, spec) => self.put_subnet(vnet.as_str(), spec, true),
            Operation::UpdateSubnet(vnet, spec) => self.put_subnet(vnet.as_str(), spec, false),
            Operation::DeleteSubnet(vnet, name) => self.delete_subnet(vnet.as_str(), name.as_str()),
            Operation::CreateNic(spec) => self.put_nic(spec, true),
            Operation::UpdateNic(spec) => self.put_nic(spec, false),
            Operation::DeleteNic(name) => match self.nics.remove(name.as_str()) {
                Some(_) => Ok(()),
                None => Err(vec![RefusalCode::ResourceNotFound]),
            },
            Operation::CreatePeering(vnet, spec) => self.create_peering(vnet.as_str(), spec),
            Operation::UpdatePeering(vnet, spec) => self.update_peering(vnet.as_str(), spec),
            Operation::DeletePeering(vnet, name) => self.delete_peering(vnet.as_str(), name.as_str()),
            Operation::SyncPeering(vnet, name) => self.sync_peering(vnet.as_str(), name.as_str()),
        }
    }

    fn put_vnet(&mut self, spec: &VnetSpec, is_new: bool) -> Outcome {
        let name = spec.name.to_string();
        let mut codes = Vec::new();
        match (self.vnets.contains_key(&name), is_new) {
            (true, true) => codes.push(RefusalCode::ResourceAlreadyExists),
            (false, false) => codes.push(RefusalCode::ResourceNotFound),
            _ => {}
        }
        if bad_list(&spec.address_space) {
            codes.push(RefusalCode::InvalidAddressPrefix);
        }
        let mut next = self.clone();
        let vnet = next.vnets.entry(name.clone()).or_default();
        (vnet.region, vnet.ranges) = (spec.region.to_string(), spec.address_space.clone());
        let held = |prefix: &IpNet| spec.address_space.iter().any(|range| range.contains(prefix));
        if !vnet.subnets.values().flatten().all(held) {
            codes.push(RefusalCode::VnetAddressSpaceInUse);
        }
        if !is_new && next.meets_peers(&name, self) {
            codes.push(RefusalCode::VnetAddressSpaceOverlapsWithAlreadyPeeredVnet);
        }
        none_of(codes)?;
        *self = next;
        Ok(())
    }

    fn replace_vnet(&mut self, spec: &VnetSpec, subnets: &[SubnetSpec]) -> Outcome {
        let name = spec.name.to_string();
        let Some(old) = self.vnets.get(&name) else { return Err(vec![RefusalCode::ResourceNotFound]) };
        let mut codes = Vec::new();
        if bad_list(&spec.address_space) {
            codes.push(RefusalCode::InvalidAddressPrefix);
        }
        let mut vnet =
            Vnet { region: spec.region.to_string(), ranges: spec.address_space.clone(), ..Vnet::default() };
        for subnet in subnets {
            let subnet_name = subnet.name.to_string();
            codes.extend(subnet_faults(&vnet, &subnet_name, &subnet.address_prefixes));
            codes.extend(self.misfits(&name, &subnet_name, &subnet.address_prefixes));
            if vnet.subnets.insert(subnet_name, subnet.address_prefixes.clone()).is_some() {
                codes.push(RefusalCode::ResourceAlreadyExists);
            }
        }
        let mut gone = old.subnets.keys().filter(|subnet| !vnet.subnets.contains_key(*subnet));
        if gone.any(|subnet| self.is_in_use(&name, subnet)) {
            codes.push(RefusalCode::VnetAddressSpaceInUse);
        }
        let mut next = self.clone();
        next.vnets.insert(name.clone(), vnet);
        if next.meets_peers(&name, self) {
            codes.push(RefusalCode::VnetAddressSpaceOverlapsWithAlreadyPeeredVnet);
        }
        none_of(codes)?;
        *self = next;
        Ok(())
    }

    /// What the NICs of a subnet say to other prefixes of it.
    fn misfits(&self, vnet: &str, subnet: &str, prefixes: &[IpNet]) -> Vec<RefusalCode> {
        let nics = self.nics.values().filter(|nic| nic.vnet == vnet && nic.subnet == subnet);
        let faults = nics.flat_map(|nic| &nic.addresses).filter_map(|address| {
            match prefixes.iter().find(|prefix| prefix.contains(address)) {
                None => Some(RefusalCode::VnetAddressSpaceInUse),
                Some(prefix) if is_reserved(prefix, *address) => Some(RefusalCode::AddressReserved),
                Some(_) => None,
            }
        });
        faults.collect()
    }

    /// Whether a NIC stands in a subnet, or a peering names it: an own one, or the connected one of another.
    fn is_in_use(&self, vnet: &str, subnet: &str) -> bool {
        let holds_nic = self.nics.values().any(|nic| nic.vnet == vnet && nic.subnet == subnet);
        let is_named = self.peerings.iter().any(|peering| {
            peering.subnets.as_ref().is_some_and(|subnets| {
                (peering.vnet == vnet && subnets.local.contains(subnet))
                    || (peering.remote == vnet
                        && peering.state == State::Connected
                        && subnets.remote.contains(subnet))
            })
        });
        holds_nic || is_named
    }

    fn delete_vnet(&mut self, name: &str) -> Outcome {
        if !self.vnets.contains_key(name) {
            return Err(vec![RefusalCode::ResourceNotFound]);
        }
        if self.nics.values().any(|nic| nic.vnet == name) {
            return Err(vec![RefusalCode::VnetAddressSpaceInUse]);
        }
        self.vnets.remove(name);
        self.peerings.retain(|peering| peering.vnet != name);
        for peering in self.peerings.iter_mut().filter(|peering| peering.remote == name) {
            peering.state = State::Disconnected;
        }
        Ok(())
    }

    fn put_subnet(&mut self, vnet_name: &str, spec: &SubnetSpec, is_new: bool) -> Outcome {
        let Some(vnet) = self.vnets.get(vnet_name) else {
            return Err(vec![RefusalCode::ResourceNotFound]);
        };
        let name = spec.name.to_string();
        let mut codes = subnet_faults(vnet, &name, &spec.address_prefixes);
        match (vnet.subnets.contains_key(&name), is_new) {
            (true, true) => codes.push(RefusalCode::ResourceAlreadyExists),
            (false, false) => codes.push(RefusalCode::ResourceNotFound),
            _ => {}
        }
        codes.extend(self.misfits(vnet_name, &name, &spec.address_prefixes));
        let mut next = self.clone();
        if let Some(vnet) = next.vnets.get_mut(vnet_name) {
            vnet.subnets.insert(name, spec.address_prefixes.clone());
        }
        if !is_new && next.meets_peers(vnet_name, self) {
            codes.push(RefusalCode::VnetAddressSpaceOverlapsWithAlreadyPeeredVnet);
        }
        none_of(codes)?;
        *self = next;
        Ok(())
    }

    fn delete_subnet(&mut self, vnet_name: &str, name: &str) -> Outcome {
        if !self.vnets.get(vnet_name).is_some_and(|vnet| vnet.subnets.contains_key(name)) {
            return Err(vec![RefusalCode::ResourceNotFound]);
        }
        if self.is_in_use(vnet_name, name) {
            return Err(vec![RefusalCode::VnetAddressSpaceInUse]);
        }
        if let Some(vnet) = self.vnets.get_mut(vnet_name) {
            vnet.subnets.remove(name);
        }
        Ok(())
    }

    fn put_nic(&mut self, spec: &NicSpec, is_new: bool) -> Outcome {
        let name = spec.name.to_string();
        let nic = Nic {
            vnet: spec.subnet.vnet.to_string(),
            subnet: spec.subnet.subnet.to_string(),
            addresses: spec.ipv4.map(IpAddr::V4).into_iter().chain(spec.ipv6.map(IpAddr::V6)).collect(),
            mac: spec.mac.unwrap_or_else(|| MacAddress::derived(&spec.name)).octets(),
            interface: spec.interface.as_ref().map(ToString::to_string),
            forwards: spec.enable_ip_forwarding,
        };
        let mut codes = Vec::new();
        match (self.nics.contains_key(&name), is_new) {
            (true, true) => codes.push(RefusalCode::ResourceAlreadyExists),
            (false, false) => codes.push(RefusalCode::ResourceNotFound),
            _ => {}
        }
        match self.vnets.get(&nic.vnet).and_then(|vnet| vnet.subnets.get(&nic.subnet)) {
            None => codes.push(RefusalCode::ResourceNotFound),
            Some(prefixes) => {
                for address in &nic.addresses {
                    match prefixes.iter().find(|prefix| prefix.contains(address)) {
                        None => codes.push(RefusalCode::InvalidAddressPrefix),
                        Some(prefix) if is_reserved(prefix, *address) => {
                            codes.push(RefusalCode::AddressReserved);
                        }
                        Some(_) => {}
                    }
                }
            }
        }
        if nic.addresses.is_empty() {
            codes.push(RefusalCode::InvalidAddressPrefix);
        }
        let clashes = self.nics.iter().filter(|(other, _)| **other != name).any(|(_, other)| {
            let within = other.vnet == nic.vnet
                && (other.mac == nic.mac || other.addresses.iter().any(|a| nic.addresses.contains(a)));
            within || (other.interface.is_some() && other.interface == nic.interface)
        });
        if clashes {
            codes.push(RefusalCode::AddressInUse);
        }
        none_of(codes)?;
        self.nics.insert(name, nic);
        Ok(())
    }
}

fn subnet_faults(vnet: &Vnet, name: &str, prefixes: &[IpNet]) -> Vec<RefusalCode> {
    let mut codes = Vec::new();
    let wrong_size = |prefix: &IpNet| match prefix {
        IpNet::V4(prefix) => prefix.prefix_len() > 29,
        IpNet::V6(prefix) => prefix.prefix_len() != 64,
    };
    if bad_list(prefixes) || prefixes.iter().any(wrong_size) {
        codes.push(RefusalCode::InvalidAddressPrefix);
    }
    if !prefixes.iter().all(|prefix| vnet.ranges.iter().any(|range| range.contains(prefix))) {
        codes.push(RefusalCode::SubnetNotInVnet);
    }
    let others = vnet.subnets.iter().filter(|(other, _)| *other != name).flat_map(|(_, prefixes)| prefixes);
    if others.into_iter().any(|other| prefixes.iter().any(|prefix| meet(prefix, other))) {
        codes.push(RefusalCode::SubnetsOverlap);
    }
    codes
}
