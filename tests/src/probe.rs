//! Single datagrams between two guests of a flow's rig, beside the flow: whether the tables let them through.

use std::net::{Ipv4Addr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::arm::Arm;
use crate::flow::{Flow, dress};

/// How long a datagram may be on its way before the test fails.
const PATIENCE: Duration = Duration::from_secs(5);

/// A guest that sends and receives.
#[derive(Clone, Debug)]
pub struct End {
    /// Its number in the rig.
    pub guest: usize,
    /// The name of its NIC.
    pub nic: String,
    /// Its MAC address.
    pub mac: String,
    /// Its address.
    pub address: Ipv4Addr,
}

/// Two guests, and a socket in each.
pub struct Probe<'a> {
    flow: &'a Flow<'a>,
    ends: [(End, UdpSocket); 2],
}

impl<'a> Probe<'a> {
    /// Gives both guests their addresses and a way out.
    ///
    /// # Panics
    /// Where the kernel refuses; likewise below.
    #[must_use]
    pub fn new(flow: &'a Flow<'a>, ends: [End; 2]) -> Self {
        let rig = flow.rig();
        let open = |end: &End| {
            dress(&end.mac, end.address);
            UdpSocket::bind((end.address, 4001)).expect("the guest has the address")
        };
        let ends = ends.map(|end| {
            let socket = rig.inside(&rig.guests()[end.guest], || open(&end)).expect("a guest can be entered");
            (end, socket)
        });
        Self { flow, ends }
    }

    /// Sends a datagram each way and finds out what became of it: the sink at the other guest's end has seen it, or the agent has
    /// counted it as dropped at the NIC that sent it. Both must have crossed when `crosses`, else neither.
    pub fn check(&self, arm: &Arm, crosses: bool, when: &str) {
        let [left, right] = &self.ends;
        for ((from, socket), (to, _)) in [(left, right), (right, left)] {
            let dropped = || dropped_at(arm, &from.nic);
            let (arrived_before, dropped_before) = (self.flow.others_at(to.guest), dropped());
            socket.send_to(b"probe", (to.address, 4001)).expect("a datagram can be sent");
            let started = Instant::now();
            let fate = loop {
                let arrived = self.flow.others_at(to.guest) - arrived_before;
                let fate = (arrived, dropped() - dropped_before);
                if fate != (0, 0) {
                    break fate;
                }
                assert!(started.elapsed() < PATIENCE, "{when}: a datagram from {} has vanished", from.nic);
                thread::sleep(Duration::from_millis(1));
            };
            let wanted = if crosses { (1, 0) } else { (0, 1) };
            assert_eq!(fate, wanted, "{when}: delivered to {}, dropped at {}", to.nic, from.nic);
            self.flow.expect_others_at(to.guest, u64::from(crosses));
        }
    }
}

/// How many packets that a NIC sent were dropped.
fn dropped_at(arm: &Arm, nic: &str) -> u64 {
    let counters = arm.get("/counters");
    let nics: &Vec<Value> = counters["nics"].as_array().expect("a list");
    let nic = nics.iter().find(|one| one["name"] == nic).expect("the NIC is listed");
    let packets = &nic["dropped"];
    packets.as_u64().or_else(|| packets["packets"].as_u64()).unwrap_or_else(|| panic!("{nic}"))
}
