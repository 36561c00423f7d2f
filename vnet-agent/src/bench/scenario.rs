//! What is measured: a topology of peered virtual networks with a sender, and the flow that it sends.
//!
//! The sender's network is peered with all others. The destinations are NICs of the others, as many in each; a NIC of
//! the rig's far guest stands for all of them: their records, routes and counters are their own, as they would be, and
//! only the interface is one.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};
use vnet_common::abi::bench::{FRAME4_BYTES, FRAME6_BYTES, Flow, NETWORK_STEP4, SIGNATURE_BE};
use vnet_common::net::ethernet::ROUTER_MAC;

use crate::compile::image::{Image, Interface};
use crate::compile::layout::Layout;
use crate::compile::plan::{Capacity, CapacityExceeded};
use crate::compile::{Attachments, Compiled, compile};
use crate::dataplane::Tables as _;
use crate::dataplane::kernel::{KernelTables, LoadError, TableError};
use crate::model::{
    Declared, DesiredState, Located, MacAddress, NameError, Nic, NicId, NicSpec, PeeringFlags, PeeringName,
    PeeringSpec, Place, Region, SubnetName, SubnetRef, SubnetSpec, Topology, VnetId, VnetSpec, plan_file,
};

use super::rig::MTU_BYTES;

/// The version of the Internet Protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum IpVersion {
    /// Version 4.
    #[serde(rename = "IPv4")]
    V4,
    /// Version 6.
    #[serde(rename = "IPv6")]
    V6,
}

/// How large the topology is, and how many destinations the flow has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scenario {
    /// How many virtual networks the sender's is peered with, at least 1 and at most 127.
    pub peerings: u32,
    /// How many destinations the sender sends to in turn, at most 32,768 in one network: each has two addresses, and a
    /// network holds 65,536.
    pub destinations: u32,
}

