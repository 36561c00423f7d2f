//! IPv6 neighbour discovery (RFC 4861): the solicitation, and the virtual router's advertisement as one frame.

use super::{checksum, ethernet, ipv6};

/// ICMPv6 types that belong to neighbour discovery: router solicitation to redirect. Never forwarded.
pub const TYPES: core::ops::RangeInclusive<u8> = 133..=137;

/// Length of a solicitation without options.
pub const SOLICITATION_BYTES: usize = 24;

/// The longest solicitation that is looked at: options of 64 bytes. Linux sends one option of 8 bytes, and a nonce
/// of 8 bytes in duplicate address detection (RFC 7527).
pub const MAX_SOLICITATION_BYTES: usize = SOLICITATION_BYTES + 64;

/// Length of the advertisement's frame: Ethernet, IPv6, advertisement, one target link-layer address option.
pub const ADVERTISEMENT_FRAME_BYTES: usize = 14 + 40 + 32;

const TYPE_SOLICITATION: u8 = 135;
const OPTION_SOURCE_LINK_LAYER: u8 = 1;

/// The target of the solicitation `message` (the fixed part), `None` where it is not well formed by RFC 4861 section
/// 7.1.1: type, code, hop limit 255, a target that is not multicast. Options and checksum are checked on their own.
#[inline(always)]
#[must_use]
pub fn target(message: &[u8; SOLICITATION_BYTES], hop_limit: u8) -> Option<&[u8; 16]> {
    let target = message[8..].first_chunk::<16>()?;
    let well_formed =
        message[0] == TYPE_SOLICITATION && message[1] == 0 && hop_limit == 255 && target[0] != 0xff;
    well_formed.then_some(target)
}

/// Whether an ICMPv6 type is a neighbour solicitation.
#[inline(always)]
#[must_use]
pub const fn is_solicitation(message_type: u8) -> bool {
    message_type == TYPE_SOLICITATION
}

/// Whether an address is a solicited-node group (RFC 4291 section 2.7.1), the one destination that a solicitation from
/// the unspecified address may have.
#[inline(always)]
#[must_use]
pub fn is_solicited_node(address_be: &[u8; 16]) -> bool {
    // In few wide comparisons: the verifier walks what follows once for each branch.
    u128::from_be_bytes(*address_be) >> 24 == 0x00ff_0200_0000_0000_0000_0000_01ff
}

/// Checks one option, given its first two bytes: the length in bytes, `None` for a length of zero, or for a source
/// link-layer address in a packet from the unspecified address (RFC 4861 section 7.1.1).
#[inline(always)]
#[must_use]
pub const fn option_bytes(kind: u8, units: u8, from_unspecified: bool) -> Option<u32> {
    if units == 0 || (from_unspecified && kind == OPTION_SOURCE_LINK_LAYER) {
        return None;
    }
    Some(units as u32 * 8)
}

/// The start of the sum of an ICMPv6 message: its pseudo-header (RFC 8200 section 8.1).
#[inline(always)]
#[must_use]
pub fn pseudo_header_sum(source_be: &[u8; 16], destination_be: &[u8; 16], message_bytes: u32) -> u32 {
    let addresses = checksum::sum(destination_be, checksum::sum(source_be, 0));
    addresses + message_bytes + u32::from(ipv6::NEXT_ICMPV6)
}

