//! Port slots: the cells by which an ingress interface is found.
//!
//! A packet looks at the [`PORT_PROBES`] slots behind its interface's number modulo [`PORT_SLOTS`]. Interfaces are numbered
//! one after the other, so that taken slots lie in dense rows, and on a host that has made more than 65,536 interfaces in its
//! life a new one lands within such a row. Then interfaces of the row move on by a slot or two, up to the first free one; a
//! commit shows all of it to packets at once. Only where more interfaces crowd together than there are slots is none found: five
//! whose numbers leave the same remainder have four.

use std::collections::{BTreeMap, HashMap, VecDeque};

use vnet_common::abi::{NONE, PORT_PROBES, PORT_SLOTS};

use super::Cells;

/// Which interface has which slot, and the port that the slot leads to.
#[derive(Debug, Default)]
pub(super) struct Slots {
    taken: BTreeMap<u32, (u32, u32)>,
    slot_of: HashMap<u32, u32>,
}

/// The slots that a packet of this interface looks at.
fn probed(ifindex: u32) -> std::ops::Range<u32> {
    let first = 1 + ifindex % PORT_SLOTS;
    first..first + PORT_PROBES
}

impl Slots {
    /// The slot for an interface: its own, or one that it can have. Others may have moved on for it.
    pub(super) fn find(&mut self, ifindex: u32, cells: &mut Cells) -> Option<u32> {
        self.slot_of.get(&ifindex).copied().or_else(|| self.make_room(ifindex, cells))
    }

    /// Leads an interface nowhere.
    pub(super) fn clear(&mut self, ifindex: u32, cells: &mut Cells) {
        if let Some(slot) = self.slot_of.remove(&ifindex) {
            self.taken.remove(&slot);
            cells.set(slot, NONE);
        }
    }

    /// The slots that are taken, each with its interface.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, u32)> {
        self.taken.iter().map(|(slot, (ifindex, _))| (*slot, *ifindex))
    }

    /// Leads an interface to a port, by the slot that [`Self::find`] has found.
    pub(super) fn put(&mut self, slot: u32, ifindex: u32, port: u32, cells: &mut Cells) {
        self.taken.insert(slot, (ifindex, port));
        self.slot_of.insert(ifindex, slot);
        cells.set(slot, port);
    }

    /// A slot for a new interface: the first free one that can be had by moving as few others as possible.
    fn make_room(&mut self, ifindex: u32, cells: &mut Cells) -> Option<u32> {
        // Breadth first over slots; each is noted with the taken slot whose interface could move into it.
        let mut reached: BTreeMap<u32, Option<u32>> = probed(ifindex).map(|slot| (slot, None)).collect();
        let mut queue: VecDeque<u32> = probed(ifindex).collect();
        let free = loop {
            let slot = queue.pop_front()?;
            let Some((holder, _)) = self.taken.get(&slot) else { break slot };
            for next in probed(*holder) {
                reached.entry(next).or_insert_with(|| {
                    queue.push_back(next);
                    Some(slot)
                });
            }
        };
        let mut to = free;
        while let Some(&Some(from)) = reached.get(&to) {
            if let Some((holder, port)) = self.taken.remove(&from) {
                self.put(to, holder, port, cells);
            }
            to = from;
        }
        Some(to)
    }
}
