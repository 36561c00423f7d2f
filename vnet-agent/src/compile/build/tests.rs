//! Images: what they hold of a topology, and what the next one takes over.

use std::sync::Arc;

use pretty_assertions::assert_eq;
use proptest::prelude::*;

use super::*;
use crate::model::tests::{World, nic, nic_name, peering, peering_name, random, subnet_name, vnet_name};
use crate::model::{Operation, PeeringFlags, PeeringSpec};

fn chain() -> World {
    World::default()
        .vnet("a", &["10.0.0.0/16", "fd00:a::/48"])
        .vnet("b", &["10.1.0.0/16"])
        .vnet("c", &["10.2.0.0/16"])
        .vnet("d", &["10.3.0.0/16"])
        .subnet("a", "s", &["10.0.1.0/24", "10.0.9.0/24", "fd00:a:0:1::/64"])
        .subnet("a", "t", &["10.0.2.0/24"])
        .subnet("b", "s", &["10.1.1.0/24"])
        .subnet("d", "s", &["10.3.1.0/24"])
        .nic("n", "a/s", &["10.0.9.4", "fd00:a:0:1::4"])
        .nic("m", "b/s", &["10.1.1.4"])
        .peered("a", "b")
        .peered("b", "c")
}

fn attached(list: &[(&str, u32)]) -> Arc<Attachments> {
    let interface = |ifindex| Interface { ifindex, mtu_bytes: 9000 };
    Arc::new(list.iter().map(|(nic, ifindex)| (nic_name(nic), interface(*ifindex))).collect())
}

fn of(compiled: &Compiled, name: &str) -> Arc<VnetImage> {
    Arc::clone(&compiled.image().vnets[&vnet_name(name)])
}

fn target(compiled: &Compiled, vnet: &str, prefix: &str) -> Option<Target> {
    of(compiled, vnet).subnets[&subnet_name("s")].get(&prefix.parse().unwrap()).cloned()
}

#[test]
fn a_nic_has_the_routers_address_of_the_prefix_that_holds_its_own() {
    let compiled = compile(&chain().0, &attached(&[("n", 7)]), &Compiled::default());
    let expected = NicImage {
        subnet: subnet_name("s"),
        mac: crate::model::MacAddress::derived(&nic_name("n")).octets(),
        ipv4: Some([10, 0, 9, 4].into()),
        ipv6: Some("fd00:a:0:1::4".parse().unwrap()),
        router4: Some([10, 0, 9, 1].into()),
        router6: Some("fd00:a:0:1::1".parse().unwrap()),
        ip_forwarding: false,
        interface: Some(Interface { ifindex: 7, mtu_bytes: 9000 }),
    };
    assert_eq!(of(&compiled, "a").nics, BTreeMap::from([(nic_name("n"), expected)]));
    assert_eq!(of(&compiled, "b").nics[&nic_name("m")].interface, None);
}

#[test]
fn a_route_to_a_peer_names_the_range_and_what_both_objects_allow() {
    let flags = PeeringFlags { allow_forwarded_traffic: true, ..PeeringFlags::default() };
    let world = chain()
        .with(Operation::UpdatePeering(vnet_name("b"), PeeringSpec { flags, ..peering("b-to-a", "a") }));
    let compiled = compile(&world.0, &attached(&[]), &Compiled::default());
    let to = |peering: &str, remote: &str, range: &str, forwarded| {
        let (peering, remote) = (peering_name(peering), vnet_name(remote));
        Some(Target::Peering { peering, remote, range: range.parse().unwrap(), access: true, forwarded })
    };
    assert_eq!(target(&compiled, "a", "10.1.0.0/16"), to("a-to-b", "b", "10.1.0.0/16", true));
    assert_eq!(target(&compiled, "b", "10.0.0.0/16"), to("b-to-a", "a", "10.0.0.0/16", false));
    assert_eq!(target(&compiled, "a", "10.2.0.0/16"), None);
    assert_eq!(
        target(&compiled, "a", "10.0.0.0/16"),
        Some(Target::Local { range: "10.0.0.0/16".parse().unwrap() })
    );
    assert_eq!(target(&compiled, "a", "0.0.0.0/0"), Some(Target::Internet));
    assert_eq!(target(&compiled, "a", "10.0.0.0/8"), Some(Target::None));
    assert_eq!(target(&compiled, "a", "127.0.0.0/8"), Some(Target::Unroutable));
}

