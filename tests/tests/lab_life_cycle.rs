//! What happens to the peerings and address spaces of peered networks costs a flow between their old ranges no packet.
//!
//! A guest sends 50,000 numbered packets a second or more to a peered guest all the while, as in `lab_restart`.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use vnet_tests::arm::{Arm, vnet_id};
use vnet_tests::peered::{NETWORKS, assert_in_order, counted, network, peering, peering_id, with_flow};

const ROUNDS: usize = 20;
const SENDER: usize = 0;
const RECEIVER: usize = 1;
/// Without a NIC, so that it may be deleted.
const SPARE: usize = 5;

/// The address space that one network has taken over from another, and how far the two are in sync.
fn known(arm: &Arm, of: usize, remote: usize) -> (Value, Value) {
    let peering = arm.get(&peering_id(NETWORKS[of], NETWORKS[remote]));
    let properties = &peering["properties"];
    assert_eq!(properties["peeringState"], "Connected");
    (properties["remoteAddressSpace"]["addressPrefixes"].clone(), properties["peeringSyncLevel"].clone())
}

/// Gives a network these ranges beside its own; the other side knows `before` until its sync, and then all of them.
fn change(arm: &Arm, number: usize, more: &[&str], before: &Value) -> Value {
    let other = 1 - number;
    let body = network(number, more);
    arm.put(&vnet_id(NETWORKS[number]), &body);
    assert_eq!(known(arm, other, number), (before.clone(), json!("RemoteNotInSync")));
    assert_eq!(known(arm, number, other).1, "LocalNotInSync");
    let id = peering_id(NETWORKS[other], NETWORKS[number]);
    arm.put(&format!("{id}?syncRemoteAddressSpace=true"), &peering(NETWORKS[number]));
    let after = body["properties"]["addressSpace"]["addressPrefixes"].clone();
    assert_eq!(known(arm, other, number), (after.clone(), json!("FullyInSync")));
    after
}

#[test]
fn address_spaces_that_grow_and_shrink_and_are_synced_cost_the_old_ranges_no_packet() {
    with_flow(|site, _agent, flow| {
        let arm = site.arm();
        flow.during("address spaces", || {
            for _ in 0..ROUNDS {
                for number in [SENDER, RECEIVER] {
                    let own = json!([format!("10.{}.0.0/16", number + 1)]);
                    let grown = change(&arm, number, &["10.100.0.0/16", "10.200.0.0/24"], &own);
                    // One range goes and another one comes in its place.
                    let exchanged = change(&arm, number, &["10.100.0.0/16", "10.201.0.0/24"], &grown);
                    assert_eq!(change(&arm, number, &[], &exchanged), own);
                }
            }
        });
        assert_eq!(counted(&arm), flow.offered());
        assert_in_order(&arm, "after all changes");
    });
}

/// Every row of a peering's life, from nothing to nothing, between the flow's sender and another network.
fn live(arm: &Arm, with: usize) {
    let [here, there] = [peering_id("sender", NETWORKS[with]), peering_id(NETWORKS[with], "sender")];
    let [to_there, to_here] = [peering(NETWORKS[with]), peering("sender")];
    let state = |id: &str| arm.get(id)["properties"]["peeringState"].clone();
    arm.put(&here, &to_there);
    assert_eq!(state(&here), "Initiated");
    arm.put(&there, &to_here);
    assert_eq!((state(&here), state(&there)), (json!("Connected"), json!("Connected")));
    arm.delete(&here);
    assert_eq!(state(&there), "Disconnected");
    let refused = arm.request("PUT", &here, Some(&to_there));
    assert_eq!((refused.status, refused.code()), (409, "RemotePeeringIsDisconnected"));
    arm.put(&there, &to_here);
    assert_eq!(state(&there), "Initiated");
    arm.put(&here, &to_there);
    assert_eq!((state(&here), state(&there)), (json!("Connected"), json!("Connected")));
    arm.delete(&vnet_id(NETWORKS[with]));
    assert_eq!(state(&here), "Disconnected");
    arm.delete(&here);
    arm.put(&vnet_id(NETWORKS[with]), &network(with, &[]));
}

#[test]
fn every_step_of_another_peerings_life_costs_the_flow_no_packet() {
    with_flow(|site, _agent, flow| {
        let arm = site.arm();
        flow.during("another peering", || {
            for _ in 0..ROUNDS {
                live(&arm, SPARE);
            }
        });
        assert_eq!(counted(&arm), flow.offered());
        assert_in_order(&arm, "after all changes");
    });
}
