//! The maps that count: of tables in use, and of tables that another agent has left.

use std::path::Path;

use aya::maps::{Map, MapData, MapError, PerCpuArray, PerCpuValues};
use aya::util::nr_cpus;
use bytemuck::Zeroable;
use vnet_common::abi::{PortTraffic, Traffic};
use vnet_common::verdict::DropReason;

use super::super::counters::add;
use super::super::places::{Earlier, TablesPlaces};
use super::{Bytes, TableError, refused};

const TRAFFIC_BYTES: usize = size_of::<Traffic>();
const PORT_TRAFFIC_BYTES: usize = size_of::<PortTraffic>();

pub(super) const PORT_COUNTERS: &str = "PORT_COUNTERS";
pub(super) const PEERING_COUNTERS: &str = "PEERING_COUNTERS";
pub(super) const DROPS: &str = "DROPS";

/// The counters of one set of tables.
pub(super) struct CounterMaps {
    ports: PerCpuArray<MapData, Bytes<PORT_TRAFFIC_BYTES>>,
    peerings: PerCpuArray<MapData, Bytes<TRAFFIC_BYTES>>,
    drops: PerCpuArray<MapData, u64>,
}

impl std::fmt::Debug for CounterMaps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CounterMaps").finish_non_exhaustive()
    }
}

impl CounterMaps {
    /// Takes the maps, each of which `take` gives by its name.
    pub(super) fn new<E>(
        mut take: impl FnMut(&'static str) -> Result<Map, E>,
        kind: impl Fn(&'static str, MapError) -> E,
    ) -> Result<Self, E> {
        Ok(Self {
            ports: take(PORT_COUNTERS)?.try_into().map_err(|error| kind(PORT_COUNTERS, error))?,
            peerings: take(PEERING_COUNTERS)?.try_into().map_err(|error| kind(PEERING_COUNTERS, error))?,
            drops: take(DROPS)?.try_into().map_err(|error| kind(DROPS, error))?,
        })
    }

    /// Opens the maps that are pinned in a directory by their names.
    pub(super) fn open(directory: &Path) -> Result<Self, TableError> {
        let unusable = |map, source| TableError::Map { map, index: 0, source };
        let take = |name| {
            let data = MapData::from_pin(directory.join(name)).map_err(|error| unusable(name, error))?;
            Map::from_map_data(data).map_err(|error| unusable(name, error))
        };
        Self::new(take, unusable)
    }

    pub(super) fn port(&self, index: u32) -> Result<PortTraffic, TableError> {
        let values = self.ports.get(&index, 0).map_err(refused(PORT_COUNTERS, index))?;
        let mut sum = PortTraffic::zeroed();
        for value in values.iter() {
            let one: PortTraffic = bytemuck::cast(*value);
            add(&mut sum.tx, one.tx);
            add(&mut sum.rx, one.rx);
            sum.answered += one.answered;
            sum.dropped += one.dropped;
        }
        Ok(sum)
    }

    pub(super) fn peering(&self, index: u32) -> Result<Traffic, TableError> {
        let values = self.peerings.get(&index, 0).map_err(refused(PEERING_COUNTERS, index))?;
        let mut sum = Traffic::zeroed();
        for value in values.iter() {
            add(&mut sum, bytemuck::cast(*value));
        }
        Ok(sum)
    }

    pub(super) fn drops(&self, reason: u32) -> Result<u64, TableError> {
        let values = self.drops.get(&reason, 0).map_err(refused(DROPS, reason))?;
        Ok(values.iter().sum())
    }

    pub(super) fn reset_port(&mut self, index: u32) -> Result<(), TableError> {
        let zero = per_cpu([0u8; PORT_TRAFFIC_BYTES])?;
        self.ports.set(index, zero, 0).map_err(refused(PORT_COUNTERS, index))
    }

    pub(super) fn reset_peering(&mut self, index: u32) -> Result<(), TableError> {
        let zero = per_cpu([0u8; TRAFFIC_BYTES])?;
        self.peerings.set(index, zero, 0).map_err(refused(PEERING_COUNTERS, index))
    }

    /// Everything that is counted under these places.
    pub(super) fn read(&self, places: &TablesPlaces) -> Result<Earlier, TableError> {
        let mut counted = Earlier::default();
        for (vnet, indexes) in places.vnets.iter() {
            for (nic, index) in &indexes.nics {
                counted.add_nic(vnet, nic, self.port(*index)?);
            }
            for (peering, place) in &indexes.peerings {
                counted.add_peering(vnet, peering, &place.remote, self.peering(place.index)?);
            }
        }
        // Another build may know fewer reasons.
        let known = DropReason::ALL.iter().filter(|reason| (**reason as u32) < self.drops.len());
        for reason in known {
            counted.add_drops(*reason, self.drops(*reason as u32)?);
        }
        Ok(counted)
    }
}

pub(super) fn per_cpu<V: Copy + aya::Pod>(value: V) -> Result<PerCpuValues<V>, TableError> {
    let cpus = nr_cpus().map_err(|(path, source)| TableError::Cpus { path, source })?;
    // As many values as CPUs: the one condition of the conversion.
    PerCpuValues::try_from(vec![value; cpus])
        .map_err(|source| TableError::Cpus { path: "/sys/devices/system/cpu/possible", source })
}
