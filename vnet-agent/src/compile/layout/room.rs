//! How large the tables of a layout are, and must be.

use vnet_common::abi;

use super::Layout;
use crate::compile::plan::Capacity;

impl Layout {
    /// How large the tables are.
    #[must_use]
    pub fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// How large tables must be to hold everything that was ever placed.
    #[must_use]
    pub fn needed(&self) -> Capacity {
        Capacity {
            cells: self.cells.pool.needed() - abi::FIRST_CELL,
            nodes: self.nodes.needed(),
            ports: self.ports.needed(),
            routes: self.routes.needed(),
            endpoints6: self.endpoints6_in_use,
            port_counters: self.port_counters.needed(),
            peering_counters: self.peering_counters.needed(),
        }
    }

    /// The tables have this capacity from now on, which is at least what is [`Self::needed`].
    pub fn set_capacity(&mut self, capacity: Capacity) {
        self.capacity = capacity;
        self.cells.pool.end_at(abi::FIRST_CELL + capacity.cells);
        self.nodes.end_at(capacity.nodes);
        self.ports.end_at(capacity.ports);
        self.routes.end_at(capacity.routes);
        self.port_counters.end_at(capacity.port_counters);
        self.peering_counters.end_at(capacity.peering_counters);
    }
}
