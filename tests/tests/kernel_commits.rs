//! Commits, tables that grow, programs that change under traffic.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use pretty_assertions::assert_eq;
use vnet_agent::dataplane::kernel::{Forwarder, PinDirectory, PinError, XdpVerdict};
use vnet_agent::model::Operation;
use vnet_common::abi::PortTraffic;
use vnet_common::verdict::DropReason;
use vnet_tests::case::Expect::Drop;
use vnet_tests::case::{case, check};
use vnet_tests::cast::{A1, A2, B1, C1, to, to_over, world};
use vnet_tests::frames::{V4, V6};
use vnet_tests::netns;
use vnet_tests::pins::Pins;
use vnet_tests::requirements::require_root_and_bpf;
use vnet_tests::rig::Rig;
use vnet_tests::stage::{Pinging, Stage, TINY, small_world, traffic};
use vnet_tests::world::{World, peering_name, vnet_name};

/// The world without `a`'s side of its peering with `b`.
fn unpeered() -> World {
    world().with(Operation::DeletePeering(vnet_name("a"), peering_name("to-b")))
}

#[test]
fn a_commit_decides_about_the_very_next_packet() {
    require_root_and_bpf();
    netns::private(|| {
        let mut rig = Rig::new(&world());
        let v4 = || V4::udp(&A1, B1.v4).frame();
        let v6 = || V6::udp(&A1, B1.v6).frame();
        // Many turns: even and odd generations, and entries that are used again.
        for turn in 0..8 {
            let commit = rig.commit(&unpeered());
            assert_eq!(commit.generation, 2 + 2 * turn);
            assert!(commit.entries > 0);
            check(
                &mut rig,
                &[
                    case("IPv4, unpeered", A1.name, v4(), Drop(DropReason::RouteNone)),
                    case("IPv6, unpeered", A1.name, v6(), Drop(DropReason::RouteInternet)),
                    case("back, unpeered", B1.name, V4::udp(&B1, A1.v4).frame(), Drop(DropReason::RouteNone)),
                    case(
                        "another peering goes on",
                        A1.name,
                        V4::udp(&A1, C1.v4).frame(),
                        to_over(&C1, "a/to-c"),
                    ),
                    case("the own VNet goes on", A1.name, V6::udp(&A1, A2.v6).frame(), to(&A2)),
                ],
            );
            assert_eq!(rig.commit(&world()).generation, 3 + 2 * turn);
            check(
                &mut rig,
                &[
                    case("IPv4, peered", A1.name, v4(), to_over(&B1, "a/to-b")),
                    case("IPv6, peered", A1.name, v6(), to_over(&B1, "a/to-b")),
                    case("back, peered", B1.name, V6::udp(&B1, A1.v6).frame(), to_over(&A1, "b/to-a")),
                ],
            );
        }
    });
}

#[test]
fn a_commit_of_what_stands_already_writes_nothing() {
    require_root_and_bpf();
    netns::private(|| {
        let mut rig = Rig::new(&world());
        let counts = rig.counts();
        for _ in 0..3 {
            let commit = rig.commit(&world());
            assert_eq!((commit.generation, commit.entries), (1, 0));
        }
        assert_eq!(rig.counts(), counts);
    });
}

#[test]
fn counters_of_what_a_commit_does_not_concern_go_on() {
    require_root_and_bpf();
    netns::private(|| {
        let mut rig = Rig::new(&world());
        check(
            &mut rig,
            &[
                case("to b", A1.name, V4::udp(&A1, B1.v4).frame(), to_over(&B1, "a/to-b")),
                case("to c", A1.name, V4::udp(&A1, C1.v4).frame(), to_over(&C1, "a/to-c")),
            ],
        );
        let mut expected = rig.counts();
        rig.commit(&unpeered());
        rig.commit(&world());
        // A peering made anew starts at zero.
        expected.retain(|name, _| !name.starts_with("peering a/to-b"));
        assert_eq!(rig.counts(), expected);
    });
}

#[test]
fn a_directory_outside_a_bpf_file_system_is_refused() {
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("pins");
    let error = PinDirectory::open(&path).unwrap_err();
    assert!(matches!(&error, PinError::NotBpffs { path: named } if *named == path), "{error}");
    assert!(error.to_string().contains("mount -t bpf"), "{error}");
    assert!(!path.exists());
    let error = PinDirectory::open(std::path::Path::new("/nowhere/at/all")).unwrap_err();
    assert!(matches!(error, PinError::Directory { .. }), "{error}");
}

