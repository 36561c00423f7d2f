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
