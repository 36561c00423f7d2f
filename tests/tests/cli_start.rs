//! Starts of `run` that are refused: each with one clear sentence, exit status 1, and nothing left behind.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

use nix::sys::signal::Signal;
use vnet_tests::agent::{Agent, Site};
use vnet_tests::guests::{Guest, ip};
use vnet_tests::program::{Ended, binary};
use vnet_tests::requirements::require_root_and_bpf;

/// A topology with one NIC that has this interface.
fn topology(interface: &str) -> String {
    format!(
        "virtualNetworks:
  - name: a
    region: westeurope
    addressSpace: [10.1.0.0/16]
    subnets: [{{ name: default, addressPrefixes: [10.1.1.0/24] }}]
nics:
  - {{ name: a-vm, subnet: a/default, addresses: [10.1.1.4], mac: \"02:00:00:00:0a:04\", interface: {interface} }}
"
    )
}

fn guest() -> Guest {
    require_root_and_bpf();
    Guest::new("10.1.1.4", "02:00:00:00:0a:04")
}

/// Starts an agent that is expected to end by itself, behind a prefix of words that run it.
fn refused(site: &Site, prefix: &[&str]) -> Ended {
    let binary = binary().display().to_string();
    let arguments = site.run_arguments();
    let mut words = prefix.iter().copied().chain([binary.as_str()]);
    let mut command = Command::new(words.next().expect("at least the binary"));
    command.args(words).args(&arguments);
    // Were it to run after all, it would end the test rather than hang it.
    let mut timed = Command::new("timeout");
    timed.arg("20").arg(command.get_program()).args(command.get_args());
    timed.output().expect("timeout is installed").into()
}

fn assert_refused(ended: &Ended, sentence: &str) {
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(1), ""), "{}", ended.transcript());
    assert_eq!(ended.stderr, format!("error: {sentence}\n"));
}

#[test]
fn without_root_or_a_capability_the_sentence_names_what_is_missing() {
    let guest = guest();
    let site = Site::new(&topology(&guest.interface));
    let sentence =
        "the agent needs root, or the capabilities CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON; missing: ";
    for (kept, missing) in [
        ("-all", "CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON"),
        ("-sys_admin,-bpf", "CAP_BPF"),
        ("-net_admin", "CAP_NET_ADMIN"),
    ] {
        let ended = refused(&site, &["setpriv", "--bounding-set", kept, "--inh-caps", "-all"]);
        assert_refused(&ended, &format!("{sentence}{missing}"));
        assert_eq!(site.left(), Vec::<String>::new());
        assert!(!guest.has_program());
    }
}

#[test]
fn a_second_agent_on_the_same_socket_or_the_same_pins_is_refused_and_the_first_goes_on() {
    let guest = guest();
    let site = Site::new(&topology(&guest.interface));
    let mut first = site.start();
    let socket = site.socket().display().to_string();
    let pins = site.pins.display().to_string();
    let left = site.left();

    let ended = refused(&site, &[]);
    let sentence = format!(
        "another agent is running with the socket {socket}; give this one another --socket and --pin-dir, or stop that one"
    );
    assert_refused(&ended, &sentence);

    let other = format!("{socket}.other");
    let mut arguments = site.run_arguments();
    let at = arguments.iter().position(|argument| *argument == socket).expect("the socket is named");
    arguments[at] = other;
    let ended: Ended = Command::new(binary()).args(&arguments).output().expect("it can be started").into();
    let sentence = format!(
        "another agent is running with the pin directory {pins}; stop that one, or name another --pin-dir"
    );
    assert_refused(&ended, &sentence);

    assert_eq!(site.left(), left, "the refused ones took nothing away and left nothing");
    assert_eq!(guest.ping("10.1.1.1", 2), 2);
    assert_eq!(first.ask(&["nic", "list"]).status, Some(0));
    assert_eq!(first.end(Signal::SIGTERM), Some(0));
}