#[test]
fn who_has_a_range_in_0_0_0_0_8_has_it() {
    let world = World::default()
        .vnet("a", &["0.0.0.0/7"])
        .vnet("b", &["10.1.0.0/16"])
        .vnet("c", &["10.2.0.0/16"])
        .subnet("a", "s", &["0.1.1.0/24"])
        .subnet("b", "s", &["10.1.1.0/24"])
        .subnet("c", "s", &["10.2.1.0/24"])
        .peered("a", "b");
    let compiled = compile(&world.0, &attached(&[]), &Compiled::default());
    // A row for the /8 would win over the own and the peered /7, which hold it.
    assert_eq!(
        ["a", "b", "c"].map(|vnet| target(&compiled, vnet, "0.0.0.0/8")),
        [None, None, Some(Target::Unroutable)]
    );
}

#[test]
fn subnets_with_equal_routes_share_the_table() {
    let compiled = compile(&chain().0, &attached(&[]), &Compiled::default());
    let a = of(&compiled, "a");
    assert!(Arc::ptr_eq(&a.subnets[&subnet_name("s")], &a.subnets[&subnet_name("t")]));
}

#[test]
fn only_a_changed_network_peers_that_see_the_change_and_those_of_moved_interfaces_are_compiled_anew() {
    let world = chain();
    let first = compile(&world.0, &attached(&[("n", 7)]), &Compiled::default());
    let kept =
        |next: &Compiled| ["a", "b", "c", "d"].map(|name| Arc::ptr_eq(&of(&first, name), &of(next, name)));
    assert_eq!(kept(&compile(&world.0, &attached(&[("n", 7)]), &first)), [true; 4]);
    // c changed: b, its peer, is compiled anew too; a, the peer's peer, is not.
    let changed = world.clone().subnet("c", "s", &["10.2.1.0/24"]);
    assert_eq!(kept(&compile(&changed.0, &attached(&[("n", 7)]), &first)), [true, false, false, true]);
    assert_eq!(kept(&compile(&world.0, &attached(&[("n", 8)]), &first)), [false, true, true, true]);
    assert_eq!(kept(&compile(&world.0, &attached(&[]), &first)), [false, true, true, true]);
    let more = attached(&[("n", 7), ("m", 8), ("nobody", 9)]);
    assert_eq!(kept(&compile(&world.0, &more, &first)), [true, false, true, true]);
    let joined = world.clone().peered("c", "d");
    assert_eq!(kept(&compile(&joined.0, &attached(&[("n", 7)]), &first)), [true, true, false, false]);
    let moved = world.with(Operation::UpdateNic(nic("n", "d/s", &["10.3.1.4"])));
    assert_eq!(kept(&compile(&moved.0, &attached(&[("n", 7)]), &first)), [false, true, true, false]);
}

proptest! {
    #[test]
    fn what_is_taken_over_equals_what_would_be_compiled_anew(dice in random::dice(40)) {
        let attachments = attached(&[("n1", 7), ("n2", 8)]);
        let mut topology = random::furnished();
        let mut compiled = compile(&topology, &attachments, &Compiled::default());
        for dice in dice {
            random::step(&mut topology, dice);
            compiled = compile(&topology, &attachments, &compiled);
            let anew = compile(&topology, &attachments, &Compiled::default());
            prop_assert_eq!(compiled.image(), anew.image());
        }
    }
}

#[test]
fn the_first_address_behind_a_network_address_is_the_routers() {
    let first = |prefix: &str| first_address(&prefix.parse().unwrap()).map(|address| address.to_string());
    assert_eq!(first("10.0.9.0/24").as_deref(), Some("10.0.9.1"));
    assert_eq!(first("fd00:a:0:1::/64").as_deref(), Some("fd00:a:0:1::1"));
    assert_eq!(first("255.255.255.255/32"), None);
    assert_eq!(first("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"), None);
}
