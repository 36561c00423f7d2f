//! The program in the kernel, with the tables of a [`World`], and single frames pushed through it.

use std::sync::Arc;

use vnet_agent::compile::image::Interface;
use vnet_agent::compile::plan::Capacity;
use vnet_agent::compile::{Attachments, Compiled, compile};
use vnet_agent::dataplane::kernel::{ForwardError, KernelTables, XdpVerdict};
use vnet_agent::dataplane::{Commit, Publisher};
use vnet_agent::model::NicId;

use crate::changes::{self, Counts};
use crate::netns;
use crate::world::World;

/// Small tables, so that all counters can be read before and after every frame.
const CAPACITY: Capacity = Capacity {
    cells: 1024,
    nodes: 1024,
    ports: 64,
    routes: 256,
    endpoints6: 64,
    port_counters: 64,
    peering_counters: 64,
};

/// What became of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// What the program said.
    pub verdict: XdpVerdict,
    /// The frame as the program left it.
    pub frame: Hex,
    /// Every counter that changed, with what was added.
    pub changes: Counts,
}

/// A frame that prints itself as a hex dump, sixteen bytes a line.
#[derive(Clone, PartialEq, Eq)]
pub struct Hex(pub Vec<u8>);

impl std::fmt::Debug for Hex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{} bytes", self.0.len())?;
        for (line, bytes) in self.0.chunks(16).enumerate() {
            write!(f, "{:5}:", line * 16)?;
            bytes.iter().try_for_each(|byte| write!(f, " {byte:02x}"))?;
            writeln!(f)?;
        }
        Ok(())
    }
}

/// The loaded program. To be made and used inside [`netns::private`].
#[derive(Debug)]
pub struct Rig {
    publisher: Publisher<KernelTables>,
    compiled: Compiled,
    attachments: Arc<Attachments>,
}

impl Rig {
    /// Makes an interface for every attached NIC of `world`, loads the program and commits.
    ///
    /// # Panics
    /// Where the kernel refuses, with the whole chain of reasons.
    #[must_use]
    pub fn new(world: &World) -> Self {
        let attachments = Arc::new(interfaces(world, &Attachments::new()));
        let compiled = compile(world.topology(), &attachments, &Compiled::default());
        let load = |capacity| KernelTables::load(capacity).map_err(ForwardError::from);
        match Publisher::create(compiled.image(), CAPACITY, 0, load) {
            Ok(publisher) => Self { publisher, compiled, attachments },
            Err(error) => panic!("{}", chain(&error)),
        }
    }

    /// Commits another world. Interfaces that it has and the one before had not are made.
    ///
    /// # Panics
    /// Where a table refuses.
    pub fn commit(&mut self, world: &World) -> Commit {
        self.attachments = Arc::new(interfaces(world, &self.attachments));
        self.compiled = compile(world.topology(), &self.attachments, &self.compiled);
        self.publisher.commit(self.compiled.image()).unwrap_or_else(|error| panic!("{}", chain(&error)))
    }

    /// The interface of an attached NIC.
    ///
    /// # Panics
    /// Where the NIC has none.
    #[must_use]
    pub fn ifindex(&self, nic: &NicId) -> u32 {
        self.attachments.get(nic).unwrap_or_else(|| panic!("{nic} has no interface")).ifindex
    }

    /// Runs the program on `frame`, as if it had come in by interface `ifindex`.
    ///
    /// # Panics
    /// Where the kernel refuses.
    pub fn run(&mut self, ifindex: u32, frame: &[u8]) -> Observed {
        let before = self.counts();
        let run = self.publisher.tables_mut().test_run(frame, ifindex, 1);
        let run = run.unwrap_or_else(|error| panic!("{}", chain(&error)));
        let changes = changes::difference(&before, &self.counts());
        Observed { verdict: run.verdict, frame: Hex(run.frame), changes }
    }

    /// All counters.
    #[must_use]
    pub fn counts(&self) -> Counts {
        changes::read(self.publisher.layout(), self.publisher.tables())
    }

    /// The tables, to look into or to damage.
    pub fn publisher(&mut self) -> &mut Publisher<KernelTables> {
        &mut self.publisher
    }
}

/// The interfaces of a world's NICs: those that are there already, and new ones.
///
/// # Panics
/// Where the kernel makes none.
#[must_use]
pub fn interfaces(world: &World, before: &Attachments) -> Attachments {
    let mut attachments = Attachments::new();
    for (nic, mtu_bytes) in &world.mtus {
        let kept = before.get(nic).map(|interface| interface.ifindex);
        // A NIC that comes back finds the interface that it had.
        let ifindex = kept
            .or_else(|| netns::find(nic.as_str()))
            .unwrap_or_else(|| netns::veth(nic.as_str(), *mtu_bytes));
        attachments.insert(nic.clone(), Interface { ifindex, mtu_bytes: *mtu_bytes });
    }
    attachments
}

/// An error with everything behind it.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
