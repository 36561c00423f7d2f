//! Real frames over a real veth, between the program and a guest's end that has receive offload and no program.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use pretty_assertions::assert_eq;
use vnet_agent::dataplane::kernel::Links;
use vnet_tests::cast::{A1, GATEWAY4, world};
use vnet_tests::changes::Counts;
use vnet_tests::netns;
use vnet_tests::pins::Pins;
use vnet_tests::rig::Rig;
use vnet_tests::world::nic_name;

/// The program attached to A1's interface, and the name of the guest's end.
fn attached(pins: &Pins) -> (Rig, Links, String) {
    let mut rig = Rig::new(&world());
    let ifindex = rig.ifindex(&nic_name(A1.name));
    let mut links = pins.links();
    links.attach(rig.publisher().tables_mut(), ifindex).unwrap();
    let guest = netns::dress_guest(A1.name, A1.mac, "10.1.0.4/24");
    (rig, links, guest)
}

#[test]
fn the_first_answer_wakes_a_guest_that_nothing_else_was_ever_sent_to() {
    let pins = Pins::new();
    netns::private(|| {
        let (rig, _links, guest) = attached(&pins);
        let report =
            netns::run("ping", &["-c", "3", "-i", "0.01", "-W", "2", "-I", &guest, &GATEWAY4.to_string()]);
        assert!(report.contains("3 packets transmitted, 3 received"), "{report}");
        // One ARP request and three pings.
        assert_eq!(rig.counts(), Counts::from([(String::from("nic a1 answered"), 4)]));
    });
}