#[test]
fn a_pin_directory_that_somebody_else_made_is_refused() {
    let guest = guest();
    let site = Site::new(&topology(&guest.interface));
    std::fs::create_dir(&site.pins).expect("a directory can be made");
    std::os::unix::fs::chown(&site.pins, Some(65_534), None).expect("root may give it away");
    let pins = site.pins.display().to_string();
    assert_refused(
        &refused(&site, &[]),
        &format!(
            "the pin directory {pins} belongs to another user (uid 65534) or is open to others; remove it, or name \
             another --pin-dir"
        ),
    );
    assert!(site.pins.exists() && !guest.has_program());
}

#[test]
fn a_link_in_the_place_of_the_lock_is_not_followed() {
    let guest = guest();
    let site = Site::new(&topology(&guest.interface));
    let socket = site.socket().display().to_string();
    let elsewhere = site.file().with_file_name("elsewhere");
    std::os::unix::fs::symlink(&elsewhere, format!("{socket}.lock")).expect("a link can be made");
    let ended = refused(&site, &[]);
    let reason = "Too many levels of symbolic links (os error 40)";
    assert_refused(&ended, &format!("the socket {socket} could not be made: {reason}"));
    assert!(!elsewhere.exists());
    assert!(!guest.has_program());
}

#[test]
fn an_interface_with_another_program_is_reported_and_left_alone() {
    let guest = guest();
    let site = Site::new(&topology(&guest.interface));
    let _first = site.start();
    // To the kernel, the program of another agent is any other program.
    let elsewhere = Site::new(&topology(&guest.interface));
    let mut second = elsewhere.start();
    assert!(second.log().contains("another XDP program is attached"), "{}", second.log());
    assert!(second.log().contains("ready: 0 of 1 NICs attached"), "{}", second.log());
    let shown = second.ask(&["nic", "show", "-n", "a-vm"]).json();
    assert_eq!(shown["status"]["state"], "Failed");
    assert_eq!(second.end(Signal::SIGTERM), Some(0));
    assert_eq!(guest.ping("10.1.1.1", 2), 2, "the first still answers");
}

#[test]
fn a_failed_attachment_is_tried_again_when_links_change_or_the_file_is_taken_in() {
    let guest = guest();
    let site = Site::new(&topology(&guest.interface));
    let mut first = site.start();
    let elsewhere = Site::new(&topology(&guest.interface));
    let mut second = elsewhere.start();
    assert_eq!(first.end(Signal::SIGTERM), Some(0));
    second.wait_for(&format!("NIC a-vm: attached by {}", guest.interface));
    assert_eq!(guest.ping("10.1.1.1", 2), 2);
}

#[test]
fn an_interface_that_has_an_address_of_the_host_is_left_alone_until_it_is_handed_over() {
    let guest = guest();
    let site = Site::new(&topology(&guest.interface));
    // From TEST-NET-3 (RFC 5737).
    ip(&["address", "add", "203.0.113.1/24", "dev", &guest.interface]);
    let mut agent = site.start();
    assert!(!guest.has_program());
    let nic = agent.ask(&["nic", "show", "-n", "a-vm"]).json();
    assert_eq!(nic["status"]["state"], "Failed");
    let note = format!(
        "{0} has the host's own address 203.0.113.1/24, which the program would cut off; hand the interface over first: \
         ip address delete 203.0.113.1/24 dev {0}",
        guest.interface
    );
    assert_eq!(nic["status"]["notes"][0], note.as_str());

    ip(&["address", "delete", "203.0.113.1/24", "dev", &guest.interface]);
    agent.signal(Signal::SIGHUP);
    agent.wait_for("reloaded");
    agent.wait_for(&format!("NIC a-vm: attached by {}", guest.interface));
    assert_eq!(guest.ping("10.1.1.1", 2), 2);

    // Attached, it stays so: the guest's frames must not come to the host because somebody gave it an address.
    ip(&["address", "add", "203.0.113.1/24", "dev", &guest.interface]);
    agent.signal(Signal::SIGHUP);
    agent.wait_for_times("reloaded", 2);
    assert_eq!(guest.ping("10.1.1.1", 2), 2);
}

