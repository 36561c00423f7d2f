//! An agent that goes on where another has ended: its interfaces, its counters, and what it finds pinned.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;

use pretty_assertions::assert_eq;
use vnet_agent::dataplane::kernel::{Adoption, AnewReason, CounterAdoption, Forwarder};
use vnet_agent::dataplane::places::{CounterPlaces, TablesId};
use vnet_agent::model::Operation;
use vnet_common::abi::{ABI_VERSION, PortTraffic};
use vnet_common::verdict::DropReason;
use vnet_tests::cast::{A1, A2};
use vnet_tests::frames::V4;
use vnet_tests::netns;
use vnet_tests::pins::Pins;
use vnet_tests::requirements::require_root_and_bpf;
use vnet_tests::stage::{Pinging, Stage, TINY, counters, small_world, traffic};
use vnet_tests::world::nic_name;

/// Has the program deliver one packet from A1 to A2, and drop one of A2's for its source address.
fn one_of_each(forwarder: &mut Forwarder, stage: &Stage<'_>) {
    let tables = forwarder.tables_mut();
    tables.test_run(&V4::udp(&A1, A2.v4).frame(), stage.ifindex(A1.name), 1).unwrap();
    tables.test_run(&V4::udp(&A1, A2.v4).frame(), stage.ifindex(A2.name), 1).unwrap();
}

/// How many were delivered and how many dropped, by the three counters that say so each.
fn counted(forwarder: &Forwarder) -> u64 {
    let drops = counters(forwarder).drops[&DropReason::MacSpoofed];
    let (a1, a2) = (traffic(forwarder, A1.name), traffic(forwarder, A2.name));
    assert_eq!([a1.tx.packets, a2.rx.packets, a2.dropped], [drops; 3]);
    drops
}

/// An agent's disk: the places that it stored last.
fn store(stored: &mut CounterPlaces, forwarder: &mut Forwarder) {
    *stored = forwarder.counter_places();
    forwarder.places_are_stored(stored);
}

/// Takes over, to the end.
fn take_over(stage: &Stage<'_>, stored: &mut CounterPlaces) -> (Forwarder, Adoption) {
    let (mut forwarder, adoption) = stage.adopt(stored);
    store(stored, &mut forwarder);
    stage.attach(&mut forwarder);
    forwarder.finish_adoption();
    store(stored, &mut forwarder);
    (forwarder, adoption)
}

/// The directories of tables that are pinned.
fn sets(pins: &Pins) -> Vec<PathBuf> {
    let paths = fs::read_dir(pins.path()).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.is_dir()).collect()
}

fn why(adoption: &Adoption) -> String {
    match &adoption.counters {
        CounterAdoption::Adopted => "adopted".to_owned(),
        CounterAdoption::StartedAnew { why } => format!("{why:?}"),
    }
}

#[test]
fn program_and_maps_are_pinned_under_the_version_and_identity_of_the_tables() {
    require_root_and_bpf();
    let pins = Pins::new();
    netns::private(|| {
        let mut stage = Stage::new(&pins, &small_world(&[]));
        let mut forwarder = stage.start(TINY);
        let [set] = &sets(&pins)[..] else { panic!("{:?}", sets(&pins)) };
        let id = forwarder.tables_mut().id();
        assert_eq!(*set, pins.path().join(format!("abi-{ABI_VERSION}-{id}")));
        let mut names: Vec<_> = fs::read_dir(set)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let all = [
            "CELLS",
            "CONTROL",
            "DEVICES",
            "DROPS",
            "ENDPOINTS6",
            "NODES",
            "PEERING_COUNTERS",
            "PORTS",
            "PORT_COUNTERS",
            "ROUTES",
            "program",
        ];
        assert_eq!(names, all);

        // Larger tables take the place of these, in the pin directory too.
        stage.commit(&small_world(&["n1", "n2", "n3"]), &mut forwarder);
        assert_ne!(forwarder.tables_mut().id(), id);
        let id = forwarder.tables_mut().id();
        assert_eq!(sets(&pins), [pins.path().join(format!("abi-{ABI_VERSION}-{id}"))]);
        forwarder.links_mut().detach_all().unwrap();
        assert_eq!(fs::read_dir(pins.path()).unwrap().count(), 0);
    });
}

