//! The exact contents of plans: what differs, and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use pretty_assertions::assert_eq;
use vnet_common::abi::{FIRST_CELL, LEAF, NONE, ROUTE_ACCESS, ROUTE_FORWARDED, ROUTE_PEERING, RouteRecord};

use super::world::{CAPACITY, attachments, image_of};
use crate::compile::image::Image;
use crate::compile::layout::{Layout, PeeringPlace};
use crate::compile::plan::{Capacity, Plan};
use crate::model::tests::{World, nic, nic_name, peering, peering_name, vnet_name};
use crate::model::*;

fn two() -> World {
    World::default()
        .vnet("a", &["10.0.0.0/16"])
        .vnet("b", &["10.1.0.0/16", "fd00:1::/48"])
        .subnet("a", "s", &["10.0.1.0/24"])
        .subnet("b", "s", &["10.1.1.0/24", "fd00:1:0:1::/64"])
        .nic("n", "a/s", &["10.0.1.4"])
        .nic("m", "b/s", &["10.1.1.4", "fd00:1:0:1::4"])
        .peered("a", "b")
}

fn image(world: &World, interfaces: &[(&str, u32)]) -> Image {
    image_of(&world.0, &attachments(interfaces))
}

const INTERFACES: [(&str, u32); 2] = [("n", 7), ("m", 8)];

/// Cells are given out in the order of names: a's range, b's range, then for a and b each the space and the subnet.
const RANGE_A: u32 = FIRST_CELL;
const RANGE_B: u32 = FIRST_CELL + 1;
const SUBNET_A: u32 = FIRST_CELL + 4;
const ENDPOINT_M6: u32 = FIRST_CELL + 10;
const SUBNET_B: u32 = FIRST_CELL + 8;

fn planned(layout: &mut Layout, image: &Image) -> Plan {
    let plan = layout.plan(image).unwrap();
    layout.settle();
    plan
}

fn start() -> Layout {
    let mut layout = Layout::new(CAPACITY, 0);
    let plan = planned(&mut layout, &image(&two(), &INTERFACES));
    assert_eq!((plan.generation, plan.is_empty()), (1, false));
    layout
}

/// How many entries of each kind a plan has, in the order of its fields.
fn sizes(plan: &Plan) -> [usize; 10] {
    [
        plan.nodes.len(),
        plan.ports.len(),
        plan.devices.len(),
        plan.routes.len(),
        plan.endpoints6.len(),
        plan.cells.len(),
        plan.freed_devices.len(),
        plan.freed_endpoints6.len(),
        plan.freed_port_counters.len(),
        plan.freed_peering_counters.len(),
    ]
}

#[test]
fn the_first_plan_publishes_even_nothing_and_the_second_publishes_no_more() {
    let mut layout = Layout::new(CAPACITY, 41);
    let plan = planned(&mut layout, &Image::default());
    assert_eq!((plan.generation, plan.entries()), (42, 0));
    let plan = planned(&mut layout, &Image::default());
    assert_eq!((plan.generation, plan.entries()), (42, 0));
}

#[test]
fn an_equal_image_is_an_empty_plan_of_the_same_generation() {
    let mut layout = start();
    // Equal by value, with nothing shared: compiled from another topology of the same declarations.
    let plan = planned(&mut layout, &image(&two(), &INTERFACES));
    assert_eq!((plan.generation, sizes(&plan)), (1, [0; 10]));
    // From then on the pointers are those of the newer image.
    let newer = image(&two(), &INTERFACES);
    planned(&mut layout, &newer);
    for (name, image) in &newer.vnets {
        assert!(Arc::ptr_eq(&layout.vnets[name].image, image));
    }
}

