//! A topology with attachments, committed step by step into watched tables.

use std::sync::Arc;

use vnet_common::abi::FIRST_CELL;
use vnet_common::forward::Action;

use super::expected::{Verdict, decided, expected, or_none, packets};
use super::watched::Watched;
use crate::compile::image::{Image, Interface};
use crate::compile::layout::{DETACHED_PORT, Layout};
use crate::compile::plan::Capacity;
use crate::compile::{Attachments, Compiled, compile};
use crate::dataplane::{Commit, CommitError, Publisher};
use crate::model::Topology;
use crate::model::tests::{World, nic_name};

/// Enough for every test, and small enough to make anew often.
pub(super) const CAPACITY: Capacity = Capacity {
    cells: 1_000,
    nodes: 2_000,
    ports: 100,
    routes: 1_000,
    endpoints6: 100,
    port_counters: 100,
    peering_counters: 100,
};

pub(super) struct Committed {
    pub(super) publisher: Publisher<Watched>,
    pub(super) topology: Topology,
    pub(super) attachments: Attachments,
    pub(super) compiled: Compiled,
    /// How many commits changed something and took nothing away.
    pub(super) harmless: usize,
    /// Whether a commit is left unsettled until the next one.
    pub(super) is_lazy: bool,
}

/// The image of a topology whose NICs have these interfaces, made from nothing.
pub(super) fn image_of(topology: &Topology, attachments: &Attachments) -> Image {
    compile(topology, &Arc::new(attachments.clone()), &Compiled::default()).image().clone()
}

/// Interface `ifindex` for each NIC named.
pub(super) fn attachments(list: &[(&str, u32)]) -> Attachments {
    list.iter()
        .map(|(nic, ifindex)| (nic_name(nic), Interface { ifindex: *ifindex, mtu_bytes: 1500 }))
        .collect()
}

impl Committed {
    /// Tables for an empty topology.
    pub(super) fn new(capacity: Capacity) -> Self {
        let load = |capacity| {
            let mut tables = Watched::new(capacity);
            tables.expect(&Image::default(), &Image::default());
            Ok::<_, CommitError<_>>(tables)
        };
        let mut publisher = Publisher::create(&Image::default(), capacity, 0, load).unwrap();
        publisher.settle().unwrap();
        publisher.tables_mut().finish(false);
        let (topology, compiled) = (Topology::default(), Compiled::default());
        Self { publisher, topology, attachments: Attachments::new(), compiled, harmless: 0, is_lazy: false }
    }

    /// A first topology, committed.
    pub(super) fn start(world: World, list: &[(&str, u32)]) -> Self {
        let mut committed = Self::new(CAPACITY);
        committed.topology = world.0;
        committed.attachments = attachments(list);
        committed.commit();
        committed
    }

    /// Commits the topology as it is now, and looks at everything that it left behind.
    #[track_caller]
    pub(super) fn commit(&mut self) -> Commit {
        self.try_commit().unwrap()
    }

    pub(super) fn try_commit(
        &mut self,
    ) -> Result<Commit, CommitError<crate::dataplane::memory::OutsideTable>> {
        let compiled = compile(&self.topology, &Arc::new(self.attachments.clone()), &self.compiled);
        let fresh = image_of(&self.topology, &self.attachments);
        assert_eq!(*compiled.image(), fresh, "what was kept of the compilation before is out of date");
        let before = self.compiled.image().clone();
        self.compiled = compiled;
        self.publisher.settle()?;
        self.publisher.tables_mut().expect(&before, &fresh);
        let outcome = self.publisher.commit(&fresh);
        let settled = if self.is_lazy || outcome.is_err() { Ok(()) } else { self.publisher.settle() };
        self.publisher.tables_mut().finish(outcome.is_err() || settled.is_err());
        settled?;
        let commit = outcome?;
        self.check_what_it_takes_away(commit.takes_away, &before, &fresh);
        assert_eq!(commit.generation, self.publisher.layout().generation());
        self.check_counters(&fresh);
        if !self.is_lazy {
            self.check_room(&fresh);
        }
        Ok(commit)
    }

    /// A commit that is said to take nothing away delivers every packet that was delivered before, to the same place.
    fn check_what_it_takes_away(&mut self, takes_away: bool, before: &Image, after: &Image) {
        self.harmless += usize::from(!takes_away && before != after);
        for packet in packets([before, after]) {
            let (old, new) = (expected(before, &packet).0, expected(after, &packet).0);
            let is_taken = matches!(old, Verdict::Deliver { .. }) && old != new;
            assert!(takes_away || !is_taken, "{packet:?} was {old:?} and is {new:?}");
        }
    }

    /// Every delivery counts for the sender, the receiver and the peering that it is by name.
    fn check_counters(&self, image: &Image) {
        let layout = self.publisher.layout();
        for packet in packets([image, image]) {
            let (sender, action) = decided(&self.publisher.tables().inner, &packet);
            let (_, Some(counted)) = expected(image, &packet) else { continue };
            let Action::Deliver(delivery) = action else { panic!("{packet:?} is delivered") };
            let port = |(vnet, nic): &_| or_none(layout.port_counter(vnet, nic));
            let peering =
                counted.peering.as_ref().and_then(|(vnet, peering)| layout.peering_counter(vnet, peering));
            assert_eq!(sender, port(&counted.sender));
            assert_eq!(delivery.receiver_counter, port(&counted.receiver));
            assert_eq!(delivery.peering_counter, or_none(peering));
            assert!(
                counted.peering.is_none() || peering.is_some(),
                "a peering without a counter: {packet:?}"
            );
        }
    }

    /// As much is in use as a layout made from nothing has in use for the same image.
    fn check_room(&self, image: &Image) {
        let mut fresh = Layout::new(self.publisher.layout().capacity, 0);
        fresh.plan(image).unwrap();
        fresh.settle();
        let (mut used, mut needed) = (usage(self.publisher.layout()), usage(&fresh));
        // A NIC keeps its counter while it exists, and the layout from nothing has not seen its interface.
        (used.port_counters, needed.port_counters) = (0, 0);
        assert_eq!(used, needed);
    }
}

/// How much of each table is in use.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    nodes: usize,
    routes: u32,
    cells: u32,
    ports: u32,
    port_counters: u32,
    peering_counters: u32,
    ranges: u32,
    endpoints6: u32,
    slots: usize,
}

pub(super) fn usage(layout: &Layout) -> Usage {
    Usage {
        nodes: layout.nodes.len(),
        routes: layout.routes.in_use(),
        cells: layout.cells.pool.in_use(FIRST_CELL),
        ports: layout.ports.in_use(DETACHED_PORT + 1),
        port_counters: layout.port_counters.in_use(1),
        peering_counters: layout.peering_counters.in_use(1),
        ranges: layout.range_numbers.in_use(1),
        endpoints6: layout.endpoints6_in_use,
        slots: layout.slots.iter().count(),
    }
}
