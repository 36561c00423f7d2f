//! Random packets for a topology: what its NICs could send, honest and otherwise.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::answer::{ROUTER_LINK_LOCAL, first_of};
use super::frame::{Message, Packet, ROUTER_MAC};
use super::random::Random;
use super::world::{Nic, World};

/// Where no NIC is: the Internet, private ranges that nobody has, and addresses that no host may have.
const ELSEWHERE: [IpAddr; 14] = [
    IpAddr::V4(Ipv4Addr::new(1, 1, 1, 1)),
    IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(10, 254, 0, 4)),
    IpAddr::V4(Ipv4Addr::new(172, 31, 9, 4)),
    IpAddr::V4(Ipv4Addr::new(192, 168, 200, 4)),
    IpAddr::V4(Ipv4Addr::new(100, 127, 0, 4)),
    IpAddr::V4(Ipv4Addr::new(224, 0, 0, 251)),
    IpAddr::V4(Ipv4Addr::BROADCAST),
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V6(Ipv6Addr::new(0x2606, 0x4700, 0, 0, 0, 0, 0, 0x1111)),
    IpAddr::V6(Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, 4)),
    IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb)),
    IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 4)),
];

/// Sources that no honest host has.
const NO_SOURCES: [IpAddr; 7] = [
    IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V4(Ipv4Addr::new(169, 254, 1, 1)),
    IpAddr::V4(Ipv4Addr::new(224, 0, 0, 1)),
    IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
    IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1)),
];

/// A random packet in `world`, `None` where no NIC is attached.
pub fn packet(random: &mut Random, world: &World) -> Option<Packet> {
    let names: Vec<&String> = world.attached.keys().collect();
    let name = *random.pick(&names)?;
    let (at, nic) = (world.attached.get(name)?, world.nics.get(name)?);
    let own = *random.pick(&nic.addresses)?;
    // A NIC that forwards may send packets of a family that it has no address of.
    let other = if own.is_ipv4() { NO_SOURCES[4] } else { NO_SOURCES[0] };
    let like =
        if nic.forwards && nic.address_like(other).is_none() && random.percent(15) { other } else { own };
    let destination = destination(random, world, nic, like)?;
    let source = source(random, world, nic, like)?;
    let is_honest = random.percent(94);
    let ifindex = if is_honest || random.percent(70) { at.ifindex } else { 1 };
    Some(Packet {
        ifindex,
        source_mac: if is_honest { nic.mac } else { any_mac(random, world)? },
        destination_mac: if random.percent(97) { ROUTER_MAC } else { [0x01, 0x00, 0x5e, 0, 0, 0xfb] },
        source,
        destination,
        hop_limit: u8::try_from(random.between(1, 255)).unwrap_or(64),
        ip_bytes: u32::try_from(*random.pick(&[60, 64, 576, 1280, 1281, 1400, 1500])?).unwrap_or(60),
        message: if random.percent(40) { Message::EchoRequest } else { Message::Udp },
    })
}

fn any_mac(random: &mut Random, world: &World) -> Option<[u8; 6]> {
    let nics: Vec<&Nic> = world.nics.values().collect();
    Some(if random.percent(50) { random.pick(&nics)?.mac } else { [2, 9, 9, 9, 9, 9] })
}

fn of_family(list: &[IpAddr], like: IpAddr) -> Vec<IpAddr> {
    list.iter().copied().filter(|address| address.is_ipv4() == like.is_ipv4()).collect()
}

fn destination(random: &mut Random, world: &World, nic: &Nic, like: IpAddr) -> Option<IpAddr> {
    let choice = random.between(0, 99);
    let everyone = |filter: &dyn Fn(&Nic) -> bool| -> Vec<IpAddr> {
        let nics = world.nics.values().filter(|other| filter(other));
        nics.filter_map(|other| other.address_like(like)).collect()
    };
    let candidates = match choice {
        0..20 => everyone(&|other| other.vnet == nic.vnet),
        20..50 => everyone(&|other| world.object(&nic.vnet, &other.vnet).is_some()),
        50..72 => everyone(&|_| true),
        72..82 => prefixes(world).filter_map(|prefix| inside(random, &prefix)).collect(),
        82..90 => routers(world, nic, random),
        _ => ELSEWHERE.to_vec(),
    };
    let candidates = of_family(&candidates, like);
    random.pick(&candidates).copied().or_else(|| of_family(&ELSEWHERE, like).first().copied())
}

/// The prefixes of all subnets, and all ranges.
fn prefixes(world: &World) -> impl Iterator<Item = IpNet> {
    let vnets = world.vnets.values();
    vnets.flat_map(|vnet| vnet.ranges.iter().chain(vnet.subnets.values().flatten()).copied())
}

/// A low address of `prefix`: near the NICs, and often none of them.
fn inside(random: &mut Random, prefix: &IpNet) -> Option<IpAddr> {
    let offset = u32::try_from(random.between(0, 12)).ok()?;
    Some(match prefix {
        IpNet::V4(net) => IpAddr::V4(Ipv4Addr::from_bits(net.network().to_bits().checked_add(offset)?)),
        IpNet::V6(net) => IpAddr::V6(Ipv6Addr::from_bits(net.network().to_bits() + u128::from(offset))),
    })
}

/// The virtual router, as the NIC's own subnet and as others see it.
fn routers(world: &World, nic: &Nic, random: &mut Random) -> Vec<IpAddr> {
    let own = world.vnets.get(&nic.vnet).and_then(|vnet| vnet.subnets.get(&nic.subnet));
    let mut routers: Vec<IpAddr> = own.into_iter().flatten().map(first_of).collect();
    routers.push(IpAddr::V6(ROUTER_LINK_LOCAL));
    if random.percent(20) {
        routers.extend(world.vnets.values().flat_map(|vnet| vnet.subnets.values().flatten()).map(first_of));
    }
    routers
}

fn source(random: &mut Random, world: &World, nic: &Nic, like: IpAddr) -> Option<IpAddr> {
    let own = nic.address_like(like);
    let honest = if nic.forwards { 45 } else { 92 };
    if let Some(own) = own.filter(|_| random.percent(honest)) {
        return Some(own);
    }
    let everyone: Vec<IpAddr> = world.nics.values().filter_map(|other| other.address_like(like)).collect();
    match random.between(0, 9) {
        0..5 => random.pick(&everyone).copied(),
        5..8 => random.pick(&of_family(&ELSEWHERE, like)).copied(),
        _ => random.pick(&of_family(&NO_SOURCES, like)).copied(),
    }
    .or(Some(like))
}
