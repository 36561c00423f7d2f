//! Labs with the forwarder between: real pings and TCP, and the two offloads without which they fail.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pretty_assertions::assert_eq;
use vnet_agent::compile::image::Interface;
use vnet_agent::compile::{Attachments, Compiled, compile};
use vnet_agent::dataplane::kernel::Forwarder;
use vnet_agent::lab::{self, ProbeOptions, namespace_name};
use vnet_agent::link::{Namespace, Problem, interfaces};
use vnet_agent::routing::{Family, Reachability};

use vnet_tests::pins::Pins;

use crate::tools::{prepared, within};
use crate::topologies::{Lab, World, name, unique};

/// The forwarder on a lab's interfaces, taken off with this value.
struct Forwarding {
    forwarder: Forwarder,
    _pins: Pins,
}

impl Forwarding {
    async fn start(lab: &Lab) -> Self {
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
        let pins = Pins::new();
        let forwarder = Forwarder::start(compiled.image(), pins.links()).unwrap();
        let mut forwarding = Self { forwarder, _pins: pins };
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

#[tokio::test]
async fn probes_find_what_the_peerings_allow_and_nothing_before_the_forwarder_runs() {
    let world = nontransitive(&unique());
    let lab = Lab::up(&world, 1500).await.unwrap();
    let before = lab::probe(&world.0, &ProbeOptions::default()).await.unwrap();
    assert_eq!(before.len(), 12);
    assert!(!before.iter().any(|result| result.reached), "{before:?}");

    let _forwarding = Forwarding::start(&lab).await;
    let results = lab::probe(&world.0, &ProbeOptions::default()).await.unwrap();
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
    let results = lab::probe(&world.0, &ProbeOptions::default()).await.unwrap();
    assert_eq!(results.len(), 50 * 49 * 2);
    let missed: Vec<_> = results.iter().filter(|result| !result.reached).collect();
    assert_eq!(missed, Vec::<&lab::ProbeResult>::new());
}

/// Sends `bytes` bytes by TCP from one namespace to an address of another: whether just those arrived.
fn tcp(from: &str, to: &str, address: &str, bytes: usize) -> io::Result<bool> {
    const PATIENCE: Option<Duration> = Some(Duration::from_secs(20));
    let namespace = |name: &str| Namespace::open(&Path::new("/run/netns").join(name));
    let address: IpAddr = address.parse().unwrap();
    let listener = namespace(to)?.enter(|| TcpListener::bind((address, 0)))??;
    let target = listener.local_addr()?;
    let connect = || TcpStream::connect_timeout(&target, Duration::from_secs(2));
    let mut stream = namespace(from)?.enter(connect)??;
    stream.set_write_timeout(PATIENCE)?;
    // A pattern that repeats at no power of two: a lost or doubled segment shows.
    let sent: Vec<u8> = (0..bytes).map(|index| (index % 251) as u8).collect();
    std::thread::scope(|scope| {
        let receiver = scope.spawn(|| {
            let (mut stream, _) = listener.accept()?;
            stream.set_read_timeout(PATIENCE)?;
            let mut received = Vec::new();
            stream.read_to_end(&mut received)?;
            Ok(received)
        });
        stream.write_all(&sent)?;
        stream.shutdown(Shutdown::Write)?;
        let received: io::Result<Vec<u8>> = receiver.join().unwrap();
        Ok(received? == sent)
    })
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
            let arrived = tcp(&a, &b, address, 32 << 20);
            assert!(
                arrived.as_ref().is_ok_and(|is_whole| *is_whole),
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
    let refused = tcp(&a, &b, "10.1.1.4", 1000).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::TimedOut);

    let host = interfaces().await.unwrap().into_iter().find(|it| it.ifindex == lab.rig.nics[0].ifindex);
    let report = prepared(&host.unwrap()).await;
    assert_eq!(report.problems, Vec::<Problem>::new());
    assert!(tcp(&a, &b, "10.1.1.4", 1000).unwrap());
}

#[tokio::test]
async fn with_gro_off_nothing_arrives_until_the_guest_is_prepared() {
    let prefix = unique();
    let world = nontransitive(&prefix);
    let lab = Lab::up(&world, 1500).await.unwrap();
    let _forwarding = Forwarding::start(&lab).await;
    let b = namespace_name(&name(&format!("{prefix}-b")));
    let a_to_b = async || {
        let results = lab::probe(&world.0, &ProbeOptions::default()).await.unwrap();
        let is_it = |it: &lab::ProbeResult| {
            it.from.as_str().ends_with("-a") && it.to.as_str().ends_with("-b") && it.family == Family::Ipv4
        };
        results.into_iter().find(is_it).unwrap().reached
    };
    within(&b, &["ethtool", "-K", "eth0", "gro", "off"]);
    assert!(!a_to_b().await);
    let host = interfaces().await.unwrap().into_iter().find(|it| it.ifindex == lab.rig.nics[1].ifindex);
    let report = prepared(&host.unwrap()).await;
    assert!(report.is_ready(), "{report:?}");
    assert!(a_to_b().await);
}

#[tokio::test]
async fn a_guest_that_asks_for_its_neighbours_by_arp_and_nd_reaches_them_too() {
    let prefix = unique();
    let world = World::many(&prefix, 3);
    let lab = Lab::up(&world, 1500).await.unwrap();
    let _forwarding = Forwarding::start(&lab).await;
    let [a, b] = [0, 1].map(|index| namespace_name(&name(&format!("{prefix}-{index}"))));
    for namespace in [&a, &b] {
        within(namespace, &["ip", "route", "add", "10.1.2.0/24", "dev", "eth0"]);
        within(namespace, &["ip", "route", "add", "fd00:1:0:2::/64", "dev", "eth0"]);
    }
    assert!(tcp(&a, &b, "10.1.2.5", 100_000).unwrap());
    assert!(tcp(&a, &b, "fd00:1:0:2::5", 100_000).unwrap());
    let neighbors = within(&a, &["ip", "neigh"]);
    for address in ["10.1.2.5", "fd00:1:0:2::5"] {
        let line = neighbors.lines().find(|line| line.starts_with(&format!("{address} ")));
        assert!(line.is_some_and(|line| line.contains("12:34:56:78:9a:bc")), "{neighbors}");
    }
}
