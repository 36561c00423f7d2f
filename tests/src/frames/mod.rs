//! Frames, byte by byte, with every checksum right unless a case says otherwise.
//!
//! Built without the code under test: a fault there does not hide here. A test of this module compares with `etherparse`.

mod arp;
mod nd;
mod v4;
mod v6;

#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, Ipv6Addr};

pub use arp::Arp;
pub use nd::{Solicitation, advertisement, icmp6, solicited_node};
pub use v4::{V4, icmp4};
pub use v6::{V6, fragment_header, options_header};

/// The virtual router's MAC address, as the documentation states it.
pub const ROUTER_MAC: [u8; 6] = [0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc];

/// The virtual router's link-local address.
pub const ROUTER_LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0x1234, 0x5678, 0x9abc);

/// The broadcast MAC address.
pub const BROADCAST_MAC: [u8; 6] = [0xff; 6];

/// A machine: what stands in the headers that it sends.
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// The NIC's name.
    pub name: &'static str,
    /// Its MAC address.
    pub mac: [u8; 6],
    /// Its IPv4 address.
    pub v4: Ipv4Addr,
    /// Its IPv6 address.
    pub v6: Ipv6Addr,
}

impl Host {
    /// The link-local address of the machine.
    #[must_use]
    pub fn link_local(&self) -> Ipv6Addr {
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0x42, 0, 0, u16::from(self.mac[5]))
    }
}

/// An Ethernet frame.
#[must_use]
pub fn ethernet(to: [u8; 6], from: [u8; 6], ether_type: u16, payload: &[u8]) -> Vec<u8> {
    [&to[..], &from, &ether_type.to_be_bytes(), payload].concat()
}

/// `frame` with `bytes` written at `offset`.
#[must_use]
pub fn patched(mut frame: Vec<u8>, offset: usize, bytes: &[u8]) -> Vec<u8> {
    frame[offset..offset + bytes.len()].copy_from_slice(bytes);
    frame
}

/// `frame` with `count` bytes of garbage behind it.
#[must_use]
pub fn padded(mut frame: Vec<u8>, count: usize) -> Vec<u8> {
    frame.extend((0..count).map(|at| (at % 251) as u8 ^ 0xa5));
    frame
}

/// The Internet checksum of all `parts`, one behind the other; only the last may be odd (RFC 1071).
#[must_use]
pub fn checksum(parts: &[&[u8]]) -> u16 {
    let bytes = parts.concat();
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    let mut sum: u32 = bytes.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// A UDP datagram without a checksum, which IPv4 allows; what it carries is of no concern to the program.
#[must_use]
pub fn udp(payload: &[u8]) -> Vec<u8> {
    let length = (8 + payload.len()) as u16;
    [&4000u16.to_be_bytes()[..], &5000u16.to_be_bytes(), &length.to_be_bytes(), &[0, 0], payload].concat()
}
