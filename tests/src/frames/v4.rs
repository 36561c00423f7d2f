//! IPv4 (RFC 791) and ICMP (RFC 792).

use std::net::Ipv4Addr;

use super::{Host, ROUTER_MAC, checksum, ethernet, udp};

/// An IPv4 packet in its frame. Fields are public, to be changed before [`Self::frame`].
#[derive(Clone, Debug)]
pub struct V4 {
    /// Destination of the frame.
    pub to_mac: [u8; 6],
    /// Source of the frame.
    pub from_mac: [u8; 6],
    /// Source address.
    pub source: Ipv4Addr,
    /// Destination address.
    pub destination: Ipv4Addr,
    /// Time to live.
    pub ttl: u8,
    /// Protocol.
    pub protocol: u8,
    /// The 16 bits of flags and fragment offset.
    pub fragment: u16,
    /// Options, a multiple of four bytes.
    pub options: Vec<u8>,
    /// What the packet carries.
    pub payload: Vec<u8>,
    /// The total length that the header claims, where it is not the true one.
    pub claimed_bytes: Option<u16>,
}

impl V4 {
    /// A UDP datagram from `host` to `destination`.
    #[must_use]
    pub fn udp(host: &Host, destination: Ipv4Addr) -> Self {
        Self {
            to_mac: ROUTER_MAC,
            from_mac: host.mac,
            source: host.v4,
            destination,
            ttl: 64,
            protocol: 17,
            fragment: 0,
            options: Vec::new(),
            payload: udp(b"eighteen bytes out"),
            claimed_bytes: None,
        }
    }

    /// A ping from `host` to `destination`.
    #[must_use]
    pub fn ping(host: &Host, destination: Ipv4Addr) -> Self {
        Self {
            protocol: 1,
            payload: icmp4(8, 0, b"\x00\x07\x00\x01abcdefgh"),
            ..Self::udp(host, destination)
        }
    }

    /// The answer to a ping with this payload: addresses exchanged, an echo reply.
    #[must_use]
    pub fn pong(&self) -> Self {
        Self {
            to_mac: self.from_mac,
            from_mac: ROUTER_MAC,
            source: self.destination,
            destination: self.source,
            payload: icmp4(0, 0, &self.payload[4..]),
            ..self.clone()
        }
    }

    /// The frame.
    #[must_use]
    pub fn frame(&self) -> Vec<u8> {
        let header_bytes = 20 + self.options.len();
        let total = self.claimed_bytes.unwrap_or((header_bytes + self.payload.len()) as u16);
        let header = |checksum: u16| {
            [
                &[0x40 | (header_bytes / 4) as u8, 0][..],
                &total.to_be_bytes(),
                &0x1234u16.to_be_bytes(),
                &self.fragment.to_be_bytes(),
                &[self.ttl, self.protocol],
                &checksum.to_be_bytes(),
                &self.source.octets(),
                &self.destination.octets(),
                &self.options,
            ]
            .concat()
        };
        let sum = checksum(&[&header(0)]);
        ethernet(self.to_mac, self.from_mac, 0x0800, &[header(sum), self.payload.clone()].concat())
    }
}

/// An ICMP message with its checksum; `rest` is what follows the checksum.
#[must_use]
pub fn icmp4(kind: u8, code: u8, rest: &[u8]) -> Vec<u8> {
    let sum = checksum(&[&[kind, code], rest]);
    [&[kind, code][..], &sum.to_be_bytes(), rest].concat()
}
