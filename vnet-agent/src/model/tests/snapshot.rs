//! Snapshots: out as JSON and back to the very same topology, and never a topology from a wrong one.

use pretty_assertions::assert_eq;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{World, nic_name, peering, peering_name, random, subnets, vnet_name};
use crate::model::*;

fn through_json(topology: &Topology) -> Topology {
    let text = serde_json::to_string(&topology.snapshot()).unwrap();
    Topology::restore(serde_json::from_str(&text).unwrap()).unwrap()
}

/// a and b peered, c gone and so a's third peering Disconnected, b grown and not synced.
fn eventful() -> World {
    let mut world = World::default()
        .vnet("a", &["10.0.0.0/16", "fd00:a::/48"])
        .vnet("b", &["10.1.0.0/16"])
        .vnet("c", &["10.2.0.0/16"])
        .subnet("a", "s", &["10.0.1.0/24", "fd00:a:0:1::/64"])
        .subnet("b", "s", &["10.1.1.0/24"])
        .nic("n", "a/s", &["10.0.1.4", "fd00:a:0:1::4"])
        .peered("a", "b")
        .peered("a", "c")
        .with(Operation::DeleteVnet(vnet_name("c")));
    let grown = super::vnet("b", &["10.1.0.0/16", "10.9.0.0/16"]);
    world = world.with(Operation::UpdateVnet(grown));
    world
}

#[test]
fn a_snapshot_carries_what_only_the_past_explains() {
    let world = eventful();
    assert_eq!(world.state("a", "c"), PeeringState::Disconnected);
    let back = through_json(&world.0);
    assert_eq!(back, world.0);
    let back = World(back);
    assert_eq!(back.state("a", "c"), PeeringState::Disconnected);
    assert_eq!(back.object("a", "b").remote_address_space(), super::prefixes(&["10.1.0.0/16"]));
    assert_eq!(back.sync_level("a", "b"), PeeringSyncLevel::RemoteNotInSync);
}

#[test]
fn the_json_has_the_names_of_the_product() {
    let value = serde_json::to_value(eventful().0.snapshot()).unwrap();
    let a = &value["virtualNetworks"][0];
    let mac = MacAddress::derived(&nic_name("n")).to_string();
    assert_eq!(
        a["nics"],
        json!([{"name": "n", "subnet": "s", "ipv4": "10.0.1.4", "ipv6": "fd00:a:0:1::4", "mac": mac,
                "interface": null, "enableIPForwarding": false}])
    );
    assert_eq!(a["subnets"], json!([{"name": "s", "addressPrefixes": ["10.0.1.0/24", "fd00:a:0:1::/64"]}]));
    assert_eq!(
        a["peerings"][1],
        json!({"name": "a-to-c", "remoteVirtualNetwork": "c", "peeringState": "Disconnected",
               "remoteAddressSpace": ["10.2.0.0/16"], "allowVirtualNetworkAccess": true,
               "allowForwardedTraffic": false, "allowGatewayTransit": false, "useRemoteGateways": false,
               "peerCompleteVnets": true, "localSubnetNames": [], "remoteSubnetNames": [],
               "enableOnlyIPv6Peering": false})
    );
}

/// The error of the eventful snapshot after `change`.
fn broken(change: impl FnOnce(&mut Value)) -> String {
    let mut value = serde_json::to_value(eventful().0.snapshot()).unwrap();
    change(&mut value);
    match serde_json::from_value::<Snapshot>(value) {
        Err(error) => error.to_string(),
        Ok(snapshot) => Topology::restore(snapshot).expect_err("the snapshot is wrong").to_string(),
    }
}

#[test]
fn a_wrong_snapshot_is_an_error_that_says_what_is_wrong() {
    let at = |path: &'static str, new: Value| {
        broken(|value| *value.pointer_mut(path).expect("the path exists") = new)
    };
    let table = [
        (
            "/virtualNetworks/0/name",
            json!("-a"),
            r#"virtual network name "-a" must start with a letter or a digit"#,
        ),
        (
            "/virtualNetworks/0/nics/0/mac",
            json!("01:00:00:00:00:00"),
            "the MAC address 01:00:00:00:00:00 is a group address; a NIC needs one whose first byte is even",
        ),
        (
            "/virtualNetworks/0/nics/0/interface",
            json!("a/b"),
            "interface \"a/b\" is no name that Linux takes: no `/`, `:`, `%`, white space, control characters, `.` or `..`",
        ),
        ("/virtualNetworks/0/region", json!(""), r#"region name "" is empty"#),
        (
            "/virtualNetworks/0/addressSpace/0",
            json!("10.0.0.1/16"),
            "the snapshot breaks a rule, InvalidAddressPrefix: virtual network a: 10.0.0.1/16 has bits set behind its length; did you mean 10.0.0.0/16?",
        ),
        (
            "/virtualNetworks/1/name",
            json!("a"),
            "the snapshot breaks a rule, ResourceAlreadyExists: virtual network a already exists",
        ),
        (
            "/virtualNetworks/0/nics/0/subnet",
            json!("t"),
            "the snapshot breaks a rule, ResourceNotFound: subnet a/t does not exist",
        ),
        (
            "/virtualNetworks/0/peerings/0/name",
            json!("a-to-c"),
            "the snapshot breaks a rule, ResourceAlreadyExists: peering a/a-to-c already exists",
        ),
        (
            "/virtualNetworks/0/peerings/1/remoteVirtualNetwork",
            json!("b"),
            "the snapshot breaks a rule, AnotherPeeringAlreadyReferencesRemoteVnet: virtual network a already has peering a-to-b to b; only one is possible",
        ),
        (
            "/virtualNetworks/0/peerings/0/peeringState",
            json!("Initiated"),
            "peering a/a-to-b is Initiated, but the other side is there and Connected",
        ),
        (
            "/virtualNetworks/0/peerings/1/peeringState",
            json!("Connected"),
            "the snapshot breaks a rule, ResourceNotFound: virtual network c does not exist",
        ),
        (
            "/virtualNetworks/1/peerings",
            json!([]),
            "peering a/a-to-b is Connected, but there is no other side",
        ),
        (
            "/virtualNetworks/0/peerings/0/remoteAddressSpace",
            json!(["10.1.0.0/16", "10.1.0.0/17"]),
            "remoteAddressSpace of peering a/a-to-b: 10.1.0.0/17 meets 10.1.0.0/16 of the same list",
        ),
        (
            "/virtualNetworks/0/peerings/0/enableOnlyIPv6Peering",
            json!(true),
            "peering a/a-to-b has peerCompleteVnets, and yet says which subnets take part",
        ),
        (
            "/virtualNetworks/0/peerings/0/useRemoteGateways",
            json!(true),
            "the snapshot breaks a rule, RemoteVnetHasNoGateways: peering a/a-to-b cannot use remote gateways: virtual network b has none",
        ),
    ];
    for (path, new, sentence) in table {
        assert_eq!(at(path, new), sentence, "{path}");
    }
}

