//! A command has been carried out when it ends: the first packet after it tells the truth, and nobody else's packets are lost.

use vnet_tests::agent::{Agent, Site};
use vnet_tests::guests::Guest;

use crate::site::done;

const A: &str = "10.1.1.4";
const B: &str = "10.2.1.4";
const C: &str = "10.1.1.5";

/// Two guests in one network, and one in another.
struct Guests {
    a: Guest,
    b: Guest,
    c: Guest,
}

impl Guests {
    fn new() -> Self {
        let guest = |address, number| Guest::new(address, &format!("02:00:00:00:00:0{number}"));
        Self { a: guest(A, 1), b: guest(B, 2), c: guest(C, 3) }
    }

    /// Makes their networks and NICs, by commands.
    fn declare(&self, agent: &Agent<'_>) {
        for (name, number) in [("left", 1), ("right", 2)] {
            done(
                agent,
                &format!(
                    "vnet create -n {name} -l west --address-prefixes 10.{number}.0.0/16 --subnet-name s --subnet-prefixes 10.{number}.1.0/24"
                ),
            );
        }
        for (name, vnet, address, number, guest) in
            [("a", "left", A, 1, &self.a), ("b", "right", B, 2, &self.b), ("c", "left", C, 3, &self.c)]
        {
            let interface = &guest.interface;
            done(
                agent,
                &format!(
                    "nic create -n {name} --vnet-name {vnet} --subnet s --private-ip-address {address} --mac 02:00:00:00:00:0{number} --interface {interface}"
                ),
            );
        }
    }
}

#[test]
fn the_first_ping_after_a_command_tells_the_truth_and_no_other_packet_is_lost() {
    vnet_tests::requirements::require_root_and_bpf();
    let guests = Guests::new();
    let site = Site::stored();
    let agent = site.start();
    guests.declare(&agent);
    assert_eq!(guests.a.ping(C, 1), 1, "two NICs of one network, right after the second was created");
    let within = guests.c.start_pings(A);

    assert_eq!(guests.a.ping(B, 1), 0, "no peering");
    done(&agent, "vnet peering create -n left-to-right --vnet-name left --remote-vnet right");
    assert_eq!(guests.a.ping(B, 1), 0, "one side alone");
    done(&agent, "vnet peering create -n right-to-left --vnet-name right --remote-vnet left");
    assert_eq!((guests.a.ping(B, 1), guests.b.ping(A, 1)), (1, 1), "both sides");
    done(&agent, "vnet peering update -n left-to-right --vnet-name left --allow-vnet-access false");
    assert_eq!((guests.a.ping(B, 1), guests.b.ping(A, 1)), (0, 0), "one side allows no access");
    done(&agent, "vnet peering update -n left-to-right --vnet-name left --allow-vnet-access");
    assert_eq!((guests.a.ping(B, 1), guests.b.ping(A, 1)), (1, 1), "both allow it again");
    done(&agent, "vnet peering delete -n right-to-left --vnet-name right");
    assert_eq!((guests.a.ping(B, 1), guests.b.ping(A, 1)), (0, 0), "one side deleted");
    done(&agent, "vnet peering delete -n left-to-right --vnet-name left");
    done(&agent, "vnet peering create -n left-to-right --vnet-name left --remote-vnet right --both");
    assert_eq!((guests.a.ping(B, 1), guests.b.ping(A, 1)), (1, 1), "both created in one step");
    done(&agent, "vnet peering delete -n left-to-right --vnet-name left --both");
    assert_eq!((guests.a.ping(B, 1), guests.b.ping(A, 1)), (0, 0), "both deleted in one step");
    done(&agent, "nic delete -n b");
    done(&agent, "vnet delete -n right");

    let (sent, answered) = within.end();
    assert!(sent > 20, "only {sent} packets were sent meanwhile");
    assert_eq!(answered, sent, "packets within the network that nothing was done to");
}

#[test]
fn a_new_range_is_reached_from_its_sync_on_and_a_removed_one_no_more_and_the_old_ones_all_the_while() {
    vnet_tests::requirements::require_root_and_bpf();
    let guests = Guests::new();
    let site = Site::stored();
    let agent = site.start();
    guests.declare(&agent);
    done(&agent, "vnet peering create -n left-to-right --vnet-name left --remote-vnet right --both");
    assert_eq!(guests.a.ping(B, 1), 1, "the old range");
    let old = guests.a.start_pings(B);

    let new = "10.3.1.4";
    let guest = Guest::new(new, "02:00:00:00:00:04");
    done(&agent, "vnet update -n right --add-address-prefix 10.3.0.0/16");
    done(&agent, "vnet subnet create -n t --vnet-name right --address-prefixes 10.3.1.0/24");
    let interface = &guest.interface;
    let nic = format!(
        "nic create -n d --vnet-name right --subnet t --private-ip-address {new} --mac 02:00:00:00:00:04 --interface {interface}"
    );
    done(&agent, &nic);
    assert_eq!(guests.b.ping(new, 1), 1, "within its network");
    assert_eq!((guests.a.ping(new, 1), guest.ping(A, 1)), (0, 0), "not yet synced");
    done(&agent, "vnet peering sync -n left-to-right --vnet-name left");
    assert_eq!((guests.a.ping(new, 1), guest.ping(A, 1)), (1, 1), "synced");
    done(&agent, "nic delete -n d");
    done(&agent, "vnet subnet delete -n t --vnet-name right");
    done(&agent, "vnet update -n right --remove-address-prefix 10.3.0.0/16");
    assert_eq!((guests.a.ping(new, 1), guest.ping(A, 1)), (0, 0), "removed");
    done(&agent, "vnet peering sync -n left-to-right --vnet-name left");

    let (sent, answered) = old.end();
    assert!(sent > 20, "only {sent} packets were sent meanwhile");
    assert_eq!(answered, sent, "packets between the old ranges");
}

#[test]
fn a_whole_file_is_in_force_when_apply_ends() {
    vnet_tests::requirements::require_root_and_bpf();
    let guests = Guests::new();
    let file = |left: &str, right: &str| {
        format!(
            "virtualNetworks:
  - {{ name: left, region: west, addressSpace: [10.1.0.0/16], subnets: [{{ name: s, addressPrefixes: [10.1.1.0/24] }}], peerings: [{left}] }}
  - {{ name: right, region: west, addressSpace: [10.2.0.0/16], subnets: [{{ name: s, addressPrefixes: [10.2.1.0/24] }}], peerings: [{right}] }}
nics:
  - {{ name: a, subnet: left/s, addresses: [{A}], mac: \"02:00:00:00:00:01\", interface: {} }}
  - {{ name: b, subnet: right/s, addresses: [{B}], mac: \"02:00:00:00:00:02\", interface: {} }}
",
            guests.a.interface, guests.b.interface
        )
    };
    let there = "{ name: there, remoteVirtualNetwork: right }";
    let back = "{ name: back, remoteVirtualNetwork: left }";
    let site = Site::stored();
    let agent = site.start();
    let apply = format!("apply {}", site.file().display());
    for _ in 0..3 {
        site.write(&file("", ""));
        done(&agent, &apply);
        assert_eq!(guests.a.ping(B, 1), 0, "not peered");
        site.write(&file(there, back));
        done(&agent, &apply);
        assert_eq!((guests.a.ping(B, 1), guests.b.ping(A, 1)), (1, 1), "peered");
    }
}
