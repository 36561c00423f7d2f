//! The tables as they are in truth: in the kernel, or in memory for tests.
//!
//! [`Publisher`] brings a new image into a [`Tables`] in the order that `vnet_common::abi` asks for. What it needs of
//! tables is a trait of single-entry writes, so that the same publisher drives the kernel's maps ([`kernel`]) and
//! plain vectors ([`memory`]), and a host test can push packets through exactly what a commit left behind.

pub mod counters;
pub mod kernel;
pub mod memory;
mod publisher;

use vnet_common::abi::{Endpoint6Key, Node, PortRecord, PortTraffic, RouteRecord, Traffic};

pub use publisher::{Commit, CommitError, Publisher};

use crate::compile::plan::Plan;

/// Tables that a plan can be written into.
pub trait Tables {
    /// What can go wrong with a write.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Writes a trie node.
    ///
    /// # Errors
    /// The table could not be written; likewise below.
    fn write_node(&mut self, index: u32, node: &Node) -> Result<(), Self::Error>;
    /// Writes a port record.
    ///
    /// # Errors
    /// As above.
    fn write_port(&mut self, index: u32, record: &PortRecord) -> Result<(), Self::Error>;
    /// Writes a route record.
    ///
    /// # Errors
    /// As above.
    fn write_route(&mut self, index: u32, record: &RouteRecord) -> Result<(), Self::Error>;
    /// Sets the interface of a port, or takes it away.
    ///
    /// # Errors
    /// As above; also where the interface has vanished.
    fn set_device(&mut self, port: u32, ifindex: Option<u32>) -> Result<(), Self::Error>;
    /// Inserts an IPv6 endpoint.
    ///
    /// # Errors
    /// As above.
    fn insert_endpoint6(&mut self, key: &Endpoint6Key, cell: u32) -> Result<(), Self::Error>;
    /// Removes an IPv6 endpoint.
    ///
    /// # Errors
    /// As above.
    fn remove_endpoint6(&mut self, key: &Endpoint6Key) -> Result<(), Self::Error>;
    /// Sets a NIC's counters to zero.
    ///
    /// # Errors
    /// As above.
    fn reset_port_counter(&mut self, index: u32) -> Result<(), Self::Error>;
    /// Sets a peering's counters to zero.
    ///
    /// # Errors
    /// As above.
    fn reset_peering_counter(&mut self, index: u32) -> Result<(), Self::Error>;
    /// Sets one half of a cell, with one store.
    fn write_cell(&mut self, index: u32, half: usize, value: u32);
    /// Makes a generation the one that packets see, with one store, after everything written before.
    fn publish(&mut self, generation: u64);
    /// Returns when every packet that may have read an earlier generation has ended.
    fn wait_for_readers(&mut self);
    /// A NIC's counters.
    ///
    /// # Errors
    /// The table could not be read; likewise below.
    fn port_traffic(&self, index: u32) -> Result<PortTraffic, Self::Error>;
    /// A peering's counters.
    ///
    /// # Errors
    /// As above.
    fn peering_traffic(&self, index: u32) -> Result<Traffic, Self::Error>;
    /// How many frames were dropped for the reason with this number.
    ///
    /// # Errors
    /// As above.
    fn drops(&self, reason: u32) -> Result<u64, Self::Error>;

    /// Writes what is new in `plan` and publishes it: packets that come in from now on see it. After an error they see the
    /// generation before, whole, and the tables are of no further use to the layout that made the plan.
    ///
    /// # Errors
    /// A table could not be written.
    fn write_and_publish(&mut self, plan: &Plan) -> Result<(), Self::Error> {
        for (index, node) in &plan.nodes {
            self.write_node(*index, node)?;
        }
        for (index, record) in &plan.routes {
            self.write_route(*index, record)?;
        }
        for (index, record) in &plan.ports {
            self.write_port(*index, record)?;
        }
        for (port, ifindex) in &plan.devices {
            self.set_device(*port, Some(*ifindex))?;
        }
        for (key, cell) in &plan.endpoints6 {
            self.insert_endpoint6(key, *cell)?;
        }
        let half = (plan.generation & 1) as usize;
        for (cell, value) in &plan.cells {
            self.write_cell(*cell, half, *value);
        }
        self.publish(plan.generation);
        Ok(())
    }

    /// Clears up behind a published `plan`, when [`Self::wait_for_readers`] has returned. After an error packets see the plan's
    /// generation, whole, and the tables are of no further use to the layout that made the plan.
    ///
    /// # Errors
    /// A table could not be written.
    fn clear_up(&mut self, plan: &Plan) -> Result<(), Self::Error> {
        let half = (plan.generation & 1) as usize;
        for (cell, value) in &plan.cells {
            self.write_cell(*cell, half ^ 1, *value);
        }
        for key in &plan.freed_endpoints6 {
            self.remove_endpoint6(key)?;
        }
        for port in &plan.freed_devices {
            self.set_device(*port, None)?;
        }
        for index in &plan.freed_port_counters {
            self.reset_port_counter(*index)?;
        }
        for index in &plan.freed_peering_counters {
            self.reset_peering_counter(*index)?;
        }
        Ok(())
    }
}
