//! The tables in memory: the forwarding decision of `vnet_common` runs over them in a plain test.

use std::collections::HashMap;

use vnet_common::abi::{Cell, Endpoint6Key, FIRST_CELL, Node, PortRecord, PortTraffic, RouteRecord, Traffic};

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
            writes: 0,
        }
    }

    /// How many entries were ever written.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.writes
    }

    /// The ifindex that packets for a port leave by.
    #[must_use]
    pub fn device(&self, port: u32) -> Option<u32> {
        self.devices.get(port as usize).copied().flatten()
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
        put(&mut self.devices, port, ifindex)
    }

    fn insert_endpoint6(&mut self, key: &Endpoint6Key, cell: u32) -> Result<(), OutsideTable> {
        self.writes += 1;
        self.endpoints6.insert(*key, cell);
        Ok(())
    }

    fn remove_endpoint6(&mut self, key: &Endpoint6Key) -> Result<(), OutsideTable> {
        self.endpoints6.remove(key);
        Ok(())
    }

    fn reset_port_counter(&mut self, _index: u32) -> Result<(), OutsideTable> {
        Ok(())
    }

    fn reset_peering_counter(&mut self, _index: u32) -> Result<(), OutsideTable> {
        Ok(())
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

    fn port_traffic(&self, _index: u32) -> Result<PortTraffic, OutsideTable> {
        Ok(PortTraffic::default())
    }

    fn peering_traffic(&self, _index: u32) -> Result<Traffic, OutsideTable> {
        Ok(Traffic::default())
    }

    fn drops(&self, _reason: u32) -> Result<u64, OutsideTable> {
        Ok(0)
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
