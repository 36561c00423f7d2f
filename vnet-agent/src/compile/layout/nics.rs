//! NICs: a port with its record and device, a slot for its interface, a counter.

use vnet_common::abi::{NONE, PORT_ATTACHED, PORT_IP_FORWARDING, PortRecord};

use super::super::image::{Interface, NicImage, VnetImage};
use super::super::plan::{CapacityExceeded, Plan};
use super::{DETACHED_PORT, Layout};

use crate::model::{NicId, VnetId};

/// Where a NIC stands. Without an interface it is the shared detached port.
#[derive(Debug, Default)]
pub(super) struct NicPlace {
    attached: Option<Attached>,
    /// Kept while the NIC exists, so that counts go on when its interface comes back.
    counter: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Attached {
    port: u32,
    record: PortRecord,
}

impl NicPlace {
    pub(super) fn port(&self) -> u32 {
        self.attached.map_or(DETACHED_PORT, |attached| attached.port)
    }

    /// The port and the number of the interface, where there is one.
    pub(super) fn device(&self) -> Option<(u32, u32)> {
        self.attached.map(|attached| (attached.port, attached.record.ifindex))
    }

    pub(super) fn counter(&self) -> Option<u32> {
        self.counter
    }
}

impl Layout {
    /// Takes ports and slots from the NICs of a VNet that are gone or have another interface.
    ///
    /// This is done for all VNets before any NIC is attached: in one commit an interface may pass from a NIC to another, of
    /// another VNet too, and its slot with it.
    pub(super) fn release_nics(&mut self, name: &VnetId, image: &VnetImage) {
        let Some(place) = self.vnets.get_mut(name) else { return };
        let mut nics = std::mem::take(&mut place.nics);
        nics.retain(|nic, old| {
            let interface = image.nics.get(nic).and_then(|spec| spec.interface);
            if old.attached.is_some_and(|at| interface.is_none_or(|i| i.ifindex != at.record.ifindex)) {
                self.detach(old);
            }
            let stays = image.nics.contains_key(nic);
            if !stays {
                self.drop_nic(old);
            }
            stays
        });
        if let Some(place) = self.vnets.get_mut(name) {
            place.nics = nics;
        }
    }

    /// Gives the NICs of a VNet their ports.
    pub(super) fn place_nics(
        &mut self,
        name: &VnetId,
        image: &VnetImage,
        plan: &mut Plan,
    ) -> Result<(), CapacityExceeded> {
        let Some(place) = self.vnets.get_mut(name) else { return Ok(()) };
        let mut nics = std::mem::take(&mut place.nics);
        let placed = image.nics.iter().try_for_each(|(nic, spec)| {
            let old = nics.entry(nic.clone()).or_default();
            spec.interface.map_or(Ok(()), |interface| self.attach((name, nic), spec, interface, old, plan))
        });
        // Where a table is full, too: the counters of what stands are read by this layout after that.
        if let Some(place) = self.vnets.get_mut(name) {
            place.nics = nics;
        }
        placed
    }

    pub(super) fn drop_nic(&mut self, nic: &NicPlace) {
        if let Some(counter) = nic.counter {
            self.port_counters.retire(counter);
        }
        if let Some(attached) = nic.attached {
            self.slots.clear(attached.record.ifindex, &mut self.cells);
            self.ports.retire(attached.port);
        }
    }

    fn detach(&mut self, nic: &mut NicPlace) {
        if let Some(attached) = nic.attached.take() {
            self.slots.clear(attached.record.ifindex, &mut self.cells);
            self.ports.retire(attached.port);
        }
    }

