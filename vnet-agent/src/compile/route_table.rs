//! Route records, and the tries that lead to them.

use std::collections::HashMap;

use ipnet::IpNet;
use vnet_common::abi::{NONE, RouteRecord};

use super::plan::{CapacityExceeded, Plan, Table};
use super::pool::Pool;
use super::trie::{Nodes, Prefix};

/// Route records, each stored once however many tries lead to it.
#[derive(Debug)]
pub(super) struct Routes {
    pool: Pool,
    by_content: HashMap<RouteRecord, (u32, u32)>,
}

impl Routes {
    pub(super) fn new(capacity: u32) -> Self {
        Self { pool: Pool::new(Table::Routes, 1, capacity), by_content: HashMap::new() }
    }

    fn intern(&mut self, record: RouteRecord, plan: &mut Plan) -> Result<u32, CapacityExceeded> {
        if let Some((number, references)) = self.by_content.get_mut(&record) {
            *references += 1;
            return Ok(*number);
        }
        let number = self.pool.take()?;
        self.by_content.insert(record, (number, 1));
        plan.routes.push((number, record));
        Ok(number)
    }

    fn release(&mut self, record: &RouteRecord) {
        let Some((number, references)) = self.by_content.get_mut(record) else { return };
        *references -= 1;
        if *references == 0 {
            self.pool.retire(*number);
            self.by_content.remove(record);
        }
    }

    pub(super) fn settle(&mut self) {
        self.pool.settle();
    }

    pub(super) fn needed(&self) -> u32 {
        self.pool.needed()
    }

    pub(super) fn end_at(&mut self, end: u32) {
        self.pool.end_at(end);
    }

    /// How many records are in use, those given back included.
    #[cfg(test)]
    pub(super) fn in_use(&self) -> u32 {
        self.pool.in_use(1)
    }
}

/// A built pair of tries, IPv4 and IPv6, with the route records that it keeps alive.
#[derive(Debug, Default)]
pub(super) struct Built {
    pub(super) root4: u32,
    pub(super) root6: u32,
    records: Vec<RouteRecord>,
}

impl Built {
    /// Builds the tries of a subnet's routes.
    pub(super) fn routes(
        rows: impl Iterator<Item = (IpNet, RouteRecord)>,
        nodes: &mut Nodes,
        routes: &mut Routes,
        plan: &mut Plan,
    ) -> Result<Self, CapacityExceeded> {
        let mut records = Vec::new();
        let mut prefixes = Vec::new();
        for (prefix, record) in rows {
            prefixes.push((prefix, routes.intern(record, plan)?));
            records.push(record);
        }
        Self::build(&prefixes, records, nodes, plan)
    }

    /// Builds the tries of an address space: a leaf for whatever lies inside.
    pub(super) fn space(
        ranges: &[IpNet],
        nodes: &mut Nodes,
        plan: &mut Plan,
    ) -> Result<Self, CapacityExceeded> {
        let prefixes: Vec<_> = ranges.iter().map(|range| (*range, 1)).collect();
        Self::build(&prefixes, Vec::new(), nodes, plan)
    }

    fn build(
        prefixes: &[(IpNet, u32)],
        records: Vec<RouteRecord>,
        nodes: &mut Nodes,
        plan: &mut Plan,
    ) -> Result<Self, CapacityExceeded> {
        let mut v4: Vec<Prefix<4>> = Vec::new();
        let mut v6: Vec<Prefix<16>> = Vec::new();
        for (prefix, leaf) in prefixes {
            match prefix {
                IpNet::V4(net) => v4.push((net.network().octets(), net.prefix_len(), *leaf)),
                IpNet::V6(net) => v6.push((net.network().octets(), net.prefix_len(), *leaf)),
            }
        }
        let root4 = nodes.build(v4, 0, plan)?;
        let root6 = nodes.build(v6, 0, plan)?;
        Ok(Self { root4, root6, records })
    }

    /// Gives up the nodes and records.
    pub(super) fn release(&mut self, nodes: &mut Nodes, routes: &mut Routes) {
        nodes.release(self.root4);
        nodes.release(self.root6);
        for record in self.records.drain(..) {
            routes.release(&record);
        }
        (self.root4, self.root6) = (NONE, NONE);
    }
}
