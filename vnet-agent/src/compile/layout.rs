//! Where everything of an image stands in the tables, and what a new image changes.
//!
//! [`Layout::plan`] walks only the VNets whose image is another one than before. Entries that a packet can reach are
//! never written again: what changes gets a new entry, a cell is pointed at it, and the old entry is free once
//! [`Layout::settle`] says that every packet of the old generation has ended.

mod counters;
mod nics;
mod ranges;
mod room;
mod slots;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ipnet::IpNet;
use vnet_common::abi::{self, NONE, RouteRecord};

pub use self::counters::{PeeringPlace, VnetCounters};
use self::nics::NicPlace;
use self::ranges::RangePlace;
use self::slots::Slots;
use super::image::{Image, RouteTable, Target, VnetImage};
use super::plan::{Capacity, CapacityExceeded, Plan, Table};
use super::pool::Pool;
use super::route_table::{Built, Routes};
use super::trie::Nodes;
use crate::model::{NicId, PeeringName, SubnetName, VnetId};

/// The port that stands for every NIC without an interface: packets for it are dropped as `endpoint-detached`.
const DETACHED_PORT: u32 = 1;

/// The places of everything that is committed.
#[derive(Debug)]
pub struct Layout {
    generation: u64,
    /// Nothing has been planned yet: even an empty image is published.
    is_new: bool,
    capacity: Capacity,
    nodes: Nodes,
    routes: Routes,
    cells: Cells,
    ports: Pool,
    port_counters: Pool,
    peering_counters: Pool,
    range_numbers: Pool,
    /// Entries of the hash map, those included that are removed once their readers have ended.
    endpoints6_in_use: u32,
    endpoints6_freed: u32,
    slots: Slots,
    /// NICs whose interface found no slot.
    crowded_out: BTreeSet<(VnetId, NicId)>,
    counter_places: Arc<BTreeMap<VnetId, Arc<VnetCounters>>>,
    /// The virtual networks that the last plan was about.
    planned: Vec<VnetId>,
    vnets: BTreeMap<VnetId, VnetPlace>,
    image: Image,
}

/// The cells, and the value that each has in the generation that is planned.
#[derive(Debug)]
struct Cells {
    pool: Pool,
    changed: BTreeMap<u32, u32>,
}

impl Cells {
    fn take(&mut self) -> Result<u32, CapacityExceeded> {
        self.pool.take()
    }

    fn set(&mut self, cell: u32, value: u32) {
        self.changed.insert(cell, value);
    }

    /// The cell reads as "none" from the next generation on, and is free after that.
    fn retire(&mut self, cell: u32) {
        self.set(cell, NONE);
        self.pool.retire(cell);
    }
}

/// A pair of tries with the cells of their roots.
#[derive(Debug, Default)]
struct Rooted {
    cell4: u32,
    cell6: u32,
    built: Built,
}

#[derive(Debug, Default)]
struct VnetPlace {
    image: Arc<VnetImage>,
    space: Rooted,
    subnets: BTreeMap<SubnetName, Rooted>,
    ranges: BTreeMap<IpNet, RangePlace>,
    nics: BTreeMap<NicId, NicPlace>,
    /// The counters of what this VNet sends, by its peering object; with the remote, because an object of the same name that
    /// leads elsewhere is another one.
    peering_counters: BTreeMap<PeeringName, (VnetId, u32)>,
}

impl Layout {
    /// An empty layout for empty tables of this capacity. Its first plan publishes the generation after `generation`.
    #[must_use]
    pub fn new(capacity: Capacity, generation: u64) -> Self {
        let first = abi::FIRST_CELL;
        Self {
            generation,
            is_new: true,
            capacity,
            nodes: Nodes::new(capacity.nodes),
            routes: Routes::new(capacity.routes),
            cells: Cells {
                pool: Pool::new(Table::Cells, first, first + capacity.cells),
                changed: BTreeMap::new(),
            },
            ports: Pool::new(Table::Ports, DETACHED_PORT + 1, capacity.ports),
            port_counters: Pool::new(Table::PortCounters, 1, capacity.port_counters),
            peering_counters: Pool::new(Table::PeeringCounters, 1, capacity.peering_counters),
            range_numbers: Pool::new(Table::Cells, 1, u32::MAX),
            endpoints6_in_use: 0,
            endpoints6_freed: 0,
            slots: Slots::default(),
            crowded_out: BTreeSet::new(),
            counter_places: Arc::default(),
            planned: Vec::new(),
            vnets: BTreeMap::new(),
            image: Image::default(),
        }
    }

    /// The image of the last plan.
    #[must_use]
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// The virtual networks that the last plan was about: those that are new, changed or gone.
    #[must_use]
    pub fn planned(&self) -> &[VnetId] {
        &self.planned
    }

    /// The generation of the last plan that was not empty.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// How many trie nodes are in use.
    #[must_use]
    pub fn nodes_in_use(&self) -> usize {
        self.nodes.len()
    }

