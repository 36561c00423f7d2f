//! Whether a change may take something from somebody.
//!
//! A change that only adds is in force as soon as it is published: whoever asked for it can send. One that takes something
//! away is in force when the last packet that still saw the state before has ended, and only then may be called done. That
//! wait costs milliseconds, so that it is worth telling the two apart.

use std::sync::Arc;

use ipnet::IpNet;

use super::image::{Image, Interface, NicImage, RouteTable, Target, VnetImage};

/// Whether there may be a packet that `before` delivers and `after` does not, or not to the same place. In doubt it says yes.
#[must_use]
pub fn takes_away(before: &Image, after: &Image) -> bool {
    let stays = |old: &Arc<VnetImage>, new: &Arc<VnetImage>| Arc::ptr_eq(old, new) || only_adds(old, new);
    !before.vnets.iter().all(|(name, old)| after.vnets.get(name).is_some_and(|new| stays(old, new)))
}

fn only_adds(old: &VnetImage, new: &VnetImage) -> bool {
    // By the ranges, sources are told from forwarded ones.
    old.ranges == new.ranges
        && old.nics.iter().all(|(name, nic)| new.nics.get(name).is_some_and(|new| is_kept(nic, new)))
        && subnets_only_add(old, new)
}

/// The NIC is as it was, or has got an interface.
fn is_kept(old: &NicImage, new: &NicImage) -> bool {
    let with = |interface: Option<Interface>| NicImage { interface, ..old.clone() };
    old == new || (old.interface.is_none() && with(new.interface) == *new)
}

fn subnets_only_add(old: &VnetImage, new: &VnetImage) -> bool {
    // Subnets share tables: what was compared last is most often what comes next.
    let mut last: Option<(&Arc<RouteTable>, &Arc<RouteTable>)> = None;
    old.subnets.iter().all(|(name, old)| {
        let Some(new) = new.subnets.get(name) else { return false };
        let is_known =
            Arc::ptr_eq(old, new) || last.is_some_and(|(a, b)| Arc::ptr_eq(a, old) && Arc::ptr_eq(b, new));
        last = Some((old, new));
        is_known || routes_only_add(old, new)
    })
}

fn routes_only_add(old: &RouteTable, new: &RouteTable) -> bool {
    let delivers = |prefix: &IpNet| old.get(prefix).is_some_and(delivers);
    old.iter()
        .filter(|(_, target)| self::delivers(target))
        .all(|(prefix, target)| new.get(prefix).is_some_and(|new| gives_as_much(target, new)))
        // A longer prefix takes packets from a shorter one.
        && new
            .keys()
            .filter(|prefix| !old.contains_key(prefix))
            .all(|prefix| !shorter(prefix).any(|shorter| delivers(&shorter)))
}

fn shorter(prefix: &IpNet) -> impl Iterator<Item = IpNet> {
    std::iter::successors(prefix.supernet(), IpNet::supernet)
}

/// Whether some packet gets anywhere by this target.
fn delivers(target: &Target) -> bool {
    matches!(target, Target::Local { .. } | Target::Peering { access: true, .. })
}

