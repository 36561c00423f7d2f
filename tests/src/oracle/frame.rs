//! Frames: built from a description, and what a forwarder must have made of them.

use std::net::IpAddr;

use etherparse::PacketBuilder;
use etherparse::err::packet::BuildWriteError;
use vnet_common::forward::{Frame, FrameMut};

/// The virtual router's MAC address.
pub const ROUTER_MAC: [u8; 6] = [0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc];

/// What a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// A UDP datagram.
    Udp,
    /// A ping.
    EchoRequest,
    /// The answer to a ping.
    EchoReply,
}

/// A packet, and the interface that it comes in by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The kernel's number of the interface.
    pub ifindex: u32,
    /// Source MAC address.
    pub source_mac: [u8; 6],
    /// Destination MAC address.
    pub destination_mac: [u8; 6],
    /// Source address.
    pub source: IpAddr,
    /// Destination address, of the same family.
    pub destination: IpAddr,
    /// Time to live or hop limit.
    pub hop_limit: u8,
    /// Length of the IP packet, header included.
    pub ip_bytes: u32,
    /// What it carries.
    pub message: Message,
}

/// A frame that cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// One address is IPv4, the other IPv6.
    #[error("no frame goes from {0} to {1}")]
    Families(IpAddr, IpAddr),
    /// Too short for the headers.
    #[error("a packet of {0} bytes has no room for its headers")]
    Length(u32),
    /// The builder refused.
    #[error("the frame could not be built")]
    Build(#[from] BuildWriteError),
}

/// The frame of `packet`. The payload is a pattern, so that a byte which was moved is seen.
///
/// # Errors
/// [`FrameError`].
pub fn build(packet: &Packet) -> Result<Vec<u8>, FrameError> {
    let start = PacketBuilder::ethernet2(packet.source_mac, packet.destination_mac);
    let (start, header_bytes) = match (packet.source, packet.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            (start.ipv4(source.octets(), destination.octets(), packet.hop_limit), 20 + 8)
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            (start.ipv6(source.octets(), destination.octets(), packet.hop_limit), 40 + 8)
        }
        (source, destination) => return Err(FrameError::Families(source, destination)),
    };
    let payload_bytes =
        packet.ip_bytes.checked_sub(header_bytes).ok_or(FrameError::Length(packet.ip_bytes))?;
    let payload: Vec<u8> = (0..payload_bytes).map(|i| (i % 251) as u8 ^ 0x5a).collect();
    let mut frame = Vec::new();
    match (packet.message, packet.source.is_ipv4()) {
        (Message::Udp, _) => start.udp(4000, 4001).write(&mut frame, &payload)?,
        (Message::EchoRequest, true) => start.icmpv4_echo_request(7, 9).write(&mut frame, &payload)?,
        (Message::EchoRequest, false) => start.icmpv6_echo_request(7, 9).write(&mut frame, &payload)?,
        (Message::EchoReply, true) => start.icmpv4_echo_reply(7, 9).write(&mut frame, &payload)?,
        (Message::EchoReply, false) => start.icmpv6_echo_reply(7, 9).write(&mut frame, &payload)?,
    }
    Ok(frame)
}

/// The frame as the NIC with `mac` must receive it: other Ethernet addresses, and not a bit changed behind them.
#[must_use]
pub fn delivered(frame: &[u8], mac: [u8; 6]) -> Vec<u8> {
    [&mac[..], &ROUTER_MAC[..], frame.get(12..).unwrap_or_default()].concat()
}

/// The virtual router's answer to the ping `packet`.
///
/// # Errors
/// [`FrameError`].
pub fn echo_reply(packet: &Packet) -> Result<Vec<u8>, FrameError> {
    build(&Packet {
        source_mac: ROUTER_MAC,
        destination_mac: packet.source_mac,
        source: packet.destination,
        destination: packet.source,
        message: Message::EchoReply,
        ..packet.clone()
    })
}

/// A frame in memory, for the forwarding decision to run on.
#[derive(Clone, Debug)]
pub struct HostFrame(pub Vec<u8>);

impl Frame for HostFrame {
    fn at<const N: usize>(&self, offset: u32) -> Option<&[u8; N]> {
        self.0.get(offset as usize..)?.first_chunk()
    }

    fn linear_bytes(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    fn total_bytes(&self) -> u32 {
        self.linear_bytes()
    }
}

impl FrameMut for HostFrame {
    fn at_mut<const N: usize>(&mut self, offset: u32) -> Option<&mut [u8; N]> {
        self.0.get_mut(offset as usize..)?.first_chunk_mut()
    }

    fn resize(&mut self, bytes: u32) -> bool {
        self.0.resize(bytes as usize, 0);
        true
    }
}
