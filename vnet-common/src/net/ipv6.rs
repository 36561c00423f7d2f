//! IPv6 (RFC 8200): the fixed header, and what the walk over extension headers needs.

use super::be16;

/// Length of the fixed header.
pub const HEADER_BYTES: usize = 40;

/// Next header: ICMPv6.
pub const NEXT_ICMPV6: u8 = 58;
/// Next header: TCP.
pub const NEXT_TCP: u8 = 6;
/// Next header: UDP.
pub const NEXT_UDP: u8 = 17;

/// The most extension headers that a packet may carry. RFC 8200 section 4.1 recommends an order in which no
/// packet needs more than seven.
pub const MAX_EXTENSION_HEADERS: usize = 8;

/// The link-local address of the virtual router.
pub const ROUTER_LINK_LOCAL_BE: [u8; 16] =
    [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc];

/// The fields that forwarding needs. Addresses are in network byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6<'a> {
    /// Length of what follows the fixed header, in bytes.
    pub payload_bytes: u32,
    /// Type of the header that follows.
    pub next_header: u8,
    /// Hop limit.
    pub hop_limit: u8,
    /// Source address.
    pub source_be: &'a [u8; 16],
    /// Destination address.
    pub destination_be: &'a [u8; 16],
}

/// Parses the fixed header; `None` where the version is not 6.
#[inline(always)]
#[must_use]
pub fn parse(header: &[u8; HEADER_BYTES]) -> Option<Ipv6<'_>> {
    let h = header;
    if h[0] >> 4 != 6 {
        return None;
    }
    Some(Ipv6 {
        payload_bytes: u32::from(be16(h[4], h[5])),
        next_header: h[6],
        hop_limit: h[7],
        source_be: h[8..24].first_chunk()?,
        destination_be: h[24..40].first_chunk()?,
    })
}

/// What an extension header is to the walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    /// Its length is `(field + 1) * 8` bytes.
    Options,
    /// The fragment header: 8 bytes.
    Fragment,
    /// The authentication header: `(field + 2) * 4` bytes (RFC 4302).
    Authentication,
}

/// Classifies a next-header value; `None`: it is no extension header, the walk ends.
#[inline(always)]
#[must_use]
pub const fn extension(next_header: u8) -> Option<Extension> {
    match next_header {
        // Hop-by-hop, routing, destination options, mobility, HIP, shim6 (IANA: IPv6 extension header types).
        0 | 43 | 60 | 135 | 139 | 140 => Some(Extension::Options),
        44 => Some(Extension::Fragment),
        51 => Some(Extension::Authentication),
        _ => None,
    }
}

/// Whether an address is link-local (RFC 4291 section 2.5.6).
#[inline(always)]
#[must_use]
pub const fn is_link_local(address_be: &[u8; 16]) -> bool {
    address_be[0] == 0xfe && address_be[1] & 0xc0 == 0x80
}

/// Whether an address can be the source of a packet that is routed: not multicast, link-local, unspecified, loopback
/// or IPv4-mapped (RFC 4291 section 2.5, RFC 6890).
#[inline(always)]
#[must_use]
pub fn is_routable_unicast(address_be: &[u8; 16]) -> bool {
    let low = u128::from_be_bytes(*address_be);
    !(address_be[0] == 0xff || is_link_local(address_be) || low <= 1 || low >> 32 == 0xffff)
}
