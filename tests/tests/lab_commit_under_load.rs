//! Commits that do not concern a flow cost it no packet, and bring none of it to anybody else.
//!
//! A guest sends numbered packets through the forwarder to a peered guest, 100,000 a second or more, by its own network
//! stack. Meanwhile commits change everything around the flow: peerings of other networks, peerings of the sender's and
//! of the receiver's network with third ones (their route tables are rewritten), NICs and interfaces. What
//! arrives is counted by an XDP program at each guest's end; the counters of the forwarder must tell the same.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use pretty_assertions::assert_eq;
use vnet_agent::bench::rig::{self, MTU_BYTES, Rig};
use vnet_agent::compile::image::Interface;
use vnet_agent::compile::plan::Capacity;
use vnet_agent::compile::{Attachments, Compiled, compile};
use vnet_agent::dataplane::kernel::{AttachMode, CounterAdoption, Forwarder, Links, PinDirectory};
use vnet_agent::model::{
    Declared, DesiredState, NicId, NicSpec, Operation, PeeringFlags, PeeringName, PeeringSpec, Place, Region,
    SubnetName, SubnetRef, SubnetSpec, Topology, VnetId, VnetSpec, plan_file,
};
use vnet_tests::flow::{Flow, Route};

const COMMITS: u32 = 1_000;

/// Networks that have no part in the flow.
const OTHERS: u8 = 20;
/// Second bytes of 10.0.0.0/8: the sender, the receiver, one peered with both, one peered with none, a NIC that comes and goes.
const SENDER: u8 = 1;
const RECEIVER: u8 = 2;
const PEERED: u8 = 3;
const UNPEERED: u8 = 4;
const VISITOR: u8 = 5;
const FIRST_OTHER: u8 = 100;
const GUESTS: [u8; 5] = [SENDER, RECEIVER, PEERED, UNPEERED, VISITOR];

fn vnet(number: u8) -> VnetId {
    VnetId::new(&format!("net{number}")).unwrap()
}

fn subnet() -> SubnetName {
    SubnetName::new("default").unwrap()
}

fn nic_name(network: u8, third: u8, last: u8) -> NicId {
    NicId::new(&format!("nic{network}-{third}-{last}")).unwrap()
}

fn nic(network: u8, third: u8, last: u8) -> NicSpec {
    NicSpec {
        name: nic_name(network, third, last),
        subnet: SubnetRef { vnet: vnet(network), subnet: subnet() },
        ipv4: Some(Ipv4Addr::new(10, network, third, last)),
        ipv6: None,
        mac: Some(mac_text(network, third, last).parse().unwrap()),
        interface: None,
        enable_ip_forwarding: false,
    }
}

fn mac_text(network: u8, third: u8, last: u8) -> String {
    format!("02:00:00:{network:02x}:{third:02x}:{last:02x}")
}

fn peering(remote: u8) -> PeeringSpec {
    PeeringSpec {
        name: PeeringName::new(&format!("to-net{remote}")).unwrap(),
        remote: vnet(remote),
        flags: PeeringFlags::default(),
        subnets: None,
    }
}

fn declared<T>(spec: T) -> Declared<T> {
    Declared { spec, place: Place::default() }
}

/// The guests' networks and the others, with the sender's peered with the receiver's and a third one.
fn desired() -> DesiredState {
    let mut desired = DesiredState::default();
    for network in GUESTS.into_iter().chain(FIRST_OTHER..FIRST_OTHER + OTHERS) {
        let range = format!("10.{network}.0.0/16").parse().unwrap();
        let region = Region::new("here").unwrap();
        desired.vnets.push(declared(VnetSpec { name: vnet(network), region, address_space: vec![range] }));
        let spec = SubnetSpec { name: subnet(), address_prefixes: vec![range] };
        desired.subnets.push(declared((vnet(network), spec)));
        desired.nics.push(declared(nic(network, 0, 4)));
    }
    for (a, b) in [(SENDER, RECEIVER), (SENDER, PEERED), (RECEIVER, PEERED)] {
        desired.peerings.push(declared((vnet(a), peering(b))));
        desired.peerings.push(declared((vnet(b), peering(a))));
    }
    desired
}

