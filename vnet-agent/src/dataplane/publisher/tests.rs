//! Commits into tables in memory: what is written, and what a failure leaves.

use std::sync::Arc;

use pretty_assertions::assert_eq;
use vnet_common::forward::Tables as _;

use super::*;
use crate::compile::image::Interface;
use crate::compile::{Attachments, Compiled, compile};
use crate::dataplane::memory::{MemoryTables, OutsideTable};
use crate::model::tests::{World, nic_name};

fn image(world: &World, ifindex: u32) -> Image {
    let attachments = Attachments::from([(nic_name("n"), Interface { ifindex, mtu_bytes: 1500 })]);
    compile(&world.0, &Arc::new(attachments), &Compiled::default()).image().clone()
}

fn world() -> World {
    World::default()
        .vnet("a", &["10.0.0.0/16", "fd00:a::/48"])
        .subnet("a", "s", &["10.0.1.0/24", "fd00:a:0:1::/64"])
        .nic("n", "a/s", &["10.0.1.4", "fd00:a:0:1::4"])
}

fn published(generation: u64) -> Publisher<MemoryTables> {
    let load = |capacity| Ok::<_, CommitError<OutsideTable>>(MemoryTables::new(capacity));
    Publisher::create(&image(&world(), 7), Capacity::default(), generation, load).unwrap()
}

#[test]
fn new_tables_go_on_from_the_generation_of_the_old() {
    for generation in [0, 41] {
        let publisher = published(generation);
        assert_eq!(publisher.tables().generation(), generation + 1);
        assert_eq!(publisher.layout().generation(), generation + 1);
    }
}

#[test]
fn an_image_that_stands_already_is_written_no_second_time() {
    let mut publisher = published(0);
    publisher.settle().unwrap();
    let writes = publisher.tables().writes();
    assert!(writes > 0);
    assert_eq!(
        publisher.commit(&image(&world(), 7)).unwrap(),
        Commit { generation: 1, entries: 0, takes_away: false }
    );
    assert_eq!((publisher.tables().writes(), publisher.tables().generation()), (writes, 1));
}

#[test]
fn a_commit_writes_each_cell_twice_and_everything_else_once() {
    let mut publisher = published(0);
    publisher.settle().unwrap();
    let writes = publisher.tables().writes();
    // Two trie nodes, a port, its device, the old device; two slots, the IPv4 range and the IPv6 endpoint.
    let commit = publisher.commit(&image(&world(), 9)).unwrap();
    assert_eq!(commit, Commit { generation: 2, entries: 9, takes_away: true });
    publisher.settle().unwrap();
    assert_eq!(publisher.tables().writes() - writes, 5 + 2 * 4);
}

#[test]
fn a_commit_is_published_at_once_and_settled_when_asked_or_by_the_next_one() {
    let port = |publisher: &Publisher<MemoryTables>, ifindex: u32| {
        let (port, _) = publisher.layout().devices().find(|(_, device)| *device == ifindex).unwrap();
        (port, publisher.tables().device(port))
    };
    let mut publisher = published(0);
    let (old, device) = port(&publisher, 7);
    assert_eq!(device, Some(7));
    let commit = publisher.commit(&image(&world(), 9)).unwrap();
    assert!(commit.takes_away);
    assert_eq!(publisher.tables().generation(), 2);
    // A packet of generation 1 still finds its way.
    assert_eq!(publisher.tables().device(old), Some(7));
    publisher.settle().unwrap();
    let writes = publisher.tables().writes();
    assert_eq!(publisher.tables().device(old), None);
    publisher.settle().unwrap();
    assert_eq!(publisher.tables().writes(), writes);

    // What generation 2 alone used is free when generation 3 is planned, and not before.
    let (second, _) = port(&publisher, 9);
    publisher.commit(&image(&world(), 7)).unwrap();
    assert_ne!(port(&publisher, 7).0, second);
    publisher.commit(&image(&world(), 9)).unwrap();
    assert_eq!(port(&publisher, 9).0, second);
}

#[test]
fn a_write_outside_a_table_is_an_error() {
    use crate::dataplane::Tables;
    let capacity =
        Capacity { nodes: 4, ports: 4, routes: 4, endpoints6: 1, port_counters: 4, ..Capacity::default() };
    let mut tables = MemoryTables::new(capacity);
    let outside = Err(OutsideTable { index: 4 });
    assert_eq!(tables.write_node(4, &[0; 256]), outside);
    assert_eq!(tables.write_port(4, &Default::default()), outside);
    assert_eq!(tables.write_route(4, &Default::default()), outside);
    assert_eq!(tables.set_device(4, Some(1)), outside);
    assert_eq!(tables.reset_port_counter(4), outside);
    assert_eq!(tables.port_traffic(4).unwrap_err(), OutsideTable { index: 4 });
    let key = |range| vnet_common::abi::Endpoint6Key { range, address_be: [0; 16] };
    assert_eq!(tables.insert_endpoint6(&key(1), 1), Ok(()));
    assert_eq!(tables.insert_endpoint6(&key(1), 2), Ok(()));
    assert_eq!(tables.insert_endpoint6(&key(2), 1), Err(OutsideTable { index: 1 }));
    // Outside, they read as nothing, as in the kernel.
    assert_eq!((tables.node_entry(4, 0), tables.port(4), tables.route(4)), (0, None, None));
}
