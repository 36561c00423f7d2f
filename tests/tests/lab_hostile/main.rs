//! A hostile guest: it spoofs, floods and sends garbage by a packet socket of its own. Nothing reaches another guest but what
//! must, nothing reaches the host's own stack, the others' traffic goes on, and every frame is accounted for.

mod cases;
mod flood;
mod isolation;

use std::time::{Duration, Instant};

use vnet_tests::lab::Running;

/// Two virtual networks that are peered, `mine` and `peer`, and two others that are peered with each other alone.
const TOPOLOGY: &str = "virtualNetworks:
  - name: mine
    region: westeurope
    addressSpace: [10.1.0.0/16, \"fd00:1::/48\"]
    subnets: [{ name: default, addressPrefixes: [10.1.1.0/24, \"fd00:1:0:1::/64\"] }]
    peerings: [{ name: mine-to-peer, remoteVirtualNetwork: peer }]
  - name: peer
    region: westeurope
    addressSpace: [10.2.0.0/16, \"fd00:2::/48\"]
    subnets: [{ name: default, addressPrefixes: [10.2.1.0/24, \"fd00:2:0:1::/64\"] }]
    peerings: [{ name: peer-to-mine, remoteVirtualNetwork: mine }]
  - name: other
    region: westeurope
    addressSpace: [10.3.0.0/16, \"fd00:3::/48\"]
    subnets: [{ name: default, addressPrefixes: [10.3.1.0/24, \"fd00:3:0:1::/64\"] }]
    peerings: [{ name: other-to-far, remoteVirtualNetwork: far }]
  - name: far
    region: westeurope
    addressSpace: [10.4.0.0/16, \"fd00:4::/48\"]
    subnets: [{ name: default, addressPrefixes: [10.4.1.0/24, \"fd00:4:0:1::/64\"] }]
    peerings: [{ name: far-to-other, remoteVirtualNetwork: other }]
nics:
  - { name: evil-1, subnet: mine/default, addresses: [10.1.1.4, \"fd00:1:0:1::4\"] }
  - { name: near-1, subnet: mine/default, addresses: [10.1.1.5, \"fd00:1:0:1::5\"] }
  - { name: peer-1, subnet: peer/default, addresses: [10.2.1.4, \"fd00:2:0:1::4\"] }
  - { name: other-1, subnet: other/default, addresses: [10.3.1.4, \"fd00:3:0:1::4\"] }
  - { name: far-1, subnet: far/default, addresses: [10.4.1.4, \"fd00:4:0:1::4\"] }
";

const ALL: [&str; 5] = ["evil-1", "near-1", "peer-1", "other-1", "far-1"];

/// Waits until the hostile guest's frames are accounted for, `frames` more than `before`: delivered, answered or dropped.
fn assert_accounted(running: &Running<'_>, before: u64, frames: u64) {
    let started = Instant::now();
    loop {
        let accounted = running.nic("evil-1").accounted() - before;
        if accounted == frames {
            return;
        }
        let is_in_time = accounted < frames && started.elapsed() < Duration::from_secs(10);
        assert!(is_in_time, "{frames} frames were sent and {accounted} are accounted for");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Asserts that the drops by reason and the drops by NIC add up to the same.
fn assert_drops_add_up(running: &Running<'_>) {
    // The other guests' kernels speak meanwhile: until two looks agree.
    let started = Instant::now();
    loop {
        let by_reason: u64 = running.drops().values().sum();
        let by_nic: u64 = ALL.iter().map(|nic| running.nic(nic).dropped).sum();
        if by_reason == by_nic {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(10), "{by_reason} by reason, {by_nic} by NIC");
        std::thread::sleep(Duration::from_millis(20));
    }
}
