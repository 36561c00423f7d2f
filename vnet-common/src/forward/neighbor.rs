//! Neighbour discovery: the virtual router answers solicitations for every address but the asker's own. No message
//! of neighbour discovery is ever forwarded: they speak for a link, and no two NICs share one.

use super::{Action, Answer, Frame};
use crate::abi::{PORT_IP_FORWARDING, PortRecord};
use crate::net::{checksum, icmp, ipv6, ndisc};
use crate::verdict::DropReason;

const UNSPECIFIED: [u8; 16] = [0; 16];

/// How many units of eight bytes the longest solicitation has.
const MAX_UNITS: u32 = (ndisc::MAX_SOLICITATION_BYTES / 8) as u32;
const FIXED_UNITS: u32 = (ndisc::SOLICITATION_BYTES / 8) as u32;

/// Decides about the neighbour discovery message at `message`; the packet ends at `end`.
#[inline(always)]
pub(super) fn decide<F: Frame>(
    frame: &F,
    port: &PortRecord,
    ip: &ipv6::Ipv6<'_>,
    message: u32,
    end: u32,
    fragment: bool,
) -> Result<Action, DropReason> {
    let kind = frame.at::<{ icmp::HEAD_BYTES }>(message).ok_or(DropReason::NdMalformed)?[0];
    if !ndisc::is_solicitation(kind) {
        return Err(DropReason::NdNotSolicitation);
    }
    let fixed = frame.at::<{ ndisc::SOLICITATION_BYTES }>(message).ok_or(DropReason::NdMalformed)?;
    let target = ndisc::target(fixed, ip.hop_limit).ok_or(DropReason::NdMalformed)?;
    // A fragmented message of neighbour discovery is ignored (RFC 6980).
    if fragment || !is_sound(frame, ip, message, end) {
        return Err(DropReason::NdMalformed);
    }

    let is_probe = *ip.source_be == UNSPECIFIED;
    let owns_source = *ip.source_be == port.ipv6_be
        || ipv6::is_link_local(ip.source_be)
        || (port.flags & PORT_IP_FORWARDING != 0 && ipv6::is_routable_unicast(ip.source_be));
    if !is_probe && !owns_source {
        return Err(DropReason::SourceSpoofed);
    }
    // Duplicate address detection for a link-local address: the guest is alone on its link, with the router.
    let own_link_local = is_probe && ipv6::is_link_local(target) && *target != ipv6::ROUTER_LINK_LOCAL_BE;
    if *target == port.ipv6_be || *target == *ip.source_be || own_link_local {
        return Err(DropReason::NdOwnAddress);
    }
    Ok(Action::Answer(Answer::Neighbor { message }))
}

/// Checks the destination of a probe, and the length, the options and the checksum of a solicitation, in units of eight
/// bytes.
#[inline(always)]
fn is_sound<F: Frame>(frame: &F, ip: &ipv6::Ipv6<'_>, message: u32, end: u32) -> bool {
    let bytes = end - message;
    let units = bytes / 8;
    if !bytes.is_multiple_of(8) || !(FIXED_UNITS..=MAX_UNITS).contains(&units) {
        return false;
    }
    let from_unspecified = *ip.source_be == UNSPECIFIED;
    let mut sum = ndisc::pseudo_header_sum(ip.source_be, ip.destination_be, bytes);
    let mut option_at = FIXED_UNITS;
    let mut unit = 0;
    while unit < MAX_UNITS {
        if unit < units {
            let Some(chunk) = frame.at::<8>(message + unit * 8) else { return false };
            sum = checksum::sum(chunk, sum);
            if unit == option_at {
                let Some(option) = ndisc::option_bytes(chunk[0], chunk[1], from_unspecified) else {
                    return false;
                };
                option_at += option / 8;
            }
        }
        unit += 1;
    }
    let is_to_group = !from_unspecified || ndisc::is_solicited_node(ip.destination_be);
    is_to_group && option_at == units && checksum::finish(sum) == 0
}