    /// The NICs whose interface has found no slot: they are as if they had none. They are tried again when something else of
    /// their virtual network changes.
    pub fn crowded_out(&self) -> impl Iterator<Item = &NicId> {
        self.crowded_out.iter().map(|(_, nic)| nic)
    }

    /// All ports that have an interface, each with the interface's number.
    pub fn devices(&self) -> impl Iterator<Item = (u32, u32)> {
        self.vnets.values().flat_map(|place| place.nics.values().filter_map(NicPlace::device))
    }

    /// What to write so that the tables hold `next`. An empty plan publishes nothing.
    ///
    /// # Errors
    /// [`CapacityExceeded`]: the layout is of no use any more; build a new one, with larger tables, from scratch.
    pub fn plan(&mut self, next: &Image) -> Result<Plan, CapacityExceeded> {
        let mut plan = Plan::default();
        let mut changed: Vec<(VnetId, Arc<VnetImage>)> = Vec::new();
        for (name, image) in &next.vnets {
            match self.vnets.get_mut(name) {
                Some(place) if Arc::ptr_eq(&place.image, image) => {}
                // Kept, so that the next plan finds the pointer equal.
                Some(place) if place.image == *image => place.image = Arc::clone(image),
                _ => changed.push((name.clone(), Arc::clone(image))),
            }
        }
        let gone: Vec<VnetId> =
            self.vnets.keys().filter(|&name| !next.vnets.contains_key(name)).cloned().collect();

        let is_planned = |vnet: &VnetId| changed.iter().any(|(name, _)| name == vnet) || gone.contains(vnet);
        self.crowded_out.retain(|(vnet, _)| !is_planned(vnet));
        for name in &gone {
            if let Some(place) = self.vnets.remove(name) {
                self.drop_vnet(place, &mut plan);
            }
        }
        // Routes lead to ranges of other VNets, and ranges to NICs: each step needs all of the one before.
        for (name, image) in &changed {
            self.release_nics(name, image);
        }
        for (name, image) in &changed {
            self.place_ranges(name, image, &mut plan)?;
            self.release_nics(name, image);
        }
        for (name, image) in &changed {
            self.place_subnet_cells(name, image)?;
            self.place_nics(name, image, &mut plan)?;
            self.place_endpoints(name, image, &mut plan)?;
        }
        for (name, image) in &changed {
            self.place_routes(name, image, &mut plan)?;
        }
        for (name, image) in &changed {
            self.vnets.entry(name.clone()).or_default().image = Arc::clone(image);
        }
        let planned: Vec<VnetId> =
            gone.into_iter().chain(changed.into_iter().map(|(name, _)| name)).collect();
        for name in &planned {
            self.note_counters(name);
        }
        self.planned = planned;
        self.image = next.clone();
        self.finish(&mut plan);
        Ok(plan)
    }

    /// Every packet of the generation before the last plan's has ended: what it alone used is free.
    pub fn settle(&mut self) {
        self.nodes.settle();
        self.routes.settle();
        self.cells.pool.settle();
        self.ports.settle();
        self.port_counters.settle();
        self.peering_counters.settle();
        self.range_numbers.settle();
        self.endpoints6_in_use -= std::mem::take(&mut self.endpoints6_freed);
    }

    fn finish(&mut self, plan: &mut Plan) {
        plan.freed_devices.extend_from_slice(self.ports.retired());
        plan.freed_port_counters.extend_from_slice(self.port_counters.retired());
        plan.freed_peering_counters.extend_from_slice(self.peering_counters.retired());
        plan.cells.extend(std::mem::take(&mut self.cells.changed));
        if self.is_new || !plan.is_empty() {
            self.generation += 1;
        }
        self.is_new = false;
        plan.generation = self.generation;
    }

    /// The cells of the subnets' route roots, and those of the space: NICs name them.
    fn place_subnet_cells(&mut self, name: &VnetId, image: &VnetImage) -> Result<(), CapacityExceeded> {
        let Self { vnets, cells, .. } = self;
        let place = vnets.entry(name.clone()).or_default();
        if place.space.cell4 == NONE {
            (place.space.cell4, place.space.cell6) = (cells.take()?, cells.take()?);
        }
        for subnet in image.subnets.keys() {
            if !place.subnets.contains_key(subnet) {
                let rooted = Rooted { cell4: cells.take()?, cell6: cells.take()?, built: Built::default() };
                place.subnets.insert(subnet.clone(), rooted);
            }
        }
        Ok(())
    }

