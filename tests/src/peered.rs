//! A flow between the guests of two peered networks through an agent with a store, and what a test may do meanwhile.

use std::net::Ipv4Addr;
use std::time::Duration;

use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use vnet_agent::bench::rig::{self, Rig};

use crate::agent::{Agent, Site};
use crate::arm::{Arm, provider, vnet_id};
use crate::flow::{Flow, Route};
use crate::program::binary;

const SENDER_MAC: &str = "02:00:00:01:00:04";

/// The networks of the guests, the third of which has no part in the flow, and two more without a guest.
pub const NETWORKS: [&str; 5] = ["sender", "receiver", "bystander", "left", "right"];

/// The body of the network of this number: its range, and these ranges beside it.
#[must_use]
pub fn network(number: usize, more: &[&str]) -> Value {
    let own = format!("10.{}.0.0/16", number + 1);
    let space: Vec<&str> = std::iter::once(own.as_str()).chain(more.iter().copied()).collect();
    json!({
        "location": "westeurope",
        "properties": {
            "addressSpace": {"addressPrefixes": space},
            "subnets": [{"name": "s", "properties": {"addressPrefix": format!("10.{}.0.0/24", number + 1)}}],
        },
    })
}

/// The id of a network's peering with another.
#[must_use]
pub fn peering_id(from: &str, to: &str) -> String {
    format!("{}/virtualNetworkPeerings/to-{to}", vnet_id(from))
}

/// The body of a peering.
#[must_use]
pub fn peering(to: &str) -> Value {
    json!({"properties": {"remoteVirtualNetwork": {"id": vnet_id(to)}}})
}

fn nic(number: usize, interface: &str) -> Value {
    let mut properties = json!({
        "ipConfigurations": [{"name": "ipv4", "properties": {
            "subnet": {"id": format!("{}/subnets/s", vnet_id(NETWORKS[number]))},
            "privateIPAddress": format!("10.{}.0.4", number + 1),
        }}],
        "hostInterface": interface,
    });
    if number == 0 {
        properties["macAddress"] = json!(SENDER_MAC);
    }
    json!({"location": "westeurope", "properties": properties})
}

/// Makes the networks, the NICs of the rig's guests, and the peering of the flow.
fn furnish(arm: &Arm, rig: &Rig) {
    for (number, name) in NETWORKS.iter().enumerate() {
        arm.put(&vnet_id(name), &network(number, &[]));
    }
    for (number, guest) in rig.guests().iter().enumerate() {
        let id = format!("{}/networkInterfaces/vm{number}", provider("default", "default"));
        arm.put(&id, &nic(number, &guest.host_interface));
    }
    arm.put(&peering_id("sender", "receiver"), &peering("receiver"));
    arm.put(&peering_id("receiver", "sender"), &peering("sender"));
}

fn route() -> Route {
    Route {
        sender: 0,
        sender_mac: SENDER_MAC.to_owned(),
        from: Ipv4Addr::new(10, 1, 0, 4),
        receiver: 1,
        to: Ipv4Addr::new(10, 2, 0, 4),
        least_packets_per_second: 50_000,
    }
}

/// Runs `work` with an agent that has the networks, and a flow that is known to lose nothing by itself.
///
/// # Panics
/// Where the kernel refuses; likewise below.
pub fn with_flow(work: impl FnOnce(&Site, Agent<'_>, &mut Flow<'_>) + Send) {
    crate::requirements::require_root_and_bpf();
    let _ = binary();
    let cpus = std::thread::available_parallelism().unwrap().get();
    rig::in_private(None, || {
        let rig = Rig::build(3, cpus).unwrap();
        let site = Site::stored();
        let agent = site.start();
        furnish(&site.arm(), &rig);
        let mut flow = Flow::new(&rig, route(), cpus - 1);
        flow.during("nothing happens", || std::thread::sleep(Duration::from_secs(1)));
        work(&site, agent, &mut flow);
    })
    .unwrap();
}

/// What was counted for the flow's peering.
#[must_use]
pub fn counted(arm: &Arm) -> u64 {
    let counters = arm.get("/counters");
    let peerings = counters["peerings"].as_array().unwrap();
    let flow = peerings.iter().find(|peering| peering["name"] == "to-receiver").unwrap();
    flow["sent"]["packets"].as_u64().unwrap()
}

/// Checks that every guest is attached, and nothing differs from what is stored.
pub fn assert_in_order(arm: &Arm, when: &str) {
    let status = arm.get("/status");
    assert_eq!(status["drift"], json!([]), "{when}");
    let states: Vec<&Value> = status["nics"].as_array().unwrap().iter().map(|nic| &nic["state"]).collect();
    assert_eq!(states, ["Attached"; 3], "{when}");
}
