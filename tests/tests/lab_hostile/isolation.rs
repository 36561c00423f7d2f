//! The cases one by one, and a million of frames at random.

use std::net::IpAddr;
use std::sync::Arc;

use pretty_assertions::assert_eq;
use vnet_tests::frames::{ROUTER_MAC, V4, V6};
use vnet_tests::guests::Pinging;
use vnet_tests::lab::{
    HttpServer, Lab, Received, Tap, Transmitter, Vm, eventually, host_tap, random_body, sha256,
};

use crate::cases::{self, Cast};
use crate::flood::{Flood, KINDS};
use crate::{ALL, TOPOLOGY, assert_accounted, assert_drops_add_up};

/// How often each case is sent.
const COPIES: u64 = 10;
/// How many frames the program must have seen, at least.
const FRAMES: u64 = 1_000_000;
/// The random numbers' seed: another run sends the same frames.
const SEED: u64 = 20_260_501;

/// Reasons that the flood must have met: it got past the first look at a frame.
const REASONS: [&str; 23] = [
    "vlan-tagged",
    "not-ip",
    "mac-spoofed",
    "not-unicast",
    "arp-malformed",
    "arp-not-request",
    "arp-spoofed",
    "arp-own-address",
    "ipv4-malformed",
    "ipv4-truncated",
    "ipv6-malformed",
    "ipv6-truncated",
    "ipv6-extension-headers",
    "nd-malformed",
    "nd-not-solicitation",
    "nd-own-address",
    "router-unserved",
    "source-spoofed",
    "hop-limit-zero",
    "destination-unroutable",
    "route-none",
    "route-internet",
    "no-endpoint",
];

fn cast(lab: &Lab) -> Cast {
    let [evil, near, peer, far] = ["evil-1", "near-1", "peer-1", "far-1"].map(|nic| lab.vm(nic).host());
    Cast { evil, near, peer, far }
}

/// Asserts that nothing got to the host's own stack, by any machine's end.
fn assert_host_saw_nothing(taps: &[(&str, Tap)]) {
    for (nic, tap) in taps {
        assert_eq!(tap.received(), [], "frames that the host received by the interface of {nic}");
    }
}

#[test]
fn each_hostile_frame_ends_for_its_own_reason_and_comes_out_nowhere() {
    let lab = Lab::up(TOPOLOGY);
    let mut running = lab.start();
    lab.vms().for_each(Vm::silence);
    let evil = lab.vm("evil-1");
    let host_taps = ALL.map(|nic| (nic, host_tap(lab.vm(nic))));
    let guest_taps = ALL.map(|nic| (nic, Tap::on(lab.vm(nic))));
    let transmitter = Transmitter::of(evil);
    let cast = cast(&lab);

    for (case, frame, reason) in cases::all(&cast) {
        let (drops, counts) = (running.drops(), running.nic("evil-1"));
        (0..COPIES).for_each(|_| transmitter.send(&frame));
        assert_accounted(&running, counts.accounted(), COPIES);
        assert_eq!(running.all_drops_since(&drops), [(reason.to_owned(), COPIES)].into(), "{case}");
        assert_eq!(running.nic("evil-1").dropped - counts.dropped, COPIES, "{case}");
        for (nic, tap) in &guest_taps {
            assert_eq!(tap.received(), [], "{case}: frames that came out at {nic}");
        }
    }
    assert_drops_add_up(&running);
    assert_host_saw_nothing(&host_taps);

    // The taps do see what there is to see: a lawful packet at the peer's, and once the program is off, the host's.
    transmitter.send(&V4::udp(&cast.evil, cast.peer.v4).frame());
    let arrived = eventually("a lawful packet comes out", || {
        let counts = guest_taps.iter().map(|(nic, tap)| (*nic, tap.received().len()));
        Some(counts.filter(|(_, count)| *count > 0).collect::<Vec<_>>()).filter(|arrived| !arrived.is_empty())
    });
    assert_eq!(arrived, [("peer-1", 1)]);
    running.stop();
    transmitter.send(&V6::udp(&cast.evil, cast.near.v6).frame());
    eventually("the host sees a frame without the program", || host_taps[0].1.received().pop());
}

/// The others' traffic while the flood is on: how many pings were sent and lost, over each family, and whether a file came.
struct Others<'a> {
    lab: &'a Lab,
    pings: Vec<(IpAddr, Pinging)>,
    body: Arc<Vec<u8>>,
    servers: Vec<HttpServer>,
}

impl<'a> Others<'a> {
    fn start(lab: &'a Lab) -> Self {
        let (other, far) = (lab.vm("other-1"), lab.vm("far-1"));
        let body = Arc::new(random_body(5_000_000));
        let pings =
            far.addresses().into_iter().map(|address| (address, other.start_pings(address))).collect();
        let serve = |address| HttpServer::start(far, address, Arc::clone(&body));
        let servers = far.addresses().into_iter().map(serve).collect();
        Self { lab, pings, body, servers }
    }

