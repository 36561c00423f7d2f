//! Every reason for a drop comes up, and the program stays small enough for the verifier.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use pretty_assertions::assert_eq;
use vnet_agent::dataplane::Tables;
use vnet_agent::dataplane::kernel::XdpVerdict;
use vnet_common::abi::RouteRecord;
use vnet_common::verdict::DropReason;
use vnet_tests::case::{Case, Expect, case, check};
use vnet_tests::cast::{A1, A2, APPLIANCE, B1, D1, DETACHED, GATEWAY4, ONLY6, SMALL, world};
use vnet_tests::changes::Counts;
use vnet_tests::frames::{
    Arp, BROADCAST_MAC, Host, Solicitation, V4, V6, ethernet, fragment_header, patched,
};
use vnet_tests::netns;
use vnet_tests::requirements::require_root_and_bpf;
use vnet_tests::rig::{Hex, Observed, Rig};
use vnet_tests::world::nic_name;

/// The most instructions that the verifier may walk to accept the program. It walked some 126,000 on Linux 6.18 when this
/// was written; the kernel gives up at a million (BPF_COMPLEXITY_LIMIT_INSNS), and older kernels prune less. A change
/// that comes near wants a look at what it does to loops and branches before this is raised: one branch more in the
/// check of a solicitation, walked once for each way through the extension headers, has cost 40,000.
const VERIFIED_INSTRUCTIONS_CEILING: u32 = 200_000;

#[test]
fn the_verifier_walks_fewer_instructions_than_the_stated_ceiling() {
    require_root_and_bpf();
    netns::private(|| {
        let mut rig = Rig::new(&world());
        let walked = rig.publisher().tables_mut().verified_instructions().unwrap();
        println!("the verifier walked {walked} instructions");
        assert!(walked > 1000, "{walked} instructions cannot be this program");
        assert!(walked < VERIFIED_INSTRUCTIONS_CEILING, "{walked} instructions");
    });
}

