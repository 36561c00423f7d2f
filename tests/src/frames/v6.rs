//! IPv6 (RFC 8200) with extension headers.

use std::net::Ipv6Addr;

use super::{Host, ROUTER_MAC, ethernet, icmp6, udp};

/// An IPv6 packet in its frame. Fields are public, to be changed before [`Self::frame`].
#[derive(Clone, Debug)]
pub struct V6 {
    /// Destination of the frame.
    pub to_mac: [u8; 6],
    /// Source of the frame.
    pub from_mac: [u8; 6],
    /// Source address.
    pub source: Ipv6Addr,
    /// Destination address.
    pub destination: Ipv6Addr,
    /// Hop limit.
    pub hop_limit: u8,
    /// The type of each extension header, and all of it behind its first byte (which names what follows).
    pub extensions: Vec<(u8, Vec<u8>)>,
    /// The type of the payload.
    pub next_header: u8,
    /// What the packet carries.
    pub payload: Vec<u8>,
    /// The payload length that the header claims, where it is not the true one.
    pub claimed_bytes: Option<u16>,
}

impl V6 {
    /// A UDP datagram from `host` to `destination`.
    #[must_use]
    pub fn udp(host: &Host, destination: Ipv6Addr) -> Self {
        Self {
            to_mac: ROUTER_MAC,
            from_mac: host.mac,
            source: host.v6,
            destination,
            hop_limit: 64,
            extensions: Vec::new(),
            next_header: 17,
            payload: udp(b"eighteen bytes out"),
            claimed_bytes: None,
        }
    }

    /// An ICMPv6 message from `host` to `destination`; `rest` is what follows the checksum.
    #[must_use]
    pub fn icmp(host: &Host, destination: Ipv6Addr, kind: u8, rest: &[u8]) -> Self {
        let payload = icmp6(host.v6, destination, kind, 0, rest);
        Self { next_header: 58, payload, ..Self::udp(host, destination) }
    }

    /// A ping from `host` to `destination`.
    #[must_use]
    pub fn ping(host: &Host, destination: Ipv6Addr) -> Self {
        Self::icmp(host, destination, 128, b"\x00\x07\x00\x01abcdefgh")
    }

    /// A ping with the link-local address of `host`.
    #[must_use]
    pub fn link_local_ping(host: &Host, destination: Ipv6Addr) -> Self {
        Self::ping(&Host { v6: host.link_local(), ..*host }, destination)
    }

    /// The answer to a ping: addresses exchanged, an echo reply.
    #[must_use]
    pub fn pong(&self) -> Self {
        Self {
            to_mac: self.from_mac,
            from_mac: ROUTER_MAC,
            source: self.destination,
            destination: self.source,
            payload: icmp6(self.destination, self.source, 129, 0, &self.payload[4..]),
            ..self.clone()
        }
    }

    /// The same packet with an extension header more in front of the payload.
    #[must_use]
    pub fn with(mut self, kind: u8, behind_first_byte: Vec<u8>) -> Self {
        self.extensions.push((kind, behind_first_byte));
        self
    }

    /// The frame.
    #[must_use]
    pub fn frame(&self) -> Vec<u8> {
        let mut kinds: Vec<u8> = self.extensions.iter().map(|(kind, _)| *kind).collect();
        kinds.push(self.next_header);
        let mut body = Vec::new();
        for ((_, rest), next) in self.extensions.iter().zip(&kinds[1..]) {
            body.push(*next);
            body.extend_from_slice(rest);
        }
        body.extend_from_slice(&self.payload);
        let claimed = self.claimed_bytes.unwrap_or(body.len() as u16);
        let header = [
            &[0x60, 0, 0, 0][..],
            &claimed.to_be_bytes(),
            &[kinds[0], self.hop_limit],
            &self.source.octets(),
            &self.destination.octets(),
        ];
        ethernet(self.to_mac, self.from_mac, 0x86dd, &[header.concat(), body].concat())
    }
}

/// A header of options of `units` times eight bytes, filled by one PadN option, behind its first byte.
#[must_use]
pub fn options_header(units: u8) -> Vec<u8> {
    let bytes = usize::from(units) * 8;
    let mut header = vec![units - 1];
    // PadN holds at most 255 bytes; a longer header holds several.
    while header.len() < bytes - 1 {
        let room = bytes - 1 - header.len();
        let pad = (room - 2).min(254);
        header.extend([1, pad as u8]);
        header.resize(header.len() + pad, 0);
        if bytes - 1 - header.len() == 1 {
            header.push(0);
        }
    }
    header
}

/// A fragment header behind its first byte: offset in units of eight bytes, and whether more fragments follow.
#[must_use]
pub fn fragment_header(offset_units: u16, more: bool) -> Vec<u8> {
    let field = offset_units << 3 | u16::from(more);
    [&[0][..], &field.to_be_bytes(), &[0, 0, 0, 9]].concat()
}
