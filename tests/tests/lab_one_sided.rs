//! A peering that only one side has declared, or that one side takes back: nothing crosses.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::net::UdpSocket;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pretty_assertions::assert_eq;
use vnet_tests::lab::{Lab, Running, assert_crosses, assert_nothing_crosses, received_texts, udp_socket};

const SALES: &str = "peerings: [{ name: sales-to-archive, remoteVirtualNetwork: archive }]";
const ARCHIVE: &str = "peerings: [{ name: archive-to-sales, remoteVirtualNetwork: sales }]";

/// Two virtual networks with what each says of its peerings.
fn topology(sales: &str, archive: &str) -> String {
    format!(
        "virtualNetworks:
  - name: sales
    region: westeurope
    addressSpace: [10.1.0.0/16, \"fd00:1::/48\"]
    subnets: [{{ name: default, addressPrefixes: [10.1.1.0/24, \"fd00:1:0:1::/64\"] }}]
    {sales}
  - name: archive
    region: westeurope
    addressSpace: [10.2.0.0/16, \"fd00:2::/48\"]
    subnets: [{{ name: default, addressPrefixes: [10.2.1.0/24, \"fd00:2:0:1::/64\"] }}]
    {archive}
nics:
  - {{ name: sales-1, subnet: sales/default, addresses: [10.1.1.4, \"fd00:1:0:1::4\"] }}
  - {{ name: sales-2, subnet: sales/default, addresses: [10.1.1.5, \"fd00:1:0:1::5\"] }}
  - {{ name: archive-1, subnet: archive/default, addresses: [10.2.1.4, \"fd00:2:0:1::4\"] }}
"
    )
}

/// Asserts that nothing crosses in either direction, and that each side's own traffic goes on.
fn assert_apart(lab: &Lab, running: &Running<'_>) {
    let (sales, archive) = (lab.vm("sales-1"), lab.vm("archive-1"));
    for (from, to) in [(sales, archive), (archive, sales)] {
        assert_nothing_crosses(running, &from.only_v4(), to, "route-none");
        assert_nothing_crosses(running, &from.only_v6(), to, "route-internet");
    }
    assert_crosses(sales, lab.vm("sales-2"));
}

#[test]
fn nothing_crosses_until_the_other_side_is_there_and_then_everything_does() {
    let lab = Lab::up(&topology(SALES, ""));
    let mut running = lab.start();
    assert_eq!(running.peering_state("sales", "sales-to-archive"), "Initiated");
    assert_apart(&lab, &running);

    running.reload(&topology(SALES, ARCHIVE));
    for (vnet, peering) in [("sales", "sales-to-archive"), ("archive", "archive-to-sales")] {
        assert_eq!(running.peering_state(vnet, peering), "Connected");
    }
    assert_crosses(lab.vm("sales-1"), lab.vm("archive-1"));
    assert_crosses(lab.vm("archive-1"), lab.vm("sales-1"));
}

#[test]
fn nothing_crosses_after_either_side_is_taken_away() {
    let lab = Lab::up(&topology(SALES, ARCHIVE));
    let mut running = lab.start();
    assert_crosses(lab.vm("sales-1"), lab.vm("archive-1"));
    running.reload(&topology("", ARCHIVE));
    assert_eq!(running.peering_state("archive", "archive-to-sales"), "Disconnected");
    assert_apart(&lab, &running);
}

/// Sends numbers, one a millisecond, until `act` is done and some time has passed; the number that was due when it was.
fn send_numbers_while(sender: &UdpSocket, receiver: &UdpSocket, act: impl FnOnce()) -> u64 {
    let at = receiver.local_addr().expect("a bound socket has an address");
    let (next, is_over) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while is_over.load(Ordering::SeqCst) == 0 {
                let number = next.fetch_add(1, Ordering::SeqCst);
                sender.send_to(number.to_string().as_bytes(), at).expect("a datagram can be sent");
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        // Let go of the thread also where the test fails meanwhile.
        let _ends = EndOnDrop(&is_over);
        let started = Instant::now();
        while next.load(Ordering::SeqCst) < 100 {
            assert!(started.elapsed() < Duration::from_secs(10), "nothing is sent");
            std::thread::sleep(Duration::from_millis(1));
        }
        act();
        let due = next.load(Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(300));
        due
    })
}

struct EndOnDrop<'a>(&'a AtomicU64);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(1, Ordering::SeqCst);
    }
}

#[test]
fn the_packets_of_a_running_flow_stop_at_the_moment_when_one_side_is_taken_away() {
    let lab = Lab::up(&topology(SALES, ARCHIVE));
    let mut running = lab.start();
    let (sales, archive) = (lab.vm("sales-1"), lab.vm("archive-1"));
    for (from, to) in vnet_tests::lab::families(sales, archive) {
        let (sender, receiver) = (udp_socket(sales, from), udp_socket(archive, to));
        let due = send_numbers_while(&sender, &receiver, || running.reload(&topology(SALES, "")));
        let texts = received_texts(&receiver, usize::MAX, Duration::from_millis(300));
        let numbers: Vec<u64> = texts.iter().map(|(text, _)| text.parse().expect("a number")).collect();
        let last = *numbers.last().expect("the flow ran");
        assert_eq!(numbers, (0..=last).collect::<Vec<_>>(), "every packet up to the last one arrived");
        assert!(last < due, "{last} arrived, and the side was gone when {due} was sent");
        assert!(last >= 99, "the flow ran until the change: {last}");

        // The way back: the side that is left is deleted too, and both are created again.
        running.reload(&topology("", ""));
        running.reload(&topology(SALES, ARCHIVE));
        assert_crosses(sales, archive);
    }
}