/// How a reason is provoked.
enum Provocation {
    /// By a frame.
    Frame(Case),
    /// By a frame from an interface that is no port.
    UnknownPort(Vec<u8>),
    /// By a frame to a NIC whose interface was deleted a moment before.
    DeviceGone(&'static Host, Vec<u8>),
    /// By a frame that meets a route record of no known kind.
    DamagedTables(Case),
    /// By a frame that the kernel does not let a test run have: `vnet-common`'s own tests run it in user space.
    NoTestRun(Vec<u8>),
}

/// A new reason does not compile before it is provoked here.
fn provoke(reason: DropReason) -> Provocation {
    use DropReason as Reason;
    let (ping4, ping6) = (V4::ping(&A1, A2.v4), V6::ping(&A1, A2.v6));
    let arp = Arp::request(&A1, A2.v4);
    let from = |host: &Host, frame: Vec<u8>| {
        Provocation::Frame(case(reason.word(), host.name, frame, Expect::Drop(reason)))
    };
    let frame = |frame: Vec<u8>| from(&A1, frame);
    let to4 = |address: [u8; 4]| frame(V4::udp(&A1, address.into()).frame());
    match reason {
        Reason::FrameTooShort => Provocation::NoTestRun(ping4.frame()[..13].to_vec()),
        Reason::VlanTagged => frame(ethernet(A2.mac, A1.mac, 0x8100, &[0; 46])),
        Reason::NotIp => frame(ethernet(A2.mac, A1.mac, 0x88cc, &[0; 46])),
        Reason::UnknownPort => Provocation::UnknownPort(ping4.frame()),
        Reason::MacSpoofed => frame(V4 { from_mac: A2.mac, ..ping4 }.frame()),
        Reason::NotUnicast => frame(V4 { to_mac: BROADCAST_MAC, ..ping4 }.frame()),
        Reason::ArpMalformed => frame(arp.frame()[..41].to_vec()),
        Reason::ArpNotRequest => frame(Arp { operation: 2, ..arp }.frame()),
        Reason::ArpSpoofed => frame(Arp { sender: B1.v4, ..arp }.frame()),
        Reason::ArpOwnAddress => frame(Arp::request(&A1, A1.v4).frame()),
        Reason::Ipv4Malformed => frame(patched(ping4.frame(), 14, &[0x41])),
        Reason::Ipv4Truncated => frame(ping4.frame()[..40].to_vec()),
        Reason::Ipv6Malformed => frame(patched(ping6.frame(), 14, &[0x40])),
        Reason::Ipv6Truncated => frame(ping6.frame()[..60].to_vec()),
        Reason::Ipv6ExtensionHeaders => frame(V6 { next_header: 0, payload: vec![6, 9], ..ping6 }.frame()),
        Reason::NdMalformed => frame(V6 { hop_limit: 64, ..Solicitation::new(&A1, A2.v6).packet() }.frame()),
        Reason::NdNotSolicitation => frame(V6::icmp(&A1, A2.v6, 134, &[0; 12]).frame()),
        Reason::NdOwnAddress => frame(Solicitation::probe(&A1, A1.v6).frame()),
        Reason::RouterUnserved => frame(V4::udp(&A1, GATEWAY4).frame()),
        Reason::SourceSpoofed => frame(V4 { source: A2.v4, ..V4::ping(&A1, B1.v4) }.frame()),
        Reason::SourceNotUnicast => {
            from(&APPLIANCE, V4 { source: [127, 0, 0, 1].into(), ..V4::udp(&APPLIANCE, A2.v4) }.frame())
        }
        Reason::HopLimitZero => frame(V6 { hop_limit: 0, ..ping6 }.frame()),
        Reason::NoRoute => from(&ONLY6, V4 { source: [0; 4].into(), ..V4::udp(&ONLY6, A2.v4) }.frame()),
        Reason::DestinationUnroutable => to4([224, 0, 0, 1]),
        Reason::RouteNone => to4([192, 168, 0, 1]),
        Reason::RouteInternet => to4([1, 1, 1, 1]),
        Reason::PeeringAccessDenied => to4(D1.v4.octets()),
        Reason::ForwardedTrafficDenied => {
            from(&APPLIANCE, V6 { source: D1.v6, ..V6::udp(&APPLIANCE, B1.v6) }.frame())
        }
        Reason::NoEndpoint => to4([10, 1, 0, 250]),
        Reason::EndpointDetached => to4(DETACHED.v4.octets()),
        Reason::MtuExceeded => frame(V4 { payload: vec![0; 1480], ..V4::udp(&A1, SMALL.v4) }.frame()),
        Reason::DeviceGone => {
            Provocation::DeviceGone(&B1, V6::ping(&A1, B1.v6).with(44, fragment_header(0, true)).frame())
        }
        Reason::TablesInconsistent => {
            Provocation::DamagedTables(case(reason.word(), A1.name, ping4.frame(), Expect::Drop(reason)))
        }
    }
}

/// Runs the provocation and compares all that it did.
fn examine(rig: &mut Rig, reason: DropReason) {
    let a1 = rig.ifindex(&nic_name(A1.name));
    let one = |name: String| (name, 1);
    let dropped = one(format!("drop {}", reason.word()));
    match provoke(reason) {
        Provocation::Frame(case) => check(rig, &[case]),
        Provocation::UnknownPort(frame) => {
            let loopback = 1;
            let changes = Counts::from([dropped, one(String::from("no port dropped"))]);
            let expected = Observed { verdict: XdpVerdict::Drop, frame: Hex(frame.clone()), changes };
            assert_eq!(rig.run(loopback, &frame), expected);
        }
        Provocation::DeviceGone(host, mut frame) => {
            netns::delete(host.name);
            let observed = rig.run(a1, &frame);
            // The addresses are written before the interface is found to be gone; nobody sees the frame any more.
            frame[..6].copy_from_slice(&host.mac);
            frame[6..12].copy_from_slice(&vnet_tests::frames::ROUTER_MAC);
            let changes = Counts::from([dropped, one(String::from("nic a1 dropped"))]);
            assert_eq!(observed, Observed { verdict: XdpVerdict::Drop, frame: Hex(frame), changes });
        }
        Provocation::DamagedTables(case) => {
            let tables = rig.publisher().tables_mut();
            for index in 1..64 {
                tables.write_route(index, &RouteRecord { kind: 77, ..RouteRecord::default() }).unwrap();
            }
            check(rig, &[case]);
        }
        Provocation::NoTestRun(frame) => {
            let refused = rig.publisher().tables_mut().test_run(&frame, a1, 1);
            assert!(refused.is_err(), "the kernel takes {} bytes now: make this a case", frame.len());
        }
    }
}

#[test]
fn every_reason_for_a_drop_is_provoked_and_counted() {
    require_root_and_bpf();
    netns::private(|| {
        let mut rig = Rig::new(&world());
        // In the order of their numbers: what damages the rig for good comes last.
        for reason in DropReason::ALL {
            examine(&mut rig, *reason);
        }
        let counts = rig.counts();
        let silent: Vec<&str> = DropReason::ALL
            .iter()
            .map(|reason| reason.word())
            .filter(|word| counts.get(&format!("drop {word}")) != Some(&1))
            .collect();
        assert_eq!(silent, [DropReason::FrameTooShort.word()], "reasons that were not counted once");
    });
}
