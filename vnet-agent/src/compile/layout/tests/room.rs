//! Tables that are too small, and tables that are given back.

use pretty_assertions::assert_eq;

use super::world::{CAPACITY, Committed, Usage, attachments, image_of, usage};
use crate::compile::image::Image;
use crate::compile::layout::Layout;
use crate::compile::plan::{Capacity, CapacityExceeded, Table};
use crate::dataplane::memory::MemoryTables;
use crate::dataplane::{CommitError, Publisher};
use crate::model::tests::{World, nic};
use crate::model::*;

/// One VNet with 30 dual-stack NICs, and one to peer with.
fn crowd() -> (Image, World) {
    let mut world = World::default()
        .vnet("a", &["10.0.0.0/16", "fd00:0::/48"])
        .vnet("b", &["10.1.0.0/16"])
        .subnet("a", "s", &["10.0.1.0/24", "fd00:0:0:1::/64"])
        .subnet("b", "s", &["10.1.1.0/24"])
        .nic("m", "b/s", &["10.1.1.4"])
        .peered("a", "b");
    let mut interfaces = vec![("m".to_owned(), 99)];
    for number in 0..30u32 {
        let addresses = [format!("10.0.1.{}", number + 4), format!("fd00:0:0:1::{:x}", number + 4)];
        world = world.nic(&format!("n{number}"), "a/s", &[&addresses[0], &addresses[1]]);
        interfaces.push((format!("n{number}"), number + 100));
    }
    let list: Vec<(&str, u32)> = interfaces.iter().map(|(nic, ifindex)| (nic.as_str(), *ifindex)).collect();
    (image_of(&world.0, &attachments(&list)), world)
}

fn with(table: Table, entries: u32) -> Capacity {
    let mut capacity = CAPACITY;
    match table {
        Table::Cells => capacity.cells = entries,
        Table::Nodes => capacity.nodes = entries,
        Table::Ports => capacity.ports = entries,
        Table::Routes => capacity.routes = entries,
        Table::Endpoints6 => capacity.endpoints6 = entries,
        Table::PortCounters => capacity.port_counters = entries,
        Table::PeeringCounters => capacity.peering_counters = entries,
    }
    capacity
}

const TABLES: [Table; 7] = [
    Table::Cells,
    Table::Nodes,
    Table::Ports,
    Table::Routes,
    Table::Endpoints6,
    Table::PortCounters,
    Table::PeeringCounters,
];

/// How many entries a table must have at least to hold an image.
fn smallest(table: Table, image: &Image) -> u32 {
    (2..).find(|&entries| Layout::new(with(table, entries), 0).plan(image).is_ok()).unwrap()
}

#[test]
fn each_table_that_is_too_small_is_named_and_made_larger() {
    let (image, _) = crowd();
    for table in TABLES {
        let full = Layout::new(with(table, 2), 0).plan(&image).unwrap_err();
        assert_eq!(full.table, table);
        let mut loads = Vec::new();
        let publisher = Publisher::create(&image, with(table, 2), 0, |capacity| {
            loads.push(capacity);
            Ok::<_, CommitError<_>>(MemoryTables::new(capacity))
        });
        let capacity = publisher.unwrap().layout().capacity();
        assert_eq!(loads, [capacity]);
        // It holds the image, with half as much more, and no other table has changed.
        Layout::new(capacity, 0).plan(&image).unwrap();
        let needed = smallest(table, &image);
        assert_eq!(capacity, with(table, needed + needed / 2));
    }
}

#[test]
fn tables_grow_to_a_limit() {
    for table in TABLES {
        assert_eq!(
            with(table, Capacity::MAX_ENTRIES / 2).grown(table),
            Some(with(table, Capacity::MAX_ENTRIES))
        );
        assert_eq!(with(table, Capacity::MAX_ENTRIES / 2 + 1).grown(table), None);
        assert_eq!(with(table, u32::MAX).grown(table), None);
    }
}

#[test]
fn a_commit_into_full_tables_leaves_packets_as_they_were() {
    let (_, world) = crowd();
    for table in [Table::Nodes, Table::Ports, Table::Endpoints6, Table::PortCounters] {
        let mut committed = Committed::new(with(table, 3));
        committed.topology = world.0.clone();
        for number in 0..30 {
            committed.attachments.extend(attachments(&[(&format!("n{number}"), 100 + number)]));
        }
        let Err(CommitError::Capacity(full)) = committed.try_commit() else { panic!("{table:?} has room") };
        assert_eq!(full.table, table);
    }
}

#[test]
fn ipv6_endpoints_that_change_all_at_once_need_room_for_both_generations() {
    // Packets of the old generation still read the entries that go, so they are there until the grace period is over.
    let two = |first: u16| {
        let world = World::default().vnet("a", &["fd00:0::/48"]).subnet("a", "s", &["fd00:0:0:1::/64"]);
        let (one, other) = (format!("fd00:0:0:1::{first:x}"), format!("fd00:0:0:1::{:x}", first + 1));
        world.nic("n0", "a/s", &[&one]).nic("n1", "a/s", &[&other]).0
    };
    for (room, fits) in [(4, true), (3, false)] {
        let mut committed = Committed::new(with(Table::Endpoints6, room));
        committed.topology = two(0x10);
        committed.commit();
        committed.topology = two(0x20);
        match committed.try_commit() {
            Ok(_) => assert!(fits),
            Err(CommitError::Capacity(full)) => {
                assert_eq!(
                    (full, fits),
                    (CapacityExceeded { table: Table::Endpoints6, capacity: room }, false)
                );
            }
            Err(error) => panic!("{error}"),
        }
        if fits {
            // Settled, the room is there again.
            committed.topology = two(0x10);
            committed.commit();
        }
    }
}

#[test]
fn after_everything_is_removed_nothing_is_in_use() {
    let (image, _) = crowd();
    let mut layout = Layout::new(CAPACITY, 0);
    layout.plan(&image).unwrap();
    layout.settle();
    assert_ne!(usage(&layout), Usage::default());
    let plan = layout.plan(&Image::default()).unwrap();
    assert_eq!((plan.nodes.len(), plan.ports.len(), plan.routes.len(), plan.endpoints6.len()), (0, 0, 0, 0));
    assert_eq!(
        (plan.freed_devices.len(), plan.freed_endpoints6.len(), plan.freed_port_counters.len()),
        (31, 30, 31)
    );
    assert!(plan.cells.iter().all(|(_, value)| *value == 0));
    layout.settle();
    assert_eq!(usage(&layout), Usage::default());
    // And everything fits again, from the first entry on.
    let again = layout.plan(&image).unwrap();
    assert_eq!(again.ports.iter().map(|(port, _)| *port).min(), Some(2));
}

#[test]
fn a_nic_without_an_interface_takes_no_port_and_no_counter() {
    let world = World::default().vnet("a", &["10.0.0.0/16"]).subnet("a", "s", &["10.0.1.0/24"]);
    let world = world.with(Operation::CreateNic(nic("n", "a/s", &["10.0.1.4"])));
    let mut layout = Layout::new(CAPACITY, 0);
    let plan = layout.plan(&image_of(&world.0, &attachments(&[]))).unwrap();
    assert_eq!((plan.ports.len(), plan.devices.len()), (0, 0));
    assert_eq!(layout.port_counters().count(), 0);
}
