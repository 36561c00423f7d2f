//! Random operations over a few names, so that they meet: most are carried out, many are refused.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::prelude::*;

use super::{nic_name, peering_name, subnet_name, vnet_name};
use crate::model::*;

/// The bytes that say what a step does.
pub(crate) type Dice = [u8; 6];

/// Up to `steps` random steps.
pub(crate) fn dice(steps: usize) -> impl Strategy<Value = Vec<Dice>> {
    prop::collection::vec(prop::array::uniform6(any::<u8>()), 1..steps)
}

fn v4(a: u8, b: u8, c: u8, length: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new(Ipv4Addr::new(a, b, c, 0), length).unwrap())
}

fn v6(first: u16, second: u16, fourth: u16, length: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new(Ipv6Addr::new(first, second, 0, fourth, 0, 0, 0, 0), length).unwrap())
}

fn vnet_of(roll: u8) -> (u8, VnetId) {
    let number = roll % 4;
    (number, vnet_name(["a", "b", "c", "d"][usize::from(number)]))
}

fn space(number: u8, variant: u8) -> Vec<IpNet> {
    let second = u16::from(number);
    match variant % 6 {
        0 => vec![v4(10, number, 0, 16)],
        1 => vec![v4(10, number, 0, 16), v6(0xfd00, second, 0, 48)],
        2 => vec![v4(10, number, 0, 17), v4(10, number, 128, 17), v6(0xfd00, second, 0, 48)],
        3 => vec![v4(10, number, 0, 22), v6(0xfd00, second, 0, 56), v6(0xfd01, second, 0, 48)],
        // The second range is the same for all: two of these cannot be peered.
        4 => vec![v4(10, number, 0, 16), v4(172, 16, 0, 16), v6(0xfd00, second, 0, 56)],
        _ => vec![v4(0, number, 0, 16), v4(10, number, 0, 16), v6(0xfd00, second, 0, 48)],
    }
}

fn subnet_prefixes(number: u8, subnet: u8, variant: u8) -> Vec<IpNet> {
    let (second, fourth) = (u16::from(number), u16::from(subnet));
    match variant % 5 {
        0 => vec![v4(10, number, subnet, 24)],
        1 => vec![v4(10, number, subnet, 25), v6(0xfd00, second, fourth, 64)],
        2 => vec![v4(10, number, subnet, 24), v6(0xfd00, second, fourth, 64)],
        3 => vec![v6(0xfd00, second, fourth, 64)],
        _ => vec![v4(0, number, subnet, 24), v6(0xfd00, second, fourth, 64)],
    }
}

fn nic(dice: Dice) -> NicSpec {
    let [_, who, vnet, subnet, host, families] = dice;
    let (number, vnet) = vnet_of(vnet);
    let (subnet, host) = (subnet % 3, 4 + host % 8);
    let first = if families & 4 == 0 { 10 } else { 0 };
    let v6 = Ipv6Addr::new(0xfd00, number.into(), 0, subnet.into(), 0, 0, 0, host.into());
    NicSpec {
        name: nic_name(&format!("n{}", who % 8)),
        subnet: SubnetRef { vnet, subnet: subnet_name(&format!("s{subnet}")) },
        ipv4: (families & 3 != 1).then_some(Ipv4Addr::new(first, number, subnet, host)),
        ipv6: (families & 3 != 2).then_some(v6),
        mac: None,
        interface: (families & 8 != 0).then(|| InterfaceName::new(&format!("if{}", who % 8)).unwrap()),
        enable_ip_forwarding: families & 16 != 0,
    }
}

fn peering(dice: Dice) -> (VnetId, PeeringSpec) {
    let [_, from, to, flags, selection, _] = dice;
    let ((_, from), (_, to)) = (vnet_of(from), vnet_of(to));
    let names =
        |bits: u8| (0..3).filter(|n| bits & 1 << n != 0).map(|n| subnet_name(&format!("s{n}"))).collect();
    let selected =
        PeeredSubnets { local: names(selection), remote: names(selection >> 3), only_ipv6: flags & 4 != 0 };
    let spec = PeeringSpec {
        name: peering_name(&format!("to-{to}")),
        remote: to,
        flags: PeeringFlags {
            allow_virtual_network_access: flags & 3 != 0,
            allow_forwarded_traffic: flags & 8 != 0,
            allow_gateway_transit: flags & 16 != 0,
            use_remote_gateways: false,
        },
        subnets: (selection & 0xc0 == 0).then_some(selected),
    };
    (from, spec)
}