#[test]
fn another_interface_is_a_port_its_device_two_slots_and_the_way_to_the_endpoint() {
    let mut layout = start();
    let plan = planned(&mut layout, &image(&two(), &[("n", 20), ("m", 8)]));
    assert_eq!(plan.generation, 2);
    // 10.0.1.4 in 10.0.0.0/16: a node for the third byte and one for the last. Port 2 was n's, 3 is m's, 4 is new.
    let [(leaf_node, last), (root_node, third)] = &plan.nodes[..] else { panic!("{:?}", plan.nodes) };
    assert_eq!((third[1], last[4]), (*leaf_node, LEAF | 4));
    assert_eq!(
        (third.iter().filter(|e| **e != NONE).count(), last.iter().filter(|e| **e != NONE).count()),
        (1, 1)
    );
    assert_eq!(plan.devices, [(4, 20)]);
    assert_eq!(
        plan.ports.iter().map(|(port, record)| (*port, record.ifindex)).collect::<Vec<_>>(),
        [(4, 20)]
    );
    assert_eq!(plan.cells, [(8, NONE), (21, 4), (RANGE_A, *root_node)]);
    assert_eq!(plan.freed_devices, [2]);
    assert_eq!(sizes(&plan), [2, 1, 1, 0, 0, 3, 1, 0, 0, 0]);
}

#[test]
fn an_ipv6_endpoint_whose_interface_changes_keeps_its_entry_and_changes_its_cell() {
    let mut layout = start();
    let plan = planned(&mut layout, &image(&two(), &[("n", 7), ("m", 20)]));
    let root = plan.nodes[1].0;
    assert_eq!(plan.cells, [(9, NONE), (21, 4), (RANGE_B, root), (ENDPOINT_M6, 4)]);
    assert_eq!(sizes(&plan), [2, 1, 1, 0, 0, 4, 1, 0, 0, 0]);
}

#[test]
fn a_changed_flag_is_a_route_record_and_the_tries_that_lead_to_it() {
    let mut layout = start();
    let flags = PeeringFlags { allow_forwarded_traffic: true, ..PeeringFlags::default() };
    let spec = PeeringSpec { flags, ..peering("a-to-b", "b") };
    let world = two().with(Operation::UpdatePeering(vnet_name("a"), spec));
    let plan = planned(&mut layout, &image(&world, &INTERFACES));
    // a receives: what b sends to a's range is what changes, and nothing of a's own tables.
    let counter = layout.peering_counter(&vnet_name("b"), &"b-to-a".parse().unwrap()).unwrap();
    let record = RouteRecord {
        kind: ROUTE_PEERING,
        skip_bytes: 2,
        flags: ROUTE_ACCESS | ROUTE_FORWARDED,
        endpoints: RANGE_A,
        counter,
        reserved: 0,
    };
    let [(number, written)] = plan.routes[..] else { panic!("{:?}", plan.routes) };
    assert_eq!(written, record);
    // The node of 10. leads to the record for 10.0.0.0/16; the root leads to that node.
    let [(node, ten), (root, first)] = &plan.nodes[..] else { panic!("{:?}", plan.nodes.len()) };
    assert_eq!((ten[0], first[10]), (LEAF | number, *node));
    assert_eq!(plan.cells, [(SUBNET_B, *root)]);
    assert_eq!(sizes(&plan), [2, 0, 0, 1, 0, 1, 0, 0, 0, 0]);
}

#[test]
fn a_deleted_peering_frees_its_counters_and_changes_the_two_tables() {
    let mut layout = start();
    let plan = planned(&mut layout, &image(&two().delete_side("a", "b"), &INTERFACES));
    assert_eq!(plan.freed_peering_counters, [1, 2]);
    let cells: Vec<u32> = plan.cells.iter().map(|(cell, _)| *cell).collect();
    // a's IPv4 and IPv6 routes, b's IPv4 routes: a has no IPv6 range that b could lose.
    assert_eq!(cells, [SUBNET_A, SUBNET_A + 1, SUBNET_B]);
    assert_eq!((plan.ports.len(), plan.devices.len(), plan.endpoints6.len()), (0, 0, 0));
}