    fn assert_downloads(&self) {
        let expected = sha256(&self.body);
        for server in &self.servers {
            assert_eq!(server.downloaded_sha256(self.lab.vm("other-1")), expected);
        }
    }

    fn assert_no_ping_was_lost(self) {
        for (address, pings) in self.pings {
            let (sent, received) = pings.end();
            assert!(sent > 100, "{sent} pings to {address} say nothing");
            // The last one may still be under way.
            assert!(sent - received <= 1, "{} of {sent} pings to {address} were lost", sent - received);
        }
    }
}

#[test]
fn a_million_random_frames_reach_nobody_but_what_is_lawful_and_the_others_go_on() {
    let lab = Lab::up(TOPOLOGY);
    let running = lab.start();
    let [evil, near, peer] = ["evil-1", "near-1", "peer-1"].map(|nic| lab.vm(nic));
    let cast = cast(&lab);
    [evil, near, peer].iter().for_each(|vm| vm.silence());
    let others = Others::start(&lab);
    let host_taps = ALL.map(|nic| (nic, host_tap(lab.vm(nic))));
    let (evil_tap, near_tap, peer_tap) = (Tap::on(evil), Tap::on(near), Tap::on(peer));
    let bystanders = ["other-1", "far-1"].map(|nic| (nic, Tap::on(lab.vm(nic))));
    let (before, before_drops) = (running.nic("evil-1"), running.drops());
    let lost_before = evil.link_counter("tx", "dropped");

    let mut flood = Flood::new(SEED, &cast);
    let transmitter = Transmitter::of(evil);
    let mut answers = 0;
    let accounted = std::thread::scope(|scope| {
        let downloads = scope.spawn(|| others.assert_downloads());
        let mut seen = 0;
        while seen < FRAMES {
            assert!(flood.sent() < 3 * FRAMES, "{seen} frames of {} were seen", flood.sent());
            (0..FRAMES / 20).for_each(|_| transmitter.send(flood.next()));
            answers += assert_answers(&evil_tap, &cast);
            seen = running.nic("evil-1").accounted() - before.accounted();
        }
        downloads.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        flood.sent() - (evil.link_counter("tx", "dropped") - lost_before)
    });
    assert_accounted(&running, before.accounted(), accounted);
    others.assert_no_ping_was_lost();
    assert_drops_add_up(&running);

    let mut delivered = 0;
    for (vm, tap) in [(near, near_tap), (peer, peer_tap)] {
        let frames = tap.received();
        assert!(!frames.is_empty(), "the lawful frames to {} arrive", vm.nic);
        for frame in &frames {
            assert!(flood.is_lawful(frame, &vm.host()), "{} got {frame:?}", vm.nic);
        }
        delivered += frames.len() as u64;
    }
    for (nic, tap) in &bystanders {
        let foreign: Vec<_> = tap.received().into_iter().filter(|frame| !is_of_others(frame, &lab)).collect();
        assert_eq!(foreign, [], "frames that came out at {nic}");
    }
    assert_host_saw_nothing(&host_taps);

    let after = running.nic("evil-1");
    // A receiver's ring may have had no room; what was seen to arrive was counted.
    assert!(delivered <= after.sent - before.sent, "{delivered} arrived, {after:?} were sent");
    let came_back = after.answered - before.answered + after.received - before.received;
    assert!(answers > 0 && answers <= came_back, "{answers} frames came back, {after:?}");
    let reasons = running.all_drops_since(&before_drops);
    let missing: Vec<_> = REASONS.iter().filter(|reason| !reasons.contains_key(**reason)).collect();
    assert_eq!(missing, Vec::<&&str>::new(), "reasons that never came up among {KINDS} kinds of frames");
}

/// Reads the frames that came back to the hostile guest: the virtual router's answers and what the guest sent to itself, and
/// nothing from anybody else.
fn assert_answers(tap: &Tap, cast: &Cast) -> u64 {
    let frames = tap.received();
    for frame in &frames {
        assert_eq!(frame.0[6..12], ROUTER_MAC, "{frame:?}");
        let guests = [cast.near, cast.peer, cast.far].map(|host| [host.v4.into(), host.v6.into()]).concat();
        // An advertisement speaks for whom it was asked, other packets for the router alone.
        let is_from_guest = frame.source().is_some_and(|source: IpAddr| guests.contains(&source));
        assert!(!is_from_guest || frame.is_advertisement(), "{frame:?}");
    }
    frames.len() as u64
}

/// Whether a frame at one of the bystanders' belongs to what they say to each other.
fn is_of_others(frame: &Received, lab: &Lab) -> bool {
    let others = [lab.vm("other-1").addresses(), lab.vm("far-1").addresses()].concat();
    match frame.source() {
        Some(source) => others.contains(&source) || frame.is_advertisement(),
        // The router's answers to their own questions.
        None => frame.is_arp(),
    }
}