    fn place_routes(
        &mut self,
        name: &VnetId,
        image: &VnetImage,
        plan: &mut Plan,
    ) -> Result<(), CapacityExceeded> {
        self.place_peering_counters(name, image)?;
        let old = self.vnets.get(name).map(|place| Arc::clone(&place.image)).unwrap_or_default();
        for (subnet, table) in &image.subnets {
            let records = self.records(name, table);
            let Self { vnets, nodes, routes, cells, .. } = self;
            let Some(rooted) = vnets.get_mut(name).and_then(|place| place.subnets.get_mut(subnet)) else {
                continue;
            };
            let built = Built::routes(records.into_iter(), nodes, routes, plan)?;
            replace(rooted, built, nodes, routes, cells);
        }
        let space = Built::space(&image.ranges, &mut self.nodes, plan)?;
        let Self { vnets, nodes, routes, cells, .. } = self;
        let Some(place) = vnets.get_mut(name) else { return Ok(()) };
        replace(&mut place.space, space, nodes, routes, cells);
        for subnet in old.subnets.keys().filter(|subnet| !image.subnets.contains_key(*subnet)) {
            if let Some(rooted) = place.subnets.remove(subnet) {
                remove(rooted, nodes, routes, cells);
            }
        }
        Ok(())
    }

    /// Gives each peering that some route crosses a counter, and takes it from those that none crosses any more.
    fn place_peering_counters(&mut self, name: &VnetId, image: &VnetImage) -> Result<(), CapacityExceeded> {
        let Self { vnets, peering_counters: pool, .. } = self;
        let counters = &mut vnets.entry(name.clone()).or_default().peering_counters;
        let live = live_peerings(image);
        counters.retain(|peering, (remote, counter)| {
            let stays = live.get(peering).is_some_and(|live| live == remote);
            if !stays {
                pool.retire(*counter);
            }
            stays
        });
        for (peering, remote) in live {
            if let Entry::Vacant(free) = counters.entry(peering) {
                free.insert((remote, pool.take()?));
            }
        }
        Ok(())
    }

    /// The route records of a subnet's routes.
    fn records(&self, vnet: &VnetId, table: &RouteTable) -> Vec<(IpNet, RouteRecord)> {
        table.iter().map(|(prefix, target)| (*prefix, self.record(vnet, target))).collect()
    }

    fn record(&self, vnet: &VnetId, target: &Target) -> RouteRecord {
        let kind = |kind| RouteRecord { kind, ..RouteRecord::default() };
        match target {
            Target::None => kind(abi::ROUTE_NONE),
            Target::Internet => kind(abi::ROUTE_INTERNET),
            Target::Unroutable => kind(abi::ROUTE_UNROUTABLE),
            Target::Local { range } => self.to_range(vnet, range, kind(abi::ROUTE_LOCAL)),
            Target::Peering { peering, remote, range, access, forwarded } => {
                let mut record = self.to_range(remote, range, kind(abi::ROUTE_PEERING));
                record.flags = if *access { abi::ROUTE_ACCESS } else { 0 };
                record.flags |= if *forwarded { abi::ROUTE_FORWARDED } else { 0 };
                record.counter = self.peering_counter(vnet, peering).unwrap_or(NONE);
                record
            }
        }
    }

    fn to_range(&self, vnet: &VnetId, range: &IpNet, record: RouteRecord) -> RouteRecord {
        // A range that is not there has no endpoints: number 0 names an empty trie, and no endpoint.
        let place = self.vnets.get(vnet).and_then(|place| place.ranges.get(range));
        RouteRecord {
            endpoints: place.map_or(NONE, RangePlace::number),
            skip_bytes: ranges::skip_bytes(range),
            ..record
        }
    }

    fn drop_vnet(&mut self, place: VnetPlace, plan: &mut Plan) {
        let Self { nodes, routes, cells, .. } = self;
        remove(place.space, nodes, routes, cells);
        for rooted in place.subnets.into_values() {
            remove(rooted, nodes, routes, cells);
        }
        for (_, counter) in place.peering_counters.into_values() {
            self.peering_counters.retire(counter);
        }
        for range in place.ranges.into_values() {
            self.drop_range(range, plan);
        }
        for nic in place.nics.into_values() {
            self.drop_nic(&nic);
        }
    }
}

/// The peerings that some route of the VNet crosses, each with its remote.
fn live_peerings(image: &VnetImage) -> BTreeMap<PeeringName, VnetId> {
    let targets = image.subnets.values().flat_map(|table| table.values());
    targets
        .filter_map(|target| match target {
            Target::Peering { peering, remote, .. } => Some((peering.clone(), remote.clone())),
            _ => None,
        })
        .collect()
}

/// Puts `built` in the place of what `rooted` holds.
fn replace(rooted: &mut Rooted, built: Built, nodes: &mut Nodes, routes: &mut Routes, cells: &mut Cells) {
    let mut old = std::mem::replace(&mut rooted.built, built);
    if old.root4 != rooted.built.root4 {
        cells.set(rooted.cell4, rooted.built.root4);
    }
    if old.root6 != rooted.built.root6 {
        cells.set(rooted.cell6, rooted.built.root6);
    }
    old.release(nodes, routes);
}

fn remove(mut rooted: Rooted, nodes: &mut Nodes, routes: &mut Routes, cells: &mut Cells) {
    rooted.built.release(nodes, routes);
    for cell in [rooted.cell4, rooted.cell6] {
        if cell != NONE {
            cells.retire(cell);
        }
    }
}

#[cfg(test)]
mod tests;
