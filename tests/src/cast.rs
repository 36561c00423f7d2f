//! The machines that appear in every kernel suite, and the world that they stand in.
//!
//! `a` is where packets start. `b` is peered with it, `c` too, in another region and with forwarded traffic allowed. `d` and
//! `e` are peered without access, once by `a`'s side and once by the other's. `f` is one-sided. `g` is a peer of `b` alone.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::case::Expect;
use crate::frames::Host;
use crate::world::{World, flags, forwarded, no_access};

const fn host(name: &'static str, vnet: u8, last: u8) -> Host {
    Host {
        name,
        mac: [2, 0, 0, 0, vnet, last],
        v4: Ipv4Addr::new(10, vnet, 0, last),
        v6: Ipv6Addr::new(0x2001, 0xdb8, vnet as u16, 0, 0, 0, 0, last as u16),
    }
}

/// The usual sender.
pub const A1: Host = host("a1", 1, 4);
/// Its neighbour.
pub const A2: Host = host("a2", 1, 5);
/// A NIC with IP forwarding.
pub const APPLIANCE: Host = host("appliance", 1, 6);
/// A NIC without an interface.
pub const DETACHED: Host = host("detached", 1, 7);
/// A NIC with an MTU of 9000.
pub const JUMBO1: Host = host("jumbo1", 1, 8);
/// Another one.
pub const JUMBO2: Host = host("jumbo2", 1, 9);
/// A NIC with an MTU of 1400.
pub const SMALL: Host = host("small", 1, 10);
/// A NIC without an IPv6 address.
pub const ONLY4: Host = host("only4", 1, 11);
/// A NIC without an IPv4 address.
pub const ONLY6: Host = host("only6", 1, 12);
/// In the peered VNet.
pub const B1: Host = host("b1", 2, 4);
/// In the VNet peered across regions, which allows forwarded traffic.
pub const C1: Host = host("c1", 3, 4);
/// Behind a peering of which `a`'s side has no access.
pub const D1: Host = host("d1", 4, 4);
/// Behind a peering of which the other side has no access.
pub const E1: Host = host("e1", 5, 4);
/// Behind a peering that has one side.
pub const F1: Host = host("f1", 6, 4);
/// A peer's peer.
pub const G1: Host = host("g1", 7, 4);

/// The subnet's first addresses, as `a`'s NICs see them.
pub const GATEWAY4: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 1);
/// The same for IPv6.
pub const GATEWAY6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 1);

/// All of it.
#[must_use]
pub fn world() -> World {
    let vnets = [("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5), ("f", 6), ("g", 7)];
    let mut world = World::default();
    for (name, number) in vnets {
        let region = if name == "c" { "eastus" } else { "westus" };
        world =
            world.vnet(name, region, &[&format!("10.{number}.0.0/16"), &format!("2001:db8:{number}::/48")]);
    }
    for host in [A1, A2, APPLIANCE, DETACHED, JUMBO1, JUMBO2, SMALL, B1, C1, D1, E1, F1, G1] {
        let vnet = vnets[usize::from(host.mac[4]) - 1].0;
        world = world.nic(vnet, host.name, host.mac, &[&host.v4.to_string(), &host.v6.to_string()]);
    }
    world
        .nic("a", ONLY4.name, ONLY4.mac, &[&ONLY4.v4.to_string()])
        .nic("a", ONLY6.name, ONLY6.mac, &[&ONLY6.v6.to_string()])
        .forwarding(APPLIANCE.name)
        .detached(DETACHED.name)
        .mtu(JUMBO1.name, 9000)
        .mtu(JUMBO2.name, 9000)
        .mtu(SMALL.name, 1400)
        .peered("a", "b", [flags(), flags()])
        .peered("a", "c", [flags(), forwarded()])
        .peered("a", "d", [no_access(), flags()])
        .peered("a", "e", [flags(), no_access()])
        .peering("a", "f", flags())
        .peered("b", "g", [flags(), flags()])
}

/// A delivery within the VNet.
#[must_use]
pub fn to(host: &Host) -> Expect {
    Expect::Deliver { to: host.name, mac: host.mac, over: None }
}

/// A delivery over the sender's peering object `over`, as `VNET/PEERING`.
#[must_use]
pub fn to_over(host: &Host, over: &'static str) -> Expect {
    Expect::Deliver { to: host.name, mac: host.mac, over: Some(over) }
}
