//! The file that is written: it reads like the examples, and leads to the same topology wherever it is loaded.

use std::cell::Cell;

use pretty_assertions::assert_eq;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::super::write;
use super::*;
use crate::model::tests::{World, nic, peering, random, subnets, vnet, vnet_name};
use crate::model::{InterfaceName, MacAddress, Operation, PeeringState};

/// Loads what is written, from nothing and onto itself.
#[track_caller]
fn comes_back(topology: &Topology) -> String {
    let text = write(topology);
    let first = loaded(&text);
    assert_eq!(&first.topology, topology, "{text}");
    let again = loaded_from(&text, topology);
    assert_eq!((again.changes, &again.topology), (vec![], topology), "{text}");
    assert_eq!(write(&first.topology), text);
    text
}

#[test]
fn nothing_is_written_as_no_networks() {
    assert_eq!(comes_back(&Topology::default()), "virtualNetworks: []\n");
}

#[test]
fn a_file_reads_like_the_examples_and_says_no_default() {
    let mut forwarding = nic("firewall", "hub/default", &["10.0.1.5"]);
    forwarding.enable_ip_forwarding = true;
    forwarding.interface = Some(InterfaceName::new("eth0.1").unwrap());
    forwarding.mac = Some(MacAddress::new([2, 0, 0, 0, 0, 1]).unwrap());
    let mut one_subnet = peering("hub-to-lab", "lab");
    one_subnet.subnets = subnets(&["default"], &[], true);
    one_subnet.flags.allow_forwarded_traffic = true;
    one_subnet.flags.allow_virtual_network_access = false;
    let world = World::default()
        .vnet("hub", &["10.0.0.0/16", "fd00:a::/48"])
        .subnet("hub", "default", &["10.0.1.0/24", "fd00:a:0:1::/64"])
        .vnet("spoke", &["10.1.0.0/16"])
        .vnet("lab", &["10.2.0.0/16"])
        .peered("hub", "spoke")
        .with(Operation::CreatePeering(vnet_name("hub"), one_subnet))
        .nic("vm", "hub/default", &["10.0.1.4", "fd00:a:0:1::4"])
        .with(Operation::CreateNic(forwarding));
    let expected = r#"virtualNetworks:
  - name: hub
    region: westeurope
    addressSpace: [10.0.0.0/16, "fd00:a::/48"]
    subnets:
      - { name: default, addressPrefixes: [10.0.1.0/24, "fd00:a:0:1::/64"] }
    peerings:
      - name: hub-to-lab
        remoteVirtualNetwork: lab
        allowVirtualNetworkAccess: false
        allowForwardedTraffic: true
        peerCompleteVnets: false
        localSubnetNames: [default]
        remoteSubnetNames: []
        enableOnlyIPv6Peering: true
      - { name: hub-to-spoke, remoteVirtualNetwork: spoke }

  - name: lab
    region: westeurope
    addressSpace: [10.2.0.0/16]

  - name: spoke
    region: westeurope
    addressSpace: [10.1.0.0/16]
    peerings:
      - { name: spoke-to-hub, remoteVirtualNetwork: hub }

nics:
  - name: firewall
    subnet: hub/default
    addresses: [10.0.1.5]
    mac: "02:00:00:00:00:01"
    interface: eth0.1
    enableIPForwarding: true
  - { name: vm, subnet: hub/default, addresses: [10.0.1.4, "fd00:a:0:1::4"] }
"#;
    assert_eq!(comes_back(&world.0), expected);
}