/// The operations of a step; none for a roll that stands for something else.
pub(crate) fn operations(topology: &Topology, dice: Dice) -> Vec<Operation> {
    let [kind, a, b, c, _, _] = dice;
    let (number, vnet) = vnet_of(a);
    match kind % 24 {
        0..=3 => {
            let region = Region::new(if c % 3 == 0 { "northeurope" } else { "westeurope" }).unwrap();
            let spec = VnetSpec { name: vnet, region, address_space: space(number, b) };
            let exists = topology.vnet(&spec.name).is_some();
            vec![if exists { Operation::UpdateVnet(spec) } else { Operation::CreateVnet(spec) }]
        }
        4 => {
            let nics = topology.vnet(&vnet).into_iter().flat_map(|vnet| vnet.nics().iter());
            let mut all: Vec<_> = nics.map(|nic| Operation::DeleteNic(nic.name().clone())).collect();
            all.push(Operation::DeleteVnet(vnet));
            all
        }
        5..=7 => {
            let name = subnet_name(&format!("s{}", b % 3));
            let exists = topology.vnet(&vnet).is_some_and(|vnet| vnet.subnet(&name).is_some());
            let spec = SubnetSpec { name, address_prefixes: subnet_prefixes(number, b % 3, c) };
            vec![match exists {
                true => Operation::UpdateSubnet(vnet, spec),
                false => Operation::CreateSubnet(vnet, spec),
            }]
        }
        8 => vec![Operation::DeleteSubnet(vnet, subnet_name(&format!("s{}", b % 3)))],
        9..=12 => {
            let spec = nic(dice);
            let exists = topology.nic(&spec.name).is_some();
            vec![if exists { Operation::UpdateNic(spec) } else { Operation::CreateNic(spec) }]
        }
        13 => vec![Operation::DeleteNic(nic_name(&format!("n{}", a % 8)))],
        14 | 15 => {
            let (from, spec) = peering(dice);
            vec![Operation::CreatePeering(from, spec)]
        }
        16 | 17 => {
            let (from, to) = peering(dice);
            let back =
                peering([kind, b, a, dice[3], dice[4] >> 3 & 7 | (dice[4] & 7) << 3 | dice[4] & 0xc0, 0]);
            vec![Operation::CreatePeering(from, to), Operation::CreatePeering(back.0, back.1)]
        }
        18 => {
            let (from, spec) = peering(dice);
            vec![Operation::UpdatePeering(from, spec)]
        }
        19 => {
            let (from, spec) = peering(dice);
            vec![Operation::DeletePeering(from, spec.name)]
        }
        20 => {
            let (from, spec) = peering(dice);
            vec![Operation::SyncPeering(from, spec.name)]
        }
        21 => {
            let region = Region::new("westeurope").unwrap();
            let spec = VnetSpec { name: vnet, region, address_space: space(number, b) };
            let kept = (0..3).filter(|subnet| c & 1 << subnet != 0);
            let subnet = |subnet| SubnetSpec {
                name: subnet_name(&format!("s{subnet}")),
                address_prefixes: subnet_prefixes(number, subnet, b),
            };
            vec![Operation::ReplaceVnet(spec, kept.map(subnet).collect())]
        }
        _ => Vec::new(),
    }
}

/// Carries out what is not refused. How many operations were carried out, and how many refused.
pub(crate) fn step(topology: &mut Topology, dice: Dice) -> (usize, usize) {
    let mut counts = (0, 0);
    for operation in operations(topology, dice) {
        match topology.apply(operation) {
            Ok(next) => {
                *topology = next;
                counts.0 += 1;
            }
            Err(_) => counts.1 += 1,
        }
    }
    counts
}

/// Two or more VNets with subnets and peerings to begin with, so that short series of steps reach far.
pub(crate) fn furnished() -> Topology {
    let mut topology = Topology::default();
    for number in 0..3 {
        step(&mut topology, [0, number, 1, 1, 0, 0]);
        for subnet in 0..3 {
            step(&mut topology, [5, number, subnet, 2, 0, 0]);
        }
    }
    step(&mut topology, [16, 0, 1, 11, 0xc0, 0]);
    step(&mut topology, [16, 1, 2, 3, 0xc0, 0]);
    for who in 0..6 {
        step(&mut topology, [9, who, who % 3, who / 3, who, if who == 5 { 16 } else { 0 }]);
    }
    topology
}
