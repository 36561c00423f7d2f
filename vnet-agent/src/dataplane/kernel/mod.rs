//! The tables in the kernel: the loaded program and its maps. The one place that knows aya.

mod adoption;
mod attach;
mod bpffs;
mod counter_maps;
mod forwarder;
mod mapped;
mod program;
mod readers;
mod sys;
mod table_pins;
pub mod traffic;

use std::io;

use aya::maps::xdp::XdpMapError;
use aya::maps::{Array, DevMap, HashMap, MapData, MapError};
use vnet_common::abi::{Endpoint6Key, Node, PortRecord, PortTraffic, RouteRecord, Traffic};

pub use self::adoption::{Adoption, AnewReason, CounterAdoption};
pub use self::attach::{AttachError, AttachMode, Damage, Links};
pub use self::bpffs::{PinDirectory, PinError, mount_where_missing};
pub use self::forwarder::{ForwardError, Forwarder};
pub use self::program::{LoadError, TestRun, TestRunError, XdpVerdict};

use self::counter_maps::CounterMaps;
use self::mapped::Mapped;
use self::program::Program;
use self::table_pins::Pinnable;
use super::places::TablesId;

/// Layouts as bytes: what aya writes into maps.
type Bytes<const N: usize> = [u8; N];

const PORT_BYTES: usize = size_of::<PortRecord>();
const ROUTE_BYTES: usize = size_of::<RouteRecord>();
const KEY_BYTES: usize = size_of::<Endpoint6Key>();

/// A loaded program with its maps. Dropped, the program lives on in the links that are attached to it.
pub struct KernelTables {
    program: Program,
    control: Mapped,
    cells: Mapped,
    nodes: Array<MapData, Node>,
    ports: Array<MapData, Bytes<PORT_BYTES>>,
    routes: Array<MapData, Bytes<ROUTE_BYTES>>,
    endpoints6: HashMap<MapData, Bytes<KEY_BYTES>, u32>,
    devices: DevMap<MapData>,
    counters: CounterMaps,
    id: TablesId,
    /// The program's number in the kernel.
    program_id: u32,
    /// The program and the maps, by the names of their pins.
    pinnable: Pinnable,
}

impl std::fmt::Debug for KernelTables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KernelTables").field("program", &self.program).finish_non_exhaustive()
    }
}

/// A map could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The kernel refused.
    #[error("the map {map} refused entry {index}: {source}")]
    Map {
        /// Its name.
        map: &'static str,
        /// The entry; for a hash map, the value.
        index: u32,
        /// What the kernel said.
        source: MapError,
    },
    /// The number of CPUs cannot be read, and with it no per-CPU map.
    #[error("the number of CPUs cannot be read from {path}: {source}")]
    Cpus {
        /// The file.
        path: &'static str,
        /// What went wrong.
        source: io::Error,
    },
}

fn refused(map: &'static str, index: u32) -> impl FnOnce(MapError) -> TableError {
    move |source| TableError::Map { map, index, source }
}

impl KernelTables {
    /// The identity of these tables.
    #[must_use]
    pub fn id(&self) -> TablesId {
        self.id
    }

    /// Puts those of `devices`, ports with their interfaces, back that the kernel has taken out of the map. How many.
    ///
    /// The kernel does so when an interface leaves its network namespace (kernel/bpf/devmap.c, `dev_map_notification`), and does
    /// not put it back when the interface returns, with the same number.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn restore_devices(
        &mut self,
        devices: impl Iterator<Item = (u32, u32)>,
    ) -> Result<usize, TableError> {
        let mut restored = 0;
        for (port, ifindex) in devices {
            let is_there = match self.devices.get(port, 0) {
                Ok(device) => device.if_index == ifindex,
                Err(MapError::KeyNotFound) => false,
                Err(error) => return Err(refused("DEVICES", port)(error)),
            };
            if !is_there {
                super::Tables::set_device(self, port, Some(ifindex))?;
                restored += 1;
            }
        }
        Ok(restored)
    }
}

impl super::Tables for KernelTables {
    type Error = TableError;

    fn write_node(&mut self, index: u32, node: &Node) -> Result<(), TableError> {
        self.nodes.set(index, node, 0).map_err(refused("NODES", index))
    }

    fn write_port(&mut self, index: u32, record: &PortRecord) -> Result<(), TableError> {
        let bytes: Bytes<PORT_BYTES> = bytemuck::cast(*record);
        self.ports.set(index, bytes, 0).map_err(refused("PORTS", index))
    }

    fn write_route(&mut self, index: u32, record: &RouteRecord) -> Result<(), TableError> {
        let bytes: Bytes<ROUTE_BYTES> = bytemuck::cast(*record);
        self.routes.set(index, bytes, 0).map_err(refused("ROUTES", index))
    }

    fn set_device(&mut self, port: u32, ifindex: Option<u32>) -> Result<(), TableError> {
        // The kernel takes ifindex 0 as "no device" (kernel/bpf/devmap.c, __dev_map_update_elem).
        let Err(error) = self.devices.set(port, ifindex.unwrap_or(0), None, 0) else { return Ok(()) };
        let error = match error {
            XdpMapError::MapError(error) => error,
            XdpMapError::ChainedProgramNotSupported => return Ok(()),
        };
        // EINVAL: the interface has vanished since it was looked up. Its packets are dropped as `device-gone` until the
        // agent hears of it; the rest of the commit must not wait for that.
        match &error {
            MapError::SyscallError(call) if call.io_error.raw_os_error() == Some(libc::EINVAL) => Ok(()),
            _ => Err(refused("DEVICES", port)(error)),
        }
    }

    fn insert_endpoint6(&mut self, key: &Endpoint6Key, cell: u32) -> Result<(), TableError> {
        let bytes: Bytes<KEY_BYTES> = bytemuck::cast(*key);
        self.endpoints6.insert(bytes, cell, 0).map_err(refused("ENDPOINTS6", cell))
    }

    fn remove_endpoint6(&mut self, key: &Endpoint6Key) -> Result<(), TableError> {
        let bytes: Bytes<KEY_BYTES> = bytemuck::cast(*key);
        self.endpoints6.remove(&bytes).map_err(refused("ENDPOINTS6", key.range))
    }

    fn reset_port_counter(&mut self, index: u32) -> Result<(), TableError> {
        self.counters.reset_port(index)
    }

    fn reset_peering_counter(&mut self, index: u32) -> Result<(), TableError> {
        self.counters.reset_peering(index)
    }

    fn write_cell(&mut self, index: u32, half: usize, value: u32) {
        self.cells.store_u32(index as usize * 2 + (half & 1), value);
    }

    fn publish(&mut self, generation: u64) {
        self.control.store_u64(0, generation);
    }

    fn wait_for_readers(&mut self) {
        readers::wait();
    }

    fn port_traffic(&self, index: u32) -> Result<PortTraffic, TableError> {
        self.counters.port(index)
    }

    fn peering_traffic(&self, index: u32) -> Result<Traffic, TableError> {
        self.counters.peering(index)
    }

    fn drops(&self, reason: u32) -> Result<u64, TableError> {
        self.counters.drops(reason)
    }
}