/// The scenario's tables could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The model refused the topology.
    #[error("the topology of the bench was refused: {0:?}")]
    Refused(Vec<Located>),
    /// A name was refused.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The program could not be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A table could not be written.
    #[error(transparent)]
    Table(#[from] TableError),
    /// No table can be as large.
    #[error(transparent)]
    Capacity(#[from] CapacityExceeded),
}

/// The first host address that a NIC may hold: the four before are reserved.
const FIRST_HOST: u32 = 4;
/// Destinations have numbers of interfaces that do not exist, from this one on, until their devices are set.
const FIRST_STAND_IN: u32 = 1 << 24;

fn network_base4(network: u32) -> u32 {
    0x0a00_0000 + network * NETWORK_STEP4
}

fn address4(network: u32, nic: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(network_base4(network) + FIRST_HOST + nic)
}

fn address6(network: u32, nic: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits(
        0xfd00_u128 << 112 | u128::from(network) << 80 | 1 << 64 | u128::from(FIRST_HOST + nic),
    )
}

fn vnet_name(network: u32) -> Result<VnetId, NameError> {
    VnetId::new(&format!("net{network:03}"))
}

impl Scenario {
    /// How many networks hold destinations: as many as there are peerings, if the destinations can be shared out evenly.
    fn networks(self) -> u32 {
        (1..=self.peerings).rev().find(|networks| self.destinations.is_multiple_of(*networks)).unwrap_or(1)
    }

    fn nics(self) -> u32 {
        self.destinations / self.networks()
    }

    /// The prefixes of the networks that the sender's is peered with.
    pub(super) fn remote_prefixes(self) -> impl Iterator<Item = [IpNet; 2]> {
        (1..=self.peerings).map(Self::ranges)
    }

    fn ranges(network: u32) -> [IpNet; 2] {
        let v4 = Ipv4Net::new_assert(Ipv4Addr::from_bits(network_base4(network)), 16);
        let v6 = Ipv6Net::new_assert(address6(network, 0), 48).trunc();
        [v4.into(), v6.into()]
    }

    fn subnet(network: u32) -> [IpNet; 2] {
        let [v4, _] = Self::ranges(network);
        [v4, Ipv6Net::new_assert(address6(network, 0), 64).trunc().into()]
    }

    /// The topology.
    ///
    /// # Errors
    /// [`ScenarioError`].
    pub fn topology(self) -> Result<Topology, ScenarioError> {
        let mut desired = DesiredState::default();
        for network in 0..=self.peerings {
            self.declare_network(network, &mut desired)?;
        }
        plan_file(&Topology::default(), &desired)
            .map(|(topology, _)| topology)
            .map_err(ScenarioError::Refused)
    }

    fn declare_network(self, network: u32, desired: &mut DesiredState) -> Result<(), NameError> {
        let vnet = vnet_name(network)?;
        let subnet = SubnetName::new("default")?;
        let region = Region::new("here")?;
        let spec = VnetSpec { name: vnet.clone(), region, address_space: Self::ranges(network).to_vec() };
        desired.vnets.push(declared(spec));
        let spec = SubnetSpec { name: subnet.clone(), address_prefixes: Self::subnet(network).to_vec() };
        desired.subnets.push(declared((vnet.clone(), spec)));
        let is_destination = (1..=self.networks()).contains(&network);
        for nic in 0..if is_destination { self.nics() } else { 1 } {
            desired.nics.push(declared(NicSpec {
                name: NicId::new(&format!("nic{network:03}-{nic:05}"))?,
                subnet: SubnetRef { vnet: vnet.clone(), subnet: subnet.clone() },
                ipv4: Some(address4(network, nic)),
                ipv6: Some(address6(network, nic)),
                mac: Some(mac(network, nic)),
                interface: None,
                enable_ip_forwarding: false,
            }));
        }
        if network > 0 {
            for (here, there) in [(0, network), (network, 0)] {
                let spec = PeeringSpec {
                    name: PeeringName::new(&format!("to-net{there:03}"))?,
                    remote: vnet_name(there)?,
                    flags: PeeringFlags::default(),
                    subnets: None,
                };
                desired.peerings.push(declared((vnet_name(here)?, spec)));
            }
        }
        Ok(())
    }

    /// Which interface each NIC has: the sender's is `sender`, the destinations' are stand-ins.
    fn attachments(self, topology: &Topology, sender: u32) -> Attachments {
        // The names are in the order of the networks' numbers: the sender's is the first, the destinations' follow.
        let nics = topology.nics().take(1 + self.destinations as usize).zip(0..);
        let attach = |((_, nic), number): ((_, &Nic), u32)| {
            let ifindex = if number == 0 { sender } else { FIRST_STAND_IN + number };
            (nic.name().clone(), Interface { ifindex, mtu_bytes: MTU_BYTES })
        };
        nics.map(attach).collect()
    }

    /// Tables of the forwarder that hold the topology, made by its own compiler and layout. The sender's interface is
    /// `sender`; all other NICs have the interface `receiver`.
    ///
    /// # Errors
    /// [`ScenarioError`].
    pub fn tables(self, sender: u32, receiver: u32) -> Result<KernelTables, ScenarioError> {
        let topology = self.topology()?;
        let attachments = Arc::new(self.attachments(&topology, sender));
        let compiled = compile(&topology, &attachments, &Compiled::default());
        load(compiled.image(), receiver)
    }

    /// The same tables for frames that are run again and again without being made anew: the sender's MAC address is the
    /// one that the forwarder writes as a source. The model refuses it for a NIC, so it is put into the image.
    ///
    /// # Errors
    /// [`ScenarioError`].
    pub fn tables_for_repeats(self, sender: u32, receiver: u32) -> Result<KernelTables, ScenarioError> {
        let topology = self.topology()?;
        let attachments = Arc::new(self.attachments(&topology, sender));
        let mut image = compile(&topology, &attachments, &Compiled::default()).image().clone();
        if let Some(vnet) = image.vnets.get_mut(&vnet_name(0)?) {
            for nic in Arc::make_mut(vnet).nics.values_mut() {
                nic.mac = ROUTER_MAC;
            }
        }
        load(&image, receiver)
    }

    /// The frame for the first destination as [`Self::tables_for_repeats`] takes it.
    #[must_use]
    pub fn repeatable_frame(self, version: IpVersion) -> Vec<u8> {
        let flow = self.flow(version);
        let bytes = if version == IpVersion::V4 { FRAME4_BYTES } else { FRAME6_BYTES };
        let mut frame: Vec<u8> = flow.frame.as_flattened().iter().copied().take(bytes).collect();
        for (to, from) in frame.iter_mut().skip(6).zip(ROUTER_MAC) {
            *to = from;
        }
        if version == IpVersion::V4 {
            for (to, from) in frame.iter_mut().skip(30).zip(flow.first.to_be_bytes()) {
                *to = from;
            }
        }
        frame
    }

    /// The flow from the sender to all destinations.
    #[must_use]
    pub fn flow(self, version: IpVersion) -> Flow {
        let nics = self.nics();
        let flow =
            Flow { networks: self.networks(), nics, nic_step: scattering_step(nics), ..Flow::default() };
        match version {
            IpVersion::V4 => flow4(flow),
            IpVersion::V6 => flow6(flow),
        }
    }
}

fn load(image: &Image, receiver: u32) -> Result<KernelTables, ScenarioError> {
    let mut layout = Layout::new(Capacity::LARGEST, 0);
    let mut plan = layout.plan(image)?;
    for (_, ifindex) in plan.devices.iter_mut().filter(|(_, ifindex)| *ifindex >= FIRST_STAND_IN) {
        *ifindex = receiver;
    }
    let mut tables = KernelTables::load(Capacity::default().to_hold(layout.needed()))?;
    tables.write_and_publish(&plan)?;
    // No packet has read anything yet.
    tables.clear_up(&plan)?;
    Ok(tables)
}

fn declared<T>(spec: T) -> Declared<T> {
    Declared { spec, place: Place::default() }
}

/// Locally administered, one for each NIC of the bench.
fn mac(network: u32, nic: u32) -> MacAddress {
    let [_, _, high, low] = nic.to_be_bytes();
    MacAddress::new([0x02, 0x76, network as u8, (nic >> 16) as u8, high, low])
        .unwrap_or_else(|_| unreachable!("the first byte is 2: no group, not zero, not the router's"))
}

/// About the golden section of `count`, and without a divisor in common with it: successive destinations lie far apart,
/// and each comes up once in a round.
fn scattering_step(count: u32) -> u32 {
    let divisor = |mut a: u32, mut b: u32| {
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let golden = (f64::from(count) * 0.618) as u32;
    (golden..count).find(|step| divisor(*step, count) == 1).unwrap_or(0)
}

fn start_frame(ether_type: [u8; 2]) -> Vec<u8> {
    let mut frame = Vec::from(ROUTER_MAC);
    frame.extend(mac(0, 0).octets());
    frame.extend(ether_type);
    frame
}

/// UDP from port 4000 to port 4000 without a checksum, then the signature and room for the number.
fn payload(length: u16) -> Vec<u8> {
    let mut bytes = [[0x0f, 0xa0], [0x0f, 0xa0], length.to_be_bytes(), [0, 0]].concat();
    bytes.extend(SIGNATURE_BE);
    bytes.resize(usize::from(length), 0);
    bytes
}

fn flow4(flow: Flow) -> Flow {
    let mut frame = start_frame([0x08, 0x00]);
    frame.extend([0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, 17, 0, 0]);
    frame.extend(address4(0, 0).octets());
    frame.extend([0; 4]);
    let header = frame.get(14..34).unwrap_or_default();
    let checksum_base = header.chunks_exact(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
    frame.extend(payload(26));
    Flow { frame: into_blocks(&frame), version: 4, first: address4(1, 0).to_bits(), checksum_base, ..flow }
}

fn flow6(flow: Flow) -> Flow {
    let mut frame = start_frame([0x86, 0xdd]);
    frame.extend([0x60, 0, 0, 0, 0, 24, 17, 64]);
    frame.extend(address6(0, 0).octets());
    frame.extend(address6(1, 0).octets());
    frame.extend(payload(24));
    Flow { frame: into_blocks(&frame), version: 6, first: FIRST_HOST, first_network: 1, ..flow }
}

fn into_blocks(frame: &[u8]) -> [[u8; 16]; 5] {
    let mut blocks = [[0; 16]; 5];
    for (block, bytes) in blocks.iter_mut().zip(frame.chunks(16)) {
        for (to, from) in block.iter_mut().zip(bytes) {
            *to = *from;
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What the generator does with a flow (the eBPF crate's bench.rs): network and NIC of successive frames.
    fn destinations(flow: &Flow) -> impl Iterator<Item = (u32, u32)> {
        let (mut network, mut nic) = (0, 0);
        std::iter::from_fn(move || {
            let now = (network, nic);
            network += 1;
            if network >= flow.networks {
                network = 0;
                nic += flow.nic_step;
                nic -= if nic >= flow.nics { flow.nics } else { 0 };
            }
            Some(now)
        })
    }

    #[test]
    fn each_destination_comes_up_once_before_any_comes_up_again() {
        for (peerings, count) in [(1, 1), (100, 1), (1, 1_000), (100, 1_000), (1, 32_768), (100, 65_536)] {
            let scenario = Scenario { peerings, destinations: count };
            let flow = scenario.flow(IpVersion::V4);
            let seen: BTreeSet<_> = destinations(&flow).take(count as usize).collect();
            assert_eq!(seen.len(), count as usize, "{scenario:?}");
            assert!(seen.iter().all(|(network, nic)| *network < peerings && *nic < flow.nics));
        }
    }

    #[test]
    fn every_destination_is_a_nic_of_the_topology_that_the_sender_is_peered_with() {
        let scenario = Scenario { peerings: 4, destinations: 20 };
        let topology = scenario.topology().unwrap();
        let sender = topology.vnet(&vnet_name(0).unwrap()).unwrap();
        for (network, nic) in destinations(&scenario.flow(IpVersion::V4)).take(20) {
            let vnet = topology.vnet(&vnet_name(1 + network).unwrap()).unwrap();
            assert!(vnet.nics().by_address(address4(1 + network, nic).into()).is_some());
            assert!(vnet.nics().by_address(address6(1 + network, nic).into()).is_some());
            assert!(sender.peering_with(vnet.name()).is_some());
        }
    }

    #[test]
    fn a_flow_carries_what_its_destinations_addresses_are_made_from() {
        let scenario = Scenario { peerings: 2, destinations: 2 };
        let v4 = scenario.flow(IpVersion::V4);
        assert_eq!(Ipv4Addr::from_bits(v4.first + NETWORK_STEP4), address4(2, 0));
        let v6 = scenario.flow(IpVersion::V6);
        let mut address: [u8; 16] = v6.frame.as_flattened()[38..54].try_into().unwrap();
        assert_eq!(Ipv6Addr::from(address), address6(1, 0));
        address[4..6].copy_from_slice(&2_u16.to_be_bytes());
        assert_eq!(Ipv6Addr::from(address), address6(2, 0));
    }

    #[test]
    fn the_checksum_of_a_header_without_its_destination_is_completed_by_it() {
        let scenario = Scenario { peerings: 1, destinations: 1 };
        let flow = scenario.flow(IpVersion::V4);
        let sum = flow.checksum_base + (flow.first >> 16) + (flow.first & 0xffff);
        let sum = (sum & 0xffff) + (sum >> 16);
        let mut header = flow.frame.as_flattened()[14..34].to_vec();
        header[10..12].copy_from_slice(&(!(sum as u16)).to_be_bytes());
        header[16..20].copy_from_slice(&flow.first.to_be_bytes());
        let words = header.chunks_exact(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]));
        let total: u32 = words.sum();
        assert_eq!((total & 0xffff) + (total >> 16), 0xffff, "RFC 1071: a right header sums to all ones");
    }
}
