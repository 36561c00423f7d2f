//! What a running agent may do: three capabilities, a fourth for entering guests' namespaces, and no more, in every thread;
//! and that it does all its work with them, as root and as any other user.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::json;
use vnet_tests::agent::{Agent, Site};
use vnet_tests::guests::{Guest, ip};
use vnet_tests::program::{Ended, binary};
use vnet_tests::requirements::require_root_and_bpf;

const A: &str = "10.1.1.4";
const B: &str = "10.2.1.4";

/// Numbers of include/uapi/linux/capability.h, as the bits of /proc/PID/status.
const CAP_NET_ADMIN: u64 = 1 << 12;
const CAP_SYS_ADMIN: u64 = 1 << 21;
const CAP_PERFMON: u64 = 1 << 38;
const CAP_BPF: u64 = 1 << 39;
const NEEDED: u64 = CAP_BPF | CAP_NET_ADMIN | CAP_PERFMON;

/// A user that no machine has.
const SOMEBODY: u32 = 54_321;

/// Two guests in virtual networks that are peered.
struct Pair {
    a: Guest,
    b: Guest,
}

impl Pair {
    fn new() -> Self {
        require_root_and_bpf();
        Self { a: Guest::new(A, "02:00:00:00:0a:04"), b: Guest::new(B, "02:00:00:00:0b:04") }
    }

