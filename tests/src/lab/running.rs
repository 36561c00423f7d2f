//! An agent that runs on a lab's file. A test that fails gets its log and its tables, by the command line's own printer.

use std::collections::BTreeMap;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::Lab;
use crate::agent::Agent;
use crate::program::Ended;

/// The reasons for which a guest's own kernel has frames dropped, unasked: reports of multicast groups, and duplicate address
/// detection, which stays unanswered.
pub const GUEST_CHATTER: [&str; 2] = ["not-unicast", "nd-own-address"];

/// What a NIC's frames came to, in numbers of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NicCount {
    /// Delivered to another NIC.
    pub sent: u64,
    /// Delivered to this one.
    pub received: u64,
    /// Answered by the virtual router.
    pub answered: u64,
    /// Dropped.
    pub dropped: u64,
}

impl NicCount {
    /// Every frame that the NIC sent, whatever became of it.
    #[must_use]
    pub fn accounted(&self) -> u64 {
        self.sent + self.answered + self.dropped
    }
}

/// A running agent, in its lab.
#[derive(Debug)]
pub struct Running<'a> {
    lab: &'a Lab,
    agent: Agent<'a>,
    reloads: usize,
    has_ended: bool,
}

impl<'a> Running<'a> {
    pub(super) fn new(lab: &'a Lab, agent: Agent<'a>) -> Self {
        Self { lab, agent, reloads: 0, has_ended: false }
    }

    /// Writes another topology with the same NICs, sends SIGHUP and waits until it is in force.
    ///
    /// # Panics
    /// Where it is refused.
    pub fn reload(&mut self, topology: &str) {
        self.lab.write(topology);
        self.agent.signal(Signal::SIGHUP);
        self.reloads += 1;
        self.agent.wait_for_times("reloaded: ", self.reloads);
    }

    /// Asks the agent.
    #[must_use]
    pub fn ask(&self, arguments: &[&str]) -> Ended {
        self.agent.ask(arguments)
    }

    /// What it has said so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.agent.log()
    }

    /// Ends it in good order.
    ///
    /// # Panics
    /// Where it fails at that.
    pub fn stop(&mut self) {
        self.has_ended = true;
        assert_eq!(self.agent.end(Signal::SIGTERM), Some(0), "{}", self.agent.log());
    }

    /// Drops by reason, those without any left out.
    ///
    /// # Panics
    /// Where the agent does not answer; likewise below.
    #[must_use]
    pub fn drops(&self) -> BTreeMap<String, u64> {
        let answer = self.ask(&["drops", "--non-zero", "-o", "json"]).json();
        let rows = answer["drops"].as_array().expect("a list").iter();
        rows.map(|row| (text(&row["reason"]), count(&row["packets"]))).collect()
    }

    /// The drops since `before`, without [`GUEST_CHATTER`].
    #[must_use]
    pub fn drops_since(&self, before: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
        let mut drops = self.all_drops_since(before);
        drops.retain(|reason, _| !GUEST_CHATTER.contains(&reason.as_str()));
        drops
    }

    /// The drops since `before`.
    #[must_use]
    pub fn all_drops_since(&self, before: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
        let mut drops = self.drops();
        for (reason, packets) in &mut drops {
            *packets -= before.get(reason).unwrap_or(&0);
        }
        drops.retain(|_, packets| *packets > 0);
        drops
    }

    /// What a NIC's frames came to.
    #[must_use]
    pub fn nic(&self, nic: &str) -> NicCount {
        let row = self.row("nics", |row| row["name"] == self.lab.long_name(nic));
        NicCount {
            sent: count(&row["sent"]["packets"]),
            received: count(&row["received"]["packets"]),
            answered: count(&row["answered"]),
            dropped: count(&row["dropped"]),
        }
    }

    /// How many packets crossed a peering: sent and received by the virtual network of this object.
    #[must_use]
    pub fn peering(&self, vnet: &str, peering: &str) -> (u64, u64) {
        let row = self.row("peerings", |row| row["virtualNetwork"] == vnet && row["name"] == peering);
        (count(&row["sent"]["packets"]), count(&row["received"]["packets"]))
    }

    /// The state of a peering object.
    #[must_use]
    pub fn peering_state(&self, vnet: &str, peering: &str) -> String {
        text(
            &self.row("peerings", |row| row["virtualNetwork"] == vnet && row["name"] == peering)["peeringState"],
        )
    }

    fn row(&self, table: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let counters = self.ask(&["counters", "-o", "json"]).json();
        let rows = counters[table].as_array().expect("a list");
        rows.iter().find(|row| is_it(row)).unwrap_or_else(|| panic!("not in {counters}")).clone()
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            if !self.has_ended {
                self.stop();
            }
            return;
        }
        eprintln!("the agent's log:\n{}", self.log());
        for question in [&["matrix"][..], &["counters"], &["drops", "--non-zero"], &["nic", "list"]] {
            let answer = self.ask(&[question, &["-o", "table"]].concat());
            eprintln!("{}:\n{}{}", question.join(" "), answer.stdout, answer.stderr);
        }
    }
}

fn count(value: &Value) -> u64 {
    value.as_u64().expect("a number of packets")
}

fn text(value: &Value) -> String {
    value.as_str().expect("a word").to_owned()
}
