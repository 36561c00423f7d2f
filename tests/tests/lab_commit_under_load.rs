//! Commits that do not concern a flow cost it no packet, and bring none of it to anybody else.
//!
//! A guest sends numbered packets through the forwarder to a peered guest, 100,000 a second or more, by its own network
//! stack. Meanwhile commits change everything around the flow: peerings of other networks, peerings of the sender's and
//! of the receiver's network with third ones (their route tables are rewritten), NICs and interfaces. What
//! arrives is counted by an XDP program at each guest's end; the counters of the forwarder must tell the same.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pretty_assertions::assert_eq;
use vnet_agent::bench::rig::{self, Guest, MTU_BYTES, Rig};
use vnet_agent::compile::image::Interface;
use vnet_agent::compile::{Attachments, Compiled, compile};
use vnet_agent::dataplane::kernel::traffic::Sink;
use vnet_agent::dataplane::kernel::{AttachMode, Forwarder, Links, PinDirectory};
use vnet_agent::model::{
    Declared, DesiredState, NicId, NicSpec, Operation, PeeringFlags, PeeringName, PeeringSpec, Place, Region,
    SubnetName, SubnetRef, SubnetSpec, Topology, VnetId, VnetSpec, plan_file,
};
use vnet_common::abi::bench::SIGNATURE_BE;

const COMMITS: u32 = 1_000;
const LEAST_PACKETS_PER_SECOND: u32 = 100_000;
/// A little more, so that a late wake-up does not take the average below the least.
const AIM_PACKETS_PER_SECOND: u32 = 115_000;
/// The sender sleeps this long between two groups of packets.
const PAUSE: Duration = Duration::from_micros(150);
/// How many packets go out before the clock is looked at again.
const MAX_GROUP: u64 = 64;

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

fn run(program: &str, arguments: &str) {
    let status = Command::new(program).args(arguments.split_whitespace()).status().unwrap();
    assert!(status.success(), "{program} {arguments}");
}

/// The forwarder between the guests, as it is after the last commit.
struct Router {
    topology: Topology,
    compiled: Compiled,
    attachments: Attachments,
    forwarder: Forwarder,
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
        let mut forwarder = Forwarder::start(compiled.image(), Links::new(pins, AttachMode::Native)).unwrap();
        for interface in attachments.values() {
            forwarder.attach(interface.ifindex).unwrap();
        }
        Self { topology, compiled, attachments, forwarder, visitor_ifindex }
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

/// Gives the sender's guest its address and a way out. The router's MAC address is not asked for again and again, so that
/// the flow is all that the guest sends.
fn configure_sender() {
    run("ip", &format!("link set eth0 address {}", mac_text(SENDER, 0, 4)));
    run("ip", &format!("address add 10.{SENDER}.0.4/32 dev eth0"));
    run("ip", "route add default dev eth0 via 192.0.2.1 onlink");
    run("ip", "neighbour add 192.0.2.1 lladdr 12:34:56:78:9a:bc dev eth0 nud permanent");
}

/// Sends numbered packets at an even pace until told to stop; how many, and in which time.
fn send(guest: &Guest, cpu: usize, first: u64, stop: &AtomicBool) -> (u64, Duration) {
    rig::pin(cpu).unwrap();
    guest.namespace.enter().unwrap();
    rig::take_precedence();
    let socket = UdpSocket::bind((Ipv4Addr::new(10, SENDER, 0, 4), 4000)).unwrap();
    socket.connect((Ipv4Addr::new(10, RECEIVER, 0, 4), 4000)).unwrap();
    let mut payload = [0; 18];
    payload[..8].copy_from_slice(&SIGNATURE_BE);
    let start = Instant::now();
    let mut sent = 0;
    while !stop.load(Ordering::Relaxed) {
        let due = start.elapsed().as_nanos() * u128::from(AIM_PACKETS_PER_SECOND) / 1_000_000_000;
        let group = u64::try_from(due).unwrap().saturating_sub(sent).min(MAX_GROUP);
        for number in sent..sent + group {
            payload[8..16].copy_from_slice(&(first + number).to_be_bytes());
            assert_eq!(socket.send(&payload).unwrap(), payload.len());
        }
        sent += group;
        if group < MAX_GROUP {
            thread::sleep(PAUSE);
        }
    }
    (sent, start.elapsed())
}

/// The flow on its way through the forwarder, and the sinks at the guests' ends.
struct Load<'a> {
    rig: &'a Rig,
    sinks: BTreeMap<u8, Sink>,
    cpu: usize,
    offered: u64,
}

impl<'a> Load<'a> {
    fn new(rig: &'a Rig, cpu: usize) -> Self {
        let by_guest = GUESTS.into_iter().zip(rig.guests());
        let sinks = by_guest.map(|(network, guest)| {
            (network, rig.inside(guest, || Sink::attach(guest.ifindex)).unwrap().unwrap())
        });
        rig.inside(&rig.guests()[0], configure_sender).unwrap();
        Self { rig, sinks: sinks.collect(), cpu, offered: 0 }
    }

    /// Keeps the flow up while `work` runs, then checks that all of it arrived where it belongs, in order, and nothing
    /// anywhere else.
    fn during(&mut self, what: &str, work: impl FnOnce()) {
        let stop = AtomicBool::new(false);
        let (guest, cpu, first) = (&self.rig.guests()[0], self.cpu, self.offered);
        let (sent, took) = thread::scope(|scope| {
            let sender = scope.spawn(|| send(guest, cpu, first, &stop));
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            stop.store(true, Ordering::Relaxed);
            let sent = sender.join().unwrap();
            done.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            sent
        });
        self.offered += sent;
        let rate = sent as f64 / took.as_secs_f64();
        println!("{what}: {sent} packets in {took:.1?}, {rate:.0} a second");
        assert!(
            rate >= f64::from(LEAST_PACKETS_PER_SECOND),
            "{what}: only {rate:.0} packets a second were offered"
        );
        self.check(what);
    }

    fn check(&self, what: &str) {
        // The last frames may be with the kernel's softirq thread.
        thread::sleep(Duration::from_millis(200));
        let arrived = |network: u8| {
            let by_cpu = self.sinks[&network].arrived_by_cpu().unwrap();
            let sum =
                |field: fn(&vnet_common::abi::bench::Arrived) -> u64| by_cpu.iter().map(field).sum::<u64>();
            (sum(|a| a.signed), sum(|a| a.out_of_order), sum(|a| a.other))
        };
        assert_eq!(arrived(RECEIVER), (self.offered, 0, 0), "{what}: arrived, out of order, of others");
        for network in GUESTS.into_iter().filter(|network| *network != RECEIVER) {
            assert_eq!(arrived(network), (0, 0, 0), "{what}: reached the guest in net{network}");
        }
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
fn under_load(desired: &DesiredState, work: impl FnOnce(&mut Router, &mut Load<'_>) + Send) {
    let cpus = thread::available_parallelism().unwrap().get();
    rig::in_private(None, || {
        let rig = Rig::build(u32::try_from(GUESTS.len()).unwrap(), cpus).unwrap();
        let mut router = Router::start(&rig, desired);
        let mut load = Load::new(&rig, cpus - 1);
        // What the rig itself may lose is seen here, before any commit.
        load.during("no commits", || thread::sleep(Duration::from_secs(2)));
        work(&mut router, &mut load);
        check_counters(&router, load.offered);
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
