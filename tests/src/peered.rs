//! A flow between the guests of two peered networks through an agent with a store, and what a test may do meanwhile.

use std::net::Ipv4Addr;
use std::time::Duration;

use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use vnet_agent::bench::rig::{self, Rig};

use crate::agent::{Agent, Site};
use crate::arm::{Arm, provider, vnet_id};
use crate::flow::{Flow, Route};
use crate::probe::{End, Probe};
use crate::program::binary;

/// The networks of the guests, of which the first two have a part in the flow, and one more without a guest.
pub const NETWORKS: [&str; 6] = ["sender", "receiver", "bystander", "left", "right", "spare"];

/// How many of the networks have a guest each.
const GUESTS: u32 = 5;

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

fn end(guest: usize) -> End {
    let number = u8::try_from(guest + 1).expect("there are few guests");
    End {
        guest,
        nic: format!("vm{guest}"),
        mac: format!("02:00:00:00:{number:02x}:04"),
        address: Ipv4Addr::new(10, number, 0, 4),
    }
}

fn nic(end: &End, interface: &str) -> Value {
    json!({"location": "westeurope", "properties": {
        "ipConfigurations": [{"name": "ipv4", "properties": {
            "subnet": {"id": format!("{}/subnets/s", vnet_id(NETWORKS[end.guest]))},
            "privateIPAddress": end.address,
        }}],
        "macAddress": end.mac,
        "hostInterface": interface,
    }})
}

/// Makes the networks, the NICs of the rig's guests, and the peering of the flow.
fn furnish(arm: &Arm, rig: &Rig) {
    for (number, name) in NETWORKS.iter().enumerate() {
        arm.put(&vnet_id(name), &network(number, &[]));
    }
    for (number, guest) in rig.guests().iter().enumerate() {
        let end = end(number);
        let id = format!("{}/networkInterfaces/{}", provider("default", "default"), end.nic);
        arm.put(&id, &nic(&end, &guest.host_interface));
    }
    arm.put(&peering_id("sender", "receiver"), &peering("receiver"));
    arm.put(&peering_id("receiver", "sender"), &peering("sender"));
}

fn route() -> Route {
    let (sender, receiver) = (end(0), end(1));
    Route {
        sender: sender.guest,
        sender_mac: sender.mac,
        from: sender.address,
        receiver: receiver.guest,
        to: receiver.address,
        least_packets_per_second: 50_000,
    }
}

/// Runs `work` with an agent that has the networks, and a flow that is known to lose nothing by itself.
///
/// # Panics
/// Where the kernel refuses; likewise below.
pub fn with_flow(work: impl FnOnce(&Site, Agent<'_>, &Flow<'_>) + Send) {
    crate::requirements::require_root_and_bpf();
    let _ = binary();
    let cpus = std::thread::available_parallelism().unwrap().get();
    rig::in_private(None, || {
        let rig = Rig::build(GUESTS, cpus).unwrap();
        let site = Site::stored();
        let agent = site.start();
        furnish(&site.arm(), &rig);
        let flow = Flow::new(&rig, route(), cpus - 1);
        flow.during("nothing happens", || std::thread::sleep(Duration::from_secs(1)));
        work(&site, agent, &flow);
    })
    .unwrap();
}

/// The guests of `left` and `right`, so that it can be seen whether these two are peered in the tables too.
#[must_use]
pub fn left_and_right<'a>(flow: &'a Flow<'a>) -> Probe<'a> {
    Probe::new(flow, [end(3), end(4)])
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
    assert_eq!(states, ["Attached"; GUESTS as usize], "{when}");
}