#[test]
fn counters_go_on_from_agent_to_agent() {
    require_root_and_bpf();
    let pins = Pins::new();
    netns::private(|| {
        let mut stored = CounterPlaces::default();
        let mut stage = Stage::new(&pins, &small_world(&["gone", "idle"]));
        let (mut forwarder, adoption) = take_over(&stage, &mut stored);
        assert_eq!((why(&adoption).as_str(), adoption.found_abi), ("NoPlaces", None));
        one_of_each(&mut forwarder, &stage);
        let run = |forwarder: &mut Forwarder, ifindex| {
            forwarder.tables_mut().test_run(&V4::udp(&A1, A2.v4).frame(), ifindex, 1).unwrap();
        };
        run(&mut forwarder, stage.ifindex("gone"));
        run(&mut forwarder, stage.ifindex("idle"));
        drop(forwarder);

        // A NIC goes, and another loses its interface, while no agent runs.
        let mut world = small_world(&["gone", "idle"]);
        world = world.with(Operation::DeleteNic(nic_name("gone"))).detached("gone").detached("idle");
        stage.change(&world);
        for turn in 2..5 {
            let (mut forwarder, adoption) = take_over(&stage, &mut stored);
            assert_eq!((why(&adoption).as_str(), adoption.found_abi), ("adopted", Some(ABI_VERSION)));
            assert_eq!(adoption.links.len(), 4);
            one_of_each(&mut forwarder, &stage);
            let counted = counters(&forwarder);
            assert_eq!(traffic(&forwarder, A1.name).tx.packets, turn);
            assert_eq!(counted.drops[&DropReason::MacSpoofed], turn + 2);
            assert_eq!(traffic(&forwarder, "idle").dropped, 1);
            assert!(!counted.nics.keys().any(|(_, nic)| nic.as_str() == "gone"));
            assert_eq!(sets(&pins).len(), 1);
        }
        // One of the name of a NIC that was deleted starts from zero.
        stage.change(&small_world(&["gone", "idle"]));
        let (forwarder, _) = take_over(&stage, &mut stored);
        assert_eq!(traffic(&forwarder, "gone"), PortTraffic::default());
        assert_eq!(traffic(&forwarder, "idle").dropped, 1);
    });
}

#[test]
fn counters_outlive_an_agent_that_takes_everything_with_it() {
    require_root_and_bpf();
    let pins = Pins::new();
    netns::private(|| {
        let mut stored = CounterPlaces::default();
        let stage = Stage::new(&pins, &small_world(&[]));
        for turn in 1..4 {
            let (mut forwarder, adoption) = take_over(&stage, &mut stored);
            assert_eq!(why(&adoption), if turn == 1 { "NoPlaces" } else { "adopted" });
            assert_eq!(adoption.links, Vec::<u32>::new());
            one_of_each(&mut forwarder, &stage);
            assert_eq!(counted(&forwarder), turn);
            stored = forwarder.stop().unwrap();
            assert_eq!(sets(&pins).len(), 1, "who is killed before that is stored has lost nothing");
            forwarder.places_are_stored(&stored);
            drop(forwarder);
            pins.open().remove_where_empty();
            assert!(!pins.path().exists());
        }
    });
}

/// The moments of a life at which an agent may be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kill {
    Adopted,
    Stored,
    HalfAttached,
    Attached,
    Finished,
    StoredAgain,
    Grown,
    Stopped,
}

/// One life of an agent, up to a moment. How many packets of each kind it has forwarded.
fn live(stage: &mut Stage<'_>, stored: &mut CounterPlaces, until: Kill, room: &mut usize) -> u64 {
    let (mut forwarder, adoption) = stage.adopt(stored);
    assert!(stored.version == 0 || why(&adoption) == "adopted", "{adoption:?}");
    if until == Kill::Adopted {
        return 0;
    }
    store(stored, &mut forwarder);
    one_of_each(&mut forwarder, stage);
    if until == Kill::Stored {
        return 1;
    }
    forwarder.attach(stage.ifindex(A1.name)).unwrap();
    if until == Kill::HalfAttached {
        return 1;
    }
    stage.attach(&mut forwarder);
    if until == Kill::Attached {
        return 1;
    }
    forwarder.finish_adoption();
    one_of_each(&mut forwarder, stage);
    if until == Kill::Finished {
        return 2;
    }
    store(stored, &mut forwarder);
    one_of_each(&mut forwarder, stage);
    if until == Kill::StoredAgain {
        return 3;
    }
    if until == Kill::Grown {
        // What the tables before have counted is kept, although nobody has stored yet where.
        let names: Vec<String> = (0..2 * *room + 5).map(|number| format!("n{number}")).collect();
        *room = names.len();
        let before = forwarder.capacity();
        stage.commit(&small_world(&names.iter().map(String::as_str).collect::<Vec<_>>()), &mut forwarder);
        assert_ne!(forwarder.capacity(), before);
        return 3;
    }
    let last = forwarder.stop().unwrap();
    if until == Kill::Stopped {
        return 3;
    }
    *stored = last;
    3
}

#[test]
fn a_kill_at_any_moment_loses_no_count_and_counts_nothing_twice() {
    require_root_and_bpf();
    let pins = Pins::new();
    netns::private(|| {
        let mut stored = CounterPlaces::default();
        let mut stage = Stage::new(&pins, &small_world(&[]));
        let (mut total, mut room) = (0, 0);
        let moments = [
            Kill::StoredAgain,
            Kill::Adopted,
            Kill::Stored,
            Kill::Stored,
            Kill::HalfAttached,
            Kill::Adopted,
            Kill::Attached,
            Kill::Finished,
            Kill::Finished,
            Kill::Grown,
            Kill::Grown,
            Kill::Adopted,
            Kill::Stopped,
            Kill::StoredAgain,
            Kill::Grown,
            Kill::HalfAttached,
        ];
        for (at, until) in moments.into_iter().enumerate() {
            total += live(&mut stage, &mut stored, until, &mut room);
            // What the next one knows, before and after it has read what the others left.
            let (forwarder, _) = stage.adopt(&stored);
            assert_eq!(counted(&forwarder), total, "killed {at} times, last {until:?}");
        }
        let (forwarder, _) = take_over(&stage, &mut stored);
        assert_eq!(counted(&forwarder), total);
        assert_eq!(sets(&pins).len(), 1, "what nobody needs is pinned no more");
    });
}

