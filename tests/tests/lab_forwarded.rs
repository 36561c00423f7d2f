//! Forwarded traffic: packets from a network behind an appliance, which a namespace really routes, into peered virtual
//! networks. Only the receiving side's `allowForwardedTraffic` lets them in, and only a NIC with `enableIPForwarding` may
//! send them. There are no user-defined routes yet, so that nothing can go back: the way there is what is looked at.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use pretty_assertions::assert_eq;
use vnet_tests::lab::{
    Behind, Lab, Received, Running, Tap, Vm, assert_crosses, assert_nothing_crosses, families,
};
use vnet_tests::lab::{received_texts, udp_socket};

const DATAGRAMS: usize = 5;

/// What the file says, where it differs from the default.
#[derive(Clone, Copy, Default)]
struct Says {
    spoke1_allows: bool,
    spoke2_allows: bool,
    hub_allows: bool,
    plain_forwards: bool,
}

fn topology(says: Says) -> String {
    let Says { spoke1_allows, spoke2_allows, hub_allows, plain_forwards } = says;
    format!(
        "virtualNetworks:
  - name: hub
    region: westeurope
    addressSpace: [10.0.0.0/16, \"fd00:a::/48\"]
    subnets: [{{ name: default, addressPrefixes: [10.0.1.0/24, \"fd00:a:0:1::/64\"] }}]
    peerings:
      - {{ name: hub-to-spoke1, remoteVirtualNetwork: spoke1, allowForwardedTraffic: {hub_allows} }}
      - {{ name: hub-to-spoke2, remoteVirtualNetwork: spoke2, allowForwardedTraffic: {hub_allows} }}
  - name: spoke1
    region: westeurope
    addressSpace: [10.1.0.0/16, \"fd00:1::/48\"]
    subnets: [{{ name: default, addressPrefixes: [10.1.1.0/24, \"fd00:1:0:1::/64\"] }}]
    peerings:
      - {{ name: spoke1-to-hub, remoteVirtualNetwork: hub, allowForwardedTraffic: {spoke1_allows} }}
  - name: spoke2
    region: westeurope
    addressSpace: [10.2.0.0/16, \"fd00:2::/48\"]
    subnets: [{{ name: default, addressPrefixes: [10.2.1.0/24, \"fd00:2:0:1::/64\"] }}]
    peerings:
      - {{ name: spoke2-to-hub, remoteVirtualNetwork: hub, allowForwardedTraffic: {spoke2_allows} }}
nics:
  - {{ name: hub-nva, subnet: hub/default, addresses: [10.0.1.4, \"fd00:a:0:1::4\"], enableIPForwarding: true }}
  - {{ name: hub-1, subnet: hub/default, addresses: [10.0.1.5, \"fd00:a:0:1::5\"], enableIPForwarding: {plain_forwards} }}
  - {{ name: spoke1-1, subnet: spoke1/default, addresses: [10.1.1.4, \"fd00:1:0:1::4\"] }}
  - {{ name: spoke2-1, subnet: spoke2/default, addresses: [10.2.1.4, \"fd00:2:0:1::4\"] }}
"
    )
}

/// Asserts that datagrams from behind a NIC arrive, from their own sender, having passed one router and no other.
fn assert_forwarded(running: &Running<'_>, behind: &Vm, to: &Vm) {
    for (source, destination) in families(behind, to) {
        let what = format!("{} ({source}) to {} ({destination})", behind.nic, to.nic);
        let before = running.drops();
        let (sender, receiver) = (udp_socket(behind, source), udp_socket(to, destination));
        let tap = Tap::on(to);
        send(&sender, &receiver);
        let by = sender.local_addr().expect("a bound socket has an address");
        let expected = vec![("forwarded".to_owned(), by); DATAGRAMS];
        let texts = received_texts(&receiver, DATAGRAMS, Duration::from_secs(10));
        assert_eq!(texts, expected, "{what}");
        let frames = tap.received();
        let hop_limits: Vec<_> =
            frames.iter().filter(|frame| frame.comes_from(source)).map(Received::hop_limit).collect();
        assert_eq!(hop_limits, [Some(64 - 1); DATAGRAMS], "{what}");
        assert_eq!(running.drops_since(&before), [].into(), "{what}");
    }
}

/// Asserts that none of them arrives, and that each is dropped for this reason.
fn assert_not_forwarded(running: &Running<'_>, behind: &Vm, to: &Vm, reason: &str) {
    for (source, destination) in families(behind, to) {
        let what = format!("{} ({source}) to {} ({destination})", behind.nic, to.nic);
        let before = running.drops();
        let (sender, receiver) = (udp_socket(behind, source), udp_socket(to, destination));
        let tap = Tap::on(to);
        send(&sender, &receiver);
        assert_eq!(received_texts(&receiver, 1, Duration::from_millis(500)), [], "{what}");
        assert_eq!(running.drops_since(&before), [(reason.to_owned(), DATAGRAMS as u64)].into(), "{what}");
        let frames: Vec<_> = tap.received().into_iter().filter(|frame| frame.comes_from(source)).collect();
        assert_eq!(frames, [], "{what}");
    }
}

fn send(sender: &std::net::UdpSocket, receiver: &std::net::UdpSocket) {
    let at = receiver.local_addr().expect("a bound socket has an address");
    for _ in 0..DATAGRAMS {
        sender.send_to(b"forwarded", at).expect("a datagram can be sent");
    }
}

#[test]
fn forwarded_packets_enter_the_virtual_networks_alone_that_allow_them() {
    let off = Says::default();
    let lab = Lab::up(&topology(Says { spoke1_allows: true, ..off }));
    let mut running = lab.start();
    let (spoke1, spoke2) = (lab.vm("spoke1-1"), lab.vm("spoke2-1"));
    let behind = Behind::new(lab.vm("hub-nva"), 50);
    assert_forwarded(&running, &behind.vm, spoke1);
    assert_not_forwarded(&running, &behind.vm, spoke2, "forwarded-traffic-denied");

    running.reload(&topology(Says { spoke2_allows: true, ..off }));
    assert_not_forwarded(&running, &behind.vm, spoke1, "forwarded-traffic-denied");
    assert_forwarded(&running, &behind.vm, spoke2);

    running.reload(&topology(Says { hub_allows: true, ..off }));
    for spoke in [spoke1, spoke2] {
        // The sending side's flag is about what it receives.
        assert_not_forwarded(&running, &behind.vm, spoke, "forwarded-traffic-denied");
        // What the appliance sends of its own is not forwarded traffic.
        assert_crosses(lab.vm("hub-nva"), spoke);
    }
}

#[test]
fn within_its_own_virtual_network_an_appliance_forwards_without_any_flag() {
    let lab = Lab::up(&topology(Says::default()));
    let running = lab.start();
    let behind = Behind::new(lab.vm("hub-nva"), 50);
    assert_forwarded(&running, &behind.vm, lab.vm("hub-1"));
}

#[test]
fn a_nic_without_ip_forwarding_spoofs_where_an_appliance_forwards() {
    let all = Says { spoke1_allows: true, spoke2_allows: true, hub_allows: true, plain_forwards: false };
    let lab = Lab::up(&topology(all));
    let mut running = lab.start();
    let behind = Behind::new(lab.vm("hub-1"), 60);
    for to in ["spoke1-1", "spoke2-1", "hub-nva"] {
        assert_not_forwarded(&running, &behind.vm, lab.vm(to), "source-spoofed");
    }
    running.reload(&topology(Says { plain_forwards: true, ..all }));
    for to in ["spoke1-1", "spoke2-1", "hub-nva"] {
        assert_forwarded(&running, &behind.vm, lab.vm(to));
    }
}

#[test]
fn two_spokes_do_not_reach_each_other_by_a_hub_that_forwards() {
    let lab = Lab::up(&topology(Says {
        spoke1_allows: true,
        spoke2_allows: true,
        hub_allows: true,
        ..Says::default()
    }));
    let running = lab.start();
    for (from, to) in [("spoke1-1", "spoke2-1"), ("spoke2-1", "spoke1-1")] {
        let (from, to) = (lab.vm(from), lab.vm(to));
        assert_nothing_crosses(&running, &from.only_v4(), to, "route-none");
        assert_nothing_crosses(&running, &from.only_v6(), to, "route-internet");
    }
}