/// `networks` in a row, each peered with the next, 20 NICs each.
fn row(networks: u32) -> (World, Vec<(String, u32)>) {
    let (mut world, mut interfaces) = (World::default(), Vec::new());
    for number in 0..networks {
        let name = format!("v{number:03}");
        world = world.vnet(&name, &[&format!("10.{number}.0.0/16"), &format!("fd00:{number:x}::/48")]);
        world =
            world.subnet(&name, "s", &[&format!("10.{number}.1.0/24"), &format!("fd00:{number:x}:0:1::/64")]);
        for nic in 0..20 {
            let addresses =
                [format!("10.{number}.1.{}", nic + 4), format!("fd00:{number:x}:0:1::{:x}", nic + 4)];
            let nic_name = format!("n{number}-{nic}");
            world = world.nic(&nic_name, &format!("{name}/s"), &[&addresses[0], &addresses[1]]);
            interfaces.push((nic_name, 10 + number * 20 + nic));
        }
        if number > 0 {
            world = world.peered(&format!("v{:03}", number - 1), &name);
        }
    }
    (world, interfaces)
}

#[test]
fn one_more_peering_writes_as_much_in_a_large_topology_as_in_a_small_one() {
    let capacity = Capacity {
        cells: 8_000,
        nodes: 8_000,
        ports: 5_000,
        routes: 8_000,
        endpoints6: 5_000,
        port_counters: 5_000,
        peering_counters: 1_000,
    };
    let cost = |networks| {
        let (world, interfaces) = row(networks);
        let interfaces: Vec<(&str, u32)> =
            interfaces.iter().map(|(nic, ifindex)| (nic.as_str(), *ifindex)).collect();
        let mut layout = Layout::new(capacity, 0);
        let first = planned(&mut layout, &image(&world, &interfaces));
        assert_eq!(first.ports.len(), 20 * networks as usize);
        let world = world.peered("v000", "v004");
        sizes(&planned(&mut layout, &image(&world, &interfaces)))
    };
    let small = cost(6);
    assert_eq!(cost(120), small);
    // Two subnets, each with one root and two nodes more for IPv4, and for IPv6 with those on the way to the /48.
    let [nodes, ports, devices, routes, endpoints6, cells, freed @ ..] = small;
    assert_eq!((ports, devices, routes, endpoints6, cells, freed), (0, 0, 4, 0, 4, [0; 4]));
    assert!(nodes <= 20, "{nodes} nodes");
}

#[test]
fn places_of_counters_change_with_the_networks_whose_counters_do_and_stay_shared_otherwise() {
    let mut layout = start();
    let before = Arc::clone(layout.counter_places());
    let indexes = |layout: &Layout, name: &str| layout.counter_places().get(&vnet_name(name)).cloned();
    // Another MTU: another port record, and the counter that it had.
    let mut moved = attachments(&INTERFACES);
    moved.get_mut(&nic_name("n")).unwrap().mtu_bytes = 9000;
    planned(&mut layout, &image_of(&two().0, &moved));
    assert!(Arc::ptr_eq(layout.counter_places(), &before));

    let world = two().with(Operation::CreateNic(nic("o", "a/s", &["10.0.1.5"])));
    planned(&mut layout, &image(&world, &[INTERFACES[0], INTERFACES[1], ("o", 9)]));
    let (a, b) = (indexes(&layout, "a").unwrap(), indexes(&layout, "b").unwrap());
    assert_eq!(a.nics, BTreeMap::from([(nic_name("n"), 1), (nic_name("o"), 3)]));
    assert_eq!(a.peerings[&peering_name("a-to-b")], PeeringPlace { remote: vnet_name("b"), index: 1 });
    assert!(Arc::ptr_eq(&b, &before[&vnet_name("b")]));

    planned(&mut layout, &Image::default());
    assert_eq!(**layout.counter_places(), BTreeMap::new());
}