#[test]
fn places_are_applied_to_no_other_tables_than_theirs() {
    require_root_and_bpf();
    let pins = Pins::new();
    netns::private(|| {
        let mut stored = CounterPlaces::default();
        let stage = Stage::new(&pins, &small_world(&[]));
        let (mut forwarder, _) = take_over(&stage, &mut stored);
        one_of_each(&mut forwarder, &stage);
        drop(forwarder);
        let mut foreign = stored.clone();
        foreign.tables[0].id = TablesId::random();
        let (forwarder, adoption) = stage.adopt(&foreign);
        assert!(matches!(adoption.counters, CounterAdoption::StartedAnew { why: AnewReason::NotPinned }));
        assert_eq!(
            adoption.to_string(),
            "took over 2 attached interfaces; counters start from zero: the tables that held them are gone"
        );
        assert_eq!(counted(&forwarder), 0);
        drop(forwarder);
        // The tables themselves were let alone until somebody stored the others' places.
        let (forwarder, adoption) = stage.adopt(&stored);
        assert_eq!(adoption.to_string(), "took over 2 attached interfaces; counters go on");
        assert_eq!(counted(&forwarder), 1);
    });
}

#[test]
fn tables_of_another_version_are_rebuilt_without_losing_a_packet_and_the_adoption_says_so() {
    require_root_and_bpf();
    let pins = Pins::new();
    netns::private(|| {
        let mut stored = CounterPlaces::default();
        let stage = Stage::new(&pins, &small_world(&[]));
        drop(take_over(&stage, &mut stored));
        let [set] = &sets(&pins)[..] else { panic!("one set is pinned") };
        let id = stored.tables[0].id;
        fs::rename(set, pins.path().join(format!("abi-99-{id}"))).unwrap();

        let guest = netns::dress_guest(A1.name, A1.mac, "10.1.0.4/24");
        let pings = Pinging::start(&guest, 300);
        let (forwarder, adoption) = take_over(&stage, &mut stored);
        assert_eq!(adoption.found_abi, Some(99));
        let sentence = format!(
            "took over 2 attached interfaces; counters start from zero: the tables that held them are of version 99, and \
             this agent's of {ABI_VERSION}"
        );
        assert_eq!(adoption.to_string(), sentence);
        pings.assert_all_answered();
        assert!(traffic(&forwarder, A1.name).answered > 0);
        assert_eq!(sets(&pins).len(), 1);
        assert!(!pins.path().join(format!("abi-99-{id}")).exists());
    });
}

#[test]
fn foreign_things_in_the_pin_directory_are_removed_or_let_alone_and_never_taken_for_ours() {
    require_root_and_bpf();
    let pins = Pins::new();
    netns::private(|| {
        let mut stored = CounterPlaces::default();
        let mut stage = Stage::new(&pins, &small_world(&[]));
        drop(take_over(&stage, &mut stored));
        let [set] = &sets(&pins)[..] else { panic!("one set is pinned") };
        // Two interfaces that no agent has attached yet have a map for a link, and the link of another interface.
        stage.change(&small_world(&["n1", "n2"]));
        let link = |nic: &str| pins.path().join(format!("link-{}", stage.ifindex(nic)));
        fs::hard_link(set.join("NODES"), link("n1")).unwrap();
        fs::hard_link(link(A1.name), link("n2")).unwrap();
        // A program stands for counters.
        fs::remove_file(set.join("PORT_COUNTERS")).unwrap();
        fs::hard_link(set.join("program"), set.join("PORT_COUNTERS")).unwrap();
        // A set that is none, one that was never completed, and somebody's own directory.
        for name in ["abi-1-what", "part-0", "part-0/inner", "others"] {
            fs::create_dir(pins.path().join(name)).unwrap();
        }
        fs::hard_link(set.join("NODES"), pins.path().join("abi-zero")).unwrap();

        let (forwarder, adoption) = take_over(&stage, &mut stored);
        assert!(adoption.to_string().contains("cannot be read: the map PORT_COUNTERS"), "{adoption}");
        let mut left = sets(&pins);
        left.retain(|path| !path.ends_with("others"));
        assert_eq!(left.len(), 1);
        assert_eq!(
            fs::read_dir(pins.path()).unwrap().count(),
            6,
            "four links, the tables, the others' directory"
        );
        assert!(forwarder.verify().is_none(), "{:?}", forwarder.verify());
        let guest = netns::dress_guest(A1.name, A1.mac, "10.1.0.4/24");
        Pinging::start(&guest, 10).assert_all_answered();
    });
}
