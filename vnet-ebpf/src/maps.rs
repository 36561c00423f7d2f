//! The maps, as the kernel program sees them. Their sizes are set by the agent when it loads the program; what
//! stands here are the least that make sense. A map that user space writes by memory stores cannot be marked read-only
//! for programs: the kernel refuses the mapping (kernel/bpf/syscall.c, bpf_map_mmap).
//!
//! Layouts: `vnet_common::abi`.

use aya_ebpf::bindings::{BPF_F_MMAPABLE, BPF_F_RDONLY_PROG, xdp_action};
use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, DevMap, HashMap, PerCpuArray};
use vnet_common::abi::{
    Cell, Control, Endpoint6Key, FIRST_CELL, NONE, Node, PortRecord, PortTraffic, RouteRecord, Traffic,
};
use vnet_common::forward::{Delivery, Tables};
use vnet_common::verdict::{DROP_REASONS, DropReason};

/// One entry: the generation.
#[map]
static CONTROL: Array<Control> = Array::with_max_entries(1, BPF_F_MMAPABLE);
/// Port slots, then roots of tries and IPv6 endpoints.
#[map]
static CELLS: Array<Cell> = Array::with_max_entries(FIRST_CELL, BPF_F_MMAPABLE);
/// The nodes of all tries.
#[map]
static NODES: Array<Node> = Array::with_max_entries(1, BPF_F_RDONLY_PROG);
/// NICs.
#[map]
static PORTS: Array<PortRecord> = Array::with_max_entries(1, BPF_F_RDONLY_PROG);
/// Where leaves of route tries lead.
#[map]
static ROUTES: Array<RouteRecord> = Array::with_max_entries(1, BPF_F_RDONLY_PROG);
/// IPv6 endpoints: the number of a cell that holds the port.
#[map]
static ENDPOINTS6: HashMap<Endpoint6Key, u32> = HashMap::with_max_entries(1, BPF_F_RDONLY_PROG);
/// The interface of each port.
#[map]
static DEVICES: DevMap = DevMap::with_max_entries(1, 0);
/// What crosses each peering, by direction.
#[map]
static PEERING_COUNTERS: PerCpuArray<Traffic> = PerCpuArray::with_max_entries(1, 0);
/// What each NIC sends and receives.
#[map]
static PORT_COUNTERS: PerCpuArray<PortTraffic> = PerCpuArray::with_max_entries(1, 0);
/// Drops by reason.
#[map]
static DROPS: PerCpuArray<u64> = PerCpuArray::with_max_entries(DROP_REASONS as u32, 0);

/// The maps as the tables of `vnet_common::forward`.
pub(crate) struct KernelTables;

impl Tables for KernelTables {
    #[inline(always)]
    fn generation(&self) -> u64 {
        CONTROL.get(0).map_or(0, |control| crate::packet::read_once(&control.generation))
    }

    #[inline(always)]
    fn cell(&self, index: u32) -> Option<&Cell> {
        CELLS.get(index)
    }

    #[inline(always)]
    fn node_entry(&self, node: u32, byte: u8) -> u32 {
        NODES.get(node).map_or(0, |node| node[usize::from(byte)])
    }

    #[inline(always)]
    fn port(&self, index: u32) -> Option<&PortRecord> {
        PORTS.get(index)
    }

    #[inline(always)]
    fn route(&self, index: u32) -> Option<&RouteRecord> {
        ROUTES.get(index)
    }

    #[inline(always)]
    fn endpoint6(&self, key: &Endpoint6Key) -> Option<u32> {
        crate::packet::value_of(&ENDPOINTS6, key)
    }
}

/// Redirects the frame to a port's interface. False where the port has none (any more).
#[inline(always)]
pub(crate) fn redirect(port: u32) -> bool {
    matches!(DEVICES.redirect(port, 0), Ok(xdp_action::XDP_REDIRECT))
}

/// Counts a delivery at the sender, at the receiver, and at the peering where one was crossed.
#[inline(always)]
pub(crate) fn count_delivery(sender: u32, delivery: &Delivery) {
    let bytes = u64::from(delivery.frame_bytes);
    crate::packet::update(&PORT_COUNTERS, sender, |port| add(&mut port.tx, bytes));
    crate::packet::update(&PORT_COUNTERS, delivery.receiver_counter, |port| add(&mut port.rx, bytes));
    if delivery.peering_counter != NONE {
        crate::packet::update(&PEERING_COUNTERS, delivery.peering_counter, |peering| add(peering, bytes));
    }
}

#[inline(always)]
fn add(traffic: &mut Traffic, bytes: u64) {
    traffic.packets += 1;
    traffic.bytes += bytes;
}

/// Counts a drop by its reason, and at the sender.
#[inline(always)]
pub(crate) fn count_drop(sender: u32, reason: DropReason) {
    crate::packet::update(&DROPS, reason as u32, |count| *count += 1);
    crate::packet::update(&PORT_COUNTERS, sender, |port| port.dropped += 1);
}

/// Counts an answer of the virtual router at the NIC that asked.
#[inline(always)]
pub(crate) fn count_answer(sender: u32) {
    crate::packet::update(&PORT_COUNTERS, sender, |port| port.answered += 1);
}
