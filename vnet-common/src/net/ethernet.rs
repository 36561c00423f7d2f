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

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::{EtherType, Ethernet2Header};

    const MAC: [u8; 6] = [2, 0x11, 0x22, 0x33, 0x44, 0x55];

    fn header(destination: [u8; 6], source: [u8; 6], ether_type: u16) -> [u8; HEADER_BYTES] {
        Ethernet2Header { source, destination, ether_type: EtherType(ether_type) }.to_bytes()
    }

    #[test]
    fn a_frame_is_from_a_mac_whose_every_bit_is_the_same() {
        assert!(is_from(&header(ROUTER_MAC, MAC, TYPE_IPV4), &MAC));
        for bit in 0..48 {
            let mut other = MAC;
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_from(&header(ROUTER_MAC, other, TYPE_IPV4), &MAC), "bit {bit}");
        }
    }

    #[test]
    fn a_group_has_the_lowest_bit_of_the_first_byte_set() {
        for (mac, expected) in [
            ([0xff; 6], true),
            ([0x33, 0x33, 0, 0, 0, 1], true),
            ([1, 0, 0x5e, 0, 0, 1], true),
            (ROUTER_MAC, false),
        ] {
            assert_eq!(to_group(&header(mac, MAC, TYPE_IPV4)), expected, "{mac:?}");
        }
    }

    #[test]
    fn the_type_is_what_stands_in_the_header() {
        for kind in [TYPE_IPV4, TYPE_ARP, TYPE_IPV6, TYPE_VLAN, TYPE_SERVICE_VLAN, 0x1234] {
            assert_eq!(ether_type(&header(MAC, MAC, kind)), kind);
        }
        assert_eq!(EtherType(TYPE_IPV4), EtherType::IPV4);
        assert_eq!(EtherType(TYPE_ARP), EtherType::ARP);
        assert_eq!(EtherType(TYPE_IPV6), EtherType::IPV6);
        assert_eq!(EtherType(TYPE_VLAN), EtherType::VLAN_TAGGED_FRAME);
        assert_eq!(EtherType(TYPE_SERVICE_VLAN), EtherType::PROVIDER_BRIDGING);
    }
}
