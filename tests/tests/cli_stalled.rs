//! An agent whose output nobody reads any more: it goes on, answers, and ends when it is told to.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use vnet_tests::agent::Site;
use vnet_tests::program::binary;

/// More lines than a pipe holds (64 KiB), at every change of the file.
const NETWORKS: usize = 600;

fn topology(networks: usize) -> String {
    let networks: String = (0..networks)
        .map(|n| format!("\n  - {{ name: network-with-a-long-name-{n}, region: westeurope, addressSpace: [10.{}.{}.0/24] }}", n / 256, n % 256))
        .collect();
    format!("virtualNetworks: {}\n", if networks.is_empty() { "[]".to_owned() } else { networks })
}

/// Killed when the test fails.
struct Stalled(Child);

impl Stalled {
    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.0.id().try_into().unwrap()), signal).expect("the agent is there");
    }
}

impl Drop for Stalled {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn networks(site: &Site) -> usize {
    let listed = site.ask(&["vnet", "list", "-o", "json"]);
    assert_eq!(listed.status, Some(0), "{}", listed.stderr);
    serde_json::from_str::<Value>(&listed.stdout).unwrap().as_array().unwrap().len()
}

fn wait_for(site: &Site, wanted: usize) {
    let started = Instant::now();
    while networks(site) != wanted {
        assert!(started.elapsed() < Duration::from_secs(20), "the agent does not take in its file");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_agent_whose_output_is_full_goes_on_and_ends_when_told_to() {
    let site = Site::new(&topology(0));
    let mut command = Command::new(binary());
    command.args(site.run_arguments()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut agent = Stalled(command.spawn().unwrap());
    // Read up to "ready" and never again, with the pipes left open.
    let mut output = BufReader::new(agent.0.stdout.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("ready: ") {
        line.clear();
        assert_ne!(output.read_line(&mut line).unwrap(), 0, "the agent ended");
    }
    for round in 0..4 {
        let networks = if round % 2 == 0 { NETWORKS } else { 0 };
        site.write(&topology(networks));
        agent.signal(Signal::SIGHUP);
        wait_for(&site, networks);
    }
    agent.signal(Signal::SIGTERM);
    let told = Instant::now();
    let status = loop {
        if let Some(status) = agent.0.try_wait().unwrap() {
            break status;
        }
        assert!(told.elapsed() < Duration::from_secs(20), "the agent does not end");
        std::thread::sleep(Duration::from_millis(10));
    };
    assert_eq!(status.code(), Some(0));
    assert_eq!(site.left(), Vec::<String>::new());
}