#[test]
fn a_key_that_is_not_known_is_an_error_and_not_left_out() {
    let error = broken(|value| value["virtualNetworks"][0]["gateways"] = json!([]));
    assert!(error.starts_with("unknown field `gateways`"), "{error}");
}

#[test]
fn the_order_of_lists_does_not_matter() {
    let world = eventful();
    let mut snapshot = world.0.snapshot();
    snapshot.virtual_networks.reverse();
    for vnet in &mut snapshot.virtual_networks {
        vnet.peerings.reverse();
        vnet.address_space.reverse();
    }
    assert_eq!(Topology::restore(snapshot), Ok(world.0));
}

#[test]
fn a_one_sided_peering_that_its_remote_has_overtaken_comes_back() {
    // b took another peer before it answered a: b cannot take a any more, but a's object stands.
    let world = World::default()
        .vnet("a", &["10.0.0.0/16"])
        .vnet("b", &["10.1.0.0/16"])
        .vnet("c", &["10.0.0.0/17"])
        .side("a", "b")
        .peered("b", "c");
    assert_eq!(through_json(&world.0), world.0);
    let back = Operation::CreatePeering(vnet_name("b"), peering("b-to-a", "a"));
    assert_eq!(world.refusal(back).code(), RefusalCode::VnetAddressSpaceOverlapsWithAlreadyPeeredVnet);
}

#[test]
fn a_disconnected_peering_whose_remote_came_back_with_other_ranges_comes_back() {
    let world = World::default().vnet("a", &["10.0.0.0/16"]).vnet("b", &["10.1.0.0/16"]).subnet(
        "b",
        "s",
        &["10.1.0.0/24"],
    );
    let mut spec = peering("a-to-b", "b");
    spec.subnets = subnets(&[], &["s"], false);
    let world = world
        .with(Operation::CreatePeering(vnet_name("a"), spec))
        .side("b", "a")
        .with(Operation::DeleteVnet(vnet_name("b")))
        .vnet("b", &["10.0.0.0/16"]);
    assert_eq!(world.state("a", "b"), PeeringState::Disconnected);
    assert_eq!(through_json(&world.0), world.0);
    let name = peering_name("a-to-b");
    assert_eq!(
        world.0.peering(&vnet_name("a"), &name).unwrap().remote_address_space(),
        super::prefixes(&["10.1.0.0/24"])
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_topology_that_operations_lead_to_comes_back_equal(dice in random::dice(60), furnished in any::<bool>()) {
        let mut topology = if furnished { random::furnished() } else { Topology::default() };
        for step in dice {
            random::step(&mut topology, step);
            prop_assert_eq!(&through_json(&topology), &topology);
        }
    }

    #[test]
    fn a_document_with_a_value_changed_is_a_topology_or_an_error_but_never_a_panic(
        dice in random::dice(30), which in any::<prop::sample::Index>(), with in any::<prop::sample::Index>()
    ) {
        let mut topology = random::furnished();
        for step in dice {
            random::step(&mut topology, step);
        }
        let mut value = serde_json::to_value(topology.snapshot()).unwrap();
        let mut paths = Vec::new();
        leaves(&value, String::new(), &mut paths);
        let donor = value.pointer(with.get(&paths[..]).as_str()).unwrap().clone();
        *value.pointer_mut(which.get(&paths[..]).as_str()).unwrap() = donor;
        if let Ok(snapshot) = serde_json::from_value::<Snapshot>(value)
            && let Ok(restored) = Topology::restore(snapshot)
        {
            prop_assert_eq!(&through_json(&restored), &restored);
        }
    }
}

/// The paths of all values that hold no other.
fn leaves(value: &Value, path: String, found: &mut Vec<String>) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            items.iter().enumerate().for_each(|(n, item)| leaves(item, format!("{path}/{n}"), found));
        }
        Value::Object(items) if !items.is_empty() => {
            items.iter().for_each(|(key, item)| leaves(item, format!("{path}/{key}"), found));
        }
        _ => found.push(path),
    }
}
