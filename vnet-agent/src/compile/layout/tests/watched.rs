//! Tables that object: to a write where a packet can read, to a write out of turn, and to a packet that sees anything but
//! one whole image, whenever during the commit it comes.

use std::collections::BTreeSet;

use vnet_common::abi::{
    Endpoint6Key, FIRST_CELL, LEAF, NODE_ENTRIES, NONE, Node, PortRecord, PortTraffic, RouteRecord, Traffic,
};
use vnet_common::forward::{Action, Tables as Lookup};

use super::expected::{Packet, Verdict, decided, expected, packets, ranges};
use crate::compile::image::Image;
use crate::compile::plan::Capacity;
use crate::dataplane::Tables;
use crate::dataplane::memory::{MemoryTables, OutsideTable};

/// Everything that a packet can read in one generation.
#[derive(Debug, Default)]
struct Reach {
    ports: BTreeSet<u32>,
    nodes: BTreeSet<u32>,
    routes: BTreeSet<u32>,
    endpoints6: BTreeSet<Endpoint6Key>,
    port_counters: BTreeSet<u32>,
    peering_counters: BTreeSet<u32>,
}

/// Where a commit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Between two commits.
    Idle,
    /// New entries are written, packets read the old ones.
    Writing,
    /// Published; packets of both generations are under way.
    Published,
    /// Packets of the new generation alone.
    Clearing,
}

#[derive(Debug)]
pub(super) struct Watched {
    pub(super) inner: MemoryTables,
    keys: BTreeSet<Endpoint6Key>,
    phase: Phase,
    reach: Reach,
    images: [Image; 2],
    packets: Vec<Packet>,
    /// After how many more writes one fails.
    pub(super) fails_after: Option<u32>,
    /// How many decisions were compared, and how many of those delivered.
    pub(super) compared: (usize, usize),
}

impl Watched {
    pub(super) fn new(capacity: Capacity) -> Self {
        Self {
            inner: MemoryTables::new(capacity),
            keys: BTreeSet::new(),
            phase: Phase::Idle,
            reach: Reach::default(),
            images: [Image::default(), Image::default()],
            packets: Vec::new(),
            fails_after: None,
            compared: (0, 0),
        }
    }

    /// A commit that leads from one image to the other is about to start.
    pub(super) fn expect(&mut self, old: &Image, new: &Image) {
        self.packets = packets([old, new]);
        self.images = [old.clone(), new.clone()];
        self.reach = self.reach();
        assert_ne!(self.phase, Phase::Published, "the commit before is not settled");
        self.phase = Phase::Writing;
        self.compare(0);
    }

    /// The commit is over. Every packet sees the new image, or the old one where it failed before it was published.
    pub(super) fn finish(&mut self, has_failed: bool) {
        let is_published = matches!(self.phase, Phase::Published | Phase::Clearing);
        // Where there was nothing to write, nothing was published, and the old entries are what the new image asks for.
        self.compare(usize::from(is_published || !has_failed));
        // A commit that is not settled yet stays what it is.
        if self.phase != Phase::Published || has_failed {
            self.phase = Phase::Idle;
        }
        self.fails_after = None;
    }

    fn compare(&mut self, which: usize) {
        let image = &self.images[which];
        for packet in &self.packets {
            let (_, action) = decided(&self.inner, packet);
            let verdict = match action {
                Action::Drop(reason) => Verdict::Drop(reason),
                Action::Deliver(to) => match self.inner.device(to.port) {
                    Some(ifindex) => Verdict::Deliver { ifindex, mac: to.mac },
                    None => Verdict::Other(action),
                },
                other @ Action::Answer(_) => Verdict::Other(other),
            };
            let (wanted, _) = expected(image, packet);
            assert_eq!(verdict, wanted, "{packet:?} in {:?}, ranges {:?}", self.phase, ranges(image));
            self.compared.0 += 1;
            self.compared.1 += usize::from(matches!(wanted, Verdict::Deliver { .. }));
        }
    }

    fn read(&self, cell: u32) -> u32 {
        self.inner.cell(cell).map_or(NONE, |cell| cell[(self.inner.generation() & 1) as usize])
    }

    fn reach(&self) -> Reach {
        let mut reach = Reach::default();
        let mut queue: Vec<u32> =
            (1..FIRST_CELL).map(|slot| self.read(slot)).filter(|port| *port != NONE).collect();
        while let Some(port) = queue.pop() {
            if !reach.ports.insert(port) {
                continue;
            }
            let record = *self.inner.port(port).unwrap();
            reach.port_counters.insert(record.counter);
            for cell in [record.space4, record.space6] {
                self.leaves(self.read(cell), &mut reach);
            }
            for (cell, is_v4) in [(record.routes4, true), (record.routes6, false)] {
                for leaf in self.leaves(self.read(cell), &mut reach) {
                    reach.routes.insert(leaf);
                    let route = *self.inner.route(leaf).unwrap();
                    reach.peering_counters.insert(route.counter);
                    if is_v4 {
                        queue.extend(self.leaves(self.read(route.endpoints), &mut reach));
                        continue;
                    }
                    for key in
                        self.keys.iter().filter(|key| key.range == route.endpoints && key.range != NONE)
                    {
                        // With an empty cell, an entry is as good as none: it may come or go.
                        let port = self.read(self.inner.endpoint6(key).unwrap());
                        if port != NONE {
                            reach.endpoints6.insert(*key);
                            queue.push(port);
                        }
                    }
                }
            }
        }
        reach.port_counters.remove(&NONE);
        reach.peering_counters.remove(&NONE);
        reach.ports.remove(&NONE);
        reach
    }

