//! What a lab builds.

use pretty_assertions::assert_eq;
use serde_json::Value;
use vnet_agent::lab::{self, interface_name, namespace_name};
use vnet_agent::model::{InterfaceName, MacAddress};

use crate::tools::{feature, interface_exists, ip, namespace_exists, text, within};
use crate::topologies::{Lab, World, name, unique};

fn cpus() -> u64 {
    text("nproc", &["--all"]).trim().parse().unwrap()
}

/// The receive and transmit queues in use, from what `ethtool -l` prints. (What `ip -d` prints is how many there may be.)
fn queues(text: &str) -> [u64; 2] {
    let (_, current) = text.split_once("Current hardware settings:").unwrap();
    ["RX:", "TX:"].map(|kind| {
        let line = current.lines().find_map(|line| line.strip_prefix(kind));
        line.unwrap_or_else(|| panic!("no {kind} in {text}")).trim().parse().unwrap()
    })
}

#[tokio::test]
async fn a_guest_s_end_has_the_nic_s_mac_addresses_routes_offloads_queues_and_mtu() {
    let nic = unique();
    let lab = Lab::up(&World::one_nic(&nic), 9000).await.unwrap();
    let namespace = namespace_name(&name(&nic));
    assert_eq!(lab.rig.nics[0].namespace, namespace);

    let link = &ip(&["-n", &namespace, "link", "show", "dev", "eth0"])[0];
    assert_eq!(link["address"], MacAddress::derived(&name(&nic)).to_string());
    assert_eq!(link["mtu"], 9000);
    assert_eq!(link["operstate"], "UP");
    assert_eq!(queues(&within(&namespace, &["ethtool", "-l", "eth0"])), [cpus(), cpus()]);

    let addresses = ip(&["-n", &namespace, "addr", "show", "dev", "eth0"]);
    let addresses: Vec<String> = addresses[0]["addr_info"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|info| info["scope"] == "global")
        .map(|info| format!("{}/{}", info["local"].as_str().unwrap(), info["prefixlen"]))
        .collect();
    assert_eq!(addresses, ["10.1.2.4/24", "fd00:1:0:2::4/64"]);

    let route4 = &ip(&["-n", &namespace, "-4", "route", "show", "default"])[0];
    assert_eq!((&route4["gateway"], &route4["dev"]), (&"10.1.2.1".into(), &"eth0".into()));
    let route6 = &ip(&["-n", &namespace, "-6", "route", "show", "default"])[0];
    assert_eq!((&route6["gateway"], &route6["dev"]), (&"fe80::1234:5678:9abc".into(), &"eth0".into()));

    assert!(feature(&namespace, "eth0", "generic-receive-offload"));
    assert!(!feature(&namespace, "eth0", "tx-checksumming"));
    assert!(!feature(&namespace, "eth0", "tx-checksum-sctp"));
    let loopback = &ip(&["-n", &namespace, "link", "show", "dev", "lo"])[0];
    assert!(loopback["flags"].as_array().unwrap().contains(&"UP".into()), "{loopback}");
}

#[tokio::test]
async fn no_address_is_tentative_once_a_lab_stands() {
    let nic = unique();
    let _lab = Lab::up(&World::one_nic(&nic), 1500).await.unwrap();
    let tentative = ip(&["-n", &namespace_name(&name(&nic)), "-6", "addr", "show", "tentative"]);
    let addresses: Vec<&Value> =
        tentative.as_array().unwrap().iter().filter_map(|link| link["addr_info"].get(0)).collect();
    assert_eq!(addresses, Vec::<&Value>::new());
}

#[tokio::test]
async fn the_host_s_end_is_up_has_no_address_and_as_many_queues_as_cpus() {
    let nic = unique();
    let lab = Lab::up(&World::one_nic(&nic), 1500).await.unwrap();
    let interface = interface_name(&name(&nic));
    let part = &lab.rig.nics[0];
    assert_eq!(part.interface, interface);

    let link = &ip(&["addr", "show", "dev", &interface])[0];
    assert_eq!(link["ifindex"], part.ifindex);
    assert_eq!(link["mtu"], 1500);
    assert_eq!(link["operstate"], "UP");
    assert_eq!(link["addr_info"], Value::Array(Vec::new()));
    assert_eq!(queues(&text("ethtool", &["-l", &interface])), [cpus(), cpus()]);
    let disabled = std::fs::read_to_string(format!("/proc/sys/net/ipv6/conf/{interface}/disable_ipv6"));
    assert_eq!(disabled.unwrap().trim(), "1");
}

