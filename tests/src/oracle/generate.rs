//! Random topologies: operations that build one, and operations that change it.
//!
//! Ranges, addresses and names come from small pools, so that they meet often: a refusal is an outcome too. What stands
//! already is looked up in the oracle's own world, so that most operations name something that exists.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use vnet_agent::model::{
    InterfaceError, InterfaceName, MacAddress, MacError, NameError, NicSpec, Operation, PeeredSubnets,
    PeeringFlags, PeeringSpec, Region, SubnetName, SubnetRef, SubnetSpec, VnetSpec,
};

use super::random::Random;
use super::world::{Attachment, Nic, Peering, State, Subnets, World};

/// The most virtual networks of a topology.
const MAX_VNETS: usize = 8;

const fn v4(a: u8, b: u8, c: u8, len: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, 0), len))
}

const fn v6(a: u16, b: u16, c: u16, d: u16, len: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0), len))
}

/// Ranges that several virtual networks may want: nested, equal to a private range, public.
const SHARED: [IpNet; 20] = [
    v4(10, 0, 0, 8),
    v4(10, 1, 0, 17),
    v4(10, 1, 128, 17),
    v4(10, 2, 0, 15),
    v4(10, 20, 0, 16),
    v4(10, 20, 4, 22),
    v4(10, 30, 1, 24),
    v4(172, 16, 0, 12),
    v4(172, 20, 0, 16),
    v4(192, 168, 0, 16),
    v4(192, 168, 7, 24),
    v4(100, 64, 0, 10),
    v4(100, 70, 0, 20),
    v4(20, 40, 0, 16),
    v6(0xfd00, 1, 0, 0, 48),
    v6(0xfd00, 2, 0, 0, 47),
    v6(0xfd00, 4, 0, 0x8000, 49),
    v6(0x2001, 0xdb8, 0, 0, 32),
    v6(0x2001, 0xdb8, 7, 0, 48),
    v6(0xfdff, 0, 0, 7, 64),
];

/// Ranges that no virtual network may have.
const FORBIDDEN: [IpNet; 4] = [
    v4(224, 1, 0, 16),
    v4(127, 0, 0, 8),
    v6(0xfe80, 0, 0, 0, 64),
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(10, 9, 9, 1), 16)),
];

/// A name or address that the generator has made wrong: a fault of the generator.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// A name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// An interface.
    #[error(transparent)]
    Interface(#[from] InterfaceError),
    /// A MAC address.
    #[error(transparent)]
    Mac(#[from] MacError),
}

type Made<T> = Result<T, GenerateError>;

fn name<T: FromStr<Err = NameError>>(text: &str) -> Made<T> {
    Ok(text.parse()?)
}

/// Makes operations for a world.
#[derive(Debug)]
pub struct Generator<'r> {
    /// Where chance comes from.
    pub random: &'r mut Random,
}

