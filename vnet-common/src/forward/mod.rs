//! The forwarding decision: what becomes of one frame. The same code runs in the kernel and in a host test.
//!
//! The order is that of a packet's way: Ethernet, port, then by kind ARP (`arp`), IPv4 (`v4`) or IPv6 (`v6`), which
//! check the source and ask `route` for the delivery. [`decide`] changes nothing; [`answer::write`] writes the virtual router's
//! own answers, and [`rewrite`] the addresses of a frame that is delivered.
//!
//! Everything is `inline(always)`: on processors with the return-thunk mitigation a function's return costs several
//! nanoseconds, and the verifier follows one function more easily than many.

pub mod answer;
mod arp;
mod neighbor;
mod route;
#[cfg(test)]
mod tests;
mod v4;
mod v6;

use crate::abi::{Cell, Endpoint6Key, NONE, PORT_PROBES, PORT_SLOTS, PortRecord, RouteRecord};
use crate::net::ethernet;
use crate::verdict::DropReason;

/// Where the tables are read from. Every method gives the empty value (0 or `None`) for an index outside its table.
pub trait Tables {
    /// The number of the committed generation. Read once a packet.
    fn generation(&self) -> u64;
    /// An entry of the map `CELLS`.
    fn cell(&self, index: u32) -> Option<&Cell>;
    /// Entry `byte` of node `node` in the map `NODES`.
    fn node_entry(&self, node: u32, byte: u8) -> u32;
    /// An entry of the map `PORTS`.
    fn port(&self, index: u32) -> Option<&PortRecord>;
    /// An entry of the map `ROUTES`.
    fn route(&self, index: u32) -> Option<&RouteRecord>;
    /// The cell of an IPv6 endpoint, from the map `ENDPOINTS6`.
    fn endpoint6(&self, key: &Endpoint6Key) -> Option<u32>;
}

/// A frame that can be read.
pub trait Frame {
    /// The `N` bytes at `offset`, where the directly accessible part of the frame holds them all. `N` is at least 2: the
    /// verifier learns nothing from the comparison that a compiler makes of "one byte lies before the end".
    fn at<const N: usize>(&self, offset: u32) -> Option<&[u8; N]>;
    /// Length of the directly accessible part, in bytes.
    fn linear_bytes(&self) -> u32;
    /// Length of the whole frame, in bytes: more than [`Self::linear_bytes`] for a frame in several buffers.
    fn total_bytes(&self) -> u32;
}

/// A frame that can be written.
pub trait FrameMut: Frame {
    /// The `N` bytes at `offset`, to write.
    fn at_mut<const N: usize>(&mut self, offset: u32) -> Option<&mut [u8; N]>;
    /// Makes the frame `bytes` long; false where that cannot be done.
    fn resize(&mut self, bytes: u32) -> bool;
}

/// The answers that the virtual router gives itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The ARP request gets its reply.
    Arp,
    /// The neighbour solicitation whose message starts at this offset gets an advertisement.
    Neighbor {
        /// Where the ICMPv6 message starts, in bytes from the start of the frame.
        message: u32,
    },
    /// The ICMP echo request gets its reply.
    EchoV4 {
        /// Where the ICMP message starts, in bytes from the start of the frame.
        message: u32,
    },
    /// The ICMPv6 echo request gets its reply.
    EchoV6 {
        /// Where the ICMPv6 message starts, in bytes from the start of the frame.
        message: u32,
    },
}

/// Where a packet is delivered, and what counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The receiving port: the index into `DEVICES` and `PORTS`.
    pub port: u32,
    /// The receiving NIC's MAC address.
    pub mac: [u8; 6],
    /// Index into `PORT_COUNTERS` of the receiver.
    pub receiver_counter: u32,
    /// Index into `PEERING_COUNTERS`, [`NONE`] within a VNet.
    pub peering_counter: u32,
    /// Length of the frame, in bytes.
    pub frame_bytes: u32,
}

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It ends here, for this reason.
    Drop(DropReason),
    /// It goes back as the virtual router's answer.
    Answer(Answer),
    /// It goes to a NIC.
    Deliver(Delivery),
}

/// The decision about one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The sending port, by whose device an answer goes back: the index into `DEVICES` and `PORTS`, [`NONE`] where the
    /// frame came in by no port.
    pub sender: u32,
    /// Index into `PORT_COUNTERS` of the sender, [`NONE`] where the frame came in by no port.
    pub sender_counter: u32,
    /// What becomes of the frame.
    pub action: Action,
}

/// The tables as one generation sees them.
struct View<'t, T> {
    tables: &'t T,
    parity: usize,
}

impl<'t, T: Tables> View<'t, T> {
    #[inline(always)]
    fn new(tables: &'t T) -> Self {
        Self { tables, parity: (tables.generation() & 1) as usize }
    }

