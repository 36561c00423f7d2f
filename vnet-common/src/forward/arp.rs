//! ARP: the virtual router answers for every address but the asker's own, so that all traffic comes to it.

use super::{Action, Answer, Frame};
use crate::abi::{PORT_IP_FORWARDING, PortRecord};
use crate::net::arp;
use crate::verdict::DropReason;

#[inline(always)]
pub(super) fn decide<F: Frame>(frame: &F, port: &PortRecord) -> Result<Action, DropReason> {
    let packet = frame.at::<{ arp::FRAME_BYTES }>(0).ok_or(DropReason::ArpMalformed)?;
    let request = arp::parse(packet).ok_or(DropReason::ArpMalformed)?;
    if !request.is_request {
        return Err(DropReason::ArpNotRequest);
    }
    let is_probe = request.sender_ip_be == [0; 4];
    let owns_sender = request.sender_ip_be == port.ipv4_be || port.flags & PORT_IP_FORWARDING != 0;
    if request.sender_mac != port.mac || !(is_probe || owns_sender) {
        return Err(DropReason::ArpSpoofed);
    }
    // A probe (RFC 5227) or an announcement of the own address: an answer would make the guest give the address up.
    if request.target_ip_be == port.ipv4_be || request.target_ip_be == request.sender_ip_be {
        return Err(DropReason::ArpOwnAddress);
    }
    Ok(Action::Answer(Answer::Arp))
}
