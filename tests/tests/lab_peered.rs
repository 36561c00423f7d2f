//! Two peered virtual networks, dual stack: what real tools see of the way between them.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use pretty_assertions::assert_eq;
use vnet_tests::lab::{
    HttpServer, IN_BUFFERS_BYTES, IperfServer, Lab, Pings, Running, Transport, Vm, assert_crosses, families,
    random_body, sha256,
};

const BODY_BYTES: usize = 100_000_000;

/// Two virtual networks, the second in `region`.
fn topology(region: &str) -> String {
    format!(
        "virtualNetworks:
  - name: web
    region: westeurope
    addressSpace: [10.1.0.0/16, \"fd00:1::/48\"]
    subnets: [{{ name: default, addressPrefixes: [10.1.1.0/24, \"fd00:1:0:1::/64\"] }}]
    peerings: [{{ name: web-to-database, remoteVirtualNetwork: database }}]
  - name: database
    region: {region}
    addressSpace: [10.2.0.0/16, \"fd00:2::/48\"]
    subnets: [{{ name: default, addressPrefixes: [10.2.1.0/24, \"fd00:2:0:1::/64\"] }}]
    peerings: [{{ name: database-to-web, remoteVirtualNetwork: web }}]
nics:
  - {{ name: web-1, subnet: web/default, addresses: [10.1.1.4, \"fd00:1:0:1::4\"] }}
  - {{ name: database-1, subnet: database/default, addresses: [10.2.1.4, \"fd00:2:0:1::4\"] }}
"
    )
}

/// A lab of that topology with an agent in it, and nothing dropped at its end but what guests say of their own accord.
fn with_lab(region: &str, mtu_bytes: u32, test: impl FnOnce(&Running<'_>, &Vm, &Vm)) {
    let lab = Lab::with_mtu(&topology(region), mtu_bytes);
    let running = lab.start();
    test(&running, lab.vm("web-1"), lab.vm("database-1"));
    assert_eq!(running.drops_since(&[].into()), [].into());
}

/// Both directions, by both families: sender, receiver, the receiver's address.
fn ways<'a>(web: &'a Vm, database: &'a Vm) -> Vec<(&'a Vm, &'a Vm, IpAddr)> {
    let there = families(web, database).into_iter().map(|(_, to)| (web, database, to));
    let back = families(database, web).into_iter().map(|(_, to)| (database, web, to));
    let ways: Vec<_> = there.chain(back).collect();
    assert_eq!(ways.len(), 4);
    ways
}

/// The data bytes of a ping that fills a packet of `mtu_bytes`.
fn filling(address: IpAddr, mtu_bytes: u32) -> u32 {
    mtu_bytes - if address.is_ipv4() { 20 + 8 } else { 40 + 8 }
}

fn assert_pings(web: &Vm, database: &Vm, mtu_bytes: u32) {
    let answered = Pings { received: 5, hop_limits: vec![64] };
    for (from, _, to) in ways(web, database) {
        for data_bytes in [56, 1_232, filling(to, mtu_bytes)] {
            let pings = from.ping(to, 5, &["-M", "do", "-s", &data_bytes.to_string()]);
            assert_eq!(pings, answered, "{} to {to}, {data_bytes} bytes in one packet", from.nic);
        }
        let pings = from.ping(to, 5, &["-s", "20000"]);
        assert_eq!(pings, answered, "{} to {to}, 20000 bytes in fragments", from.nic);
    }
}

fn assert_bulk(web: &Vm, database: &Vm) {
    for (client, server, address) in ways(web, database) {
        let iperf = IperfServer::start(server, address);
        for transfer in iperf.both_ways(client, Transport::Tcp, 10) {
            let missing_bytes = (10_u64 << 20).saturating_sub(transfer.received_bytes);
            assert!(missing_bytes <= IN_BUFFERS_BYTES, "{} and {address}: {transfer:?}", client.nic);
        }
        // What a busy machine had no room for, its kernel counts: all else must have arrived, and that is most.
        let overflows = || no_room(client) + no_room(server);
        let before = overflows();
        let transfers = iperf.both_ways(client, Transport::Udp, 1);
        let lost: u64 = transfers.iter().map(|transfer| transfer.lost).sum();
        assert!(lost <= overflows() - before, "{} and {address}: lost on the way: {transfers:?}", client.nic);
        let most_arrived = transfers.iter().all(|transfer| transfer.received_bytes > transfer.sent_bytes / 2);
        assert!(most_arrived, "{} and {address}: {transfers:?}", client.nic);
    }
}

/// Frames that the rings of the machine's interface had no room for, and datagrams that a socket had none for.
fn no_room(vm: &Vm) -> u64 {
    let names = ["UdpRcvbufErrors", "Udp6RcvbufErrors"];
    let counters = vm.text(&[&["nstat", "--zeros", "--ignore", "--noupdate"], &names[..]].concat());
    let in_sockets = names.map(|name| {
        let line = counters.lines().find(|line| line.starts_with(name)).expect(&counters);
        line.split_whitespace().nth(1).and_then(|value| value.parse::<u64>().ok()).expect(&counters)
    });
    in_sockets.iter().sum::<u64>() + vm.link_counter("rx", "dropped") + vm.link_counter("tx", "dropped")
}

fn assert_downloads(web: &Vm, database: &Vm) {
    static BODY: OnceLock<(Arc<Vec<u8>>, String)> = OnceLock::new();
    let (body, expected) = BODY.get_or_init(|| {
        let body = random_body(BODY_BYTES);
        let sum = sha256(&body);
        (Arc::new(body), sum)
    });
    for (_, address) in families(web, database) {
        let server = HttpServer::start(database, address, Arc::clone(body));
        assert_eq!(&server.downloaded_sha256(web), expected, "from {address}");
    }
}

#[test]
fn pings_of_every_size_cross_in_both_directions_with_the_hop_limit_that_they_were_sent_with() {
    with_lab("westeurope", 1500, |_, web, database| assert_pings(web, database, 1500));
}

#[test]
fn jumbo_frames_fill_an_mtu_of_9000_bytes() {
    with_lab("westeurope", 9000, |_, web, database| assert_pings(web, database, 9000));
}

#[test]
fn iperf3_measures_tcp_and_udp_in_both_directions() {
    with_lab("westeurope", 1500, |_, web, database| assert_bulk(web, database));
}

#[test]
fn iperf3_measures_tcp_and_udp_in_both_directions_with_jumbo_frames() {
    with_lab("westeurope", 9000, |_, web, database| assert_bulk(web, database));
}

#[test]
fn a_file_of_100_megabytes_arrives_whole() {
    with_lab("westeurope", 1500, |_, web, database| assert_downloads(web, database));
}

#[test]
fn a_file_of_100_megabytes_arrives_whole_in_jumbo_frames() {
    with_lab("westeurope", 9000, |_, web, database| assert_downloads(web, database));
}

#[test]
fn traceroute_sees_no_hop_and_a_packet_with_one_hop_left_arrives() {
    with_lab("westeurope", 1500, |_, web, database| {
        for (from, _, to) in ways(web, database) {
            assert_eq!(from.traceroute(to), [to.to_string()], "from {}", from.nic);
            assert_eq!(from.ping(to, 3, &["-t", "1"]).received, 3, "{} to {to}", from.nic);
        }
    });
}

#[test]
fn a_global_peering_carries_the_same_and_says_so_in_its_routes() {
    with_lab("japaneast", 1500, |running, web, database| {
        for (from, to, prefixes) in
            [(web, database, ["10.2.0.0/16", "fd00:2::/48"]), (database, web, ["10.1.0.0/16", "fd00:1::/48"])]
        {
            assert_crosses(from, to);
            let table =
                running.ask(&["nic", "show-effective-route-table", "-n", &from.nic, "-o", "json"]).json();
            let rows = table["value"].as_array().expect("a list").iter();
            let global = rows.filter(|row| row["nextHopType"] == "VNetGlobalPeering");
            let global: Vec<_> =
                global.map(|row| row["addressPrefix"][0].as_str().expect("a prefix")).collect();
            assert_eq!(global, prefixes, "of {}", from.nic);
        }
        assert_pings(web, database, 1500);
        assert_downloads(web, database);
    });
}
