//! The guest's end of pairs that somebody else made.

use std::os::fd::AsRawFd;
use std::process::{Child, Command};

use pretty_assertions::assert_eq;
use vnet_agent::link::{GuestReport, Interface, Namespace, Problem, interfaces};

use crate::tools::{Foreign, feature, prepared, text, within};
use crate::topologies::unique;

async fn interface(name: &str) -> Interface {
    interfaces().await.unwrap().into_iter().find(|it| it.name == name).unwrap()
}

/// A pair whose other end, `guest`, is moved to `namespace`.
fn pair(name: &str, guest: &str, namespace: &str, arguments: &[&str]) -> Foreign {
    let link = Foreign::link(name, &[arguments, &["type", "veth", "peer", "name", guest]].concat());
    text("ip", &["link", "set", guest, "netns", namespace]);
    link
}

#[tokio::test]
async fn offloads_of_a_named_namespace_are_set_whatever_the_interface_is_called() {
    let prefix = unique();
    let (host, guest, namespace) = (format!("h{prefix}"), format!("g{prefix}"), format!("ns-{prefix}"));
    let _namespace = Foreign::namespace(&namespace);
    let _pair = pair(&host, &guest, &namespace, &[]);
    assert!(!feature(&namespace, &guest, "generic-receive-offload"));
    assert!(feature(&namespace, &guest, "tx-checksumming"));

    let report = prepared(&interface(&host).await).await;
    let place = format!("{guest} in /run/netns/{namespace}");
    let words = |how: &str| {
        [format!("{place}: GRO on ({how})"), format!("{place}: transmit checksum offload off ({how})")]
    };
    assert_eq!(report, GuestReport { done: words("set").to_vec(), problems: vec![] });
    assert!(feature(&namespace, &guest, "generic-receive-offload"));
    assert!(!feature(&namespace, &guest, "tx-checksumming"));
    let again = prepared(&interface(&host).await).await;
    assert_eq!(again.done, words("found so"));
}

/// A process with a network namespace of its own, ended with this value.
struct Process(Child);

