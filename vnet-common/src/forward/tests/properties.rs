//! No bytes and no tables make the decision panic, and whatever it decides can be carried out.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::vec::Vec;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use super::super::{Action, Answer, Tables, answer, decide, rewrite};
use super::answers::{arp_request, solicitation};
use super::tables::Fake;
use super::{A1, APPLIANCE, B1, Buffer, GATEWAY4, GATEWAY6, SMALL, udp4, udp6};
use crate::abi::{Cell, Endpoint6Key, PortRecord, RouteRecord};
use crate::net::ipv6::ROUTER_LINK_LOCAL_BE;
use crate::verdict::DropReason;

/// Tables of arbitrary contents. Every index is taken modulo the size of its table, or lies outside.
#[derive(Clone, Debug)]
struct Chaos {
    generation: u64,
    entries: Vec<u32>,
    cells: Vec<Cell>,
    ports: Vec<PortRecord>,
    routes: Vec<RouteRecord>,
}

impl Tables for Chaos {
    fn generation(&self) -> u64 {
        self.generation
    }

    fn cell(&self, index: u32) -> Option<&Cell> {
        self.cells.get(index as usize % (self.cells.len() + 1))
    }

    fn node_entry(&self, node: u32, byte: u8) -> u32 {
        let at = (node as usize).wrapping_mul(31) ^ usize::from(byte);
        self.entries.get(at % (self.entries.len() + 1)).copied().unwrap_or(0)
    }

    fn port(&self, index: u32) -> Option<&PortRecord> {
        self.ports.get(index as usize % (self.ports.len() + 1))
    }

    fn route(&self, index: u32) -> Option<&RouteRecord> {
        self.routes.get(index as usize % (self.routes.len() + 1))
    }

    fn endpoint6(&self, key: &Endpoint6Key) -> Option<u32> {
        (!key.range.is_multiple_of(3)).then_some(key.range ^ u32::from(key.address_be[15]))
    }
}

/// A number that is small, or has the top bit set, or is anything.
fn number() -> impl Strategy<Value = u32> {
    prop_oneof![0..10u32, (0..10u32).prop_map(|leaf| leaf | 1 << 31), any::<u32>()]
}

prop_compose! {
    fn port()(
        flags in 0..4u16, own4: bool, own6: bool, any4: [u8; 4], any6: [u8; 16], numbers in [number(), number(), number(), number()],
        mtu_bytes in prop::sample::select(std::vec![0u32, 20, 1500, u32::MAX]),
    ) -> PortRecord {
        PortRecord {
            ifindex: A1.ifindex,
            mac: A1.mac,
            flags,
            ipv4_be: if own4 { A1.v4 } else { any4 },
            ipv6_be: if own6 { A1.v6 } else { any6 },
            router4_be: GATEWAY4,
            router6_be: if own6 { GATEWAY6 } else { any6 },
            routes4: numbers[0],
            routes6: numbers[1],
            space4: numbers[2],
            space6: numbers[3],
            mtu_bytes,
            ..PortRecord::default()
        }
    }
}

prop_compose! {
    fn route()(kind in prop::sample::select(std::vec![1u8, 1, 1, 2, 2, 3, 4, 5, 0, 77]), skip_bytes: u8, flags in 0..4u16, endpoints in number(), counter in number()) -> RouteRecord {
        RouteRecord { kind, skip_bytes, flags, endpoints, counter, reserved: 0 }
    }
}

prop_compose! {
    fn chaos()(
        generation: u64,
        entries in prop::collection::vec(number(), 0..64),
        cells in prop::collection::vec([number(), number()], 0..16),
        ports in prop::collection::vec(port(), 0..8),
        routes in prop::collection::vec(route(), 0..8),
    ) -> Chaos {
        Chaos { generation, entries, cells, ports, routes }
    }
}

/// A frame that means something.
fn sound() -> impl Strategy<Value = Vec<u8>> {
    let ping = {
        let mut frame = Vec::new();
        let builder = etherparse::PacketBuilder::ethernet2(A1.mac, B1.mac).ipv4(A1.v4, GATEWAY4, 64);
        builder.icmpv4_echo_request(1, 2).write(&mut frame, &[1, 2, 3]).unwrap();
        frame
    };
    let ping6 = |to: [u8; 16]| {
        let mut frame = Vec::new();
        let builder = etherparse::PacketBuilder::ethernet2(A1.mac, B1.mac).ipv6(A1.v6, to, 64);
        builder.icmpv6_echo_request(1, 2).write(&mut frame, &[1, 2, 3]).unwrap();
        frame
    };
    prop::sample::select(std::vec![
        udp4(&A1, SMALL.v4, 40),
        udp4(&A1, B1.v4, 1400),
        udp6(&A1, SMALL.v6, 40),
        udp6(&A1, B1.v6, 1400),
        udp4(&APPLIANCE, B1.v4, 1),
        udp4(&A1, SMALL.v4, 1400),
        arp_request(&A1, B1.v4),
        solicitation(&A1, B1.v6),
        ping,
        ping6(GATEWAY6),
        ping6(ROUTER_LINK_LOCAL_BE),
    ])
}