#[test]
fn an_address_of_the_host_on_a_point_to_point_link_is_named_by_the_hosts_own_side() {
    let guest = guest();
    let site = Site::new(&topology(&guest.interface));
    ip(&["address", "add", "203.0.113.1", "peer", "203.0.113.2", "dev", &guest.interface]);
    let agent = site.start();
    let nic = agent.ask(&["nic", "show", "-n", "a-vm"]).json();
    assert_eq!(nic["status"]["state"], "Failed");
    let note = nic["status"]["notes"][0].as_str().expect("a note");
    assert!(note.contains("the host's own address 203.0.113.1/32"), "{note}");
}

#[test]
fn counts_outlive_a_stop_while_no_interface_is_there_and_where_they_cannot_the_next_start_says_so() {
    let guest = guest();
    let site = Site::stored();
    site.write(&topology(&guest.interface));
    let first_start = |agent: &Agent<'_>| agent.log().lines().next().unwrap_or_default().to_owned();
    let mut agent = site.start();
    let said = first_start(&agent);
    assert!(said.starts_with("0 virtual networks"), "of a first start there is nothing to say: {said}");
    let applied = agent.ask(&["apply", &site.file().display().to_string()]);
    assert_eq!(applied.status, Some(0), "{}", applied.transcript());
    assert_eq!((guest.ping("10.1.1.1", 5), guest.ping("203.0.113.1", 4)), (5, 0));
    guest.pull_out();
    agent.wait_for(&format!("NIC a-vm: {} is gone", guest.interface));
    let counted = |agent: &Agent<'_>| [agent.ask(&["counters"]).json(), agent.ask(&["drops"]).json()];
    let before = counted(&agent);
    let of_nic = &before[0]["nics"][0];
    assert!(of_nic["answered"].as_u64() >= Some(5) && of_nic["dropped"].as_u64() >= Some(4), "{of_nic}");

    assert_eq!(agent.end(Signal::SIGTERM), Some(0), "{}", agent.log());
    let mut agent = site.start();
    assert_eq!(first_start(&agent), "no interface was attached; counters go on");
    assert_eq!(counted(&agent), before);

    // As a start of the host does.
    assert_eq!(agent.end(Signal::SIGTERM), Some(0), "{}", agent.log());
    std::fs::remove_dir_all(&site.pins).expect("the pins can be removed");
    let agent = site.start();
    let anew = "no interface was attached; counters start from zero: the tables that held them are gone";
    assert_eq!(first_start(&agent), anew);
    assert_eq!(counted(&agent)[0]["nics"], serde_json::json!([]));
}

/// Words that run what follows in a mount namespace of its own after `script`.
fn mounted(script: &str) -> Vec<String> {
    let script = format!("{script} && exec \"$@\"");
    ["unshare", "--mount", "sh", "-c", &script, "sh"].map(str::to_owned).to_vec()
}

