//! `run`: a real agent between real guests, from its start to each of its ends.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use vnet_tests::agent::Site;
use vnet_tests::guests::{Guest, ip, received, unique_name};
use vnet_tests::program::binary;

const A: &str = "10.1.1.4";
const B: &str = "10.2.1.4";

/// Two guests, each in a virtual network of its own.
struct Pair {
    a: Guest,
    b: Guest,
}

impl Pair {
    fn new() -> Self {
        vnet_tests::requirements::require_root_and_bpf();
        Self { a: Guest::new(A, "02:00:00:00:0a:04"), b: Guest::new(B, "02:00:00:00:0b:04") }
    }

    /// The topology file, with something said about the peering of `a`.
    fn topology(&self, peering: &str) -> String {
        format!(
            "virtualNetworks:
  - name: a
    region: westeurope
    addressSpace: [10.1.0.0/16]
    subnets: [{{ name: default, addressPrefixes: [10.1.1.0/24] }}]
    peerings: [{{ name: a-to-b, remoteVirtualNetwork: b{peering} }}]
  - name: b
    region: westeurope
    addressSpace: [10.2.0.0/16]
    subnets: [{{ name: default, addressPrefixes: [10.2.1.0/24] }}]
    peerings: [{{ name: b-to-a, remoteVirtualNetwork: a }}]
nics:
  - {{ name: a-vm, subnet: a/default, addresses: [{A}], mac: \"{}\", interface: {} }}
  - {{ name: b-vm, subnet: b/default, addresses: [{B}], mac: \"{}\", interface: {} }}
",
            "02:00:00:00:0a:04", self.a.interface, "02:00:00:00:0b:04", self.b.interface
        )
    }

    fn site(&self) -> Site {
        Site::new(&self.topology(""))
    }

    /// Asserts that each reaches the other.
    fn assert_connected(&self, when: &str) {
        assert_eq!((self.a.ping(B, 3), self.b.ping(A, 3)), (3, 3), "{when}");
    }
}

/// The drops that are not zero.
fn drops(site: &Site) -> Value {
    let answer = site.ask(&["drops", "--non-zero"]).json();
    let rows = answer["drops"].as_array().expect("a list").iter();
    rows.map(|row| (row["reason"].as_str().expect("a word").to_owned(), row["packets"].clone())).collect()
}

#[test]
fn packets_cross_a_peering_and_are_counted_to_the_last_byte() {
    let pair = Pair::new();
    let site = pair.site();
    let agent = site.start();
    assert!(agent.log().contains("ready: 2 of 2 NICs attached, generation 2"), "{}", agent.log());
    assert_eq!(pair.a.ping(B, 5), 5);

    // An echo request of 56 bytes of data: 98 bytes with the IPv4, ICMP and Ethernet headers.
    let five = json!({ "packets": 5, "bytes": 5 * 98 });
    let nic = |name: &str, vnet: &str| json!({ "name": name, "virtualNetwork": vnet, "sent": five, "received": five, "answered": 1, "dropped": 0 });
    let peering = |name: &str, vnet: &str, remote: &str| {
        json!({
            "name": name, "virtualNetwork": vnet, "remoteVirtualNetwork": remote, "peeringState": "Connected",
            "sent": five, "received": five,
        })
    };
    let expected = json!({
        "nics": [nic("a-vm", "a"), nic("b-vm", "b")],
        "peerings": [peering("a-to-b", "a", "b"), peering("b-to-a", "b", "a")],
    });
    assert_eq!(agent.ask(&["counters"]).json(), expected);
    assert_eq!(drops(&site), json!({}));
}

#[test]
fn watched_counters_are_a_line_of_json_a_second() {
    use std::io::{BufRead, BufReader};
    let pair = Pair::new();
    let site = pair.site();
    let _agent = site.start();
    let mut command = Command::new(binary());
    command.args(["counters", "--watch", "--socket"]).arg(site.socket()).stdout(std::process::Stdio::piped());
    let mut child = command.spawn().expect("the agent can be started");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut sent = || -> u64 {
        let line = lines.next().expect("a line").expect("the pipe can be read");
        let counters: Value = serde_json::from_str(&line).expect("JSON");
        counters["nics"][0]["sent"]["packets"].as_u64().expect("a number")
    };
    assert_eq!(sent(), 0);
    assert_eq!(pair.a.ping(B, 3), 3);
    let started = Instant::now();
    while sent() < 3 {
        assert!(started.elapsed() < Duration::from_secs(10), "the packets are not counted");
    }
    child.kill().expect("it goes on");
    child.wait().expect("a child can be waited for");
}

#[test]
fn the_agent_answers_as_the_file_does_and_adds_what_it_knows_of_interfaces() {
    let pair = Pair::new();
    let site = pair.site();
    let agent = site.start();
    let file = site.file().display().to_string();
    for command in [
        &["vnet", "list"][..],
        &["vnet", "peering", "list", "--vnet-name", "a"],
        &["nic", "show-effective-route-table", "-n", "a-vm"],
        &["next-hop", "--nic", "a-vm", "--dest-ip", B],
        &["matrix"],
        &["matrix", "-o", "json"],
    ] {
        let of_file = vnet_tests::program::run(command.iter().copied().chain(["--file", &file]));
        assert_eq!(agent.ask(command), of_file, "{command:?}");
        assert_eq!(of_file.status, Some(0), "{command:?}");
    }
    let nics = agent.ask(&["nic", "list"]).json();
    let told: Vec<_> = nics
        .as_array()
        .expect("a list")
        .iter()
        .map(|nic| (&nic["status"]["interface"], &nic["status"]["state"]))
        .collect();
    let (a, b) = (json!(pair.a.interface), json!(pair.b.interface));
    assert_eq!(told, [(&a, &json!("Attached")), (&b, &json!("Attached"))]);
}

#[test]
fn a_changed_file_is_taken_in_and_a_refused_one_changes_nothing() {
    let pair = Pair::new();
    let site = pair.site();
    let mut agent = site.start();
    pair.assert_connected("at the start");

    site.write(&pair.topology(", allowVirtualNetworkAccess: false"));
    agent.signal(Signal::SIGHUP);
    agent.wait_for("~ peering a/a-to-b: allowVirtualNetworkAccess true -> false");
    agent.wait_for("reloaded: 1 change, generation 3");
    assert_eq!(pair.a.ping(B, 4), 0);
    assert_eq!(drops(&site), json!({ "peering-access-denied": 4 }));

    site.write(&pair.topology("").replace("[10.2.1.4]", "[10.2.1.1]"));
    agent.signal(Signal::SIGHUP);
    agent.wait_for("error[AddressReserved]: NIC b-vm cannot have 10.2.1.1 in 10.2.1.0/24");
    agent.wait_for("topology.yaml:14:50");
    agent.wait_for("the state before it stays");
    assert_eq!(pair.a.ping(B, 1), 0, "the file before the refused one is still in force");
    let shown = agent.ask(&["vnet", "peering", "show", "--vnet-name", "a", "-n", "a-to-b"]).json();
    assert_eq!(shown["properties"]["allowVirtualNetworkAccess"], false);

    std::fs::remove_file(site.file()).expect("the file can be removed");
    agent.signal(Signal::SIGHUP);
    agent.wait_for("topology.yaml cannot be read: No such file or directory");

    site.write(&pair.topology(""));
    agent.signal(Signal::SIGHUP);
    agent.wait_for("~ peering a/a-to-b: allowVirtualNetworkAccess false -> true");
    pair.assert_connected("after the way back");

    agent.signal(Signal::SIGHUP);
    agent.wait_for("reloaded: no change, generation 4, 0 table entries written");
}

#[test]
fn a_nic_that_leaves_the_topology_is_detached_and_the_others_go_on() {
    let pair = Pair::new();
    let site = pair.site();
    let mut agent = site.start();
    pair.assert_connected("at the start");
    let whole = pair.topology("");
    let without_b: Vec<&str> = whole.lines().filter(|line| !line.contains("b-vm")).collect();
    site.write(&without_b.join("\n"));
    agent.signal(Signal::SIGHUP);
    agent.wait_for("- NIC b-vm");
    agent.wait_for("reloaded: 1 change");
    assert!(pair.a.has_program());
    assert!(!pair.b.has_program());
    assert_eq!(pair.a.ping("10.1.1.1", 2), 2, "the router still answers the other NIC");
    site.write(&whole);
    agent.signal(Signal::SIGHUP);
    agent.wait_for(&format!("NIC b-vm: attached by {}", pair.b.interface));
    pair.assert_connected("after it came back");
}

#[test]
fn an_interface_that_is_deleted_and_made_again_is_attached_again() {
    let pair = Pair::new();
    let site = pair.site();
    let mut agent = site.start();
    pair.assert_connected("at the start");
    pair.b.pull_out();
    agent.wait_for(&format!("NIC b-vm: {} is gone", pair.b.interface));
    assert_eq!(pair.a.ping(B, 2), 0);
    assert_eq!(drops(&site), json!({ "endpoint-detached": 2 }));
    assert_eq!(pair.a.ping("10.1.1.1", 2), 2, "the rest goes on");
    let states = agent.ask(&["nic", "show", "-n", "b-vm"]).json();
    assert_eq!(states["status"]["state"], "Missing");

    pair.b.plug_in();
    agent.wait_for(&format!("NIC b-vm: attached by {}", pair.b.interface));
    // Until the guest's address and route are there again.
    pair.assert_connected("after it came back");
    assert_eq!(agent.ask(&["nic", "show", "-n", "b-vm"]).json()["status"]["state"], "Attached");
    assert!(!agent.log().contains("WARN"), "{}", agent.log());
}

/// Moves an interface into a namespace that is made for it, and back, by one process, so that an agent sees both at once.
/// Where `number` is given, another interface has it there.
fn there_and_back(interface: &str, number: Option<&str>) {
    let elsewhere = unique_name("e");
    ip(&["netns", "add", &elsewhere]);
    let take = number.map(|number| {
        format!("ip -n {elsewhere} link add name taken index {number} type veth peer name other && ")
    });
    let script = format!(
        "{}ip link set {interface} netns {elsewhere} && \
         nsenter --net=/run/netns/{elsewhere} ip link set {interface} netns {} && ip link set {interface} up",
        take.unwrap_or_default(),
        std::process::id()
    );
    let moved = Command::new("sh").args(["-c", &script]).status();
    ip(&["netns", "delete", &elsewhere]);
    assert!(moved.expect("sh is there").success());
}

#[test]
fn an_offload_that_a_guest_changes_at_its_own_end_is_set_again() {
    let pair = Pair::new();
    let site = pair.site();
    let _agent = site.start();
    pair.assert_connected("at the start");
    pair.b.exec(&["ethtool", "-K", "eth0", "gro", "off"]);
    assert_eq!(pair.a.ping(B, 2), 0, "nothing reaches a guest without GRO");
    // It looks again every 30 seconds.
    let deadline = Instant::now() + Duration::from_secs(60);
    while pair.a.ping(B, 1) == 0 {
        assert!(Instant::now() < deadline, "GRO stays off");
    }
    pair.assert_connected("after the agent has looked again");
}

#[test]
fn an_interface_that_leaves_the_namespace_and_comes_back_forwards_again_however_quickly() {
    let pair = Pair::new();
    let site = pair.site();
    let agent = site.start();
    pair.assert_connected("at the start");
    there_and_back(&pair.b.interface, None);
    let started = Instant::now();
    while pair.a.ping(B, 1) == 0 {
        assert!(started.elapsed() < Duration::from_secs(10), "{}\n{}", drops(&site), agent.log());
    }
    pair.assert_connected("after it came back");
}

#[test]
fn an_interface_that_comes_back_under_another_number_is_attached_by_that() {
    let pair = Pair::new();
    let site = pair.site();
    let agent = site.start();
    pair.assert_connected("at the start");
    let number = |interface: &str| {
        let line = ip(&["-oneline", "link", "show", interface]);
        line.split(':').next().unwrap_or_default().to_owned()
    };
    let before = number(&pair.b.interface);
    // Its number is taken there: it gets another, and keeps that or gets a third one here. The program stays on it.
    there_and_back(&pair.b.interface, Some(&before));
    assert_ne!(number(&pair.b.interface), before);
    let started = Instant::now();
    while pair.a.ping(B, 1) == 0 {
        assert!(started.elapsed() < Duration::from_secs(10), "{}\n{}", drops(&site), agent.log());
    }
    pair.assert_connected("after it came back");
    assert!(!agent.log().contains("is not attached"), "{}", agent.log());
}

#[test]
fn a_renamed_interface_and_another_mtu_are_taken_in() {
    let pair = Pair::new();
    let site = pair.site();
    let mut agent = site.start();
    let (name, other) = (pair.b.interface.clone(), unique_name("r"));
    ip(&["link", "set", &name, "down"]);
    ip(&["link", "set", &name, "name", &other]);
    agent.wait_for(&format!("NIC b-vm: {name} is gone"));
    ip(&["link", "set", &other, "name", &name]);
    ip(&["link", "set", &name, "up"]);
    agent.wait_for(&format!("NIC b-vm: attached by {name}"));
    pair.assert_connected("after it has its name again");

    ip(&["link", "set", &name, "mtu", "1400"]);
    agent.wait_for("has MTU 1400");
    let output = pair.a.exec(&["ping", "-n", "-q", "-c", "2", "-i", "0.05", "-W", "1", "-s", "1400", B]);
    assert_eq!(received(&String::from_utf8_lossy(&output.stdout)), 0);
    assert_eq!(drops(&site), json!({ "mtu-exceeded": 2 }));
    pair.assert_connected("with packets that fit");
}

#[test]
fn a_link_that_goes_down_at_either_end_is_noted_until_it_is_up_again() {
    let pair = Pair::new();
    let site = pair.site();
    let agent = site.start();
    let interface = pair.a.interface.as_str();
    let await_note = |expected: &[String]| {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let shown = agent.ask(&["nic", "show", "-n", "a-vm"]).json();
            assert_eq!(shown["status"]["state"], "Attached");
            if shown["status"]["notes"] == json!(expected) {
                return;
            }
            assert!(Instant::now() < deadline, "{shown}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    let down = format!("{interface} is down: packets to it are lost; run: ip link set {interface} up");
    let no_carrier = format!(
        "{interface} has no carrier: packets to it are lost; bring up the guest's end, or start the guest"
    );
    await_note(&[]);
    ip(&["link", "set", interface, "down"]);
    await_note(&[down]);
    ip(&["link", "set", interface, "up"]);
    await_note(&[]);
    ip(&["-n", &pair.a.namespace, "link", "set", "eth0", "down"]);
    await_note(&[no_carrier]);
    ip(&["-n", &pair.a.namespace, "link", "set", "eth0", "up"]);
    await_note(&[]);
    assert_eq!(agent.ask(&["nic", "list"]).json()[1]["status"]["notes"], json!([]));
}

#[test]
fn sigterm_and_sigint_leave_nothing_behind() {
    let pair = Pair::new();
    let site = pair.site();
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut agent = site.start();
        assert!(pair.a.has_program() && pair.b.has_program());
        assert_eq!(
            site.left().len(),
            6,
            "two links, the tables, the directory of both, a socket, its lock: {:?}",
            site.left()
        );
        assert_eq!(agent.end(signal), Some(0), "{}", agent.log());
        assert!(
            agent.log().ends_with("stopping: the program comes off every interface\n"),
            "{}",
            agent.log()
        );
        assert_eq!(site.left(), Vec::<String>::new(), "{signal}");
        assert!(!pair.a.has_program() && !pair.b.has_program(), "{signal}");
    }
}

/// Pings without a pause while something happens; how many were lost, of how many.
fn pings_lost_while(pair: &Pair, act: impl FnOnce()) -> (u32, u32) {
    let pings = pair.a.start_pings(B);
    std::thread::sleep(Duration::from_millis(300));
    act();
    std::thread::sleep(Duration::from_millis(300));
    let (sent, answered) = pings.end();
    (sent - answered, sent)
}

#[test]
fn a_killed_agent_goes_on_forwarding_and_the_next_one_adopts_without_losing_a_ping() {
    let pair = Pair::new();
    let site = pair.site();
    let mut first = site.start();
    pair.assert_connected("at the start");
    let mut second = None;
    let (lost, sent) = pings_lost_while(&pair, || {
        assert_eq!(first.end(Signal::SIGKILL), None);
        assert_eq!(site.left().len(), 6, "{:?}", site.left());
        std::thread::sleep(Duration::from_millis(300));
        second = Some(site.start());
    });
    let mut second = second.expect("started");
    assert!(sent > 100, "{sent} pings are too few to say anything");
    // The last one sent may still be under way when ping ends.
    assert!(lost <= 1, "{lost} of {sent} lost\n{}", second.log());
    assert!(second.log().contains("ready: 2 of 2 NICs attached"), "{}", second.log());
    assert_eq!(second.end(Signal::SIGTERM), Some(0));
    assert_eq!(site.left(), Vec::<String>::new());
    assert!(!pair.a.has_program() && !pair.b.has_program());
}

#[test]
fn an_agent_that_adopts_lets_go_of_interfaces_that_belong_to_no_nic_any_more() {
    let pair = Pair::new();
    let site = pair.site();
    site.start().end(Signal::SIGKILL);
    let whole = pair.topology("");
    let without_b: Vec<&str> = whole.lines().filter(|line| !line.contains("b-vm")).collect();
    site.write(&without_b.join("\n"));
    let _second = site.start();
    assert!(pair.a.has_program());
    assert!(!pair.b.has_program());
}

#[test]
fn detach_on_exit_false_leaves_the_interfaces_forwarding() {
    let pair = Pair::new();
    let site = pair.site();
    let mut agent = site.start_with(&["--detach-on-exit=false"]);
    pair.assert_connected("at the start");
    assert_eq!(agent.end(Signal::SIGTERM), Some(0));
    assert!(agent.log().ends_with("stopping: the interfaces go on forwarding\n"), "{}", agent.log());
    assert_eq!(site.left().len(), 4, "two links, the tables, the directory of both: {:?}", site.left());
    pair.assert_connected("with no agent");
    let mut agent = site.start();
    pair.assert_connected("with the next agent");
    assert_eq!(agent.end(Signal::SIGTERM), Some(0));
    assert_eq!(site.left(), Vec::<String>::new());
}

#[test]
fn generic_mode_warns_and_forwards() {
    let pair = Pair::new();
    let site = pair.site();
    let agent = site.start_with(&["--xdp-mode", "generic"]);
    assert!(agent.log().contains("warning: --xdp-mode generic"), "{}", agent.log());
    assert!(ip(&["-d", "link", "show", &pair.a.interface]).contains("xdpgeneric"));
    pair.assert_connected("in generic mode");
}

#[test]
fn the_agent_keeps_forwarding_when_nobody_reads_its_report() {
    let pair = Pair::new();
    let site = pair.site();
    let mut command = Command::new(binary());
    command
        .args(site.run_arguments())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null());
    let mut child = command.spawn().expect("the agent can be started");
    drop(child.stdout.take());
    let started = Instant::now();
    while pair.a.ping(B, 1) == 0 {
        assert!(started.elapsed() < Duration::from_secs(20), "nothing crosses");
    }
    assert!(child.try_wait().expect("a child can be waited for").is_none());
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).expect("a process number fits"));
    nix::sys::signal::kill(pid, Signal::SIGTERM).expect("the agent is there");
    assert_eq!(child.wait().expect("a child can be waited for").code(), Some(0));
    assert_eq!(site.left(), Vec::<String>::new());
}
