//! Writes the virtual router's answer over the frame that asked. Off the usual path.

use super::{Answer, FrameMut};
use crate::net::{arp, ethernet, icmp, ndisc};

const L3: u32 = ethernet::HEADER_BYTES as u32;
const ALL_NODES_MAC: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];
const ALL_NODES_BE: [u8; 16] = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

/// Makes `frame`, for which [`super::decide`] gave `answer`, that answer. False where the frame does not hold what
/// the decision saw in it.
#[inline(always)]
pub fn write<F: FrameMut>(frame: &mut F, answer: Answer) -> bool {
    let written = match answer {
        Answer::Arp => write_arp(frame),
        Answer::Neighbor { message } => write_advertisement(frame, message),
        Answer::EchoV4 { message } => write_echo_v4(frame, message),
        Answer::EchoV6 { message } => write_echo_v6(frame, message),
    };
    written.is_some()
}

#[inline(always)]
fn write_arp<F: FrameMut>(frame: &mut F) -> Option<()> {
    let packet = frame.at_mut::<{ arp::FRAME_BYTES }>(0)?;
    let request = arp::parse(packet)?;
    *packet = arp::reply(&request);
    Some(())
}

/// The advertisement takes the place of the whole frame, whatever options the solicitation had. In answer to a probe
/// from the unspecified address it goes to all nodes, not marked as solicited (RFC 4861 section 7.2.4).
#[inline(always)]
fn write_advertisement<F: FrameMut>(frame: &mut F, message: u32) -> Option<()> {
    let ethernet = *frame.at::<{ ethernet::HEADER_BYTES }>(0)?;
    let asker_be = *frame.at::<16>(L3 + 8)?;
    let target_be = *frame.at::<16>(message + 8)?;
    let [_, _, _, _, _, _, a, b, c, d, e, f, ..] = ethernet;
    let built = if asker_be == [0; 16] {
        ndisc::advertisement(&ALL_NODES_MAC, &ALL_NODES_BE, &target_be, false)
    } else {
        ndisc::advertisement(&[a, b, c, d, e, f], &asker_be, &target_be, true)
    };
    if !frame.resize(ndisc::ADVERTISEMENT_FRAME_BYTES as u32) {
        return None;
    }
    *frame.at_mut::<{ ndisc::ADVERTISEMENT_FRAME_BYTES }>(0)? = built;
    Some(())
}

#[inline(always)]
fn write_echo_v4<F: FrameMut>(frame: &mut F, message: u32) -> Option<()> {
    let head = frame.at_mut::<{ icmp::HEAD_BYTES }>(message)?;
    *head = icmp::reply_v4(head)?;
    exchange_macs(frame)?;
    // Exchanging the addresses leaves the header's checksum as it is.
    let addresses = frame.at_mut::<8>(L3 + 12)?;
    let [a, b, c, d, e, f, g, h] = *addresses;
    *addresses = [e, f, g, h, a, b, c, d];
    Some(())
}

#[inline(always)]
fn write_echo_v6<F: FrameMut>(frame: &mut F, message: u32) -> Option<()> {
    let head = frame.at_mut::<{ icmp::HEAD_BYTES }>(message)?;
    *head = icmp::reply_v6(head)?;
    exchange_macs(frame)?;
    let source = *frame.at::<16>(L3 + 8)?;
    let destination = *frame.at::<16>(L3 + 24)?;
    *frame.at_mut::<16>(L3 + 8)? = destination;
    *frame.at_mut::<16>(L3 + 24)? = source;
    Some(())
}

/// The asker's MAC address becomes the destination, the router's the source.
#[inline(always)]
fn exchange_macs<F: FrameMut>(frame: &mut F) -> Option<()> {
    let asker = *frame.at::<6>(6)?;
    super::rewrite(frame, asker).then_some(())
}
