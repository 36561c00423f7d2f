//! What becomes of a packet by the image alone, without any table: the other opinion that tests compare with.

use std::net::IpAddr;

use ipnet::IpNet;
use vnet_common::abi::NONE;
use vnet_common::forward::{self, Action, Frame};
use vnet_common::verdict::DropReason;

use crate::compile::image::{Image, NicImage, Target, VnetImage};
use crate::model::{NicId, PeeringName, VnetId};

/// A packet that an interface sends, without payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Packet {
    pub(super) ifindex: u32,
    pub(super) mac: [u8; 6],
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
}

/// What becomes of it, in the words of the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Drop(DropReason),
    Deliver { ifindex: u32, mac: [u8; 6] },
    Other(Action),
}

/// Who a delivered packet is counted for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) sender: (VnetId, NicId),
    pub(super) receiver: (VnetId, NicId),
    pub(super) peering: Option<(VnetId, PeeringName)>,
}

struct Bytes(Vec<u8>);

impl Frame for Bytes {
    fn at<const N: usize>(&self, offset: u32) -> Option<&[u8; N]> {
        self.0.get(offset as usize..offset as usize + N)?.try_into().ok()
    }

    fn linear_bytes(&self) -> u32 {
        self.0.len() as u32
    }

    fn total_bytes(&self) -> u32 {
        self.linear_bytes()
    }
}

fn frame(packet: &Packet) -> Bytes {
    let mut bytes = vec![0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc];
    bytes.extend(packet.mac);
    match (packet.source, packet.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            bytes.extend([0x08, 0x00, 0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0]);
            bytes.extend(source.octets());
            bytes.extend(destination.octets());
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            bytes.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, 17, 64]);
            bytes.extend(source.octets());
            bytes.extend(destination.octets());
        }
        _ => panic!("a packet has one family"),
    }
    Bytes(bytes)
}

/// What the forwarding code makes of the packet over `tables`.
pub(super) fn decided<T: forward::Tables>(tables: &T, packet: &Packet) -> (u32, Action) {
    let outcome = forward::decide(tables, &frame(packet), packet.ifindex);
    (outcome.sender_counter, outcome.action)
}

/// What becomes of the packet by the image, and for whom it counts when it is delivered.
pub(super) fn expected(image: &Image, packet: &Packet) -> (Verdict, Option<Counted>) {
    match route(image, packet) {
        Ok((mac, ifindex, counted)) => (Verdict::Deliver { ifindex, mac }, Some(counted)),
        Err(reason) => (Verdict::Drop(reason), None),
    }
}

fn holder(vnet: &VnetImage, address: IpAddr) -> Option<(&NicId, &NicImage)> {
    vnet.nics.iter().find(|(_, nic)| match address {
        IpAddr::V4(address) => nic.ipv4 == Some(address),
        IpAddr::V6(address) => nic.ipv6 == Some(address),
    })
}

