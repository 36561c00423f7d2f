//! Ethernet, ARP, IPv4, IPv6, ICMP: parse and build, pure, over fixed-size byte arrays.
//!
//! Functions take references to arrays whose length is part of the type, so that one bounds check by the caller
//! covers every field, in the kernel too.

pub mod arp;
pub mod checksum;
pub mod ethernet;
pub mod icmp;
pub mod ipv4;
pub mod ipv6;
pub mod ndisc;

/// Reads a 16-bit field in network byte order at the start of `bytes`.
#[inline(always)]
#[must_use]
pub const fn be16(high: u8, low: u8) -> u16 {
    u16::from_be_bytes([high, low])
}
