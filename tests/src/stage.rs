//! A forwarder on real interfaces: those of a world's NICs, attached and pinned, in the calling thread's namespace.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use vnet_agent::compile::image::Image;
use vnet_agent::compile::plan::Capacity;
use vnet_agent::compile::{Attachments, Compiled, compile};
use vnet_agent::dataplane::counters::Counters;
use vnet_agent::dataplane::kernel::{Adoption, Forwarder};
use vnet_agent::dataplane::places::CounterPlaces;
use vnet_common::abi::PortTraffic;

use crate::cast::{A1, A2, GATEWAY4};
use crate::pins::Pins;
use crate::rig::interfaces;
use crate::world::{World, nic_name, vnet_name};

/// Room for six ports, of which one stands for all NICs without an interface, and one is never used.
pub const TINY: Capacity = Capacity {
    cells: 64,
    nodes: 64,
    ports: 6,
    routes: 32,
    endpoints6: 8,
    port_counters: 64,
    peering_counters: 8,
};

/// Two NICs in one virtual network, and as many more as asked for.
///
/// # Panics
/// Where these are over 155.
#[must_use]
pub fn small_world(more: &[&str]) -> World {
    let mut world = World::default().vnet("a", "westus", &["10.1.0.0/16"]);
    world = world.nic("a", A1.name, A1.mac, &[&A1.v4.to_string()]);
    world = world.nic("a", A2.name, A2.mac, &[&A2.v4.to_string()]);
    for (at, name) in more.iter().enumerate() {
        let last = 100 + u8::try_from(at).unwrap();
        world = world.nic("a", name, [2, 0, 0, 0, 9, last], &[&format!("10.1.0.{last}")]);
    }
    world
}

/// A world with its interfaces.
#[derive(Debug)]
pub struct Stage<'p> {
    pins: &'p Pins,
    attachments: Arc<Attachments>,
    compiled: Compiled,
}

impl<'p> Stage<'p> {
    /// Makes the interfaces.
    ///
    /// # Panics
    /// Where the kernel makes none.
    #[must_use]
    pub fn new(pins: &'p Pins, world: &World) -> Self {
        let attachments = Arc::new(interfaces(world, &Attachments::new()));
        let compiled = compile(world.topology(), &attachments, &Compiled::default());
        Self { pins, attachments, compiled }
    }

    /// A forwarder whose counters nobody keeps, with every interface attached.
    ///
    /// # Panics
    /// Where the kernel refuses; likewise below.
    #[must_use]
    pub fn start(&self, capacity: Capacity) -> Forwarder {
        let forwarder = Forwarder::with_capacity(self.compiled.image(), self.pins.links(), capacity);
        let mut forwarder = forwarder.unwrap();
        self.attach(&mut forwarder);
        forwarder
    }

    /// A forwarder that goes on where the one before has ended; no interface is attached yet.
    ///
    /// # Panics
    /// As above.
    #[must_use]
    pub fn adopt(&self, places: &CounterPlaces) -> (Forwarder, Adoption) {
        Forwarder::adopt(self.compiled.image(), self.pins.links(), places, TINY).unwrap()
    }

    /// Attaches every interface.
    ///
    /// # Panics
    /// As above.
    pub fn attach(&self, forwarder: &mut Forwarder) {
        for interface in self.attachments.values() {
            forwarder.attach(interface.ifindex).unwrap();
        }
    }

    /// Commits another world and attaches what is new.
    ///
    /// # Panics
    /// As above.
    pub fn commit(&mut self, world: &World, forwarder: &mut Forwarder) {
        self.change(world);
        forwarder.commit(self.compiled.image()).unwrap();
        self.attach(forwarder);
    }

    /// Another world, while no agent runs.
    ///
    /// # Panics
    /// As above.
    pub fn change(&mut self, world: &World) {
        self.attachments = Arc::new(interfaces(world, &self.attachments));
        self.compiled = compile(world.topology(), &self.attachments, &self.compiled);
    }

    /// What the tables are to hold.
    #[must_use]
    pub fn image(&self) -> &Image {
        self.compiled.image()
    }

    /// The interface of a NIC.
    ///
    /// # Panics
    /// Where it has none.
    #[must_use]
    pub fn ifindex(&self, nic: &str) -> u32 {
        self.attachments[&nic_name(nic)].ifindex
    }
}

/// What was counted for a NIC of [`small_world`].
///
/// # Panics
/// Where it cannot be read, or nothing is known of the NIC.
#[must_use]
pub fn traffic(forwarder: &Forwarder, nic: &str) -> PortTraffic {
    counters(forwarder).nics[&(vnet_name("a"), nic_name(nic))]
}

/// All counters.
///
/// # Panics
/// Where they cannot be read.
#[must_use]
pub fn counters(forwarder: &Forwarder) -> Counters {
    forwarder.counters().unwrap()
}

/// Pings the virtual router from a guest's end, all the while something happens.
#[derive(Debug)]
pub struct Pinging {
    ping: Child,
    count: u32,
}

impl Pinging {
    /// Starts `count` pings from the interface `guest`, 500 a second.
    ///
    /// # Panics
    /// Where ping is missing.
    #[must_use]
    pub fn start(guest: &str, count: u32) -> Self {
        let arguments =
            ["-c", &count.to_string(), "-i", "0.002", "-W", "1", "-I", guest, &GATEWAY4.to_string()];
        let ping = Command::new("ping").args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        Self { ping, count }
    }

    /// Waits for the last ping.
    ///
    /// # Panics
    /// Where not all of them were answered.
    pub fn assert_all_answered(self) {
        let output = self.ping.wait_with_output().unwrap();
        let report = String::from_utf8_lossy(&output.stdout);
        let all = format!("{0} packets transmitted, {0} received", self.count);
        assert!(report.contains(&all), "{report}");
    }
}
