//! What is attached and what packets are delivered to are one and the same at every moment, whatever fails on the way.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use vnet_tests::agent::{Agent, Site};
use vnet_tests::guests::{Guest, ip, unique_name};
use vnet_tests::requirements::require_root_and_bpf;

const A: &str = "10.1.1.4";
const B: &str = "10.1.1.5";

const PATIENCE: Duration = Duration::from_secs(20);

/// Two guests whose NICs `a` and `b` are in one network.
struct Pair {
    a: Guest,
    b: Guest,
}

impl Pair {
    fn new() -> Self {
        require_root_and_bpf();
        Self { a: Guest::new(A, "02:00:00:00:00:01"), b: Guest::new(B, "02:00:00:00:00:02") }
    }

    /// An agent that has the network and the NIC `a`.
    fn serve<'a>(&self, site: &'a Site) -> Agent<'a> {
        let agent = site.start();
        agent.done("vnet create -n v -l west --address-prefixes 10.1.0.0/16 --subnet-name s --subnet-prefixes 10.1.1.0/24",
        );
        create_nic(&agent, "a", A, 1, &self.a);
        agent
    }
}

fn create_nic(agent: &Agent<'_>, name: &str, address: &str, number: u8, guest: &Guest) {
    let interface = &guest.interface;
    let nic = format!("nic create -n {name} --vnet-name v --subnet s --private-ip-address {address}");
    agent.done(&format!("{nic} --mac 02:00:00:00:00:0{number} --interface {interface}"));
}

/// How many frames a guest has received.
fn received(guest: &Guest) -> u64 {
    let shown: Value = serde_json::from_str(&guest.ip(&["-j", "-s", "link", "show", "eth0"])).unwrap();
    shown[0]["stats64"]["rx"]["packets"].as_u64().unwrap()
}

#[test]
fn an_interface_that_must_not_be_attached_gets_no_packet_whatever_happens_to_links() {
    let pair = Pair::new();
    let site = Site::stored();
    let agent = pair.serve(&site);
    // The host's own address forbids it. Of itself the host sends nothing there.
    let quiet = format!("net.ipv6.conf.{}.disable_ipv6=1", pair.b.interface);
    assert!(Command::new("sysctl").args(["-q", "-w", &quiet]).status().unwrap().success());
    ip(&["address", "add", "192.0.2.77/32", "dev", &pair.b.interface]);
    create_nic(&agent, "b", B, 2, &pair.b);
    let nics = agent.status()["nics"].clone();
    let states: Vec<&Value> = nics.as_array().unwrap().iter().map(|nic| &nic["state"]).collect();
    assert_eq!(states, ["Attached", "Failed"]);

    let before = received(&pair.b);
    let flood = ["netns", "exec", &pair.a.namespace, "ping", "-q", "-f", "-w", "3", B];
    let mut flood = Command::new("ip").args(flood).stdout(Stdio::null()).spawn().unwrap();
    let other = unique_name("o");
    ip(&["link", "add", &other, "type", "veth", "peer", "name", &format!("{other}p")]);
    for _ in 0..20 {
        ip(&["link", "set", &other, "up"]);
        std::thread::sleep(Duration::from_millis(50));
        ip(&["link", "set", &other, "down"]);
        std::thread::sleep(Duration::from_millis(50));
    }
    let _ = flood.wait().unwrap();
    ip(&["link", "delete", &other]);
    assert_eq!(received(&pair.b), before);
    let drops: Value = serde_json::from_str(&agent.done("drops -o json")).unwrap();
    let detached = drops["drops"].as_array().unwrap().iter().find(|row| row["reason"] == "endpoint-detached");
    assert!(detached.expect("a reason")["packets"].as_u64().unwrap() > 100, "{drops:#}");
}

#[test]
fn a_pin_that_cannot_be_removed_fails_no_change_and_is_removed_later() {
    let pair = Pair::new();
    let site = Site::stored();
    let agent = pair.serve(&site);
    create_nic(&agent, "b", B, 2, &pair.b);
    assert_eq!(pair.a.ping(B, 1), 1);

    let allow = |mode| fs::set_permissions(&site.pins, fs::Permissions::from_mode(mode)).unwrap();
    allow(0o500);
    agent.done("nic delete -n b");
    assert_eq!(pair.a.ping(B, 1), 0);
    assert!(!pair.b.has_program());
    let drift = agent.status()["drift"].clone();
    let said = drift[0].as_str().expect("a sentence");
    assert!(said.contains("could not be removed") && said.contains("Permission denied"), "{drift}");

    allow(0o700);
    let started = Instant::now();
    while agent.status()["drift"] != json!([]) {
        assert!(started.elapsed() < PATIENCE, "{}", agent.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    let links = fs::read_dir(&site.pins).unwrap().map(|entry| entry.unwrap().file_name());
    let links = links.filter(|name| name.to_string_lossy().starts_with("link-"));
    assert_eq!(links.count(), 1);
}