    /// Gives a NIC a port. Where its interface finds no slot, the NIC stays without: the rest of the commit must not
    /// fail for that.
    fn attach(
        &mut self,
        (vnet, name): (&VnetId, &NicId),
        spec: &NicImage,
        interface: Interface,
        nic: &mut NicPlace,
        plan: &mut Plan,
    ) -> Result<(), CapacityExceeded> {
        let Some(slot) = self.slots.find(interface.ifindex, &mut self.cells) else {
            self.crowded_out.insert((vnet.clone(), name.clone()));
            return Ok(());
        };
        let counter = match nic.counter {
            Some(counter) => counter,
            None => {
                let counter = self.port_counters.take()?;
                *nic.counter.insert(counter)
            }
        };
        let record = self.port_record(vnet, spec, interface, counter);
        match nic.attached {
            Some(attached) if attached.record == record => return Ok(()),
            Some(attached) => self.ports.retire(attached.port),
            None => {}
        }
        let port = self.ports.take()?;
        self.slots.put(slot, interface.ifindex, port, &mut self.cells);
        plan.ports.push((port, record));
        plan.devices.push((port, interface.ifindex));
        nic.attached = Some(Attached { port, record });
        Ok(())
    }

    fn port_record(&self, vnet: &VnetId, spec: &NicImage, interface: Interface, counter: u32) -> PortRecord {
        let place = self.vnets.get(vnet);
        let routes = place.and_then(|place| place.subnets.get(&spec.subnet));
        let space = place.map(|place| &place.space);
        // Without an address of the family, or forwarding, there are no routes: nothing of the family gets through.
        let cell = |has: bool, cell: Option<u32>| cell.filter(|_| has || spec.ip_forwarding).unwrap_or(NONE);
        let (has4, has6) = (spec.ipv4.is_some(), spec.ipv6.is_some());
        let forwarding = if spec.ip_forwarding { PORT_IP_FORWARDING } else { 0 };
        PortRecord {
            ifindex: interface.ifindex,
            mac: spec.mac,
            flags: PORT_ATTACHED | forwarding,
            ipv4_be: spec.ipv4.map_or([0; 4], |address| address.octets()),
            routes4: cell(has4, routes.map(|rooted| rooted.cell4)),
            routes6: cell(has6, routes.map(|rooted| rooted.cell6)),
            space4: cell(has4, space.map(|rooted| rooted.cell4)),
            space6: cell(has6, space.map(|rooted| rooted.cell6)),
            router4_be: spec.router4.map_or([0; 4], |address| address.octets()),
            counter,
            mtu_bytes: interface.mtu_bytes,
            reserved: 0,
            ipv6_be: spec.ipv6.map_or([0; 16], |address| address.octets()),
            router6_be: spec.router6.map_or([0; 16], |address| address.octets()),
            padding: [0; 6],
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::super::super::image::Image;
    use super::*;
    use crate::compile::plan::Capacity;
    use crate::model::SubnetName;

    /// An image of one NIC for each of `nics`: its virtual network, and the ifindex that it is attached by.
    fn image(nics: &[(&str, u32)]) -> Image {
        let mut vnets: BTreeMap<VnetId, Arc<VnetImage>> = BTreeMap::new();
        for (vnet, ifindex) in nics {
            let nic = NicImage {
                subnet: SubnetName::new("s").unwrap(),
                mac: [2, 0, 0, 0, 0, u8::try_from(*ifindex).unwrap()],
                ipv4: None,
                ipv6: None,
                router4: None,
                router6: None,
                ip_forwarding: false,
                interface: Some(Interface { ifindex: *ifindex, mtu_bytes: 1500 }),
            };
            let place = Arc::make_mut(vnets.entry(VnetId::new(vnet).unwrap()).or_default());
            place.nics.insert(NicId::new(&format!("n{ifindex}")).unwrap(), nic);
        }
        Image { vnets }
    }

    #[test]
    fn an_interface_passes_to_another_virtual_network_though_all_slots_around_are_taken() {
        let mut layout = Layout::new(Capacity::default(), 0);
        layout.plan(&image(&[("b", 10), ("b", 11), ("b", 12), ("b", 13), ("b", 14)])).unwrap();
        layout.settle();
        // Virtual networks are planned in the order of their names: the new one comes before the one that gives.
        let plan = layout.plan(&image(&[("a", 10), ("b", 11), ("b", 12), ("b", 13), ("b", 14)])).unwrap();
        let [(port, record)] = plan.ports[..] else { panic!("one port changes: {:?}", plan.ports) };
        assert_eq!((record.ifindex, plan.devices.as_slice()), (10, &[(port, 10)][..]));
        assert!(plan.cells.contains(&(11, port)), "slot 11 is that of ifindex 10: {:?}", plan.cells);
    }
}
