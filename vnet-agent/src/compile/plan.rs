//! What a commit writes, and in which order: see [`Plan`].

use vnet_common::abi::{Endpoint6Key, Node, PortRecord, RouteRecord};

/// The tables whose entries the agent gives out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Roots of tries and IPv6 endpoints.
    Cells,
    /// Trie nodes.
    Nodes,
    /// NICs with an interface.
    Ports,
    /// Route records.
    Routes,
    /// IPv6 endpoints.
    Endpoints6,
    /// Counters of NICs.
    PortCounters,
    /// Counters of peerings.
    PeeringCounters,
}

/// A table is full. The remedy is to load anew with larger tables, which [`Capacity::grown`] gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the table {table:?} is full with {capacity} entries")]
pub struct CapacityExceeded {
    /// Which.
    pub table: Table,
    /// How many entries it has.
    pub capacity: u32,
}

/// How many entries each table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Cells behind the port slots, 8 bytes each.
    pub cells: u32,
    /// Trie nodes, 1 KiB each.
    pub nodes: u32,
    /// Ports, 128 bytes each, and a device each.
    pub ports: u32,
    /// Route records, 16 bytes each.
    pub routes: u32,
    /// IPv6 endpoints, about 80 bytes each.
    pub endpoints6: u32,
    /// Counters of NICs, 64 bytes each on every CPU.
    pub port_counters: u32,
    /// Counters of peerings, 16 bytes each on every CPU.
    pub peering_counters: u32,
}

impl Default for Capacity {
    /// Enough for about a hundred VNets and a thousand NICs: 6 MB with two CPUs.
    fn default() -> Self {
        Self {
            cells: 16_384,
            nodes: 4_096,
            ports: 2_048,
            routes: 8_192,
            endpoints6: 8_192,
            port_counters: 2_048,
            peering_counters: 2_048,
        }
    }
}

impl Capacity {
    /// The most entries that a table may have: indexes are leaves of tries, and memory is finite.
    pub const MAX_ENTRIES: u32 = 1 << 24;

    /// The largest tables that there may be.
    pub const LARGEST: Self = Self {
        cells: Self::MAX_ENTRIES,
        nodes: Self::MAX_ENTRIES,
        ports: Self::MAX_ENTRIES,
        routes: Self::MAX_ENTRIES,
        endpoints6: Self::MAX_ENTRIES,
        port_counters: Self::MAX_ENTRIES,
        peering_counters: Self::MAX_ENTRIES,
    };

    /// The capacity with every table that is too small for `needed` made large enough, and half as large again: a commit
    /// needs room for what it replaces beside what it writes, and the next one most likely adds something.
    #[must_use]
    pub fn to_hold(self, needed: Self) -> Self {
        let fit = |have: u32, needed: u32| {
            if needed <= have { have } else { needed.saturating_add(needed / 2).min(Self::MAX_ENTRIES) }
        };
        Self {
            cells: fit(self.cells, needed.cells),
            nodes: fit(self.nodes, needed.nodes),
            ports: fit(self.ports, needed.ports),
            routes: fit(self.routes, needed.routes),
            endpoints6: fit(self.endpoints6, needed.endpoints6),
            port_counters: fit(self.port_counters, needed.port_counters),
            peering_counters: fit(self.peering_counters, needed.peering_counters),
        }
    }

    /// The capacity with `table` twice as large, `None` where that is past [`Self::MAX_ENTRIES`].
    #[must_use]
    pub fn grown(mut self, table: Table) -> Option<Self> {
        let entries = match table {
            Table::Cells => &mut self.cells,
            Table::Nodes => &mut self.nodes,
            Table::Ports => &mut self.ports,
            Table::Routes => &mut self.routes,
            Table::Endpoints6 => &mut self.endpoints6,
            Table::PortCounters => &mut self.port_counters,
            Table::PeeringCounters => &mut self.peering_counters,
        };
        *entries = entries.checked_mul(2).filter(|&entries| entries <= Self::MAX_ENTRIES)?;
        Some(self)
    }
}

/// What differs between two images, as table entries.
///
/// 1. Everything in `nodes`, `ports`, `devices`, `routes` and `endpoints6` is written: no packet reads it yet.
/// 2. Each of `cells` is written in the half of the new generation.
/// 3. The generation is published.
/// 4. After an RCU grace period: each of `cells` is written in its other half, the `freed_*` are cleared.
///
/// Counters are set to zero when they are freed and not when they are given out: a counter that nobody has is always
/// zero, and what a plan that was never carried out has given out reads as zero.
#[derive(Debug, Default)]
pub struct Plan {
    /// The generation that this plan publishes.
    pub generation: u64,
    /// Trie nodes to write.
    pub nodes: Vec<(u32, Box<Node>)>,
    /// Port records to write.
    pub ports: Vec<(u32, PortRecord)>,
    /// Devices to set: port and ifindex.
    pub devices: Vec<(u32, u32)>,
    /// Route records to write.
    pub routes: Vec<(u32, RouteRecord)>,
    /// IPv6 endpoints to insert, with their cells.
    pub endpoints6: Vec<(Endpoint6Key, u32)>,
    /// Cells that change, with their new value; 0 for those that nothing uses any more.
    pub cells: Vec<(u32, u32)>,
    /// Devices of ports that are gone.
    pub freed_devices: Vec<u32>,
    /// IPv6 endpoints that are gone.
    pub freed_endpoints6: Vec<Endpoint6Key>,
    /// Counters of NICs that are gone.
    pub freed_port_counters: Vec<u32>,
    /// Counters of peerings that are gone.
    pub freed_peering_counters: Vec<u32>,
}

impl Plan {
    /// What is left to do once the plan is published: step 4.
    #[must_use]
    pub fn published(self) -> Self {
        Self {
            generation: self.generation,
            cells: self.cells,
            freed_devices: self.freed_devices,
            freed_endpoints6: self.freed_endpoints6,
            freed_port_counters: self.freed_port_counters,
            freed_peering_counters: self.freed_peering_counters,
            ..Self::default()
        }
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries() == 0
    }

    /// How many table entries the plan writes or clears.
    #[must_use]
    pub fn entries(&self) -> usize {
        let new = self.nodes.len() + self.ports.len() + self.devices.len() + self.routes.len();
        let counters = self.freed_port_counters.len() + self.freed_peering_counters.len();
        let freed = self.freed_devices.len() + self.freed_endpoints6.len() + counters;
        new + self.endpoints6.len() + self.cells.len() + freed
    }
}
