//! Labs with the forwarder between: real pings and TCP, and the two offloads without which they fail.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use pretty_assertions::assert_eq;
use serde_json::Value;
use vnet_agent::compile::image::Interface;
use vnet_agent::compile::{Attachments, Compiled, compile};
use vnet_agent::dataplane::kernel::{AttachMode, Forwarder, Links, PinDirectory};
use vnet_agent::lab::{self, ProbeOptions, namespace_name};
use vnet_agent::link::{Problem, interfaces, prepare_guest};
use vnet_agent::routing::{Family, Reachability};

use crate::tools::{run, text, within};
use crate::topologies::{Lab, World, name, unique};

/// The forwarder on a lab's interfaces, taken off with this value.
struct Forwarding {
    forwarder: Forwarder,
    pins: PathBuf,
}

impl Forwarding {
    async fn start(lab: &Lab) -> Self {
        if !text("cat", &["/proc/mounts"]).contains(" /sys/fs/bpf bpf ") {
            text("mount", &["-t", "bpf", "bpf", "/sys/fs/bpf"]);
        }
        let mtu_bytes = interfaces().await.unwrap().into_iter().map(|link| (link.ifindex, link.mtu_bytes));
        let mtu_bytes: std::collections::BTreeMap<u32, u32> = mtu_bytes.collect();
        let attachments: Attachments = lab
            .rig
            .nics
            .iter()
            .map(|part| {
                let interface = Interface { ifindex: part.ifindex, mtu_bytes: mtu_bytes[&part.ifindex] };
                (part.nic.clone(), interface)
            })
            .collect();
        let compiled = compile(&lab.topology, &Arc::new(attachments), &Compiled::default());
        let pins = PathBuf::from(format!("/sys/fs/bpf/lab-rig-{}", unique()));
        let links = Links::new(PinDirectory::open(&pins).unwrap(), AttachMode::Native);
        let forwarder = Forwarder::start(compiled.image(), links).unwrap();
        let mut forwarding = Self { forwarder, pins };
        for part in &lab.rig.nics {
            forwarding.forwarder.attach(part.ifindex).unwrap();
        }
        forwarding
    }
}

impl Drop for Forwarding {
    fn drop(&mut self) {
        let detached = self.forwarder.links_mut().detach_all();
        if !std::thread::panicking() {
            detached.unwrap();
            assert!(!self.pins.exists());
        }
    }
}

/// A - B - C, dual stack, one NIC each.
fn nontransitive(prefix: &str) -> World {
    let letters = ["a", "b", "c"];
    let world = letters.iter().enumerate().fold(World::default(), |world, (index, vnet)| {
        let (four, six) = (format!("10.{index}"), format!("fd00:{index}"));
        let ranges = [format!("{four}.0.0/16"), format!("{six}::/48")];
        let prefixes = [format!("{four}.1.0/24"), format!("{six}:0:1::/64")];
        let addresses = [format!("{four}.1.4"), format!("{six}:0:1::4")];
        let [ranges, prefixes, addresses] =
            [&ranges, &prefixes, &addresses].map(|texts| texts.each_ref().map(String::as_str));
        world.vnet(vnet, &ranges, &prefixes).nic(&format!("{prefix}-{vnet}"), vnet, &addresses, |_| {})
    });
    world.peered("a", "b").peered("b", "c")
}

const PROBE: ProbeOptions = ProbeOptions { timeout: Duration::from_millis(400), attempts: 3, parallel: 16 };

#[tokio::test]
async fn probes_find_what_the_peerings_allow_and_nothing_before_the_forwarder_runs() {
    let world = nontransitive(&unique());
    let lab = Lab::up(&world, 1500).await.unwrap();
    let before = lab::probe(&world.0, &PROBE).await.unwrap();
    assert_eq!(before.len(), 12);
    assert!(!before.iter().any(|result| result.reached), "{before:?}");

    let _forwarding = Forwarding::start(&lab).await;
    let results = lab::probe(&world.0, &PROBE).await.unwrap();
    println!("{:#?}", _forwarding.forwarder.counters());
    let observed: Vec<_> =
        results.iter().map(|it| (it.from.as_str(), it.to.as_str(), it.family, it.reached)).collect();
    let mut model = Reachability::new(&world.0);
    let expected: Vec<_> = results
        .iter()
        .map(|it| {
            let is_expected = model.reachable_over(&it.from, &it.to, it.family).is_ok();
            (it.from.as_str(), it.to.as_str(), it.family, is_expected)
        })
        .collect();
    assert_eq!(observed, expected);
    assert_eq!(results.iter().filter(|result| result.reached).count(), 8);
}

