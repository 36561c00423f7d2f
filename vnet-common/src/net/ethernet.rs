//! Ethernet II (IEEE 802.3 clause 3, RFC 894).

/// Length of the header: destination, source, type.
pub const HEADER_BYTES: usize = 14;

/// EtherType of IPv4 (RFC 894).
pub const TYPE_IPV4: u16 = 0x0800;
/// EtherType of ARP (RFC 826).
pub const TYPE_ARP: u16 = 0x0806;
/// EtherType of IPv6 (RFC 2464).
pub const TYPE_IPV6: u16 = 0x86dd;
/// EtherType of a customer VLAN tag (IEEE 802.1Q).
pub const TYPE_VLAN: u16 = 0x8100;
/// EtherType of a service VLAN tag (IEEE 802.1ad).
pub const TYPE_SERVICE_VLAN: u16 = 0x88a8;

/// The virtual router's MAC address: what every NIC sees as its gateway, as in Azure.
pub const ROUTER_MAC: [u8; 6] = [0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc];

/// The EtherType of a header.
#[inline(always)]
#[must_use]
pub const fn ether_type(header: &[u8; HEADER_BYTES]) -> u16 {
    super::be16(header[12], header[13])
}

/// Whether the frame is from this MAC address.
#[inline(always)]
#[must_use]
pub fn is_from(header: &[u8; HEADER_BYTES], mac: &[u8; 6]) -> bool {
    // One load of four bytes and one of two on each side: parts that are put together from bytes stay bytes.
    let [_, _, _, _, _, _, source @ .., _, _] = header;
    let (Some(a), Some(b)) = (source.first_chunk(), mac.first_chunk()) else { return false };
    let (Some(c), Some(d)) = (source.last_chunk(), mac.last_chunk()) else { return false };
    let head = u32::from_ne_bytes(*a) ^ u32::from_ne_bytes(*b);
    let tail = u16::from_ne_bytes(*c) ^ u16::from_ne_bytes(*d);
    head | u32::from(tail) == 0
}

/// Whether the frame's destination is a group address: multicast or broadcast.
#[inline(always)]
#[must_use]
pub const fn to_group(header: &[u8; HEADER_BYTES]) -> bool {
    header[0] & 1 != 0
}