/// A frame: sound, damaged in a few places, cut, or noise behind an Ethernet header.
fn frame() -> impl Strategy<Value = Vec<u8>> {
    // Mostly in the headers, and mostly values that mean something there.
    let place =
        prop_oneof![3 => 12..64usize, 1 => any::<prop::sample::Index>().prop_map(|at| at.index(2000))];
    let byte = prop_oneof![prop::sample::select(std::vec![0u8, 1, 2, 8, 44, 58, 134, 255]), any::<u8>()];
    let damage = prop::collection::vec((place, byte), 0..4);
    let damaged = (sound(), damage).prop_map(|(mut frame, damage)| {
        for (at, byte) in damage {
            let at = at % frame.len();
            frame[at] = byte;
        }
        frame
    });
    let cut = (sound(), any::<prop::sample::Index>())
        .prop_map(|(frame, at)| frame[..at.index(frame.len())].to_vec());
    let kind = prop::sample::select(std::vec![[8, 0], [8, 6], [0x86, 0xdd], [0x81, 0], [0x88, 0xa8]]);
    let next = prop::sample::select(std::vec![0u8, 6, 17, 43, 44, 50, 51, 58, 59, 60, 135]);
    let noise = prop::collection::vec(any::<u8>(), 0..200);
    let headed = (kind, next, noise).prop_map(|(kind, next, noise)| {
        let mut frame = [&B1.mac[..], &A1.mac, &kind, &noise].concat();
        if kind == [0x86, 0xdd] && frame.len() > 60 {
            let payload = (frame.len() - 54) as u16;
            frame[14] = 0x60;
            frame[18..20].copy_from_slice(&payload.to_be_bytes());
            frame[20] = next;
            frame[22..38].copy_from_slice(&A1.v6);
        }
        frame
    });
    prop_oneof![4 => damaged, 2 => cut, 3 => headed, 1 => prop::collection::vec(any::<u8>(), 0..100)]
}

/// Decides, carries out, and checks what must hold of every outcome. Names what it was.
fn examine<T: Tables>(tables: &T, bytes: &[u8], linear: usize) -> Result<&'static str, TestCaseError> {
    let mut buffer = Buffer { linear: linear.min(bytes.len()), ..Buffer::new(bytes) };
    let outcome = decide(tables, &buffer, A1.ifindex);
    prop_assert_eq!(outcome, decide(tables, &buffer, A1.ifindex));
    let name = match outcome.action {
        Action::Drop(reason) => reason.word(),
        Action::Deliver(delivery) => {
            prop_assert_eq!(delivery.frame_bytes as usize, bytes.len());
            prop_assert!(rewrite(&mut buffer, delivery.mac));
            prop_assert_eq!(&buffer.bytes[12..], &bytes[12..]);
            "delivered"
        }
        Action::Answer(kind) => {
            prop_assert!(answer::write(&mut buffer, kind));
            // The answer goes from the router to the asker, whatever was asked.
            prop_assert_eq!(&buffer.bytes[6..12], crate::net::ethernet::ROUTER_MAC);
            match kind {
                Answer::Arp => "arp answer",
                Answer::Neighbor { .. } => "advertisement",
                Answer::EchoV4 { .. } => "pong",
                Answer::EchoV6 { .. } => "pong6",
            }
        }
    };
    Ok(name)
}

/// Runs many cases by a fixed seed and gives the names of all outcomes.
fn explore<S: Strategy>(
    cases: u32,
    strategy: &S,
    examine: impl Fn(S::Value) -> Result<&'static str, TestCaseError>,
) -> BTreeSet<&'static str> {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let seen = RefCell::new(BTreeSet::new());
    let explored = runner.run(strategy, |value| {
        let name = examine(value)?;
        seen.borrow_mut().insert(name);
        Ok(())
    });
    explored.unwrap();
    seen.into_inner()
}

/// Fails where one of `reasons`, a delivery or a kind of answer is not among the outcomes: the run showed nothing of it.
fn assert_came_up(seen: &BTreeSet<&'static str>, reasons: &[DropReason]) {
    let answers = ["delivered", "arp answer", "advertisement", "pong", "pong6"];
    let wanted = reasons.iter().map(|reason| reason.word()).chain(answers);
    let missing: Vec<&str> = wanted.filter(|name| !seen.contains(name)).collect();
    assert!(missing.is_empty(), "never came up: {missing:?}");
}

#[test]
fn no_frame_makes_the_decision_panic_and_every_kind_of_outcome_comes_up() {
    let fake = Fake::world();
    let strategy = (frame(), prop_oneof![3 => Just(usize::MAX), 1 => 0..100usize]);
    let seen = explore(12_000, &strategy, |(bytes, linear)| examine(&fake, &bytes, linear));
    // What a damaged byte in one of few frames can bring about by chance.
    let reachable = [
        DropReason::FrameTooShort,
        DropReason::VlanTagged,
        DropReason::NotIp,
        DropReason::MacSpoofed,
        DropReason::NotUnicast,
        DropReason::ArpMalformed,
        DropReason::ArpNotRequest,
        DropReason::ArpSpoofed,
        DropReason::Ipv4Malformed,
        DropReason::Ipv4Truncated,
        DropReason::Ipv6Malformed,
        DropReason::Ipv6Truncated,
        DropReason::Ipv6ExtensionHeaders,
        DropReason::NdMalformed,
        DropReason::NdNotSolicitation,
        DropReason::RouterUnserved,
        DropReason::SourceSpoofed,
        DropReason::HopLimitZero,
        DropReason::NoRoute,
        DropReason::NoEndpoint,
        DropReason::MtuExceeded,
    ];
    assert_came_up(&seen, &reachable);
}

#[test]
fn no_tables_make_the_decision_panic() {
    let strategy = (chaos(), frame());
    let seen = explore(5_000, &strategy, |(chaos, bytes)| examine(&chaos, &bytes, usize::MAX));
    let inconsistent = [
        DropReason::UnknownPort,
        DropReason::TablesInconsistent,
        DropReason::NoRoute,
        DropReason::RouteNone,
        DropReason::RouteInternet,
        DropReason::DestinationUnroutable,
        DropReason::PeeringAccessDenied,
        DropReason::ForwardedTrafficDenied,
        DropReason::EndpointDetached,
        DropReason::MtuExceeded,
    ];
    assert_came_up(&seen, &inconsistent);
}