#[tokio::test]
async fn fifty_nics_of_one_virtual_network_all_reach_each_other() {
    let world = World::many(&unique(), 50);
    let lab = Lab::up(&world, 1500).await.unwrap();
    let _forwarding = Forwarding::start(&lab).await;
    let results = lab::probe(&world.0, &PROBE).await.unwrap();
    assert_eq!(results.len(), 50 * 49 * 2);
    let missed: Vec<_> = results.iter().filter(|result| !result.reached).collect();
    assert_eq!(missed, Vec::<&lab::ProbeResult>::new());
}

/// An iperf3 server that serves one client, ended with this value.
struct Server(Child);

impl Server {
    fn start(namespace: &str) -> Self {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace, "iperf3", "--server", "--one-off", "--forceflush"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
        lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("listening"))).unwrap().unwrap();
        // The pipe stays open, read to its end, so that the server never writes into a closed one.
        std::thread::spawn(move || lines.for_each(drop));
        Self(child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How many bytes arrived of `megabytes` sent by TCP.
fn tcp_bytes(from: &str, to: &str, address: &str, megabytes: u32) -> Option<u64> {
    let _server = Server::start(to);
    let bytes = format!("{megabytes}M");
    let client = [
        "netns",
        "exec",
        from,
        "iperf3",
        "--client",
        address,
        "--bytes",
        &bytes,
        "--json",
        "--connect-timeout",
    ];
    let output = run("timeout", &[&["30", "ip"], client.as_slice(), &["2000"]].concat());
    let report: Value = serde_json::from_slice(&output.stdout).ok()?;
    report["end"]["sum_received"]["bytes"].as_u64()
}

#[tokio::test]
async fn tcp_crosses_a_peering_over_ipv4_and_ipv6_by_small_and_large_frames() {
    for mtu_bytes in [1500, 9000] {
        let prefix = unique();
        let lab = Lab::up(&nontransitive(&prefix), mtu_bytes).await.unwrap();
        let _forwarding = Forwarding::start(&lab).await;
        let [a, b] = ["a", "b"].map(|vnet| namespace_name(&name(&format!("{prefix}-{vnet}"))));
        let full_frame = (mtu_bytes - 28).to_string();
        within(&a, &["ping", "-c", "1", "-W", "2", "-M", "do", "-s", &full_frame, "10.1.1.4"]);
        for address in ["10.1.1.4", "fd00:1:0:1::4"] {
            let arrived = tcp_bytes(&a, &b, address, 64);
            assert!(
                arrived.is_some_and(|bytes| bytes >= 64 << 20),
                "{address}, MTU {mtu_bytes}: {arrived:?}"
            );
        }
    }
}

#[tokio::test]
async fn with_checksum_offload_on_ping_works_and_tcp_does_not_until_the_guest_is_prepared() {
    let prefix = unique();
    let lab = Lab::up(&nontransitive(&prefix), 1500).await.unwrap();
    let _forwarding = Forwarding::start(&lab).await;
    let [a, b] = ["a", "b"].map(|vnet| namespace_name(&name(&format!("{prefix}-{vnet}"))));
    within(&a, &["ethtool", "-K", "eth0", "tx", "on"]);
    within(&a, &["ping", "-c", "1", "-W", "2", "10.1.1.4"]);
    assert_eq!(tcp_bytes(&a, &b, "10.1.1.4", 1), None);

    let host = interfaces().await.unwrap().into_iter().find(|it| it.ifindex == lab.rig.nics[0].ifindex);
    let report = prepare_guest(&host.unwrap()).await;
    assert_eq!(report.problems, Vec::<Problem>::new());
    assert!(tcp_bytes(&a, &b, "10.1.1.4", 1).is_some_and(|bytes| bytes >= 1 << 20));
}

#[tokio::test]
async fn with_gro_off_nothing_arrives_until_the_guest_is_prepared() {
    let prefix = unique();
    let world = nontransitive(&prefix);
    let lab = Lab::up(&world, 1500).await.unwrap();
    let _forwarding = Forwarding::start(&lab).await;
    let b = namespace_name(&name(&format!("{prefix}-b")));
    let a_to_b = async || {
        let results = lab::probe(&world.0, &PROBE).await.unwrap();
        let is_it = |it: &lab::ProbeResult| {
            it.from.as_str().ends_with("-a") && it.to.as_str().ends_with("-b") && it.family == Family::Ipv4
        };
        results.into_iter().find(is_it).unwrap().reached
    };
    within(&b, &["ethtool", "-K", "eth0", "gro", "off"]);
    assert!(!a_to_b().await);
    let host = interfaces().await.unwrap().into_iter().find(|it| it.ifindex == lab.rig.nics[1].ifindex);
    let report = prepare_guest(&host.unwrap()).await;
    assert!(report.is_ready(), "{report:?}");
    assert!(a_to_b().await);
}