#[test]
fn tables_grow_and_counters_go_on() {
    let pins = Pins::new();
    netns::private(|| {
        let mut stage = Stage::new(&pins, &small_world(&["old"]));
        let mut forwarder = stage.start(TINY);
        let (a1, old) = (stage.ifindex(A1.name), stage.ifindex("old"));
        let frame = V4::udp(&A1, A2.v4).frame();
        let run =
            |forwarder: &mut Forwarder, ifindex| forwarder.tables_mut().test_run(&frame, ifindex, 1).unwrap();
        assert_eq!(run(&mut forwarder, a1).verdict, XdpVerdict::Redirect);
        // The frame has a MAC that is not the third NIC's.
        assert_eq!(run(&mut forwarder, old).verdict, XdpVerdict::Drop);
        assert_eq!(traffic(&forwarder, "old").dropped, 1);
        stage.commit(&small_world(&[]), &mut forwarder);
        assert_eq!((forwarder.capacity(), forwarder.generation()), (TINY, 2));

        // The first of the new NICs gets the counter that is free again, and the last finds no port.
        let names = ["new1", "new2", "new3", "new4", "new5"];
        stage.commit(&small_world(&names), &mut forwarder);
        assert!(forwarder.capacity().ports > TINY.ports);
        assert!(forwarder.generation() > 2);
        assert_eq!(run(&mut forwarder, a1).verdict, XdpVerdict::Redirect);
        let counters = forwarder.counters().unwrap();
        assert_eq!(traffic(&forwarder, A1.name).tx.packets, 2);
        assert_eq!(traffic(&forwarder, A2.name).rx.packets, 2);
        assert_eq!(counters.drops[&DropReason::MacSpoofed], 1);
        for name in names {
            assert_eq!(traffic(&forwarder, name), PortTraffic::default(), "{name}");
        }

        // Larger once more: what the first tables counted is not forgotten.
        let before = forwarder.capacity();
        let more: Vec<String> = (0..before.ports).map(|number| format!("more{number}")).collect();
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        stage.commit(&small_world(&more), &mut forwarder);
        assert!(forwarder.capacity().ports > before.ports);
        assert_eq!(traffic(&forwarder, A1.name).tx.packets, 2);
        assert_eq!(traffic(&forwarder, A2.name).rx.packets, 2);
        assert_eq!(forwarder.counters().unwrap().drops[&DropReason::MacSpoofed], 1);
    });
}

#[test]
fn growth_under_traffic_loses_no_packet_and_no_count() {
    let pins = Pins::new();
    netns::private(|| {
        let mut stage = Stage::new(&pins, &small_world(&[]));
        let mut forwarder = stage.start(TINY);
        let guest = netns::dress_guest(A1.name, A1.mac, "10.1.0.4/24");
        let count = 500;
        let pings = Pinging::start(&guest, count);
        stage.commit(&small_world(&["n1", "n2", "n3"]), &mut forwarder);
        stage.commit(&small_world(&[]), &mut forwarder);
        stage.commit(&small_world(&["n1", "n2", "n3", "n4"]), &mut forwarder);
        assert!(forwarder.capacity().ports > TINY.ports);
        pings.assert_all_answered();
        let a1 = traffic(&forwarder, A1.name);
        // At least one ARP request too.
        assert!(a1.answered > u64::from(count), "{a1:?}");
    });
}

#[test]
fn a_dead_agents_program_goes_on_and_the_next_agent_takes_over_without_loss() {
    let pins = Pins::new();
    netns::private(|| {
        let stage = Stage::new(&pins, &small_world(&[]));
        let first = stage.start(TINY);
        let guest = netns::dress_guest(A1.name, A1.mac, "10.1.0.4/24");
        let count = 500;
        let pings = Pinging::start(&guest, count);
        drop(first);
        std::thread::sleep(std::time::Duration::from_millis(200));
        let mut second = stage.start(TINY);
        // The program is another one, attached to the same links.
        assert!(second.links_mut().contains(stage.ifindex(A1.name)));
        pings.assert_all_answered();
        let answered = traffic(&second, A1.name).answered;
        assert!(answered > 0 && answered < u64::from(count), "the second program answered {answered}");

        let mut others =
            second.links_mut().detach_others(|ifindex| ifindex == stage.ifindex(A1.name)).unwrap();
        others.sort_unstable();
        assert_eq!(others, [stage.ifindex(A2.name)]);
        second.links_mut().detach_all().unwrap();
        // The directory itself belongs to the agent, and is empty.
        assert_eq!(std::fs::read_dir(pins.path()).unwrap().count(), 0);
        assert!(!second.links_mut().contains(stage.ifindex(A1.name)));
    });
}

#[test]
fn a_pin_of_an_interface_that_had_the_same_number_is_replaced() {
    let pins = Pins::new();
    netns::private(|| {
        let world = small_world(&[]);
        let stage = Stage::new(&pins, &world);
        drop(stage.start(TINY));
        let number = stage.ifindex(A1.name);
        netns::delete(A1.name);
        assert_eq!(netns::veth_with_number(A1.name, number), number);
        let forwarder = stage.start(TINY);
        let guest = netns::dress_guest(A1.name, A1.mac, "10.1.0.4/24");
        Pinging::start(&guest, 10).assert_all_answered();
        assert!(traffic(&forwarder, A1.name).answered >= 10);
    });
}
