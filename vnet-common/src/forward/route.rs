//! From a route record to the receiving NIC: peering access list, endpoint, MTU.

use super::{Delivery, Tables, View};
use crate::abi::{
    PORT_ATTACHED, PortRecord, ROUTE_ACCESS, ROUTE_FORWARDED, ROUTE_INTERNET, ROUTE_LOCAL, ROUTE_NONE,
    ROUTE_PEERING, ROUTE_UNROUTABLE, RouteRecord,
};
use crate::net::ethernet;
use crate::verdict::DropReason;

/// Whether `route` leads to a NIC at all, and the peering's access list lets the packet through.
///
/// `foreign` answers whether the source lies outside the sending VNet's address space; it is asked only where it
/// decides.
#[inline(always)]
pub(super) fn admit(route: &RouteRecord, foreign: impl FnOnce() -> bool) -> Result<(), DropReason> {
    match route.kind {
        ROUTE_LOCAL => Ok(()),
        ROUTE_PEERING => {
            if route.flags & ROUTE_ACCESS == 0 {
                return Err(DropReason::PeeringAccessDenied);
            }
            if route.flags & ROUTE_FORWARDED == 0 && foreign() {
                return Err(DropReason::ForwardedTrafficDenied);
            }
            Ok(())
        }
        ROUTE_NONE => Err(DropReason::RouteNone),
        ROUTE_INTERNET => Err(DropReason::RouteInternet),
        ROUTE_UNROUTABLE => Err(DropReason::DestinationUnroutable),
        _ => Err(DropReason::TablesInconsistent),
    }
}

/// The delivery to port `index`, for a frame of `frame_bytes`.
#[inline(always)]
pub(super) fn deliver<T: Tables>(
    view: &View<'_, T>,
    route: &RouteRecord,
    index: u32,
    frame_bytes: u32,
) -> Result<Delivery, DropReason> {
    let receiver: &PortRecord = view.tables.port(index).ok_or(DropReason::TablesInconsistent)?;
    if receiver.flags & PORT_ATTACHED == 0 {
        return Err(DropReason::EndpointDetached);
    }
    // A frame that got here holds an IP header: the difference is not negative.
    if frame_bytes - ethernet::HEADER_BYTES as u32 > receiver.mtu_bytes {
        return Err(DropReason::MtuExceeded);
    }
    Ok(Delivery {
        port: index,
        mac: receiver.mac,
        receiver_counter: receiver.counter,
        peering_counter: route.counter,
        frame_bytes,
    })
}