fn route(image: &Image, packet: &Packet) -> Result<([u8; 6], u32, Counted), DropReason> {
    let sender = image.vnets.iter().find_map(|(name, vnet)| {
        let is_it = |nic: &NicImage| nic.interface.is_some_and(|i| i.ifindex == packet.ifindex);
        vnet.nics.iter().find(|(_, nic)| is_it(nic)).map(|(nic, image)| (name, vnet, nic, image))
    });
    let (vnet_name, vnet, nic_name, nic) = sender.ok_or(DropReason::UnknownPort)?;
    if nic.mac != packet.mac {
        return Err(DropReason::MacSpoofed);
    }
    let (own, router) = match packet.source {
        IpAddr::V4(_) => (nic.ipv4.map(IpAddr::V4), nic.router4.map(IpAddr::V4)),
        IpAddr::V6(_) => (nic.ipv6.map(IpAddr::V6), nic.router6.map(IpAddr::V6)),
    };
    let is_own = own == Some(packet.source);
    if !is_own && !nic.ip_forwarding {
        return Err(DropReason::SourceSpoofed);
    }
    let table = &vnet.subnets[&nic.subnet];
    let rows = table.iter().filter(|(prefix, _)| prefix.contains(&packet.destination));
    let (_, target) = rows.max_by_key(|(prefix, _)| prefix.prefix_len()).ok_or(DropReason::NoRoute)?;
    let is_foreign = !vnet.ranges.iter().any(|range| range.contains(&packet.source));
    let (target_name, peering, range) = match target {
        Target::None => return Err(DropReason::RouteNone),
        Target::Internet => return Err(DropReason::RouteInternet),
        Target::Unroutable => return Err(DropReason::DestinationUnroutable),
        Target::Peering { access: false, .. } => return Err(DropReason::PeeringAccessDenied),
        Target::Peering { forwarded: false, .. } if is_foreign => {
            return Err(DropReason::ForwardedTrafficDenied);
        }
        Target::Peering { peering, remote, range, .. } => (remote, Some(peering), range),
        Target::Local { range } => (vnet_name, None, range),
    };
    assert!(image.vnets[target_name].ranges.contains(range), "{range} is no range of {target_name}");
    let found = holder(&image.vnets[target_name], packet.destination);
    let Some((receiver, found)) = found.filter(|_| range.contains(&packet.destination)) else {
        let is_router = peering.is_none() && router == Some(packet.destination);
        return Err(if is_router { DropReason::RouterUnserved } else { DropReason::NoEndpoint });
    };
    let interface = found.interface.ok_or(DropReason::EndpointDetached)?;
    let counted = Counted {
        sender: (vnet_name.clone(), nic_name.clone()),
        receiver: (target_name.clone(), receiver.clone()),
        peering: peering.map(|peering| (vnet_name.clone(), peering.clone())),
    };
    Ok((found.mac, interface.ifindex, counted))
}

/// Packets from every interface of either image, with the sender's own and a foreign source, to every address of either
/// image and to some that nobody has.
pub(super) fn packets(images: [&Image; 2]) -> Vec<Packet> {
    let nics: Vec<&NicImage> =
        images.iter().flat_map(|image| image.vnets.values()).flat_map(|vnet| vnet.nics.values()).collect();
    let nobodys = ["10.0.0.1", "10.1.1.200", "10.77.0.1", "8.8.8.8", "127.0.0.1", "0.0.0.9", "172.16.0.9"];
    let nobodys6 = ["fd00:0:0:1::1", "fd00:1:0:1::77", "2001:db8::1", "ff02::1", "fd77::1"];
    let mut destinations: Vec<IpAddr> =
        nobodys.iter().chain(&nobodys6).map(|address| address.parse().unwrap()).collect();
    for nic in &nics {
        destinations.extend(nic.ipv4.map(IpAddr::V4));
        destinations.extend(nic.ipv6.map(IpAddr::V6));
    }
    let foreign: [IpAddr; 2] = ["203.0.113.9".parse().unwrap(), "2001:db8::9".parse().unwrap()];
    let mut packets = Vec::new();
    for nic in nics {
        let Some(interface) = nic.interface else { continue };
        let own = nic.ipv4.map(IpAddr::V4).into_iter().chain(nic.ipv6.map(IpAddr::V6));
        for source in own.chain(foreign) {
            for destination in destinations.iter().filter(|to| to.is_ipv4() == source.is_ipv4()) {
                let (ifindex, mac) = (interface.ifindex, nic.mac);
                packets.push(Packet { ifindex, mac, source, destination: *destination });
            }
        }
    }
    packets.sort_unstable();
    packets.dedup();
    packets
}

/// The prefixes of an image's ranges, for messages.
pub(super) fn ranges(image: &Image) -> Vec<(&VnetId, &[IpNet])> {
    image.vnets.iter().map(|(name, vnet)| (name, vnet.ranges.as_slice())).collect()
}

/// The counter's index, where there is one.
pub(super) fn or_none(index: Option<u32>) -> u32 {
    index.unwrap_or(NONE)
}