/// Whether what `old` lets through, `new` lets through to the same place.
fn gives_as_much(old: &Target, new: &Target) -> bool {
    match (old, new) {
        (Target::Peering { forwarded: true, .. }, Target::Peering { forwarded: false, .. }) => false,
        (
            Target::Peering { peering, remote, range, .. },
            Target::Peering { peering: p, remote: r, range: n, access: true, .. },
        ) => (peering, remote, range) == (p, r, n),
        _ => old == new,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{Attachments, Compiled, compile};
    use crate::model::tests::{World, nic, nic_name, peering, peering_name, subnet, vnet, vnet_name};
    use crate::model::*;

    fn world() -> World {
        World::default()
            .vnet("a", &["10.0.0.0/16", "fd00:a::/48"])
            .vnet("b", &["10.1.0.0/16", "fd00:b::/48"])
            .vnet("c", &["10.2.0.0/16"])
            .subnet("a", "s", &["10.0.1.0/24", "fd00:a:0:1::/64"])
            .subnet("b", "s", &["10.1.1.0/24"])
            .nic("n", "a/s", &["10.0.1.4"])
            .nic("m", "b/s", &["10.1.1.4"])
            .peered("a", "b")
    }

    fn image(world: &World, nics: &[(&str, u32)]) -> Image {
        let interface = |(name, ifindex): &(&str, u32)| {
            (nic_name(name), Interface { ifindex: *ifindex, mtu_bytes: 1500 })
        };
        let attachments: Attachments = nics.iter().map(interface).collect();
        compile(&world.0, &Arc::new(attachments), &Compiled::default()).image().clone()
    }

    /// The peering `a-to-b` of `a` with these flags.
    fn with_flags(world: World, flags: PeeringFlags) -> World {
        let spec = PeeringSpec { flags, ..peering("a-to-b", "b") };
        world.with(Operation::UpdatePeering(vnet_name("a"), spec))
    }

    const NICS: [(&str, u32); 2] = [("n", 7), ("m", 8)];

    #[test]
    fn what_only_adds_takes_nothing_away() {
        let before = image(&world(), &NICS);
        for (what, after) in [
            ("nothing changes", image(&world(), &NICS)),
            ("a peering", image(&world().peered("a", "c"), &NICS)),
            ("a network", image(&world().vnet("d", &["10.3.0.0/16"]), &NICS)),
            ("a subnet", image(&world().subnet("a", "t", &["10.0.2.0/24"]), &NICS)),
            ("a NIC", image(&world().nic("o", "a/s", &["10.0.1.5"]), &[NICS[0], NICS[1], ("o", 9)])),
        ] {
            assert!(!takes_away(&before, &after), "{what}");
            assert_eq!(takes_away(&after, &before), after != before, "{what}, taken back");
        }
        assert!(!takes_away(&image(&world(), &NICS[..1]), &before), "an interface comes");
        assert!(takes_away(&before, &image(&world(), &NICS[..1])), "an interface goes");
    }

    #[test]
    fn whatever_may_end_a_flow_takes_something_away() {
        let before = image(&world(), &NICS);
        let unpeered = Operation::DeletePeering(vnet_name("a"), peering_name("a-to-b"));
        let narrow = Operation::UpdateVnet(vnet("c", &["10.2.0.0/17"]));
        let readdressed = Operation::UpdateNic(nic("n", "a/s", &["10.0.1.9"]));
        let moved = Operation::UpdateSubnet(vnet_name("a"), subnet("s", &["10.0.0.0/17", "fd00:a:0:1::/64"]));
        for (what, after) in [
            ("a peering goes", image(&world().with(unpeered), &NICS)),
            ("a range becomes smaller", image(&world().with(narrow), &NICS)),
            ("a NIC gets another address", image(&world().with(readdressed), &NICS)),
            ("an interface changes", image(&world(), &[("n", 9), ("m", 8)])),
            ("the router answers elsewhere", image(&world().with(moved), &NICS)),
        ] {
            assert!(takes_away(&before, &after), "{what}");
        }
    }

    #[test]
    fn flags_of_a_peering_give_and_take() {
        let plain = world();
        let closed = with_flags(
            world(),
            PeeringFlags { allow_virtual_network_access: false, ..PeeringFlags::default() },
        );
        let forwarding =
            with_flags(world(), PeeringFlags { allow_forwarded_traffic: true, ..PeeringFlags::default() });
        let [plain, closed, forwarding] = [plain, closed, forwarding].map(|world| image(&world, &NICS));
        for (before, after, takes) in [
            (&plain, &closed, true),
            (&closed, &plain, false),
            (&plain, &forwarding, false),
            (&forwarding, &plain, true),
        ] {
            assert_eq!(takes_away(before, after), takes);
        }
    }

    #[test]
    fn a_longer_prefix_within_one_that_delivers_takes_packets_from_it() {
        let local = |range: &str| Target::Local { range: range.parse().unwrap() };
        let table = |rows: &[(&str, Target)]| -> RouteTable {
            rows.iter().map(|(prefix, target)| (prefix.parse().unwrap(), target.clone())).collect()
        };
        let before = table(&[("10.0.0.0/16", local("10.0.0.0/16")), ("10.0.0.0/8", Target::None)]);
        let mut within = before.clone();
        within.insert("10.0.3.0/24".parse().unwrap(), Target::None);
        let mut beside = before.clone();
        beside.insert("10.1.0.0/16".parse().unwrap(), local("10.1.0.0/16"));
        assert!(!routes_only_add(&before, &within));
        assert!(routes_only_add(&before, &beside));
    }
}