impl Process {
    fn start() -> Self {
        let child = Command::new("unshare").args(["-n", "sleep", "300"]).spawn().unwrap();
        let path = format!("/proc/{}/ns/net", child.id());
        let own = std::fs::read_link("/proc/self/ns/net").unwrap();
        while std::fs::read_link(&path).unwrap() == own {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        Self(child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_namespace_without_a_name_is_found_by_its_process() {
    let prefix = unique();
    let (host, guest) = (format!("h{prefix}"), format!("g{prefix}"));
    let process = Process::start();
    let _pair = pair(&host, &guest, &process.0.id().to_string(), &[]);
    let report = prepared(&interface(&host).await).await;
    let place = format!("/proc/{}/ns/net", process.0.id());
    assert!(report.is_ready(), "{report:?}");
    assert!(report.done.iter().all(|line| line.contains(&place)), "{report:?}");
    let features = text("nsenter", &[&format!("--net={place}"), "ethtool", "-k", &guest]);
    assert!(features.contains("generic-receive-offload: on"), "{features}");
}

#[tokio::test]
async fn a_namespace_that_no_path_leads_to_is_a_problem_with_the_command_to_run_there() {
    let prefix = unique();
    let (host, guest) = (format!("h{prefix}"), format!("g{prefix}"));
    let hidden = Namespace::create().unwrap();
    let path = format!("/proc/{}/fd/{}", std::process::id(), hidden.as_raw_fd());
    let _pair = pair(&host, &guest, &path, &[]);
    let host = interface(&host).await;
    let report = prepared(&host).await;
    let ifindex = host.peer.unwrap().ifindex;
    assert_eq!(report.problems, [Problem::Unreachable { interface: host.name.clone(), ifindex }]);
    assert!(report.notes()[0].contains("run in the guest: ethtool -K IFACE gro on tx off"), "{report:?}");
}

#[tokio::test]
async fn fewer_receive_queues_than_the_guest_sends_by_are_reported_and_so_are_unequal_mtus() {
    let prefix = unique();
    let (host, guest, namespace) = (format!("h{prefix}"), format!("g{prefix}"), format!("ns-{prefix}"));
    let _namespace = Foreign::namespace(&namespace);
    let _pair = {
        let ends = "numrxqueues 1 numtxqueues 1 type veth peer numrxqueues 2 numtxqueues 2 name";
        let arguments: Vec<&str> = ends.split(' ').chain([guest.as_str()]).collect();
        let link = Foreign::link(&host, &arguments);
        text("ip", &["link", "set", &guest, "netns", &namespace]);
        link
    };
    within(&namespace, &["ip", "link", "set", &guest, "mtu", "1400"]);
    let report = prepared(&interface(&host).await).await;
    let prefix = format!("ip netns exec {namespace} ");
    let mtu = Problem::Mtu {
        interface: host.clone(),
        guest: guest.clone(),
        prefix,
        host_bytes: 1500,
        guest_bytes: 1400,
    };
    assert_eq!(report.problems, [mtu, Problem::Queues { interface: host, guest, rx: 1, tx: 2 }]);
    assert!(report.notes()[0].contains(&format!("ip netns exec {namespace} ip link set")), "{report:?}");
}

#[tokio::test]
async fn a_pair_with_both_ends_on_the_host_is_prepared_there() {
    let prefix = unique();
    let (host, guest) = (format!("h{prefix}"), format!("g{prefix}"));
    let _pair = Foreign::link(&host, &["type", "veth", "peer", "name", &guest]);
    let report = prepared(&interface(&host).await).await;
    assert!(report.is_ready(), "{report:?}");
    let features = text("ethtool", &["-k", &guest]);
    assert!(features.contains("generic-receive-offload: on"), "{features}");
    assert!(features.contains("tx-checksumming: off"), "{features}");
}

#[tokio::test]
async fn a_tap_says_what_its_machine_needs_and_a_bridge_that_nothing_is_delivered_to_it() {
    let prefix = unique();
    let (tap, bridge) = (format!("t{prefix}"), format!("b{prefix}"));
    for (flags, problems) in
        [(&[][..], vec![]), (&["vnet_hdr"], vec![Problem::UnfinishedChecksums { interface: tap.clone() }])]
    {
        text("ip", &[&["tuntap", "add", &tap, "mode", "tap"], flags].concat());
        let tap_interface = interface(&tap).await;
        text("ip", &["tuntap", "delete", &tap, "mode", "tap"]);
        assert_eq!(prepared(&tap_interface).await.problems, problems);
    }

    let _bridge = Foreign::link(&bridge, &["type", "bridge"]);
    let report = prepared(&interface(&bridge).await).await;
    assert_eq!(report.problems, [Problem::Kind { interface: bridge, kind: "bridge".into() }]);
}

/// Set in the process that runs without CAP_SYS_ADMIN: the host's end.
const WITHOUT_SYS_ADMIN: &str = "VNET_TEST_WITHOUT_SYS_ADMIN";

#[tokio::test]
async fn a_namespace_that_may_not_be_entered_is_a_problem_with_the_command_to_run_on_the_host() {
    if let Ok(host) = std::env::var(WITHOUT_SYS_ADMIN) {
        let report = prepared(&interface(&host).await).await;
        println!("{}", report.notes().join("\n"));
        return;
    }
    let prefix = unique();
    let (host, guest, namespace) = (format!("h{prefix}"), format!("g{prefix}"), format!("ns-{prefix}"));
    let _namespace = Foreign::namespace(&namespace);
    let _pair = pair(&host, &guest, &namespace, &[]);
    let this = std::env::current_exe().unwrap();
    let test = "guest::a_namespace_that_may_not_be_entered_is_a_problem_with_the_command_to_run_on_the_host";
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-sys_admin", "--inh-caps=-sys_admin", "--"]).arg(this);
    let output =
        command.args(["--exact", test, "--nocapture"]).env(WITHOUT_SYS_ADMIN, &host).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{stdout}{}", String::from_utf8_lossy(&output.stderr));
    assert!(stdout.contains("CAP_SYS_ADMIN is needed"), "{stdout}");
    let command = format!("ip netns exec {namespace} ethtool -K IFACE gro on tx off");
    assert!(stdout.contains(&command), "{stdout}");
    assert!(!feature(&namespace, &guest, "generic-receive-offload"));
}
