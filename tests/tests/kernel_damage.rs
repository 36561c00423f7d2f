//! What somebody else takes away from a running agent, and how it is mended.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;

use pretty_assertions::assert_eq;
use vnet_agent::dataplane::kernel::{
    AttachError, AttachMode, Damage, Forwarder, KernelTables, Links, PinDirectory,
};
use vnet_agent::dataplane::places::CounterPlaces;
use vnet_common::verdict::DropReason;
use vnet_tests::cast::{A1, A2};
use vnet_tests::frames::V4;
use vnet_tests::netns;
use vnet_tests::pins::Pins;
use vnet_tests::requirements::require_root_and_bpf;
use vnet_tests::stage::{Pinging, Stage, TINY, counters, small_world, traffic};

/// A forwarder with two attached interfaces, and its pin directory as somebody else with the same rights sees it.
fn scene(pins: &Pins, test: impl FnOnce(&Stage<'_>, Forwarder, PinDirectory) + Send) {
    require_root_and_bpf();
    netns::private(|| {
        let stage = Stage::new(pins, &small_world(&[]));
        let directory = pins.open();
        let links = Links::new(directory.clone(), AttachMode::Native);
        let (mut forwarder, _) =
            Forwarder::adopt(stage.image(), links, &CounterPlaces::default(), TINY).unwrap();
        stage.attach(&mut forwarder);
        assert_eq!(forwarder.verify(), Damage::default());
        assert!(forwarder.verify().is_none());
        test(&stage, forwarder, directory);
    });
}

fn assert_forwards(forwarder: &Forwarder) {
    let before = traffic(forwarder, A1.name).answered;
    let guest = format!("{}-peer", A1.name);
    Pinging::start(&guest, 10).assert_all_answered();
    assert!(traffic(forwarder, A1.name).answered >= before + 10);
}

#[test]
fn a_link_that_was_taken_off_is_found_and_put_back() {
    let pins = Pins::new();
    scene(&pins, |stage, mut forwarder, directory| {
        netns::dress_guest(A1.name, A1.mac, "10.1.0.4/24");
        let a1 = stage.ifindex(A1.name);
        Links::new(directory, AttachMode::Native).detach(a1).unwrap();
        let damage = Damage { detached: vec![a1], unpinned: vec![a1], ..Damage::default() };
        assert_eq!(forwarder.verify(), damage);
        forwarder.reattach(a1).unwrap();
        assert_eq!(forwarder.verify(), Damage::default());
        assert_forwards(&forwarder);
    });
}

#[test]
fn another_program_under_a_link_is_found_and_exchanged_without_losing_a_packet() {
    let pins = Pins::new();
    scene(&pins, |stage, mut forwarder, directory| {
        let guest = netns::dress_guest(A1.name, A1.mac, "10.1.0.4/24");
        let a1 = stage.ifindex(A1.name);
        // The other program has empty tables.
        let mut other = KernelTables::load(TINY).unwrap();
        Links::new(directory, AttachMode::Native).attach(&mut other, a1).unwrap();
        assert_eq!(forwarder.verify(), Damage { detached: vec![a1], ..Damage::default() });
        forwarder.reattach(a1).unwrap();
        assert_eq!(forwarder.verify(), Damage::default());
        // While it runs by the right one, mending changes nothing for packets.
        let pings = Pinging::start(&guest, 200);
        for _ in 0..20 {
            forwarder.reattach(a1).unwrap();
            forwarder.repin().unwrap();
        }
        pings.assert_all_answered();
        assert_eq!(counters(&forwarder).drops[&DropReason::UnknownPort], 0);
    });
}

#[test]
fn an_interface_that_has_gone_is_found_and_cannot_be_put_back() {
    let pins = Pins::new();
    scene(&pins, |stage, mut forwarder, _| {
        let a1 = stage.ifindex(A1.name);
        netns::delete(A1.name);
        assert_eq!(forwarder.verify(), Damage { detached: vec![a1], ..Damage::default() });
        let error = forwarder.reattach(a1).unwrap_err();
        assert!(matches!(error, AttachError::Gone { ifindex } if ifindex == a1), "{error:?}");
        assert!(!forwarder.links_mut().contains(a1));
        assert_eq!(forwarder.verify(), Damage::default());
    });
}

#[test]
fn pins_that_were_removed_are_found_and_made_again_and_packets_go_on_all_the_while() {
    let pins = Pins::new();
    scene(&pins, |stage, forwarder, _| {
        let guest = netns::dress_guest(A1.name, A1.mac, "10.1.0.4/24");
        let pings = Pinging::start(&guest, 300);
        let a2 = stage.ifindex(A2.name);
        fs::remove_file(pins.path().join(format!("link-{a2}"))).unwrap();
        assert_eq!(forwarder.verify(), Damage { unpinned: vec![a2], ..Damage::default() });
        forwarder.repin().unwrap();
        assert_eq!(forwarder.verify(), Damage::default());

        let set = fs::read_dir(pins.path()).unwrap().map(|entry| entry.unwrap().path());
        let set = set.filter(|path| path.is_dir()).collect::<Vec<_>>().remove(0);
        for pin in ["program", "CELLS", "PORT_COUNTERS"] {
            fs::remove_file(set.join(pin)).unwrap();
            assert_eq!(forwarder.verify(), Damage { tables_unpinned: true, ..Damage::default() });
            forwarder.repin().unwrap();
            assert_eq!(forwarder.verify(), Damage::default());
        }
        pings.assert_all_answered();
    });
}

#[test]
fn a_pin_directory_that_was_removed_is_found_and_made_again_locked_as_before() {
    let pins = Pins::new();
    scene(&pins, |stage, forwarder, directory| {
        let guest = netns::dress_guest(A1.name, A1.mac, "10.1.0.4/24");
        let pings = Pinging::start(&guest, 300);
        let all: BTreeSet<u32> = [A1.name, A2.name].map(|nic| stage.ifindex(nic)).into();
        let unpinned: Vec<u32> = all.into_iter().collect();
        for is_made_again in [false, true] {
            fs::remove_dir_all(pins.path()).unwrap();
            if is_made_again {
                fs::create_dir(pins.path()).unwrap();
            }
            let damage = Damage {
                unpinned: unpinned.clone(),
                tables_unpinned: true,
                directory_gone: true,
                ..Damage::default()
            };
            assert_eq!(forwarder.verify(), damage);
            forwarder.repin().unwrap();
            assert_eq!(forwarder.verify(), Damage::default());
            let error = PinDirectory::open(pins.path()).unwrap_err();
            assert!(error.to_string().contains("another agent is running"), "{error}");
        }
        pings.assert_all_answered();

        // The next agent finds everything where it belongs.
        let places = forwarder.counter_places();
        let answered = traffic(&forwarder, A1.name).answered;
        assert!(answered >= 300);
        drop((forwarder, directory));
        let (mut next, adoption) = stage.adopt(&places);
        assert_eq!(adoption.to_string(), "took over 2 attached interfaces; counters go on");
        stage.attach(&mut next);
        next.finish_adoption();
        assert!(traffic(&next, A1.name).answered >= answered);
        assert_forwards(&next);
        // And takes all of it with it, though the directory is gone again.
        fs::remove_dir_all(pins.path()).unwrap();
        next.links_mut().detach_all().unwrap();
        assert_eq!(fs::read_dir(pins.path()).unwrap().count(), 0);
    });
}

#[test]
fn tables_grow_though_the_pin_directory_was_removed() {
    let pins = Pins::new();
    scene(&pins, |_, mut forwarder, _| {
        fs::remove_dir_all(pins.path()).unwrap();
        let mut stage = Stage::new(&pins, &small_world(&[]));
        stage.commit(&small_world(&["n1", "n2", "n3"]), &mut forwarder);
        assert_ne!(forwarder.capacity(), TINY);
        let damage = forwarder.verify();
        assert_eq!((damage.directory_gone, damage.tables_unpinned), (false, false));
        let mut unpinned = vec![stage.ifindex(A1.name), stage.ifindex(A2.name)];
        unpinned.sort_unstable();
        assert_eq!(damage.unpinned, unpinned);
        forwarder.repin().unwrap();
        assert!(forwarder.verify().is_none());
    });
}

#[test]
fn a_device_that_left_the_namespace_and_came_back_is_put_back() {
    let pins = Pins::new();
    scene(&pins, |stage, mut forwarder, _| {
        let (a1, a2) = (stage.ifindex(A1.name), stage.ifindex(A2.name));
        assert_eq!(forwarder.restore_devices().unwrap(), 0);
        netns::leave_and_return(A2.name);
        assert_eq!(netns::find(A2.name), Some(a2));
        assert_eq!(forwarder.restore_devices().unwrap(), 1);
        assert_eq!(forwarder.restore_devices().unwrap(), 0);
        let frame = V4::udp(&A1, A2.v4).frame();
        forwarder.tables_mut().test_run(&frame, a1, 1).unwrap();
        assert_eq!(counters(&forwarder).drops[&DropReason::DeviceGone], 0);
    });
}
