//! ARP for IPv4 over Ethernet (RFC 826).

use std::net::Ipv4Addr;

use super::{BROADCAST_MAC, Host, ROUTER_MAC, ethernet};

/// An ARP packet in its frame. Fields are public, to be changed before [`Self::frame`].
#[derive(Clone, Debug)]
pub struct Arp {
    /// Destination of the frame.
    pub to_mac: [u8; 6],
    /// Source of the frame.
    pub from_mac: [u8; 6],
    /// 1: request, 2: reply.
    pub operation: u16,
    /// Sender hardware address.
    pub sender_mac: [u8; 6],
    /// Sender protocol address.
    pub sender: Ipv4Addr,
    /// Target hardware address.
    pub target_mac: [u8; 6],
    /// Target protocol address.
    pub target: Ipv4Addr,
}

impl Arp {
    /// The request by which `host` asks for `target`.
    #[must_use]
    pub fn request(host: &Host, target: Ipv4Addr) -> Self {
        Self {
            to_mac: BROADCAST_MAC,
            from_mac: host.mac,
            operation: 1,
            sender_mac: host.mac,
            sender: host.v4,
            target_mac: [0; 6],
            target,
        }
    }

    /// The virtual router's reply to this request.
    #[must_use]
    pub fn answer(&self) -> Self {
        Self {
            to_mac: self.sender_mac,
            from_mac: ROUTER_MAC,
            operation: 2,
            sender_mac: ROUTER_MAC,
            sender: self.target,
            target_mac: self.sender_mac,
            target: self.sender,
        }
    }

    /// The frame: 42 bytes.
    #[must_use]
    pub fn frame(&self) -> Vec<u8> {
        let packet = [
            &[0, 1, 8, 0, 6, 4][..],
            &self.operation.to_be_bytes(),
            &self.sender_mac,
            &self.sender.octets(),
            &self.target_mac,
            &self.target.octets(),
        ];
        ethernet(self.to_mac, self.from_mac, 0x0806, &packet.concat())
    }
}