#[tokio::test]
async fn a_forwarding_nic_routes_foreign_packets_and_another_does_not() {
    let prefix = unique();
    let (router, plain) = (format!("{prefix}-r"), format!("{prefix}-p"));
    let world = World::default()
        .vnet("v", &["10.1.0.0/16"], &["10.1.2.0/24"])
        .nic(&router, "v", &["10.1.2.4"], |nic| nic.enable_ip_forwarding = true)
        .nic(&plain, "v", &["10.1.2.5"], |_| {});
    let _lab = Lab::up(&world, 1500).await.unwrap();
    let parameters = |nic: &str| {
        let of = |path: &str| {
            let file = format!("/proc/sys/net/{path}");
            within(&namespace_name(&name(nic)), &["cat", &file]).trim().to_owned()
        };
        [
            of("ipv4/ip_forward"),
            of("ipv6/conf/all/forwarding"),
            of("ipv4/conf/eth0/rp_filter"),
            of("ipv4/conf/all/rp_filter"),
            of("ipv4/conf/eth0/send_redirects"),
        ]
    };
    assert_eq!(parameters(&router), ["1", "1", "0", "0", "0"]);
    assert_eq!(parameters(&plain)[..2], ["0", "0"]);
}

#[tokio::test]
async fn a_nic_with_an_interface_of_its_own_gets_nothing() {
    let prefix = unique();
    let (own, made) = (format!("{prefix}-o"), format!("{prefix}-m"));
    let world = World::default()
        .vnet("v", &["10.1.0.0/16"], &["10.1.2.0/24"])
        .nic(&own, "v", &["10.1.2.4"], |nic| {
            nic.interface = Some(InterfaceName::new("tap-of-its-own").unwrap());
        })
        .nic(&made, "v", &["10.1.2.5"], |_| {});
    let lab = Lab::up(&world, 1500).await.unwrap();
    let names: Vec<&str> = lab.rig.nics.iter().map(|part| part.nic.as_str()).collect();
    assert_eq!(names, [made.as_str()]);
    assert!(!namespace_exists(&namespace_name(&name(&own))));
    assert!(!interface_exists(&interface_name(&name(&own))));
}

#[tokio::test]
async fn a_name_of_80_characters_works() {
    let nic = format!("{}{}", unique(), "n".repeat(80))[..80].to_owned();
    let lab = Lab::up(&World::one_nic(&nic), 1500).await.unwrap();
    let interface = &lab.rig.nics[0].interface;
    assert!(interface.len() <= 15, "{interface}");
    assert!(interface_exists(interface));
    assert!(namespace_exists(&format!("vnet-{nic}")));
    drop(lab);
    assert!(!namespace_exists(&format!("vnet-{nic}")));
}

#[tokio::test]
async fn fifty_nics_come_up_and_go_without_a_trace() {
    let prefix = unique();
    let world = World::many(&prefix, 50);
    let lab = Lab::up(&world, 1500).await.unwrap();
    let parts = lab.rig.nics.clone();
    assert_eq!(parts.len(), 50);
    assert!(parts.iter().all(|part| interface_exists(&part.interface) && namespace_exists(&part.namespace)));
    let removed = lab::down(&world.0).await.unwrap();
    let interfaces: Vec<String> = parts.iter().map(|part| part.interface.clone()).collect();
    let namespaces: Vec<String> = parts.iter().map(|part| part.namespace.clone()).collect();
    assert_eq!((removed.interfaces, removed.namespaces, removed.left), (interfaces, namespaces, Vec::new()));
    assert!(!parts.iter().any(|part| interface_exists(&part.interface) || namespace_exists(&part.namespace)));
}