impl Generator<'_> {
    /// The operations that make virtual networks with their subnets, NICs left out.
    ///
    /// # Errors
    /// [`GenerateError`], likewise below.
    pub fn networks(&mut self) -> Made<Vec<Operation>> {
        let mut operations = Vec::new();
        for index in 0..self.random.between(2, MAX_VNETS) {
            let spec = self.vnet_spec(index)?;
            let ranges = spec.address_space.clone();
            let vnet = spec.name.clone();
            operations.push(Operation::CreateVnet(spec));
            for subnet in 0..self.random.between(1, 4) {
                let spec = SubnetSpec {
                    name: name(&format!("s{subnet}"))?,
                    address_prefixes: self.prefixes(&ranges),
                };
                operations.push(Operation::CreateSubnet(vnet.clone(), spec));
            }
        }
        Ok(operations)
    }

    /// The operations that put NICs into the subnets of `world`.
    ///
    /// # Errors
    /// As above.
    pub fn nics(&mut self, world: &World) -> Made<Vec<Operation>> {
        let mut operations = Vec::new();
        for (vnet_name, vnet) in &world.vnets {
            for subnet in vnet.subnets.keys() {
                for nic in 0..self.random.between(0, 4) {
                    let spec =
                        self.nic_spec(world, &format!("n-{vnet_name}-{subnet}-{nic}"), vnet_name, subnet)?;
                    operations.push(Operation::CreateNic(spec));
                }
            }
        }
        Ok(operations)
    }

    /// The operations that peer the virtual networks of `world`: both sides, one side, the same side twice.
    ///
    /// # Errors
    /// As above.
    pub fn peerings(&mut self, world: &World) -> Made<Vec<Operation>> {
        let names: Vec<&String> = world.vnets.keys().collect();
        let mut operations = Vec::new();
        for _ in 0..self.random.between(1, 2 * names.len().max(1)) {
            let (Some(one), Some(other)) = (self.random.pick(&names), self.random.pick(&names)) else {
                break;
            };
            if one == other && self.random.percent(90) {
                continue;
            }
            let subnets = if self.random.percent(25) { self.taking_part(world, one, other)? } else { None };
            operations.push(self.create_side(one, other, subnets.clone())?);
            if self.random.percent(78) {
                let mirrored = subnets.map(|s| PeeredSubnets { local: s.remote, remote: s.local, ..s });
                // Now and then the other side has another idea of who takes part.
                let mirrored =
                    if self.random.percent(85) { mirrored } else { self.taking_part(world, other, one)? };
                operations.push(self.create_side(other, one, mirrored)?);
            }
        }
        Ok(operations)
    }

    /// One change to `world`, as operations that belong together.
    ///
    /// # Errors
    /// As above.
    pub fn change(&mut self, world: &World) -> Made<Vec<Operation>> {
        let names: Vec<String> = world.vnets.keys().cloned().collect();
        let (Some(one), Some(other)) = (self.random.pick(&names).cloned(), self.random.pick(&names).cloned())
        else {
            return self.networks();
        };
        let peering = self.random.pick(&world.peerings).cloned();
        let alone: Vec<&Peering> = world.peerings.iter().filter(|p| p.state != State::Connected).collect();
        let alone = self.random.pick(&alone).copied();
        Ok(match (self.random.between(0, 99), peering) {
            (0..14, Some(peering)) => {
                vec![Operation::DeletePeering(name(&peering.vnet)?, name(&peering.name)?)]
            }
            (14..32, Some(peering)) => vec![self.update_side(world, &peering)?],
            (32..44, Some(peering)) => {
                vec![Operation::SyncPeering(name(&peering.vnet)?, name(&peering.name)?)]
            }
            (44..58, _) => vec![self.change_space(world, &one)?],
            (58..63, _) => self.delete_vnet(world, &one)?,
            (63..67, _) => vec![self.change_subnet(world, &one)?],
            (67..70, _) => vec![self.replace_vnet(world, &one)?],
            (70..82, _) => self.change_nic(world)?,
            (82..86, _) if alone.is_some() => self.other_side(world, alone)?,
            (86..88, _) => vec![Operation::DeletePeering(name(&one)?, name("no-such")?)],
            (88..90, _) => vec![Operation::CreateVnet(self.vnet_spec(MAX_VNETS - 1)?)],
            _ => {
                let subnets =
                    if self.random.percent(20) { self.taking_part(world, &one, &other)? } else { None };
                let mirrored =
                    subnets.clone().map(|s| PeeredSubnets { local: s.remote, remote: s.local, ..s });
                vec![self.create_side(&one, &other, subnets)?, self.create_side(&other, &one, mirrored)?]
            }
        })
    }

    /// Which NICs are attached: most, by any of `interfaces`.
    #[must_use]
    pub fn attach(&mut self, world: &World, interfaces: &[u32]) -> Vec<(String, Attachment)> {
        let mut free: Vec<u32> = interfaces.to_vec();
        free.retain(|ifindex| world.attached.values().all(|at| at.ifindex != *ifindex));
        let mut attached = Vec::new();
        for nic in world.nics.keys().filter(|nic| !world.attached.contains_key(*nic)) {
            if free.is_empty() || self.random.percent(15) {
                continue;
            }
            let ifindex = free.swap_remove(self.random.between(0, free.len() - 1));
            let mtu_bytes = *self.random.pick(&[1280, 1400, 1500, 1500, 9000]).unwrap_or(&1500);
            attached.push((nic.clone(), Attachment { ifindex, mtu_bytes }));
        }
        attached
    }

    fn vnet_spec(&mut self, index: usize) -> Made<VnetSpec> {
        let region = if self.random.percent(65) { "westeurope" } else { "northeurope" };
        let mut ranges = Vec::new();
        for part in 0..self.random.between(1, 3) {
            ranges.extend(self.range(index, part));
        }
        Ok(VnetSpec {
            name: name(&format!("v{index}"))?,
            region: Region::new(region)?,
            address_space: ranges,
        })
    }

    /// Mostly a range that no other virtual network wants.
    fn range(&mut self, index: usize, part: usize) -> Option<IpNet> {
        let (low, part) = (u8::try_from(index).ok()?, u8::try_from(part).ok()?);
        Some(match self.random.between(0, 99) {
            0..1 => *self.random.pick(&FORBIDDEN)?,
            1..22 => *self.random.pick(&SHARED)?,
            22..60 => v4(10, 100 + 10 * low + part, 0, 16),
            60..68 => v4(172, 20, 8 * (4 * low + part), 21),
            _ => v6(0xfd00, 0x100 + u16::from(low), u16::from(part), 0, 48),
        })
    }

    /// One or two prefixes inside `ranges`, low ones, so that subnets meet now and then.
    fn prefixes(&mut self, ranges: &[IpNet]) -> Vec<IpNet> {
        let mut prefixes = Vec::new();
        for _ in 0..self.random.between(1, 2) {
            let Some(range) = self.random.pick(ranges).copied() else { break };
            prefixes.extend(self.prefix(&range));
        }
        if self.random.percent(2) {
            prefixes.push(v4(198, 18, 5, 24));
        }
        prefixes
    }

    fn prefix(&mut self, range: &IpNet) -> Option<IpNet> {
        let step = self.random.between(0, 7);
        match range {
            IpNet::V4(net) => {
                let wanted = *self.random.pick(&[24, 24, 25, 26, 28, 29])?;
                let len = if self.random.percent(1) { 30 } else { wanted }.max(net.prefix_len());
                let room = 1usize.checked_shl(u32::from(len - net.prefix_len())).unwrap_or(usize::MAX);
                let step = u32::try_from(step % room).ok()?.checked_shl(u32::from(32 - len)).unwrap_or(0);
                Some(IpNet::V4(Ipv4Net::new(Ipv4Addr::from_bits(net.network().to_bits() | step), len).ok()?))
            }
            IpNet::V6(net) => {
                let len = if self.random.percent(1) { 65 } else { 64 };
                let room = 1usize.checked_shl(u32::from(64 - net.prefix_len().min(64))).unwrap_or(usize::MAX);
                let step = u128::try_from(step % room).ok()? << 64;
                Some(IpNet::V6(Ipv6Net::new(Ipv6Addr::from_bits(net.network().to_bits() | step), len).ok()?))
            }
        }
    }

    fn nic_spec(&mut self, world: &World, nic: &str, vnet: &str, subnet: &str) -> Made<NicSpec> {
        let prefixes = world.vnets.get(vnet).and_then(|vnet| vnet.subnets.get(subnet));
        let (mut ipv4, mut ipv6) = (None, None);
        for prefix in prefixes.into_iter().flatten() {
            match prefix {
                IpNet::V4(net) => {
                    let low = if self.random.percent(96) { 4 } else { 0 };
                    let offset = u32::try_from(self.random.between(low, 6)).unwrap_or(4);
                    ipv4 = Some(Ipv4Addr::from_bits(net.network().to_bits() + offset));
                }
                IpNet::V6(net) => {
                    let low = if self.random.percent(96) { 4 } else { 0 };
                    let offset = u128::try_from(self.random.between(low, 9)).unwrap_or(4);
                    ipv6 = Some(Ipv6Addr::from_bits(net.network().to_bits() + offset));
                }
            }
        }
        if self.random.percent(1) {
            ipv4 = Some(Ipv4Addr::new(198, 18, 5, 5));
        }
        if self.random.percent(4) {
            ipv6 = None;
        }
        let last = u8::try_from(self.random.between(1, 30)).unwrap_or(1);
        let mac = if self.random.percent(10) { Some(MacAddress::new([2, 0, 0, 0, 0, last])?) } else { None };
        let interface = format!("eth{}", self.random.between(0, 300));
        let interface = if self.random.percent(12) { Some(InterfaceName::new(&interface)?) } else { None };
        Ok(NicSpec {
            name: name(nic)?,
            subnet: SubnetRef { vnet: name(vnet)?, subnet: name(subnet)? },
            ipv4,
            ipv6,
            mac,
            interface,
            enable_ip_forwarding: self.random.percent(22),
        })
    }

    /// Some subnets of each side: a subnet peering.
    fn taking_part(&mut self, world: &World, one: &str, other: &str) -> Made<Option<PeeredSubnets>> {
        let mut some = |vnet: &str| -> Made<BTreeSet<SubnetName>> {
            let mut names = BTreeSet::new();
            let all = world.vnets.get(vnet).into_iter().flat_map(|vnet| vnet.subnets.keys());
            for subnet in all.filter(|_| self.random.percent(60)) {
                names.insert(name(subnet)?);
            }
            if self.random.percent(3) {
                names.insert(name("no-such")?);
            }
            Ok(names)
        };
        let (local, remote) = (some(one)?, some(other)?);
        Ok(Some(PeeredSubnets { local, remote, only_ipv6: self.random.percent(25) }))
    }

    fn flags(&mut self) -> PeeringFlags {
        PeeringFlags {
            allow_virtual_network_access: self.random.percent(85),
            allow_forwarded_traffic: self.random.percent(50),
            allow_gateway_transit: self.random.percent(20),
            use_remote_gateways: self.random.percent(2),
        }
    }

    fn create_side(&mut self, vnet: &str, remote: &str, subnets: Option<PeeredSubnets>) -> Made<Operation> {
        let remote = if self.random.percent(1) { "no-such" } else { remote };
        // Another name for the same remote is refused for another reason than the same name.
        let prefix = if self.random.percent(92) { "to" } else { "again" };
        let spec = PeeringSpec {
            name: name(&format!("{prefix}-{remote}"))?,
            remote: name(remote)?,
            flags: self.flags(),
            subnets,
        };
        Ok(Operation::CreatePeering(name(vnet)?, spec))
    }

    /// Creates the other side of an object that has none: it was never there, or was deleted.
    fn other_side(&mut self, world: &World, alone: Option<&Peering>) -> Made<Vec<Operation>> {
        let Some(peering) = alone else { return Ok(Vec::new()) };
        let subnets = self.taking_part(world, &peering.remote, &peering.vnet)?;
        let subnets = subnets.filter(|_| peering.subnets.is_some());
        Ok(vec![self.create_side(&peering.remote, &peering.vnet, subnets)?])
    }

    fn update_side(&mut self, world: &World, peering: &Peering) -> Made<Operation> {
        let same = match &peering.subnets {
            None => None,
            Some(Subnets { local, remote, only_ipv6 }) => Some(PeeredSubnets {
                local: local.iter().map(|text| name(text)).collect::<Made<_>>()?,
                remote: remote.iter().map(|text| name(text)).collect::<Made<_>>()?,
                only_ipv6: *only_ipv6,
            }),
        };
        let change = self.random.percent(if same.is_some() { 40 } else { 5 });
        let subnets = if change { self.taking_part(world, &peering.vnet, &peering.remote)? } else { same };
        let remote = if self.random.percent(4) { "v0" } else { &peering.remote };
        let spec =
            PeeringSpec { name: name(&peering.name)?, remote: name(remote)?, flags: self.flags(), subnets };
        Ok(Operation::UpdatePeering(name(&peering.vnet)?, spec))
    }

    /// Adds a range, takes one away, or exchanges one for its half, its double, or both its halves.
    fn change_space(&mut self, world: &World, vnet: &str) -> Made<Operation> {
        let old = world.vnets.get(vnet);
        let mut ranges = old.map(|vnet| vnet.ranges.clone()).unwrap_or_default();
        let index = vnet.trim_start_matches('v').parse().unwrap_or(0);
        let at = self.random.between(0, ranges.len().saturating_sub(1));
        match (self.random.between(0, 9), ranges.get(at).copied()) {
            (0..4, _) | (_, None) => {
                let part = self.random.between(0, 3);
                ranges.extend(self.range(index, part));
            }
            (4..6, _) => {
                ranges.remove(at);
            }
            (6..7, Some(range)) => {
                let halves = range.subnets(range.prefix_len() + 1);
                ranges.splice(at..=at, halves.into_iter().flatten().take(1));
            }
            (7..8, Some(range)) => {
                let halves = range.subnets(range.prefix_len() + 1);
                ranges.splice(at..=at, halves.into_iter().flatten());
            }
            (_, Some(range)) => {
                ranges.splice(at..=at, range.supernet());
            }
        }
        let region = if self.random.percent(90) { old.map(|vnet| vnet.region.as_str()) } else { None };
        let region = Region::new(region.unwrap_or("swedencentral"))?;
        Ok(Operation::UpdateVnet(VnetSpec { name: name(vnet)?, region, address_space: ranges }))
    }

    /// Another address space with other subnets in one step: most stay, one may go, come, or have other prefixes.
    fn replace_vnet(&mut self, world: &World, vnet: &str) -> Made<Operation> {
        let spec = match self.change_space(world, vnet)? {
            Operation::UpdateVnet(spec) => spec,
            other => return Ok(other),
        };
        let mut subnets = world.vnets.get(vnet).map(|vnet| vnet.subnets.clone()).unwrap_or_default();
        let names: Vec<String> = subnets.keys().cloned().collect();
        let one = self.random.pick(&names).cloned().unwrap_or_else(|| "s0".to_owned());
        match self.random.between(0, 3) {
            0 => drop(subnets.remove(&one)),
            1 => drop(subnets.insert(one, self.prefixes(&spec.address_space))),
            2 => drop(subnets.insert("s6".to_owned(), self.prefixes(&spec.address_space))),
            _ => {}
        }
        let specs = subnets.into_iter();
        let specs =
            specs.map(|(subnet, address_prefixes)| Ok(SubnetSpec { name: name(&subnet)?, address_prefixes }));
        Ok(Operation::ReplaceVnet(spec, specs.collect::<Made<Vec<_>>>()?))
    }

    /// Deletes a virtual network, mostly with its NICs, and sometimes makes one of the same name again.
    fn delete_vnet(&mut self, world: &World, vnet: &str) -> Made<Vec<Operation>> {
        let mut operations = Vec::new();
        if self.random.percent(75) {
            for (nic, _) in world.nics.iter().filter(|(_, nic)| nic.vnet == vnet) {
                operations.push(Operation::DeleteNic(name(nic)?));
            }
        }
        operations.push(Operation::DeleteVnet(name(vnet)?));
        if self.random.percent(50) {
            let index = vnet.trim_start_matches('v').parse().unwrap_or(0);
            operations.push(Operation::CreateVnet(self.vnet_spec(index)?));
        }
        Ok(operations)
    }

    fn change_subnet(&mut self, world: &World, vnet: &str) -> Made<Operation> {
        let found = world.vnets.get(vnet);
        let ranges = found.map(|vnet| vnet.ranges.clone()).unwrap_or_default();
        let names: Vec<String> = found.map(|vnet| vnet.subnets.keys().cloned().collect()).unwrap_or_default();
        let old = self.random.pick(&names).cloned().unwrap_or_else(|| "s9".to_owned());
        let mut address_prefixes = found.and_then(|vnet| vnet.subnets.get(&old)).cloned().unwrap_or_default();
        Ok(match self.random.between(0, 4) {
            0 => Operation::DeleteSubnet(name(vnet)?, name(&old)?),
            1 => {
                let spec = SubnetSpec { name: name("s5")?, address_prefixes: self.prefixes(&ranges) };
                Operation::CreateSubnet(name(vnet)?, spec)
            }
            2 => {
                let spec = SubnetSpec { name: name(&old)?, address_prefixes: self.prefixes(&ranges) };
                Operation::UpdateSubnet(name(vnet)?, spec)
            }
            _ => {
                address_prefixes.extend(self.prefixes(&ranges));
                Operation::UpdateSubnet(name(vnet)?, SubnetSpec { name: name(&old)?, address_prefixes })
            }
        })
    }

    /// A NIC comes, goes, changes, or moves to another subnet, also one of another virtual network.
    fn change_nic(&mut self, world: &World) -> Made<Vec<Operation>> {
        let subnets: Vec<(&String, &String)> = world
            .vnets
            .iter()
            .flat_map(|(vnet, v)| v.subnets.keys().map(move |subnet| (vnet, subnet)))
            .collect();
        let nics: Vec<(&String, &Nic)> = world.nics.iter().collect();
        let Some((vnet, subnet)) = self.random.pick(&subnets).copied() else { return Ok(Vec::new()) };
        let old = self.random.pick(&nics).copied();
        Ok(vec![match (self.random.between(0, 4), old) {
            (0, Some((nic, _))) => Operation::DeleteNic(name(nic)?),
            (1, _) | (_, None) => {
                let nic = format!("n-late-{}", self.random.between(0, 3));
                Operation::CreateNic(self.nic_spec(world, &nic, vnet, subnet)?)
            }
            (2, Some((nic, old))) => {
                Operation::UpdateNic(self.nic_spec(world, nic, &old.vnet, &old.subnet)?)
            }
            (_, Some((nic, _))) => Operation::UpdateNic(self.nic_spec(world, nic, vnet, subnet)?),
        }])
    }
}
