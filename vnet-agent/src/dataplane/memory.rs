//! The tables in memory: the forwarding decision of `vnet_common` runs over them in a plain test.

use std::collections::{BTreeMap, HashMap};

use vnet_common::abi::{Cell, Endpoint6Key, FIRST_CELL, Node, PortRecord, PortTraffic, RouteRecord, Traffic};

use vnet_common::verdict::DropReason;

use super::counters::add;
use crate::compile::plan::Capacity;

/// Tables in vectors. Indexes outside a table read as empty, and a write there is an error, as in the kernel.
#[derive(Debug)]
pub struct MemoryTables {
    generation: u64,
    cells: Vec<Cell>,
    nodes: Vec<Node>,
    ports: Vec<PortRecord>,
    devices: Vec<Option<u32>>,
    routes: Vec<RouteRecord>,
    endpoints6: HashMap<Endpoint6Key, u32>,
    max_endpoints6: usize,
    port_traffic: Vec<PortTraffic>,
    peering_traffic: Vec<Traffic>,
    drops: BTreeMap<u32, u64>,
    writes: u64,
}

/// A write outside a table.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {index} lies outside the table")]
pub struct OutsideTable {
    /// The entry.
    pub index: u32,
}

impl MemoryTables {
    /// Empty tables of this capacity.
    #[must_use]
    pub fn new(capacity: Capacity) -> Self {
        Self {
            generation: 0,
            cells: vec![[0; 2]; (FIRST_CELL + capacity.cells) as usize],
            nodes: vec![[0; 256]; capacity.nodes as usize],
            ports: vec![PortRecord::default(); capacity.ports as usize],
            devices: vec![None; capacity.ports as usize],
            routes: vec![RouteRecord::default(); capacity.routes as usize],
            endpoints6: HashMap::new(),
            max_endpoints6: capacity.endpoints6 as usize,
            port_traffic: vec![PortTraffic::default(); capacity.port_counters as usize],
            peering_traffic: vec![Traffic::default(); capacity.peering_counters as usize],
            drops: BTreeMap::new(),
            writes: 0,
        }
    }

    /// How many entries were ever written, set or removed.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.writes
    }

    /// The ifindex that packets for a port leave by.
    #[must_use]
    pub fn device(&self, port: u32) -> Option<u32> {
        self.devices.get(port as usize).copied().flatten()
    }

    /// Counts for a NIC, as the program in the kernel would. An index outside the table counts nothing.
    pub fn count_port(&mut self, index: u32, traffic: PortTraffic) {
        if let Some(sum) = self.port_traffic.get_mut(index as usize) {
            add(&mut sum.tx, traffic.tx);
            add(&mut sum.rx, traffic.rx);
            sum.answered += traffic.answered;
            sum.dropped += traffic.dropped;
        }
    }

    /// Counts for a peering, as the program in the kernel would. An index outside the table counts nothing.
    pub fn count_peering(&mut self, index: u32, traffic: Traffic) {
        if let Some(sum) = self.peering_traffic.get_mut(index as usize) {
            add(sum, traffic);
        }
    }

    /// Counts a dropped frame, as the program in the kernel would.
    pub fn count_drop(&mut self, reason: DropReason) {
        *self.drops.entry(reason as u32).or_default() += 1;
    }
}

fn put<T>(table: &mut [T], index: u32, value: T) -> Result<(), OutsideTable> {
    let entry = table.get_mut(index as usize).ok_or(OutsideTable { index })?;
    *entry = value;
    Ok(())
}

impl super::Tables for MemoryTables {
    type Error = OutsideTable;

    fn write_node(&mut self, index: u32, node: &Node) -> Result<(), OutsideTable> {
        self.writes += 1;
        put(&mut self.nodes, index, *node)
    }

    fn write_port(&mut self, index: u32, record: &PortRecord) -> Result<(), OutsideTable> {
        self.writes += 1;
        put(&mut self.ports, index, *record)
    }

    fn write_route(&mut self, index: u32, record: &RouteRecord) -> Result<(), OutsideTable> {
        self.writes += 1;
        put(&mut self.routes, index, *record)
    }

    fn set_device(&mut self, port: u32, ifindex: Option<u32>) -> Result<(), OutsideTable> {
        self.writes += 1;
        put(&mut self.devices, port, ifindex)
    }

    fn insert_endpoint6(&mut self, key: &Endpoint6Key, cell: u32) -> Result<(), OutsideTable> {
        self.writes += 1;
        if self.endpoints6.len() >= self.max_endpoints6 && !self.endpoints6.contains_key(key) {
            return Err(OutsideTable { index: u32::try_from(self.max_endpoints6).unwrap_or(u32::MAX) });
        }
        self.endpoints6.insert(*key, cell);
        Ok(())
    }

    fn remove_endpoint6(&mut self, key: &Endpoint6Key) -> Result<(), OutsideTable> {
        self.writes += 1;
        self.endpoints6.remove(key);
        Ok(())
    }

    fn reset_port_counter(&mut self, index: u32) -> Result<(), OutsideTable> {
        self.writes += 1;
        put(&mut self.port_traffic, index, PortTraffic::default())
    }

    fn reset_peering_counter(&mut self, index: u32) -> Result<(), OutsideTable> {
        self.writes += 1;
        put(&mut self.peering_traffic, index, Traffic::default())
    }

    fn write_cell(&mut self, index: u32, half: usize, value: u32) {
        self.writes += 1;
        if let Some(cell) = self.cells.get_mut(index as usize) {
            cell[half & 1] = value;
        }
    }

    fn publish(&mut self, generation: u64) {
        self.generation = generation;
    }

    fn wait_for_readers(&mut self) {}

    fn port_traffic(&self, index: u32) -> Result<PortTraffic, OutsideTable> {
        self.port_traffic.get(index as usize).copied().ok_or(OutsideTable { index })
    }

    fn peering_traffic(&self, index: u32) -> Result<Traffic, OutsideTable> {
        self.peering_traffic.get(index as usize).copied().ok_or(OutsideTable { index })
    }

    fn drops(&self, reason: u32) -> Result<u64, OutsideTable> {
        Ok(self.drops.get(&reason).copied().unwrap_or_default())
    }
}

impl vnet_common::forward::Tables for MemoryTables {
    fn generation(&self) -> u64 {
        self.generation
    }

    fn cell(&self, index: u32) -> Option<&Cell> {
        self.cells.get(index as usize)
    }

    fn node_entry(&self, node: u32, byte: u8) -> u32 {
        self.nodes.get(node as usize).map_or(0, |node| node[usize::from(byte)])
    }

    fn port(&self, index: u32) -> Option<&PortRecord> {
        self.ports.get(index as usize)
    }

    fn route(&self, index: u32) -> Option<&RouteRecord> {
        self.routes.get(index as usize)
    }

    fn endpoint6(&self, key: &Endpoint6Key) -> Option<u32> {
        self.endpoints6.get(key).copied()
    }
}
