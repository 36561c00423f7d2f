//! An IPv4 packet: parse, source check, route, endpoint, and the router's own ping.

use super::{Action, Answer, Frame, Tables, View, frame_bytes, route};
use crate::abi::{PORT_IP_FORWARDING, PortRecord, ROUTE_LOCAL};
use crate::net::{ethernet, icmp, ipv4};
use crate::verdict::DropReason;

const L3: u32 = ethernet::HEADER_BYTES as u32;

#[inline(always)]
pub(super) fn decide<T: Tables, F: Frame>(
    view: &View<'_, T>,
    frame: &F,
    port: &PortRecord,
    to_group: bool,
) -> Result<Action, DropReason> {
    let header = frame.at::<{ ipv4::HEADER_BYTES }>(L3).ok_or(DropReason::Ipv4Truncated)?;
    let ip = ipv4::parse(header).map_err(|fault| match fault {
        ipv4::Fault::Malformed => DropReason::Ipv4Malformed,
        ipv4::Fault::Truncated => DropReason::Ipv4Truncated,
    })?;
    let bytes = frame_bytes(frame, L3 + ip.total_bytes).ok_or(DropReason::Ipv4Truncated)?;
    if to_group {
        return Err(DropReason::NotUnicast);
    }
    if ip.ttl == 0 {
        return Err(DropReason::HopLimitZero);
    }
    // A NIC without an address of the family has zero there, which is nobody's.
    let own_source = ip.source_be == port.ipv4_be && ip.source_be != [0; 4];
    if !own_source {
        if port.flags & PORT_IP_FORWARDING == 0 {
            return Err(DropReason::SourceSpoofed);
        }
        if !ipv4::is_unicast(ip.source_be) {
            return Err(DropReason::SourceNotUnicast);
        }
    }

    let leaf = view.lookup(port.routes4, &ip.destination_be, 0).ok_or(DropReason::NoRoute)?;
    let record = view.tables.route(leaf).ok_or(DropReason::TablesInconsistent)?;
    route::admit(record, || !own_source && view.lookup(port.space4, &ip.source_be, 0).is_none())?;

    // Only 0 to 3 bytes are ever left out; the mask tells the verifier.
    let skip = usize::from(record.skip_bytes & 3);
    match view.lookup(record.endpoints, &ip.destination_be, skip) {
        Some(index) => Ok(Action::Deliver(route::deliver(view, record, index, bytes)?)),
        None if record.kind == ROUTE_LOCAL && ip.destination_be == port.router4_be => {
            ping(frame, &ip, own_source)
        }
        None => Err(DropReason::NoEndpoint),
    }
}

/// A packet for the subnet's first address: an echo request is answered, all else is not served.
#[inline(always)]
fn ping<F: Frame>(frame: &F, ip: &ipv4::Ipv4, own_source: bool) -> Result<Action, DropReason> {
    let message = L3 + ip.header_bytes;
    let is_whole = ip.total_bytes >= ip.header_bytes + icmp::HEAD_BYTES as u32;
    if own_source && is_whole && !ip.is_fragment && ip.protocol == ipv4::PROTOCOL_ICMP {
        let head = frame.at::<{ icmp::HEAD_BYTES }>(message).ok_or(DropReason::Ipv4Truncated)?;
        if icmp::reply_v4(head).is_some() {
            return Ok(Action::Answer(Answer::EchoV4 { message }));
        }
    }
    Err(DropReason::RouterUnserved)
}