fn topology(desired: &DesiredState) -> Topology {
    plan_file(&Topology::default(), desired).unwrap().0
}

/// The forwarder between the guests, as it is after the last commit.
struct Router {
    topology: Topology,
    compiled: Compiled,
    attachments: Attachments,
    forwarder: Forwarder,
    pins: PinDirectory,
    visitor_ifindex: u32,
}

impl Router {
    fn start(rig: &Rig, desired: &DesiredState) -> Self {
        let topology = topology(desired);
        let by_guest = GUESTS.into_iter().zip(rig.guests());
        let mut attachments: Attachments = by_guest
            .map(|(network, guest)| {
                let interface = Interface { ifindex: guest.host_ifindex, mtu_bytes: MTU_BYTES };
                (nic_name(network, 0, 4), interface)
            })
            .collect();
        let visitor_ifindex = attachments.remove(&nic_name(VISITOR, 0, 4)).unwrap().ifindex;
        let compiled = compile(&topology, &Arc::new(attachments.clone()), &Compiled::default());
        let pins = PinDirectory::open(Path::new("/sys/fs/bpf/commit-under-load")).unwrap();
        let mut forwarder =
            Forwarder::start(compiled.image(), Links::new(pins.clone(), AttachMode::Native)).unwrap();
        for interface in attachments.values() {
            forwarder.attach(interface.ifindex).unwrap();
        }
        Self { topology, compiled, attachments, forwarder, pins, visitor_ifindex }
    }

    /// Another agent goes on where this one was killed.
    fn adopt(&mut self) {
        let places = self.forwarder.counter_places();
        let links = Links::new(self.pins.clone(), AttachMode::Native);
        let adopted = Forwarder::adopt(self.compiled.image(), links, &places, Capacity::default());
        let (forwarder, adoption) = adopted.unwrap();
        assert!(matches!(adoption.counters, CounterAdoption::Adopted), "{adoption}");
        self.forwarder = forwarder;
        for interface in self.attachments.values() {
            self.forwarder.attach(interface.ifindex).unwrap();
        }
        self.forwarder.finish_adoption();
        let places = self.forwarder.counter_places();
        self.forwarder.places_are_stored(&places);
    }

    /// Commits what stands now; it must be something new.
    fn commit(&mut self) {
        self.compiled = compile(&self.topology, &Arc::new(self.attachments.clone()), &self.compiled);
        let commit = self.forwarder.commit(self.compiled.image()).unwrap();
        assert!(commit.entries > 0, "the commit changed nothing");
    }

    fn apply(&mut self, operations: impl IntoIterator<Item = Operation>) {
        for operation in operations {
            self.topology = self.topology.apply(operation).unwrap();
        }
        self.commit();
    }

    fn peer(&mut self, a: u8, b: u8) {
        self.apply([(a, b), (b, a)].map(|(a, b)| Operation::CreatePeering(vnet(a), peering(b))));
    }

    fn unpeer(&mut self, a: u8, b: u8) {
        self.apply([(a, b), (b, a)].map(|(a, b)| Operation::DeletePeering(vnet(a), peering(b).name)));
    }

    /// Commit `number` of a round of ten kinds, each of which the next one takes back.
    fn change(&mut self, number: u32) {
        let turn = u8::try_from(number / 10 % u32::from(OTHERS)).unwrap();
        let (other, next) = (FIRST_OTHER + turn, FIRST_OTHER + (turn + 1) % OTHERS);
        match number % 10 {
            0 => self.peer(other, next),
            1 => self.unpeer(other, next),
            2 => self.peer(SENDER, other),
            3 => self.unpeer(SENDER, other),
            4 => self.peer(RECEIVER, other),
            5 => self.unpeer(RECEIVER, other),
            6 => self.apply([RECEIVER, UNPEERED, other].map(|n| Operation::CreateNic(nic(n, turn, 77)))),
            7 => self.apply([RECEIVER, UNPEERED, other].map(|n| Operation::DeleteNic(nic_name(n, turn, 77)))),
            8 => self.visitor_comes(),
            _ => self.visitor_goes(),
        }
    }

    fn visitor_comes(&mut self) {
        let interface = Interface { ifindex: self.visitor_ifindex, mtu_bytes: MTU_BYTES };
        self.attachments.insert(nic_name(VISITOR, 0, 4), interface);
        self.commit();
        self.forwarder.attach(self.visitor_ifindex).unwrap();
    }

