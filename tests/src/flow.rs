//! A steady flow of numbered packets between two guests of a rig, and the proof that none of it was lost or went astray.
//!
//! The sender is a plain UDP socket in its guest's namespace. An XDP program at each guest's end counts what arrives there
//! (`vnet_agent::bench`), so that nothing that happens behind the wire can hide or fake a loss.

use std::net::{Ipv4Addr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use vnet_agent::bench::rig::{self, Rig};
use vnet_agent::dataplane::kernel::traffic::Sink;
use vnet_common::abi::bench::{Arrived, SIGNATURE_BE};

/// The sender sleeps this long between two groups of packets.
const PAUSE: Duration = Duration::from_micros(150);
/// How many packets go out before the clock is looked at again.
const MAX_GROUP: u64 = 64;

/// Where a flow begins and ends, and how fast it is.
#[derive(Clone, Debug)]
pub struct Route {
    /// The number of the guest that sends.
    pub sender: usize,
    /// Its MAC address.
    pub sender_mac: String,
    /// Its address.
    pub from: Ipv4Addr,
    /// The number of the guest that receives.
    pub receiver: usize,
    /// Its address.
    pub to: Ipv4Addr,
    /// With fewer packets a second the flow has proved nothing.
    pub least_packets_per_second: u32,
}

/// The flow on its way through the forwarder, and the sinks at the guests' ends.
pub struct Flow<'a> {
    rig: &'a Rig,
    route: Route,
    sinks: Vec<Sink>,
    cpu: usize,
    offered: AtomicU64,
    /// How many frames that are not the flow's were sent to each guest on purpose.
    expected: Vec<AtomicU64>,
}

fn run(program: &str, arguments: &str) {
    let status = Command::new(program).args(arguments.split_whitespace()).status();
    assert!(status.expect("the program can be started").success(), "{program} {arguments}");
}

/// Gives the guest whose namespace the calling thread is in its addresses, and a way out.
///
/// # Panics
/// Where the kernel refuses.
pub fn dress(mac: &str, address: Ipv4Addr) {
    run("ip", &format!("link set eth0 address {mac}"));
    run("ip", &format!("address add {address}/32 dev eth0"));
    // The router's MAC address is not asked for again and again: the guest sends nothing but what a test has it send.
    run("ip", "route add default dev eth0 via 192.0.2.1 onlink");
    run("ip", "neighbour add 192.0.2.1 lladdr 12:34:56:78:9a:bc dev eth0 nud permanent");
}

impl<'a> Flow<'a> {
    /// Gives the sender's guest its address and a way out, and puts a sink at every guest's end. The sender will have `cpu`
    /// for itself.
    ///
    /// # Panics
    /// Where the kernel refuses; likewise below.
    #[must_use]
    pub fn new(rig: &'a Rig, route: Route, cpu: usize) -> Self {
        let sink = |guest: &rig::Guest| {
            rig.inside(guest, || Sink::attach(guest.ifindex)).expect("a guest can be entered")
        };
        let sinks = rig.guests().iter().map(|guest| sink(guest).expect("a sink can be attached")).collect();
        let sender = &rig.guests()[route.sender];
        rig.inside(sender, || dress(&route.sender_mac, route.from)).expect("a guest can be entered");
        let expected = rig.guests().iter().map(|_| AtomicU64::new(0)).collect();
        Self { rig, route, sinks, cpu, offered: AtomicU64::new(0), expected }
    }

    /// The rig that it runs in.
    #[must_use]
    pub fn rig(&self) -> &'a Rig {
        self.rig
    }

    /// How many frames that are not the flow's have arrived at a guest.
    #[must_use]
    pub fn others_at(&self, guest: usize) -> u64 {
        let by_cpu = self.sinks[guest].arrived_by_cpu().expect("a sink can be read");
        by_cpu.iter().map(|arrived| arrived.other).sum()
    }

    /// Says that so many more frames that are not the flow's belong at a guest.
    pub fn expect_others_at(&self, guest: usize, frames: u64) {
        self.expected[guest].fetch_add(frames, Ordering::Relaxed);
    }

    /// How many packets were sent so far.
    #[must_use]
    pub fn offered(&self) -> u64 {
        self.offered.load(Ordering::Relaxed)
    }

    /// Keeps the flow up while `work` runs, then checks that all of it arrived where it belongs, in order, and nothing
    /// anywhere else.
    pub fn during<T>(&self, what: &str, work: impl FnOnce() -> T) -> T {
        let stop = AtomicBool::new(false);
        let (sent, took, done) = thread::scope(|scope| {
            let sender = scope.spawn(|| self.send(&stop));
            let done = catch_unwind(AssertUnwindSafe(work));
            stop.store(true, Ordering::Relaxed);
            let (sent, took) = sender.join().expect("the sender ends");
            (sent, took, done)
        });
        let done = done.unwrap_or_else(|panic| resume_unwind(panic));
        self.offered.fetch_add(sent, Ordering::Relaxed);
        let rate = sent as f64 / took.as_secs_f64();
        println!("{what}: {sent} packets in {took:.1?}, {rate:.0} a second");
        let least = self.route.least_packets_per_second;
        assert!(
            rate >= f64::from(least),
            "{what}: only {rate:.0} packets a second were offered, not {least}"
        );
        self.check(what);
        done
    }

    /// Sends numbered packets at an even pace until told to stop; how many, and in which time.
    fn send(&self, stop: &AtomicBool) -> (u64, Duration) {
        rig::pin(self.cpu).expect("a thread can be pinned");
        self.rig.guests()[self.route.sender].namespace.enter().expect("a guest can be entered");
        rig::take_precedence();
        let socket = UdpSocket::bind((self.route.from, 4000)).expect("the guest has the address");
        socket.connect((self.route.to, 4000)).expect("the guest has a route");
        let mut payload = [0; 18];
        payload[..8].copy_from_slice(&SIGNATURE_BE);
        // A little more, so that a late wake-up does not take the average below the least.
        let aim = u128::from(self.route.least_packets_per_second) * 115 / 100;
        let first = self.offered();
        let start = Instant::now();
        let mut sent = 0;
        while !stop.load(Ordering::Relaxed) {
            let due = start.elapsed().as_nanos() * aim / 1_000_000_000;
            let due = u64::try_from(due).expect("a number of packets fits");
            let group = due.saturating_sub(sent).min(MAX_GROUP);
            for number in sent..sent + group {
                payload[8..16].copy_from_slice(&(first + number).to_be_bytes());
                assert_eq!(socket.send(&payload).expect("a datagram can be sent"), payload.len());
            }
            sent += group;
            if group < MAX_GROUP {
                thread::sleep(PAUSE);
            }
        }
        (sent, start.elapsed())
    }

    fn check(&self, what: &str) {
        // The last frames may be with the kernel's softirq thread.
        thread::sleep(Duration::from_millis(200));
        for (number, sink) in self.sinks.iter().enumerate() {
            let by_cpu = sink.arrived_by_cpu().expect("a sink can be read");
            let sum = |field: fn(&Arrived) -> u64| by_cpu.iter().map(field).sum::<u64>();
            let arrived = (sum(|a| a.signed), sum(|a| a.out_of_order), sum(|a| a.other));
            let wanted = if number == self.route.receiver { self.offered() } else { 0 };
            let others = self.expected[number].load(Ordering::Relaxed);
            assert_eq!(
                arrived,
                (wanted, 0, others),
                "{what}: arrived, out of order, of others at guest {number}"
            );
        }
    }
}