    fn topology(&self, peering: &str) -> String {
        let (a, b) = (&self.a.interface, &self.b.interface);
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
  - {{ name: a-vm, subnet: a/default, addresses: [{A}], mac: \"02:00:00:00:0a:04\", interface: {a} }}
  - {{ name: b-vm, subnet: b/default, addresses: [{B}], mac: \"02:00:00:00:0b:04\", interface: {b} }}
"
        )
    }

    /// Does at the guests' ends what an agent does that enters their namespaces.
    fn prepare_guests(&self) {
        for guest in [&self.a, &self.b] {
            let prepared = guest.exec(&["ethtool", "-K", "eth0", "gro", "on", "tx", "off"]);
            assert!(prepared.status.success(), "{prepared:?}");
        }
    }

    fn assert_connected(&self, when: &str) {
        assert_eq!((self.a.ping(B, 3), self.b.ping(A, 3)), (3, 3), "{when}");
    }

    /// Puts an agent through its work: a reload that stops traffic and one that lets it go on, an interface that is new, the
    /// counters. The guests' ends are prepared by the caller where the agent cannot.
    fn assert_works(&self, site: &Site, agent: &mut Agent<'_>, prepare: impl Fn()) {
        prepare();
        self.assert_connected("at the start");
        site.write(&self.topology(", allowVirtualNetworkAccess: false"));
        agent.signal(Signal::SIGHUP);
        agent.wait_for("reloaded: 1 change, generation 3");
        assert_eq!(self.a.ping(B, 4), 0);
        let drops = agent.ask(&["drops", "--non-zero"]).json();
        assert_eq!(drops["drops"][0]["reason"], json!("peering-access-denied"));
        site.write(&self.topology(""));
        agent.signal(Signal::SIGHUP);
        agent.wait_for("reloaded: 1 change, generation 4");
        self.assert_connected("after the reload");

        self.b.pull_out();
        agent.wait_for(&format!("NIC b-vm: {} is gone", self.b.interface));
        self.b.plug_in();
        agent.wait_for(&format!("NIC b-vm: attached by {}", self.b.interface));
        prepare();
        self.assert_connected("by the new interface");
        let counters = agent.ask(&["counters"]).json();
        let sent = counters["nics"][0]["sent"]["packets"].as_u64().expect("a number");
        // Three times three echo requests, and as many answers.
        assert_eq!(sent, 18, "{counters}");
    }
}

/// What /proc says of the powers of every thread of a process: the five sets and `no_new_privs`.
fn powers(pid: u32) -> Vec<BTreeMap<String, u64>> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("the agent runs");
    let of_thread = |thread: std::io::Result<fs::DirEntry>| {
        let status = fs::read_to_string(thread.expect("a thread").path().join("status"));
        // A thread that ended between the two looks can do nothing any more.
        let status = status.ok()?;
        let lines = status.lines().filter_map(|line| line.split_once(":\t"));
        let of_interest = lines.filter(|(key, _)| key.starts_with("Cap") || *key == "NoNewPrivs");
        let number = |value: &str| u64::from_str_radix(value.trim(), 16).expect("a hexadecimal number");
        Some(of_interest.map(|(key, value)| (key.to_owned(), number(value))).collect())
    };
    threads.filter_map(of_thread).collect()
}

fn assert_has_exactly(agent: &Agent<'_>, capabilities: u64) {
    let sets = [("CapEff", capabilities), ("CapPrm", capabilities), ("CapBnd", capabilities)];
    let none = [("CapInh", 0), ("CapAmb", 0)];
    let all = sets.into_iter().chain(none).chain([("NoNewPrivs", 1)]);
    let expected: BTreeMap<String, u64> = all.map(|(key, value)| (key.to_owned(), value)).collect();
    let found = powers(agent.id());
    assert!(found.len() > 1, "the agent has threads: {found:?}");
    for thread in found {
        assert_eq!(thread, expected);
    }
}

fn gro(guest: &Guest) -> String {
    let features = guest.exec(&["ethtool", "-k", "eth0"]);
    let features = String::from_utf8_lossy(&features.stdout).into_owned();
    let line = features.lines().find_map(|line| line.strip_prefix("generic-receive-offload: "));
    line.expect("a veth has GRO").to_owned()
}

#[test]
fn root_s_agent_of_a_file_has_four_capabilities_in_every_thread_and_works_with_them() {
    let pair = Pair::new();
    let site = Site::new(&pair.topology(""));
    let mut agent = site.start();
    assert_has_exactly(&agent, NEEDED | CAP_SYS_ADMIN);
    pair.assert_works(&site, &mut agent, || {});
    assert_eq!((gro(&pair.a).as_str(), gro(&pair.b).as_str()), ("on", "on"), "set by the agent");
    assert_has_exactly(&agent, NEEDED | CAP_SYS_ADMIN);
    assert_eq!(agent.end(Signal::SIGTERM), Some(0), "{}", agent.log());
    assert_eq!(site.left(), Vec::<String>::new());
}

#[test]
fn root_s_agent_of_a_state_has_three_until_it_is_told_to_enter_namespaces_and_its_status_says_so() {
    let pair = Pair::new();
    let site = Site::stored_untold();
    site.write(&pair.topology(""));
    let mut agent = site.start();
    let applied = agent.ask(&["apply", &site.file().display().to_string()]);
    assert_eq!(applied.status, Some(0), "{}", applied.transcript());
    assert_has_exactly(&agent, NEEDED);
    assert_eq!((gro(&pair.a).as_str(), gro(&pair.b).as_str()), ("off", "off"));
    let status = agent.ask(&["status"]).stdout;
    for guest in [&pair.a, &pair.b] {
        let told = format!(
            "which an agent keeps with --enter-namespaces); run: ip netns exec {} ethtool -K IFACE gro on tx off",
            guest.namespace
        );
        assert!(status.contains(&told), "{status}\n{told}");
    }
    assert_eq!(agent.end(Signal::SIGTERM), Some(0), "{}", agent.log());

    let agent = site.start_with(&["--enter-namespaces"]);
    assert_has_exactly(&agent, NEEDED | CAP_SYS_ADMIN);
    assert_eq!((gro(&pair.a).as_str(), gro(&pair.b).as_str()), ("on", "on"), "set by the agent");
    pair.assert_connected("with guests' ends that the agent has prepared");
    let status = agent.ask(&["status"]).stdout;
    assert!(!status.contains("--enter-namespaces"), "{status}");
}

#[test]
fn an_agent_that_may_not_enter_namespaces_has_three_and_says_what_to_do_in_the_guests() {
    let pair = Pair::new();
    let site = Site::new(&pair.topology(""));
    let mut agent = site.start_with(&["--enter-namespaces=false"]);
    assert_has_exactly(&agent, NEEDED);
    assert_eq!(gro(&pair.a), "off");
    let namespace = &pair.a.namespace;
    let note = format!(
        "the guest's end of {} stands in /run/netns/{namespace}, which cannot be entered (Operation not permitted (os error \
         1); CAP_SYS_ADMIN is needed, which an agent keeps with --enter-namespaces); run: ip netns exec {namespace} ethtool -K \
         IFACE gro on tx off, where IFACE is its interface ",
        pair.a.interface
    );
    let shown = agent.ask(&["nic", "show", "-n", "a-vm"]).json();
    let told = shown["status"]["notes"][0].as_str().expect("a note");
    assert!(told.starts_with(&note), "{told}\n{note}");
    pair.assert_works(&site, &mut agent, || pair.prepare_guests());
    assert_has_exactly(&agent, NEEDED);
    assert_eq!(agent.end(Signal::SIGTERM), Some(0), "{}", agent.log());
    assert_eq!(site.left(), Vec::<String>::new());
}

/// A process, ended with the test.
struct Process(std::process::Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_namespace_that_only_a_process_of_more_power_holds_is_out_of_reach_and_the_note_says_so() {
    let pair = Pair::new();
    let mut unshare = Command::new("unshare");
    let process = Process(unshare.args(["--net", "sleep", "60"]).spawn().expect("unshare is installed"));
    let (pid, own) = (process.0.id(), fs::read_link("/proc/self/ns/net").expect("an own namespace"));
    let started = Instant::now();
    while fs::read_link(format!("/proc/{pid}/ns/net")).is_ok_and(|namespace| namespace == own) {
        assert!(started.elapsed() < Duration::from_secs(10), "the process has no namespace of its own");
        std::thread::sleep(Duration::from_millis(10));
    }
    ip(&["-n", &pair.b.namespace, "link", "set", "eth0", "netns", &pid.to_string()]);
    let site = Site::new(&pair.topology(""));
    let agent = site.start();
    let shown = agent.ask(&["nic", "show", "-n", "b-vm"]).json();
    let notes = shown["status"]["notes"].to_string();
    let unreachable =
        "cannot be reached: neither a named namespace nor a process that may be looked into leads there";
    assert!(notes.contains(unreachable), "{notes}");
    assert_eq!(agent.ask(&["nic", "show", "-n", "a-vm"]).json()["status"]["notes"], json!([]));
}

/// The words that run what follows as another user with these capabilities and no others.
fn as_somebody(capabilities: &str) -> Vec<String> {
    let user = SOMEBODY.to_string();
    let some = capabilities.split(' ').fold("-all".to_owned(), |list, one| format!("{list},+{one}"));
    let words = ["setpriv", "--reuid", &user, "--regid", &user, "--clear-groups", "--inh-caps", &some];
    let more = ["--ambient-caps", &some, "--bounding-set", &some];
    words.into_iter().chain(more).map(str::to_owned).collect()
}

/// An agent of another user: it has a BPF file system of its own, and the binary where that user can reach it.
fn command_of_somebody(site: &Site, capabilities: &str) -> Command {
    let directory = site.file().parent().expect("a file stands in a directory").to_owned();
    let own_binary = directory.join("vnet-agent");
    fs::copy(binary(), &own_binary).expect("the binary can be copied");
    for path in [&directory, &own_binary, &site.file()] {
        chown(path, Some(SOMEBODY), Some(SOMEBODY)).expect("root may give files away");
    }
    let mut command = Command::new("unshare");
    let script = "mount -t bpf -o mode=1777 bpf /sys/fs/bpf && exec \"$@\"";
    command.args(["--mount", "sh", "-c", script, "sh"]).args(as_somebody(capabilities));
    command.arg(own_binary).args(site.run_arguments());
    command
}

#[test]
fn another_user_s_agent_with_three_capabilities_works_as_root_s_does() {
    let pair = Pair::new();
    let site = Site::new(&pair.topology(""));
    let mut agent = site.start_command(command_of_somebody(&site, "bpf net_admin perfmon"));
    assert_has_exactly(&agent, NEEDED);
    let status = fs::read_to_string(format!("/proc/{}/status", agent.id())).expect("the agent runs");
    assert!(status.contains(&format!("Uid:\t{SOMEBODY}\t{SOMEBODY}\t{SOMEBODY}\t{SOMEBODY}\n")), "{status}");
    pair.assert_works(&site, &mut agent, || pair.prepare_guests());
    assert_eq!(agent.end(Signal::SIGTERM), Some(0), "{}", agent.log());
    assert!(!pair.a.has_program() && !pair.b.has_program());
    assert_eq!(site.left(), Vec::<String>::new());
}

#[test]
fn another_user_s_agent_keeps_its_state_where_that_user_may_write() {
    require_root_and_bpf();
    let site = Site::stored_untold();
    for _ in 0..2 {
        // Made the first time, and opened again the second.
        let mut agent = site.start_command(command_of_somebody(&site, "bpf net_admin perfmon"));
        assert_has_exactly(&agent, NEEDED);
        assert_eq!(agent.end(Signal::SIGTERM), Some(0), "{}", agent.log());
    }
    let files = fs::read_dir(site.state()).expect("the state directory is there");
    let of_file =
        |file: std::io::Result<fs::DirEntry>| file.and_then(|file| file.metadata()).expect("a file");
    let owners: Vec<u32> = files.map(of_file).map(|file| file.uid()).collect();
    assert!(!owners.is_empty() && owners.iter().all(|owner| *owner == SOMEBODY), "{owners:?}");
}

#[test]
fn another_user_s_agent_enters_namespaces_with_a_fourth() {
    let pair = Pair::new();
    let site = Site::new(&pair.topology(""));
    let mut command = command_of_somebody(&site, "bpf net_admin perfmon sys_admin");
    command.arg("--enter-namespaces");
    let mut agent = site.start_command(command);
    assert_has_exactly(&agent, NEEDED | CAP_SYS_ADMIN);
    pair.assert_connected("with guests' ends that the agent has prepared");
    assert_eq!(agent.end(Signal::SIGTERM), Some(0), "{}", agent.log());
}

fn refused(site: &Site, prefix: &[&str], more: &[&str], sentence: &str) {
    // Were it to run after all, it would end the test rather than hang it.
    let mut command = Command::new("timeout");
    command.arg("20").args(prefix).arg(binary()).args(site.run_arguments()).args(more);
    let ended: Ended = command.output().expect("timeout is installed").into();
    assert_eq!(ended.stderr, format!("error: {sentence}\n"));
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(1), ""), "{}", ended.transcript());
    assert_eq!(site.left(), Vec::<String>::new());
}

#[test]
fn entering_namespaces_cannot_be_asked_for_without_the_capability() {
    let pair = Pair::new();
    let site = Site::new(&pair.topology(""));
    let without = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-all"];
    let sentence = "--enter-namespaces needs the capability CAP_SYS_ADMIN, which is missing; without the option, guests' ends \
                    that must be set by hand are named in the notes of their NICs";
    refused(&site, &without, &["--enter-namespaces"], sentence);
    refused(&site, &without, &["--enter-namespaces=true"], sentence);
    assert!(!pair.a.has_program());
}

#[test]
fn a_file_of_somebody_else_that_root_alone_could_read_is_refused_with_the_reason() {
    let pair = Pair::new();
    let site = Site::new(&pair.topology(""));
    fs::set_permissions(site.file(), fs::Permissions::from_mode(0o600)).expect("a mode can be set");
    chown(site.file(), Some(SOMEBODY), None).expect("root may give files away");
    let sentence = format!(
        "{} cannot be read: the agent may not: it has given up root's right to read every file; let others read the file \
         and pass the directories above it, or give it to the agent's own user",
        site.file().display()
    );
    refused(&site, &[], &[], &sentence);
}

#[test]
fn a_service_manager_is_told_when_the_agent_is_ready_and_when_it_stops() {
    let pair = Pair::new();
    let site = Site::new(&pair.topology(""));
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let path = directory.path().join("notify");
    let manager = UnixDatagram::bind(&path).expect("a socket can be made");
    manager.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit can be set");
    let mut message = [0; 1024];
    let mut told = || {
        let length = manager.recv(&mut message).expect("a message in time");
        String::from_utf8_lossy(&message[..length]).into_owned()
    };
    let mut command = Command::new(binary());
    command.args(site.run_arguments()).env("NOTIFY_SOCKET", &path);
    let mut agent = site.start_command(command);
    assert_eq!(told(), "READY=1\nSTATUS=2 of 2 NICs attached\n");
    assert_eq!(agent.end(Signal::SIGTERM), Some(0));
    assert_eq!(told(), "STOPPING=1\n");
}

#[test]
fn detach_takes_the_program_off_what_an_agent_has_left_and_leaves_a_running_one_alone() {
    let pair = Pair::new();
    let site = Site::new(&pair.topology(""));
    let pins = site.pins.display().to_string();
    let detach = || vnet_tests::program::run(["detach", "--pin-dir", &pins]);
    let nothing = format!("nothing is pinned in {pins}\n");
    assert_eq!((detach().status, detach().stdout), (Some(0), nothing.clone()));
    assert!(!site.pins.exists(), "it was not made either");

    let mut agent = site.start_with(&["--detach-on-exit=false"]);
    let refused = detach();
    let sentence = format!(
        "error: another agent is running with the pin directory {pins}; stop that one, or name another --pin-dir\n"
    );
    assert_eq!((refused.status, refused.stderr), (Some(1), sentence));
    pair.assert_connected("with the agent");
    assert_eq!(agent.end(Signal::SIGTERM), Some(0));
    pair.assert_connected("with what it has left");

    // One that vanishes takes its program along, and leaves its pin.
    let number = ip(&["-oneline", "link", "show", &pair.b.interface]);
    let number = number.split(':').next().expect("a number").to_owned();
    pair.b.pull_out();
    let detached = detach();
    assert_eq!((detached.status, detached.stderr.as_str()), (Some(0), ""));
    let mut lines: Vec<&str> = detached.stdout.lines().collect();
    lines.sort_by_key(|line| line.len());
    let gone = format!("detached interface {number}, which has vanished");
    assert_eq!(lines, [format!("detached {}", pair.a.interface), gone]);
    let started = Instant::now();
    while pair.a.has_program() {
        assert!(started.elapsed() < Duration::from_secs(5), "the program is still on");
    }
    assert_eq!(site.left(), Vec::<String>::new());
    assert_eq!((detach().status, detach().stdout), (Some(0), nothing));
}