    fn visitor_goes(&mut self) {
        self.attachments.remove(&nic_name(VISITOR, 0, 4)).unwrap();
        self.commit();
        self.forwarder.links_mut().detach(self.visitor_ifindex).unwrap();
    }
}

/// From the sender's network to the receiver's.
fn route() -> Route {
    let index = |network: u8| GUESTS.iter().position(|guest| *guest == network).unwrap();
    Route {
        sender: index(SENDER),
        sender_mac: mac_text(SENDER, 0, 4),
        from: Ipv4Addr::new(10, SENDER, 0, 4),
        receiver: index(RECEIVER),
        to: Ipv4Addr::new(10, RECEIVER, 0, 4),
        least_packets_per_second: 100_000,
    }
}

/// The forwarder's own counters tell what the sinks tell.
fn check_counters(router: &Router, offered: u64) {
    let counters = router.forwarder.counters().unwrap();
    let of = |network: u8| counters.nics[&(vnet(network), nic_name(network, 0, 4))];
    assert_eq!((of(SENDER).tx.packets, of(SENDER).dropped), (offered, 0));
    assert_eq!(of(RECEIVER).rx.packets, offered);
    assert_eq!(counters.peerings[&(vnet(SENDER), peering(RECEIVER).name)].packets, offered);
    let dropped: BTreeMap<_, _> = counters.drops.iter().filter(|(_, count)| **count > 0).collect();
    assert_eq!(dropped, BTreeMap::new(), "drops by reason");
}

/// Runs `work` on a fresh rig with the flow through it.
fn under_load(desired: &DesiredState, work: impl FnOnce(&mut Router, &Flow<'_>) + Send) {
    let cpus = thread::available_parallelism().unwrap().get();
    rig::in_private(None, || {
        let rig = Rig::build(u32::try_from(GUESTS.len()).unwrap(), cpus).unwrap();
        let mut router = Router::start(&rig, desired);
        let load = Flow::new(&rig, route(), cpus - 1);
        // What the rig itself may lose is seen here, before any commit.
        load.during("no commits", || thread::sleep(Duration::from_secs(2)));
        work(&mut router, &load);
        check_counters(&router, load.offered());
    })
    .unwrap();
}

#[test]
fn a_thousand_commits_around_a_flow_lose_and_misdeliver_none_of_its_packets() {
    under_load(&desired(), |router, load| {
        load.during("1,000 commits", || {
            let start = Instant::now();
            for number in 0..COMMITS {
                router.change(number);
            }
            println!("{:.1?} a commit", start.elapsed() / COMMITS);
        });
    });
}

#[test]
fn agents_that_take_over_one_from_another_lose_and_misdeliver_no_packet_and_lose_no_count() {
    under_load(&desired(), |router, load| {
        load.during("20 adoptions", || {
            for number in 0..20 {
                router.adopt();
                router.change(number);
            }
        });
    });
}

#[test]
fn a_commit_that_outgrows_the_tables_loses_and_misdelivers_no_packet() {
    let mut larger = desired();
    let more: Vec<NicSpec> = (FIRST_OTHER..FIRST_OTHER + OTHERS)
        .flat_map(|network| (1..=125).map(move |third| nic(network, third, 9)))
        .collect();
    larger.nics.extend(more.iter().cloned().map(declared));
    // Interfaces that are not there: their NICs take ports all the same. Their numbers lead to slots of their own.
    let interfaces = ((1 << 24) + 1_000..).map(|ifindex| Interface { ifindex, mtu_bytes: MTU_BYTES });
    let attachments: Attachments = more.into_iter().map(|nic| nic.name).zip(interfaces).collect();
    under_load(&desired(), |router, load| {
        let ports_before = router.forwarder.capacity().ports;
        load.during("growth", || {
            router.topology = plan_file(&router.topology, &larger).unwrap().0;
            router.attachments.extend(attachments);
            router.commit();
            thread::sleep(Duration::from_millis(500));
        });
        let ports = router.forwarder.capacity().ports;
        assert!(ports > ports_before, "the tables did not grow: {ports_before} ports before, {ports} after");
    });
}