#[test]
fn what_all_objects_share_of_their_place_is_said_once() {
    let world = |nic: &str| {
        World::default()
            .vnet("red/prod/a", &["10.0.0.0/16"])
            .vnet("red/prod/b", &["10.1.0.0/16"])
            .subnet("red/prod/a", "s", &["10.0.1.0/24"])
            .with(Operation::CreatePeering(vnet_name("red/prod/a"), peering("to-b", "red/prod/b")))
            .nic(nic, "red/prod/a/s", &["10.0.1.4"])
            .0
    };
    let text = comes_back(&world("red/prod/vm"));
    assert!(
        text.starts_with(
            "subscription: red\nresourceGroup: prod\nvirtualNetworks:\n  - name: a\n    region:"
        ),
        "{text}"
    );
    assert!(text.contains("{ name: to-b, remoteVirtualNetwork: b }"), "{text}");
    assert!(text.ends_with("  - { name: vm, subnet: a/s, addresses: [10.0.1.4] }\n"), "{text}");
    // One NIC elsewhere, and each object says its group.
    let text = comes_back(&world("red/machines/vm"));
    assert!(
        text.starts_with(
            "subscription: red\nvirtualNetworks:\n  - name: a\n    resourceGroup: prod\n    region:"
        ),
        "{text}"
    );
    let line = "  - { name: vm, resourceGroup: machines, subnet: red/prod/a/s, addresses: [10.0.1.4] }\n";
    assert!(text.ends_with(line), "{text}");
    // A default that is not shared is said in full from elsewhere.
    let mixed = World::default()
        .vnet("a", &["10.0.0.0/16"])
        .vnet("red/prod/a", &["10.1.0.0/16"])
        .with(Operation::CreatePeering(vnet_name("red/prod/a"), peering("to-a", "a")))
        .with(Operation::CreatePeering(vnet_name("a"), peering("to-red", "red/prod/a")));
    let text = comes_back(&mixed.0);
    assert!(text.starts_with("virtualNetworks:\n  - name: a\n    region:"), "{text}");
    assert!(text.contains("{ name: to-a, remoteVirtualNetwork: default/default/a }"), "{text}");
    assert!(text.contains("{ name: to-red, remoteVirtualNetwork: red/prod/a }"), "{text}");
}

#[test]
fn names_that_yaml_has_other_uses_for_come_back_as_names() {
    let names =
        ["null", "true", "1e3", "0x1f", "010", "1.5", "2001-12-14", "no", "NULL", "y", "0b1", "12", "1_000"];
    let mut world = World::default();
    for (index, name) in names.into_iter().enumerate() {
        let space = format!("10.{index}.0.0/16");
        world = world.vnet(&format!("{name}/{name}/{name}"), &[&space]);
        let mut spec = vnet(&format!("null/true/v{index}"), &[&space]);
        spec.region = crate::model::Region::new(name).unwrap();
        world = world.with(Operation::CreateVnet(spec));
        let full = format!("{name}/{name}/{name}");
        world = world.subnet(&full, name, &[&format!("10.{index}.1.0/24")]);
        let mut spec = nic(&full, &format!("{full}/{name}"), &[&format!("10.{index}.1.4")]);
        spec.interface = Some(InterfaceName::new(name).unwrap());
        world = world.with(Operation::CreateNic(spec));
    }
    comes_back(&world.0);
    for interface in [
        "a,b",
        "{a}",
        "#a",
        "- a".trim_start_matches("- "),
        "&a",
        "*a",
        "!a",
        "a\"b",
        "a\\b",
        "'",
        "~",
        "\u{200b}",
        "\u{feff}a",
        "\u{1f980}",
    ] {
        let mut spec = nic("n", "v/s", &["10.0.1.4"]);
        spec.interface = Some(InterfaceName::new(interface).unwrap());
        let world = World::default().vnet("v", &["10.0.0.0/16"]).subnet("v", "s", &["10.0.1.0/24"]);
        comes_back(&world.with(Operation::CreateNic(spec)).0);
    }
}

#[test]
fn long_lists_get_a_line_for_each_entry() {
    let ranges: Vec<String> = (0..12).map(|number| format!("10.{number}.0.0/16")).collect();
    let world = World::default().vnet("v", &ranges.iter().map(String::as_str).collect::<Vec<_>>());
    let text = comes_back(&world.0);
    assert!(text.contains("    addressSpace:\n      - 10.0.0.0/16\n      - 10.1.0.0/16\n"), "{text}");
}

