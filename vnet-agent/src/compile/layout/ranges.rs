//! Ranges of an address space and the endpoints in them: a trie for IPv4, hashed addresses for IPv6.
//!
//! IPv6 endpoints lie sparse in their /64s, where a trie would take up to eight nodes of 1 KiB for each. They are
//! looked up by a key of range and address; the entry names a cell, so that the hash map itself is only ever added to
//! before a generation is published, and removed from after its last reader.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use ipnet::IpNet;
use vnet_common::abi::{Endpoint6Key, NONE};

use super::super::image::VnetImage;
use super::super::plan::{CapacityExceeded, Plan, Table};
use super::super::trie::Prefix;
use super::Layout;

use crate::model::VnetId;

#[derive(Debug)]
pub(super) enum RangePlace {
    V4 { cell: u32, root: u32 },
    V6 { number: u32, endpoints: BTreeMap<Ipv6Addr, (u32, u32)> },
}

impl RangePlace {
    /// What a route record calls the range: the cell of its trie, or its number.
    pub(super) fn number(&self) -> u32 {
        match self {
            Self::V4 { cell, .. } => *cell,
            Self::V6 { number, .. } => *number,
        }
    }
}

/// How many bytes of an address the endpoint trie of a range leaves out: those that are the same all over the range,
/// but never the last one.
pub(super) fn skip_bytes(range: &IpNet) -> u8 {
    match range {
        IpNet::V4(net) => (net.prefix_len() / 8).min(3),
        IpNet::V6(_) => 0,
    }
}

impl Layout {
    /// Gives new ranges a place, and takes it from those that are gone.
    pub(super) fn place_ranges(
        &mut self,
        name: &VnetId,
        image: &VnetImage,
        plan: &mut Plan,
    ) -> Result<(), CapacityExceeded> {
        let place = self.vnets.entry(name.clone()).or_default();
        let gone: Vec<IpNet> =
            place.ranges.keys().filter(|range| !image.ranges.contains(range)).copied().collect();
        let dropped: Vec<RangePlace> = gone.iter().filter_map(|range| place.ranges.remove(range)).collect();
        for range in &image.ranges {
            if !place.ranges.contains_key(range) {
                let new = match range {
                    IpNet::V4(_) => RangePlace::V4 { cell: self.cells.take()?, root: NONE },
                    IpNet::V6(_) => {
                        RangePlace::V6 { number: self.range_numbers.take()?, endpoints: BTreeMap::new() }
                    }
                };
                place.ranges.insert(*range, new);
            }
        }
        for range in dropped {
            self.drop_range(range, plan);
        }
        Ok(())
    }

    /// Leads each range to the ports of the NICs in it.
    pub(super) fn place_endpoints(
        &mut self,
        name: &VnetId,
        image: &VnetImage,
        plan: &mut Plan,
    ) -> Result<(), CapacityExceeded> {
        for range in &image.ranges {
            match range {
                IpNet::V4(_) => self.place_endpoints4(name, image, range, plan)?,
                IpNet::V6(_) => self.place_endpoints6(name, image, range, plan)?,
            }
        }
        Ok(())
    }

    fn place_endpoints4(
        &mut self,
        name: &VnetId,
        image: &VnetImage,
        range: &IpNet,
        plan: &mut Plan,
    ) -> Result<(), CapacityExceeded> {
        let Some(place) = self.vnets.get_mut(name) else { return Ok(()) };
        let mut hosts: Vec<Prefix<4>> = Vec::new();
        for (nic, spec) in &image.nics {
            if let Some(address) = spec.ipv4
                && range.contains(&std::net::IpAddr::V4(address))
                && let Some(nic) = place.nics.get(nic)
            {
                hosts.push((address.octets(), 32, nic.port()));
            }
        }
        let built = self.nodes.build(hosts, usize::from(skip_bytes(range)), plan)?;
        if let Some(RangePlace::V4 { cell, root }) = place.ranges.get_mut(range) {
            let old = std::mem::replace(root, built);
            if old != built {
                self.cells.set(*cell, built);
            }
            self.nodes.release(old);
        }
        Ok(())
    }

    fn place_endpoints6(
        &mut self,
        name: &VnetId,
        image: &VnetImage,
        range: &IpNet,
        plan: &mut Plan,
    ) -> Result<(), CapacityExceeded> {
        let Some(place) = self.vnets.get_mut(name) else { return Ok(()) };
        let Some(RangePlace::V6 { number, endpoints }) = place.ranges.get_mut(range) else { return Ok(()) };
        let mut wanted = BTreeMap::new();
        for (nic, spec) in &image.nics {
            if let Some(address) = spec.ipv6
                && range.contains(&std::net::IpAddr::V6(address))
                && let Some(nic) = place.nics.get(nic)
            {
                wanted.insert(address, nic.port());
            }
        }
        let key = |address: &Ipv6Addr| Endpoint6Key { range: *number, address_be: address.octets() };
        endpoints.retain(|address, (cell, _)| {
            let stays = wanted.contains_key(address);
            if !stays {
                self.cells.retire(*cell);
                plan.freed_endpoints6.push(key(address));
                self.endpoints6_freed += 1;
            }
            stays
        });
        for (address, port) in wanted {
            match endpoints.get_mut(&address) {
                Some((_, current)) if *current == port => {}
                Some((cell, current)) => {
                    *current = port;
                    self.cells.set(*cell, port);
                }
                None => {
                    if self.endpoints6_in_use >= self.capacity.endpoints6 {
                        let capacity = self.capacity.endpoints6;
                        return Err(CapacityExceeded { table: Table::Endpoints6, capacity });
                    }
                    self.endpoints6_in_use += 1;
                    let cell = self.cells.take()?;
                    self.cells.set(cell, port);
                    plan.endpoints6.push((key(&address), cell));
                    endpoints.insert(address, (cell, port));
                }
            }
        }
        Ok(())
    }

    pub(super) fn drop_range(&mut self, range: RangePlace, plan: &mut Plan) {
        match range {
            RangePlace::V4 { cell, root } => {
                self.cells.retire(cell);
                self.nodes.release(root);
            }
            RangePlace::V6 { number, endpoints } => {
                self.range_numbers.retire(number);
                for (address, (cell, _)) in endpoints {
                    self.cells.retire(cell);
                    self.endpoints6_freed += 1;
                    let key = Endpoint6Key { range: number, address_be: address.octets() };
                    plan.freed_endpoints6.push(key);
                }
            }
        }
    }
}
