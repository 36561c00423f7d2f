//! What changes outside of a running agent: interfaces that come and go, and what somebody else takes away. The agent notices,
//! mends what it can, and says both what happened and what it could not mend.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use pretty_assertions::assert_eq;
use serde_json::Value;
use vnet_agent::dataplane::kernel::{AttachMode, KernelTables, Links};
use vnet_tests::agent::{Agent, Site};
use vnet_tests::guests::{Guest, ip};
use vnet_tests::pins::Pins;
use vnet_tests::requirements::require_root_and_bpf;
use vnet_tests::stage::TINY;

const A: &str = "10.1.1.4";
const B: &str = "10.2.1.4";

/// How long anything else may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// How soon the agent must have noticed. Promised is a second: it looks after everything 900 ms after it last did, and sooner where
/// the kernel tells it. The rest is for a machine that is busy with other tests. An agent that looked only every few seconds,
/// or not at all by itself, would miss it.
const NOTICED: Duration = Duration::from_secs(3);

/// Waits for the agent to notice what has just happened.
fn notices(what: &str, wait: impl FnOnce()) {
    let started = Instant::now();
    wait();
    let took = started.elapsed();
    assert!(took < NOTICED, "{what} was noticed after {took:.1?}");
}

fn guests() -> (Guest, Guest) {
    require_root_and_bpf();
    (Guest::new(A, "02:00:00:00:00:01"), Guest::new(B, "02:00:00:00:00:02"))
}

/// Two peered networks, a NIC in each.
fn peered<'a>(site: &'a Site, (a, b): &(Guest, Guest)) -> Agent<'a> {
    let agent = site.start();
    for (name, number, guest) in [("left", 1, a), ("right", 2, b)] {
        let interface = &guest.interface;
        agent.done(&format!(
                "vnet create -n {name} -l west --address-prefixes 10.{number}.0.0/16 --subnet-name s --subnet-prefixes 10.{number}.1.0/24"
            ),
        );
        agent.done(&format!(
                "nic create -n {name}-nic --vnet-name {name} --subnet s --private-ip-address 10.{number}.1.4 --mac 02:00:00:00:00:0{number} --interface {interface}"
            ),
        );
    }
    agent.done("vnet peering create -n there --vnet-name left --remote-vnet right --both");
    assert_eq!(a.ping(B, 2), 2);
    agent
}

fn state(status: &Value, nic: &str) -> String {
    let nics = status["nics"].as_array().expect("a list");
    let nic = nics.iter().find(|one| one["name"] == nic).expect("the NIC is listed");
    nic["state"].as_str().expect("a state").to_owned()
}

/// Waits until a NIC has a state.
fn wait_for_state(agent: &Agent<'_>, nic: &str, wanted: &str) {
    wait_until(agent, |status| state(status, nic).eq_ignore_ascii_case(wanted));
}