#[test]
fn what_only_the_past_explains_is_said() {
    let world = World::default()
        .vnet("a", &["10.0.0.0/16"])
        .vnet("b", &["10.1.0.0/16"])
        .vnet("c", &["10.2.0.0/16"])
        .vnet("d", &["10.3.0.0/16"])
        .peered("a", "b")
        .peered("a", "c")
        .peered("a", "d")
        .with(Operation::UpdateVnet(vnet("b", &["10.1.0.0/16", "10.9.0.0/16"])))
        .with(Operation::DeleteVnet(vnet_name("c")))
        .delete_side("d", "a");
    let text = comes_back(&world.0);
    let lines: Vec<_> =
        text.lines().map(str::trim).filter(|line| line.starts_with("- { name: a-to")).collect();
    assert_eq!(
        lines,
        [
            "- { name: a-to-b, remoteVirtualNetwork: b, remoteAddressSpace: [10.1.0.0/16] }",
            "- { name: a-to-c, remoteVirtualNetwork: c, peeringState: Disconnected, remoteAddressSpace: [10.2.0.0/16] }",
            "- { name: a-to-d, remoteVirtualNetwork: d, peeringState: Disconnected }",
        ]
    );
}

#[test]
fn a_side_that_its_remote_has_overtaken_comes_back_whatever_the_order() {
    // b took c before it answered z; b cannot take z any more, but z's object stands. b comes first in the file.
    let world = World::default()
        .vnet("z", &["10.0.0.0/16"])
        .vnet("b", &["10.1.0.0/16"])
        .vnet("c", &["10.0.0.0/17"])
        .side("z", "b")
        .peered("b", "c");
    let text = comes_back(&world.0);
    assert!(
        text.contains("{ name: z-to-b, remoteVirtualNetwork: b, remoteAddressSpace: [10.1.0.0/16] }"),
        "{text}"
    );
}

#[test]
fn a_disconnected_side_whose_remote_came_back_in_the_way_of_another_peer_comes_back() {
    let world = World::default()
        .vnet("a", &["10.0.0.0/16"])
        .vnet("b", &["10.1.0.0/16"])
        .vnet("c", &["10.2.0.0/16"])
        .peered("a", "b")
        .peered("a", "c")
        .with(Operation::DeleteVnet(vnet_name("b")))
        .vnet("b", &["10.2.0.0/16", "10.0.0.0/24"]);
    assert_eq!(world.state("a", "b"), PeeringState::Disconnected);
    comes_back(&world.0);
}

#[test]
fn every_topology_that_operations_lead_to_is_written_and_comes_back() {
    let (disconnected, behind, scoped) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let config = Config { cases: 400, failure_persistence: None, ..Config::default() };
    let strategy = (random::dice(60), any::<bool>());
    let outcome = TestRunner::new(config).run(&strategy, |(dice, furnished)| {
        let mut topology = if furnished { random::furnished() } else { Topology::default() };
        for step in dice {
            random::step(&mut topology, step);
        }
        let text = comes_back(&topology);
        let count =
            |counter: &Cell<i32>, word: &str| counter.set(counter.get() + i32::from(text.contains(word)));
        count(&disconnected, "peeringState: Disconnected");
        count(&behind, "remoteAddressSpace: [");
        count(&scoped, "subscription: red");
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    let counts = [disconnected.get(), behind.get(), scoped.get()];
    assert!(counts.iter().all(|count| *count > 40), "{counts:?}");
}

#[test]
fn a_hundred_thousand_nics_come_back() {
    let mut text = "virtualNetworks:\n".to_owned();
    for vnet in 0..100 {
        text.push_str(&format!(
            "- {{name: v{vnet}, region: x, addressSpace: [10.{vnet}.0.0/16], subnets: [{{name: s, addressPrefixes: [10.{vnet}.0.0/16]}}]}}\n"
        ));
    }
    text.push_str("nics:\n");
    for number in 0..100_000 {
        let (vnet, host) = (number / 1_000, 4 + number % 1_000);
        text.push_str(&format!(
            "- {{name: n{number}, subnet: v{vnet}/s, addresses: [10.{vnet}.{}.{}]}}\n",
            host / 256,
            host % 256
        ));
    }
    let topology = loaded(&text).topology;
    assert_eq!(topology.nic_count(), 100_000);
    assert_eq!(loaded(&write(&topology)).topology, topology);
}
