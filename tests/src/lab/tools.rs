//! ping and traceroute in a machine's namespace.

use std::net::IpAddr;

use super::Vm;
use crate::guests::{Pinging, received};

/// What `ping` found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pings {
    /// How many requests were answered.
    pub received: u32,
    /// The hop limits that the answers arrived with, each once.
    pub hop_limits: Vec<u8>,
}

/// The addresses of two machines by the families that both have: the first's, the second's.
#[must_use]
pub fn families(from: &Vm, to: &Vm) -> Vec<(IpAddr, IpAddr)> {
    let v4 = from.v4.zip(to.v4).map(|(from, to)| (from.into(), to.into()));
    let v6 = from.v6.zip(to.v6).map(|(from, to)| (from.into(), to.into()));
    v4.into_iter().chain(v6).collect()
}

impl Vm {
    /// Sends `count` echo requests to `address`, one every 20 ms, and waits up to three seconds for the last answer.
    ///
    /// # Panics
    /// Where `ping` says something that is not known.
    #[must_use]
    pub fn ping(&self, address: IpAddr, count: u32, more: &[&str]) -> Pings {
        let (address, count) = (address.to_string(), count.to_string());
        let command = ["ping", "-n", "-i", "0.02", "-W", "3", "-c", &count];
        let output = self.run(&[&command[..], more, &[&address]].concat());
        let text = String::from_utf8_lossy(&output.stdout);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(
            text.contains("packets transmitted"),
            "{} cannot ping {address}: {text}{complaint}",
            self.nic
        );
        let mut hop_limits: Vec<u8> = text.split_whitespace().filter_map(hop_limit).collect();
        hop_limits.sort_unstable();
        hop_limits.dedup();
        Pings { received: received(&text), hop_limits }
    }

    /// Starts to send echo requests to `address`, one every 5 ms, until told to end.
    ///
    /// # Panics
    /// Where `ping` cannot be started.
    #[must_use]
    pub fn start_pings(&self, address: IpAddr) -> Pinging {
        let mut ping = self.command("ping");
        ping.args(["-n", "-q", "-i", "0.005", &address.to_string()]);
        Pinging::start(ping)
    }

    /// The hops on the way to `address`, as `traceroute` sees them; the destination is the last.
    ///
    /// # Panics
    /// Where it fails.
    #[must_use]
    pub fn traceroute(&self, address: IpAddr) -> Vec<String> {
        // One probe at a time: a guest limits how many errors it sends.
        let command = ["traceroute", "-n", "-q", "1", "-N", "1", "-w", "3", "-m", "6"];
        let output = self.text(&[&command[..], &[&address.to_string()]].concat());
        let hop = |line: &str| line.split_whitespace().nth(1).map(str::to_owned);
        output.lines().skip(1).filter_map(hop).collect()
    }
}

fn hop_limit(word: &str) -> Option<u8> {
    word.strip_prefix("ttl=")?.parse().ok()
}