    /// The value of a cell in this generation, 0 for a cell that does not exist.
    #[inline(always)]
    fn cell(&self, index: u32) -> u32 {
        self.tables.cell(index).map_or(NONE, |cell| cell[self.parity & 1])
    }

    /// Longest-prefix match of `address_be` in the trie whose root is in cell `root`.
    #[inline(always)]
    fn lookup<const N: usize>(&self, root: u32, address_be: &[u8; N], skip: usize) -> Option<u32> {
        let load = |node, byte| self.tables.node_entry(node, byte);
        crate::fib::walk(load, self.cell(root), address_be, skip)
    }

    /// The port of an ingress interface, and its index.
    #[inline(always)]
    fn port_of(&self, ifindex: u32) -> Option<(u32, &'t PortRecord)> {
        let mut probe = 0;
        while probe < PORT_PROBES {
            let slot = 1 + ifindex % PORT_SLOTS + probe;
            let index = self.cell(slot);
            if let Some(port) = self.tables.port(index)
                && port.ifindex == ifindex
                && ifindex != 0
            {
                return Some((index, port));
            }
            probe += 1;
        }
        None
    }
}

/// Decides about `frame`, which came in by interface `ifindex`. Reads `tables` and `frame`, changes neither.
#[inline(always)]
pub fn decide<T: Tables, F: Frame>(tables: &T, frame: &F, ifindex: u32) -> Outcome {
    let view = View::new(tables);
    let Some((sender, port)) = view.port_of(ifindex) else {
        let action = Action::Drop(DropReason::UnknownPort);
        return Outcome { sender: NONE, sender_counter: NONE, action };
    };
    let action = match decide_for(&view, frame, port) {
        Ok(action) => action,
        Err(reason) => Action::Drop(reason),
    };
    Outcome { sender, sender_counter: port.counter, action }
}

#[inline(always)]
fn decide_for<T: Tables, F: Frame>(
    view: &View<'_, T>,
    frame: &F,
    port: &PortRecord,
) -> Result<Action, DropReason> {
    let header = frame.at::<{ ethernet::HEADER_BYTES }>(0).ok_or(DropReason::FrameTooShort)?;
    if !ethernet::is_from(header, &port.mac) {
        return Err(DropReason::MacSpoofed);
    }
    // A single destination may be any: there is no layer-2 domain, and the IP address alone decides where a packet goes.
    let to_group = ethernet::to_group(header);
    match ethernet::ether_type(header) {
        ethernet::TYPE_IPV4 => v4::decide(view, frame, port, to_group),
        ethernet::TYPE_IPV6 => v6::decide(view, frame, port, to_group),
        ethernet::TYPE_ARP => arp::decide(frame, port),
        ethernet::TYPE_VLAN | ethernet::TYPE_SERVICE_VLAN => Err(DropReason::VlanTagged),
        _ => Err(DropReason::NotIp),
    }
}

/// Up to here the directly accessible part is taken for the whole frame when it holds the whole packet: drivers split
/// only longer frames into several buffers. Asking always would cost a helper call on every packet, measured at a
/// seventh of the whole program. What passes by a frame that was split earlier on purpose is its true length: the
/// kernel measures it again when it sends the frame, and drops one over the MTU by itself (net/core/dev.c and
/// kernel/bpf/devmap.c, `xdp_ok_fwd_dev`).
const SURELY_LINEAR_BYTES: u32 = 2048;

/// The length of the frame, where it holds the `needed` bytes that its headers claim. Bytes behind the packet are padding,
/// as a short packet needs it on Ethernet: they are delivered, counted, and measured against the MTU.
///
/// The kernel is asked for the length over all buffers only where it can differ from the accessible part.
#[inline(always)]
fn frame_bytes<F: Frame>(frame: &F, needed: u32) -> Option<u32> {
    let linear = frame.linear_bytes();
    if needed <= linear && linear <= SURELY_LINEAR_BYTES {
        return Some(linear);
    }
    let total = frame.total_bytes();
    (needed <= total).then_some(total)
}

/// Writes the Ethernet addresses of a frame that is delivered: to the NIC, from the virtual router.
#[inline(always)]
pub fn rewrite<F: FrameMut>(frame: &mut F, mac: [u8; 6]) -> bool {
    let Some(addresses) = frame.at_mut::<12>(0) else { return false };
    let (to, from) = addresses.split_at_mut(6);
    // The first is copied whole, two stores; the second is made of constants, two more. A copy of the constant would be
    // six loads from the program's data.
    let [u, v, w, x, y, z] = ethernet::ROUTER_MAC;
    to.copy_from_slice(&mac);
    from.copy_from_slice(&[u, v, w, x, y, z]);
    true
}