/// The virtual router's advertisement to a receiver: `target` is at the router's MAC. Router and override flags are
/// set, the solicited flag as asked for.
#[inline(always)]
#[must_use]
pub fn advertisement(
    receiver_mac: &[u8; 6],
    receiver_be: &[u8; 16],
    target_be: &[u8; 16],
    solicited: bool,
) -> [u8; ADVERTISEMENT_FRAME_BYTES] {
    let mut frame = [0u8; ADVERTISEMENT_FRAME_BYTES];
    frame[0..6].copy_from_slice(receiver_mac);
    frame[6..12].copy_from_slice(&ethernet::ROUTER_MAC);
    frame[12..14].copy_from_slice(&ethernet::TYPE_IPV6.to_be_bytes());
    frame[14] = 0x60;
    frame[19] = 32;
    frame[20] = ipv6::NEXT_ICMPV6;
    frame[21] = 255;
    frame[22..38].copy_from_slice(target_be);
    frame[38..54].copy_from_slice(receiver_be);
    frame[54] = 136;
    let flags: u8 = if solicited { 0xe0 } else { 0xa0 };
    frame[58] = flags;
    frame[62..78].copy_from_slice(target_be);
    frame[78] = 2;
    frame[79] = 1;
    frame[80..86].copy_from_slice(&ethernet::ROUTER_MAC);
    // The constants of the message (type, flags, option), the router's MAC, and the target once more.
    let constants = 0x8800 + (u32::from(flags) << 8) + 0x0201;
    let message = checksum::sum(target_be, checksum::sum(&ethernet::ROUTER_MAC, constants));
    let sum = pseudo_header_sum(target_be, receiver_be, 32) + message;
    let checksum = checksum::finish(sum).to_be_bytes();
    frame[56] = checksum[0];
    frame[57] = checksum[1];
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv6Addr;
    use etherparse::icmpv6::NeighborAdvertisementHeader;
    use etherparse::{Icmpv6Type, PacketBuilder};
    use proptest::prelude::*;

    const TARGET: [u8; 16] = [0x20, 1, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5];

    fn solicitation() -> [u8; SOLICITATION_BYTES] {
        let mut message = [0; SOLICITATION_BYTES];
        message[0] = TYPE_SOLICITATION;
        message[8..].copy_from_slice(&TARGET);
        message
    }

    #[test]
    fn a_target_is_read_where_rfc_4861_calls_the_solicitation_valid() {
        assert_eq!(target(&solicitation(), 255), Some(&TARGET));
        for hop_limit in 0..255 {
            assert_eq!(target(&solicitation(), hop_limit), None, "hop limit {hop_limit}");
        }
        for (at, byte) in [(0, 136), (1, 1), (8, 0xff)] {
            let mut message = solicitation();
            message[at] = byte;
            assert_eq!(target(&message, 255), None, "byte {at}");
        }
    }

    #[test]
    fn an_option_has_a_length_and_a_probe_has_no_link_layer_address() {
        assert_eq!(option_bytes(1, 1, false), Some(8));
        assert_eq!(option_bytes(14, 255, true), Some(2040));
        assert_eq!(option_bytes(1, 1, true), None);
        for kind in 0..=255 {
            assert_eq!(option_bytes(kind, 0, false), None, "{kind}");
        }
    }

    #[test]
    fn a_solicited_node_group_has_its_104_bits() {
        let octets = |text: &str| text.parse::<Ipv6Addr>().unwrap().octets();
        let group = octets("ff02::1:ff12:3456");
        for bit in 0..128 {
            let mut other = group;
            other[bit / 8] ^= 0x80 >> (bit % 8);
            assert_eq!(is_solicited_node(&other), bit >= 104, "bit {bit}");
        }
        assert!(is_solicited_node(&group));
    }

    #[test]
    fn solicitation_to_redirect_belong_to_neighbour_discovery() {
        for kind in 0..=255 {
            assert_eq!(TYPES.contains(&kind), (133..=137).contains(&kind));
            assert_eq!(is_solicitation(kind), kind == 135);
        }
    }

    proptest! {
        #[test]
        fn an_advertisement_is_what_etherparse_builds(mac: [u8; 6], receiver: [u8; 16], target: [u8; 16], solicited: bool) {
            let header = NeighborAdvertisementHeader { router: true, solicited, r#override: true };
            let builder = PacketBuilder::ethernet2(ethernet::ROUTER_MAC, mac)
                .ipv6(target, receiver, 255)
                .icmpv6(Icmpv6Type::NeighborAdvertisement(header));
            let mut expected = std::vec::Vec::new();
            builder.write(&mut expected, &[&target[..], &[2, 1], &ethernet::ROUTER_MAC].concat()).unwrap();
            prop_assert_eq!(&advertisement(&mac, &receiver, &target, solicited)[..], &expected[..]);
        }
    }
}
