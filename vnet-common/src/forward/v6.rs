//! An IPv6 packet: parse, extension headers, neighbour discovery, source check, route, endpoint, the router's ping.

use super::{Action, Answer, Frame, Tables, View, frame_bytes, neighbor, route};
use crate::abi::{Endpoint6Key, PORT_IP_FORWARDING, PortRecord, ROUTE_LOCAL, ROUTE_UNROUTABLE};
use crate::net::{ethernet, icmp, ipv6, ndisc};
use crate::verdict::DropReason;

const L4: u32 = (ethernet::HEADER_BYTES + ipv6::HEADER_BYTES) as u32;

/// The most bytes of extension headers that are walked.
const MAX_EXTENSION_BYTES: u32 = 512;

/// What the walk over the extension headers found.
pub(super) struct Upper {
    /// Where the ICMPv6 message starts, `None` where the packet holds none that can be looked at.
    icmp: Option<u32>,
    /// Whether a fragment header was on the way.
    fragment: bool,
}

#[inline(always)]
pub(super) fn decide<T: Tables, F: Frame>(
    view: &View<'_, T>,
    frame: &F,
    port: &PortRecord,
    to_group: bool,
) -> Result<Action, DropReason> {
    let header =
        frame.at::<{ ipv6::HEADER_BYTES }>(ethernet::HEADER_BYTES as u32).ok_or(DropReason::Ipv6Truncated)?;
    let ip = ipv6::parse(header).ok_or(DropReason::Ipv6Malformed)?;
    let end = L4 + ip.payload_bytes;
    let bytes = frame_bytes(frame, end).ok_or(DropReason::Ipv6Truncated)?;

    let mut icmp = None;
    if ip.next_header != ipv6::NEXT_TCP && ip.next_header != ipv6::NEXT_UDP {
        let upper = walk_extensions(frame, ip.next_header, end)?;
        if let Some(message) = upper.icmp {
            let message_type = frame.at::<{ icmp::HEAD_BYTES }>(message).ok_or(DropReason::Ipv6Truncated)?[0];
            if ndisc::TYPES.contains(&message_type) {
                return neighbor::decide(frame, port, &ip, message, end, upper.fragment);
            }
            icmp = (!upper.fragment).then_some(message);
        }
    }
    if to_group {
        return Err(DropReason::NotUnicast);
    }
    if ip.hop_limit == 0 {
        return Err(DropReason::HopLimitZero);
    }
    // A NIC without an address of the family has zero there, which is nobody's.
    let own_source = *ip.source_be == port.ipv6_be && *ip.source_be != [0; 16];
    if !own_source {
        // The one thing that a link-local address may do: ping the router.
        if ipv6::is_link_local(ip.source_be) && *ip.destination_be == ipv6::ROUTER_LINK_LOCAL_BE {
            return ping(frame, icmp, end);
        }
        if port.flags & PORT_IP_FORWARDING == 0 {
            return Err(DropReason::SourceSpoofed);
        }
        if !ipv6::is_routable_unicast(ip.source_be) {
            return Err(DropReason::SourceNotUnicast);
        }
    }

    let leaf = view.lookup(port.routes6, ip.destination_be, 0).ok_or(DropReason::NoRoute)?;
    let record = view.tables.route(leaf).ok_or(DropReason::TablesInconsistent)?;
    if record.kind == ROUTE_UNROUTABLE && own_source && *ip.destination_be == ipv6::ROUTER_LINK_LOCAL_BE {
        return ping(frame, icmp, end);
    }
    route::admit(record, || !own_source && view.lookup(port.space6, ip.source_be, 0).is_none())?;

    let lookup = Lookup::new(record.endpoints, ip.destination_be);
    let index = view.tables.endpoint6(&lookup.key).map_or(0, |cell| view.cell(cell));
    if index != 0 {
        return Ok(Action::Deliver(route::deliver(view, record, index, bytes)?));
    }
    if record.kind == ROUTE_LOCAL && *ip.destination_be == port.router6_be {
        return ping(frame, icmp.filter(|_| own_source), end);
    }
    Err(DropReason::NoEndpoint)
}

/// A key whose address lies on a boundary of eight bytes, so that two stores write it and the hash reads what they
/// wrote. As sixteen bytes of unknown alignment the address would be moved one by one.
#[repr(C, align(8))]
struct Lookup {
    /// Keeps the key four bytes behind the boundary.
    _before: u32,
    key: Endpoint6Key,
}

impl Lookup {
    #[inline(always)]
    fn new(range: u32, address: &[u8; 16]) -> Self {
        let mut address_be = [0; 16];
        let (high, low) = address.split_at(8);
        address_be[..8].copy_from_slice(high);
        address_be[8..].copy_from_slice(low);
        Self { _before: 0, key: Endpoint6Key { range, address_be } }
    }
}

/// Walks the extension headers (RFC 8200 section 4) up to the upper layer, a later fragment, or the bound.
#[inline(always)]
fn walk_extensions<F: Frame>(frame: &F, first: u8, end: u32) -> Result<Upper, DropReason> {
    let mut next = first;
    let mut offset = L4;
    let mut fragment = false;
    let mut count = 0;
    while count <= ipv6::MAX_EXTENSION_HEADERS {
        let Some(kind) = ipv6::extension(next) else {
            let is_icmp = next == ipv6::NEXT_ICMPV6;
            if is_icmp && offset + icmp::HEAD_BYTES as u32 > end {
                return Err(DropReason::Ipv6Truncated);
            }
            return Ok(Upper { icmp: is_icmp.then_some(offset), fragment });
        };
        let head = frame.at::<4>(offset).ok_or(DropReason::Ipv6ExtensionHeaders)?;
        next = head[0];
        let bytes = match kind {
            ipv6::Extension::Options => (u32::from(head[1]) + 1) * 8,
            ipv6::Extension::Authentication => (u32::from(head[1]) + 2) * 4,
            ipv6::Extension::Fragment => {
                fragment = true;
                if u16::from_be_bytes([head[2], head[3]]) & 0xfff8 != 0 {
                    // A later fragment holds no header of the upper layer.
                    let whole = offset + 8 <= end;
                    let upper = Upper { icmp: None, fragment };
                    return whole.then_some(upper).ok_or(DropReason::Ipv6ExtensionHeaders);
                }
                8
            }
        };
        offset += bytes;
        if offset > L4 + MAX_EXTENSION_BYTES || offset > end {
            return Err(DropReason::Ipv6ExtensionHeaders);
        }
        count += 1;
    }
    Err(DropReason::Ipv6ExtensionHeaders)
}

/// A packet for the virtual router: an echo request is answered, all else is not served.
#[inline(always)]
fn ping<F: Frame>(frame: &F, icmp: Option<u32>, end: u32) -> Result<Action, DropReason> {
    let message = icmp.ok_or(DropReason::RouterUnserved)?;
    let head = frame.at::<{ icmp::HEAD_BYTES }>(message).ok_or(DropReason::Ipv6Truncated)?;
    if message + icmp::HEAD_BYTES as u32 <= end && icmp::reply_v6(head).is_some() {
        return Ok(Action::Answer(Answer::EchoV6 { message }));
    }
    Err(DropReason::RouterUnserved)
}