    /// The leaves of the trie with this root; its nodes go into `reach`.
    fn leaves(&self, root: u32, reach: &mut Reach) -> BTreeSet<u32> {
        let mut leaves = BTreeSet::new();
        let mut queue = vec![root];
        while let Some(node) = queue.pop() {
            if node == NONE {
                continue;
            }
            reach.nodes.insert(node);
            for byte in 0..NODE_ENTRIES {
                match self.inner.node_entry(node, byte as u8) {
                    NONE => {}
                    leaf if leaf & LEAF != 0 => _ = leaves.insert(leaf & !LEAF),
                    child => queue.push(child),
                }
            }
        }
        leaves
    }

    /// A write of an entry that a packet must not be able to read, in this phase.
    fn write(&mut self, phase: Phase, is_read: bool, what: &str) -> Result<(), OutsideTable> {
        assert_eq!(self.phase, phase, "{what} is written out of turn");
        assert!(!is_read, "{what} is written while a packet can read it");
        match &mut self.fails_after {
            Some(0) => return Err(OutsideTable { index: u32::MAX }),
            Some(left) => *left -= 1,
            None => {}
        }
        Ok(())
    }
}

impl Tables for Watched {
    type Error = OutsideTable;

    fn write_node(&mut self, index: u32, node: &Node) -> Result<(), OutsideTable> {
        self.write(Phase::Writing, self.reach.nodes.contains(&index), "a node")?;
        self.inner.write_node(index, node)
    }

    fn write_port(&mut self, index: u32, record: &PortRecord) -> Result<(), OutsideTable> {
        self.write(Phase::Writing, self.reach.ports.contains(&index), "a port")?;
        self.inner.write_port(index, record)
    }

    fn write_route(&mut self, index: u32, record: &RouteRecord) -> Result<(), OutsideTable> {
        self.write(Phase::Writing, self.reach.routes.contains(&index), "a route")?;
        self.inner.write_route(index, record)
    }

    fn set_device(&mut self, port: u32, ifindex: Option<u32>) -> Result<(), OutsideTable> {
        let phase = if ifindex.is_some() { Phase::Writing } else { Phase::Clearing };
        self.write(phase, self.reach.ports.contains(&port), "a device")?;
        self.inner.set_device(port, ifindex)
    }

    fn insert_endpoint6(&mut self, key: &Endpoint6Key, cell: u32) -> Result<(), OutsideTable> {
        self.write(Phase::Writing, self.reach.endpoints6.contains(key), "an IPv6 endpoint")?;
        assert!(self.keys.insert(*key), "{key:?} is there already");
        self.inner.insert_endpoint6(key, cell)
    }

    fn remove_endpoint6(&mut self, key: &Endpoint6Key) -> Result<(), OutsideTable> {
        self.write(Phase::Clearing, self.reach.endpoints6.contains(key), "an IPv6 endpoint")?;
        assert!(self.keys.remove(key), "{key:?} is not there");
        self.inner.remove_endpoint6(key)
    }

    fn reset_port_counter(&mut self, index: u32) -> Result<(), OutsideTable> {
        self.write(Phase::Clearing, self.reach.port_counters.contains(&index), "a NIC's counter")?;
        self.inner.reset_port_counter(index)
    }

    fn reset_peering_counter(&mut self, index: u32) -> Result<(), OutsideTable> {
        self.write(Phase::Clearing, self.reach.peering_counters.contains(&index), "a peering's counter")?;
        self.inner.reset_peering_counter(index)
    }

    fn write_cell(&mut self, index: u32, half: usize, value: u32) {
        let read = (self.inner.generation() & 1) as usize;
        assert_ne!(half, read, "the half of cell {index} that packets read is written");
        assert_ne!(index, NONE, "cell 0 is nobody's");
        assert!(
            matches!(self.phase, Phase::Writing | Phase::Clearing),
            "a cell is written in {:?}",
            self.phase
        );
        self.inner.write_cell(index, half, value);
    }

    fn publish(&mut self, generation: u64) {
        assert_eq!(self.phase, Phase::Writing);
        self.compare(0);
        assert_ne!(generation & 1, self.inner.generation() & 1, "both generations would read one half");
        self.inner.publish(generation);
        self.phase = Phase::Published;
        self.compare(1);
    }

    fn wait_for_readers(&mut self) {
        assert_eq!(self.phase, Phase::Published);
        self.phase = Phase::Clearing;
        self.reach = self.reach();
    }

    fn port_traffic(&self, index: u32) -> Result<PortTraffic, OutsideTable> {
        self.inner.port_traffic(index)
    }

    fn peering_traffic(&self, index: u32) -> Result<Traffic, OutsideTable> {
        self.inner.peering_traffic(index)
    }

    fn drops(&self, reason: u32) -> Result<u64, OutsideTable> {
        self.inner.drops(reason)
    }
}