fn refused_after(site: &Site, script: &str) -> Ended {
    let words = mounted(script);
    refused(site, &words.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_read_only_or_full_directory_for_the_socket_is_one_sentence() {
    let guest = guest();
    let site = Site::new(&topology(&guest.interface));
    let socket = site.socket().display().to_string();
    let place = site.socket().parent().expect("a socket stands in a directory").display().to_string();
    // A file system of its own in the place of the site's directory, with the topology file in it.
    let covered = |options: &str| {
        format!(
            "exec 3< {place}/topology.yaml && mount -t tmpfs {options} tmpfs {place} && cat <&3 > {place}/topology.yaml"
        )
    };
    let ended = refused_after(&site, &format!("{} && mount -o remount,ro {place}", covered("")));
    assert_refused(
        &ended,
        &format!("the socket {socket} could not be made: Read-only file system (os error 30)"),
    );

    // Room for the directory and the topology file, and for no other file.
    let ended = refused_after(&site, &covered("-o nr_inodes=2"));
    assert_refused(
        &ended,
        &format!("the socket {socket} could not be made: No space left on device (os error 28)"),
    );
    assert!(!guest.has_program());
    assert_eq!(site.left(), Vec::<String>::new());
}

#[test]
fn what_stands_at_the_path_of_the_socket_and_is_none_stays() {
    let guest = guest();
    let site = Site::new(&topology(&guest.interface));
    std::fs::write(site.socket(), "precious").expect("a file can be written");
    let ended = refused(&site, &[]);
    assert_refused(
        &ended,
        &format!("{} exists and is no socket; name another --socket", site.socket().display()),
    );
    assert_eq!(std::fs::read_to_string(site.socket()).expect("it is still there"), "precious");
    assert!(!guest.has_program());
}

#[test]
fn a_missing_bpf_file_system_is_mounted_and_another_place_is_refused() {
    let guest = guest();
    let site = Site::new(&topology(&guest.interface));
    let words = mounted("umount /sys/fs/bpf");
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).arg(binary()).args(site.run_arguments());
    let mut agent = site.start_command(command);
    assert!(agent.log().starts_with("mounted the BPF file system at /sys/fs/bpf\n"), "{}", agent.log());
    assert_eq!(guest.ping("10.1.1.1", 2), 2);
    assert_eq!(agent.end(Signal::SIGTERM), Some(0));
    assert!(!guest.has_program());

    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let pins = directory.path().join("pins").display().to_string();
    let mut arguments = site.run_arguments();
    let last = arguments.last_mut().expect("the pin directory comes last");
    last.clone_from(&pins);
    let ended: Ended = Command::new(binary()).args(&arguments).output().expect("it can be started").into();
    let sentence = format!(
        "the pin directory {pins} is not directly on a BPF file system; mount one (mount -t bpf bpf /sys/fs/bpf) or name a \
         --pin-dir on one"
    );
    assert_refused(&ended, &sentence);
}

#[test]
fn a_missing_bpf_file_system_that_the_units_capabilities_cannot_mount_is_for_the_reader_to_mount() {
    let guest = guest();
    let site = Site::new(&topology(&guest.interface));
    let units = ["setpriv", "--bounding-set", "-all,+bpf,+net_admin,+perfmon", "--inh-caps", "-all"];
    let words = mounted("umount /sys/fs/bpf");
    let ended = refused(&site, &words.iter().map(String::as_str).chain(units).collect::<Vec<_>>());
    let sentence = "no BPF file system is mounted at /sys/fs/bpf, and mounting one failed: Operation not permitted (os error 1); \
                    run: mount -t bpf bpf /sys/fs/bpf";
    assert_refused(&ended, sentence);
    assert!(!guest.has_program());
}

#[test]
fn a_topology_file_that_cannot_be_read_again_is_refused_without_waiting_for_it() {
    require_root_and_bpf();
    let site = Site::new("");
    std::fs::remove_file(site.file()).expect("the file can be removed");
    let file = site.file().display().to_string();
    let made = Command::new("mkfifo").arg(&file).status().expect("mkfifo is installed");
    assert!(made.success());
    let sentence =
        format!("{file} cannot be read: it is no regular file, and the agent reads it again at every SIGHUP");
    assert_refused(&refused(&site, &[]), &sentence);
    assert_eq!(site.left(), Vec::<String>::new());
}

#[test]
fn a_kernel_without_btf_is_told_so() {
    let guest = guest();
    let site = Site::new(&topology(&guest.interface));
    let ended = refused_after(&site, "mount -t tmpfs tmpfs /sys/kernel/btf");
    let sentence = "the kernel has no BTF: /sys/kernel/btf/vmlinux is missing; it must be built with CONFIG_DEBUG_INFO_BTF=y";
    assert_refused(&ended, sentence);
}

#[test]
fn the_help_of_run_says_what_stays_attached_at_its_end_and_when_the_host_sees_the_guests_frames() {
    let help = vnet_tests::program::run(["run", "--help"]).stdout;
    let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for sentence in [
        "SIGINT, SIGTERM end. With --state the interfaces stay attached and go on forwarding; with --file the program comes off \
         every interface, and the pins go too.",
        "Once it is off, because the NIC left the topology or the agent ended with a detach (--file, --detach-on-exit, \
         `vnet-agent detach`), the host's stack sees the guest's frames as on any interface.",
    ] {
        assert!(words.contains(sentence), "{help}");
    }
}

#[test]
fn the_socket_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let guest = guest();
    let site = Site::new(&topology(&guest.interface));
    let _agent = site.start();
    let mode = std::fs::metadata(site.socket()).expect("the socket is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