fn wait_until(agent: &Agent<'_>, is_reached: impl Fn(&Value) -> bool) {
    let started = Instant::now();
    loop {
        let status = agent.status();
        if is_reached(&status) {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{status:#}\n{}", agent.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn ifindex(interface: &str) -> u32 {
    let index = fs::read_to_string(format!("/sys/class/net/{interface}/ifindex")).expect("it is there");
    index.trim().parse().expect("a number")
}

/// Takes the program off an interface, as anybody with the same rights can.
fn take_off(site: &Site, interface: &str) {
    let ifindex = ifindex(interface);
    // By a second pin of the same link: the agent has locked the directory of its own.
    let pins = Pins::new();
    let directory = pins.open();
    let pin = format!("link-{ifindex}");
    fs::hard_link(site.pins.join(&pin), pins.path().join(&pin)).unwrap();
    Links::new(directory, AttachMode::Native).detach(ifindex).unwrap();
}

#[test]
fn an_interface_that_is_deleted_and_made_again_is_told_of_and_forwards_again() {
    let guests = guests();
    let site = Site::stored();
    let mut agent = peered(&site, &guests);
    let (a, b) = &guests;
    b.pull_out();
    notices("the deleted interface", || {
        agent.wait_for(&format!(
            "NIC right-nic: {} is gone; it is attached again when it comes back",
            b.interface
        ));
        wait_for_state(&agent, "right-nic", "Missing");
    });
    assert_eq!(a.ping(B, 1), 0);
    let before = agent.log().matches("NIC right-nic: attached by").count();
    b.plug_in();
    notices("the new interface", || {
        agent.wait_for_times("NIC right-nic: attached by", before + 1);
        wait_for_state(&agent, "right-nic", "Attached");
    });
    assert_eq!((a.ping(B, 2), b.ping(A, 2)), (2, 2));
}

#[test]
fn an_interface_that_is_renamed_while_peered_is_let_go_and_taken_back_by_its_name() {
    let guests = guests();
    let site = Site::stored();
    let mut agent = peered(&site, &guests);
    let (a, b) = &guests;
    let other = format!("{}r", b.interface);
    let rename = |from: &str, to: &str| {
        ip(&["link", "set", from, "down"]);
        ip(&["link", "set", from, "name", to]);
        ip(&["link", "set", to, "up"]);
    };
    rename(&b.interface, &other);
    wait_for_state(&agent, "right-nic", "Missing");
    agent.wait_for(&format!("NIC right-nic: {} is gone", b.interface));
    assert_eq!(a.ping(B, 1), 0);

    // Under the new name it is the NIC's again once the NIC says so.
    agent.done(&format!("nic update -n right-nic --interface {other}"));
    wait_for_state(&agent, "right-nic", "Attached");
    assert_eq!((a.ping(B, 2), b.ping(A, 2)), (2, 2));
    rename(&other, &b.interface);
    wait_for_state(&agent, "right-nic", "Missing");
    rename(&b.interface, &other);
    wait_for_state(&agent, "right-nic", "Attached");
    assert_eq!((a.ping(B, 2), b.ping(A, 2)), (2, 2));
    rename(&other, &b.interface);
}

#[test]
fn a_program_that_was_taken_off_is_put_back_and_told_of() {
    let guests = guests();
    let site = Site::stored();
    let mut agent = peered(&site, &guests);
    let (a, b) = &guests;
    take_off(&site, &b.interface);
    notices("the lost program", || {
        agent.wait_for(&format!("warning: {} had lost the program; it is attached again", b.interface));
    });
    assert_eq!((a.ping(B, 2), b.ping(A, 2)), (2, 2));
    assert_eq!(agent.status()["drift"], serde_json::json!([]));
}

#[test]
fn pins_that_are_removed_are_made_again_and_a_killed_agent_s_successor_adopts_them() {
    let guests = guests();
    let site = Site::stored();
    let mut agent = peered(&site, &guests);
    let (a, b) = &guests;
    let link = site.pins.join(format!("link-{}", ifindex(&a.interface)));
    let tables = || -> Option<PathBuf> {
        let mut entries = fs::read_dir(&site.pins).ok()?.map(|entry| entry.unwrap().path());
        entries.find(|path| path.is_dir())
    };
    let tables_before = tables().expect("the tables are pinned");
    let told = "warning: pins were removed; they are made again";

    fs::remove_file(&link).unwrap();
    notices("the removed pin of a link", || agent.wait_for_times(told, 1));
    assert!(link.exists());
    fs::remove_dir_all(&tables_before).unwrap();
    notices("the removed pins of the tables", || agent.wait_for_times(told, 2));
    assert!(tables().is_some());
    fs::remove_dir_all(&site.pins).unwrap();
    notices("the removed pin directory", || agent.wait_for_times(told, 3));
    assert!(link.exists() && tables().is_some());
    assert_eq!((a.ping(B, 2), b.ping(A, 2)), (2, 2));

    agent.end(Signal::SIGKILL);
    assert_eq!((a.ping(B, 2), b.ping(A, 2)), (2, 2), "nobody is there, and packets go on");
    let agent = site.start();
    assert!(agent.log().contains("took over 2 attached interfaces; counters go on"), "{}", agent.log());
    assert_eq!(state(&agent.status(), "left-nic").to_lowercase(), "attached");
    assert_eq!((a.ping(B, 2), b.ping(A, 2)), (2, 2));
}

#[test]
fn another_program_in_the_place_of_the_agent_s_stands_in_the_status_until_it_is_gone() {
    let guests = guests();
    let site = Site::stored();
    let mut agent = peered(&site, &guests);
    let (a, b) = &guests;
    let b_index = ifindex(&b.interface);
    let pins = Pins::new();
    // So that the agent cannot mend before the other program is there.
    agent.signal(Signal::SIGSTOP);
    take_off(&site, &b.interface);
    let mut tables = KernelTables::load(TINY).unwrap();
    let mut others = Links::new(pins.open(), AttachMode::Native);
    others.attach(&mut tables, b_index).unwrap();
    agent.signal(Signal::SIGCONT);

    agent.wait_for("has lost the program, and could not be attached again: another XDP program is attached");
    wait_for_state(&agent, "right-nic", "Failed");
    // Not only until the agent has looked again, which it does every second.
    std::thread::sleep(Duration::from_secs(3));
    let told = agent.done("status");
    assert!(told.contains("another XDP program is attached to interface"), "{told}");
    assert!(told.contains("not in force as a whole"), "{told}");
    assert_eq!(a.ping(B, 1), 0);

    others.detach(b_index).unwrap();
    // An event of any interface makes the agent try again.
    ip(&["link", "set", &b.interface, "down"]);
    ip(&["link", "set", &b.interface, "up"]);
    wait_for_state(&agent, "right-nic", "Attached");
    wait_until(&agent, |status| status["drift"] == serde_json::json!([]));
    assert_eq!((a.ping(B, 2), b.ping(A, 2)), (2, 2));
}

#[test]
fn the_status_tells_the_version_that_is_stored_and_the_generation_that_packets_see() {
    let site = Site::stored();
    let agent = site.start();
    let before = agent.status();
    agent.done("vnet create -n hub -l west --address-prefixes 10.0.0.0/16");
    let after = agent.status();
    let number = |status: &Value, field: &str| status[field].as_u64().expect("a number");
    assert_eq!(number(&after, "version"), number(&before, "version") + 1);
    assert!(number(&after, "generation") >= number(&before, "generation"));
    assert_eq!(after["virtualNetworks"], 1);
    let told = agent.done("status");
    let line = format!("stored       version {}; virtual networks: 1, NICs: 0\n", number(&after, "version"));
    assert!(told.contains(&line), "{told}");
    let line =
        format!("observed     generation {}; NICs attached: 0; in force\n", number(&after, "generation"));
    assert!(told.contains(&line), "{told}");
}
