//! Who may not meet, and when: a network's own peerings bind it in every state, those of others only while `Connected`.

use std::cell::Cell;
use std::collections::BTreeSet;

use ipnet::IpNet;
use pretty_assertions::assert_eq;
use proptest::test_runner::{Config, TestRunner};

use super::{World, peering, peering_name, prefixes, random, subnet, subnet_name, subnets, vnet, vnet_name};
use crate::model::PeeringState::{Connected, Disconnected, Initiated};
use crate::model::RefusalCode::{
    ResourceNotFound, VnetAddressSpaceInUse, VnetAddressSpaceOverlapsWithAlreadyPeeredVnet,
    VnetAddressSpacesOverlap,
};
use crate::model::*;

fn three() -> World {
    World::default()
        .vnet("a", &["10.0.0.0/16"])
        .vnet("b", &["10.1.0.0/16"])
        .vnet("c", &["10.2.0.0/16"])
        .subnet("b", "s", &["10.1.1.0/24"])
}

fn spaced(name: &str, space: &[&str]) -> Operation {
    Operation::UpdateVnet(vnet(name, space))
}

fn create(of: &str, remote: &str, selection: Option<PeeredSubnets>) -> Operation {
    let spec = PeeringSpec { subnets: selection, ..peering(&format!("{of}-to-{remote}"), remote) };
    Operation::CreatePeering(vnet_name(of), spec)
}

fn update(of: &str, remote: &str) -> Operation {
    Operation::UpdatePeering(vnet_name(of), peering(&format!("{of}-to-{remote}"), remote))
}

/// a's peering with b in each state.
fn in_each_state() -> [(World, PeeringState); 3] {
    [
        (three().side("a", "b"), Initiated),
        (three().peered("a", "b"), Connected),
        (three().peered("a", "b").delete_side("b", "a"), Disconnected),
    ]
}

#[test]
fn a_new_range_must_not_meet_a_peer_of_the_own_side_whatever_its_state() {
    for (world, state) in in_each_state() {
        assert_eq!(world.state("a", "b"), state);
        let sentence = "range 10.1.5.0/24 of a meets range 10.1.0.0/16 of b, which is already peered with a: \
                        a virtual network's peers must not meet one another";
        let code = VnetAddressSpaceOverlapsWithAlreadyPeeredVnet;
        world.refuses(spaced("a", &["10.0.0.0/16", "10.1.5.0/24"]), code, sentence);
    }
}

#[test]
fn a_new_range_must_not_meet_one_whose_side_stands_alone_only_when_it_is_answered() {
    let grown = || spaced("b", &["10.1.0.0/16", "10.0.5.0/24"]);
    for (world, state) in in_each_state() {
        if state == Connected {
            let sentence = "range 10.0.5.0/24 of b meets range 10.0.0.0/16 of a, which is already peered with b: \
                            a virtual network's peers must not meet one another";
            world.refuses(grown(), VnetAddressSpaceOverlapsWithAlreadyPeeredVnet, sentence);
            continue;
        }
        let world = world.with(grown());
        let sentence =
            "virtual networks b and a cannot be peered: range 10.0.5.0/24 of b meets range 10.0.0.0/16 of a";
        world.refuses(create("b", "a", None), VnetAddressSpacesOverlap, sentence);
        // Who owns the side can still take it away; renewing a lost one is refused like making it.
        world.clone().delete_side("a", "b");
        if state == Disconnected {
            assert_eq!(world.refusal(update("a", "b")).code(), VnetAddressSpacesOverlap);
        }
    }
}

#[test]
fn a_new_range_must_not_meet_another_network_that_a_connected_peer_is_connected_with() {
    let worlds = [
        (three().peered("a", "b").side("a", "c"), Initiated),
        (three().peered("a", "b").peered("a", "c"), Connected),
        (three().peered("a", "b").peered("a", "c").delete_side("c", "a"), Disconnected),
    ];
    let grown = || spaced("b", &["10.1.0.0/16", "10.2.5.0/24"]);
    for (world, state) in worlds {
        assert_eq!(world.state("a", "c"), state);
        if state == Connected {
            let sentence = "range 10.2.5.0/24 of b meets range 10.2.0.0/16 of c, which is already peered with a: \
                            a virtual network's peers must not meet one another";
            world.refuses(grown(), VnetAddressSpaceOverlapsWithAlreadyPeeredVnet, sentence);
            continue;
        }
        // b cannot know whom a waits for; c is the one that comes too late.
        let world = world.with(grown());
        let come_back = if state == Disconnected { update("a", "c") } else { create("c", "a", None) };
        assert_eq!(world.refusal(come_back).code(), VnetAddressSpaceOverlapsWithAlreadyPeeredVnet);
    }
}

#[test]
fn a_network_made_again_under_a_lost_peering_of_another_changes_as_its_owner_likes() {
    let world = three()
        .peered("a", "b")
        .with(Operation::DeleteVnet(vnet_name("b")))
        .vnet("b", &["10.0.128.0/17"])
        .subnet("b", "s", &["10.0.128.0/24"]);
    let world = world
        .with(spaced("b", &["10.0.128.0/17"]))
        .with(spaced("b", &["10.0.128.0/17", "10.89.0.0/16"]))
        .with(Operation::UpdateSubnet(vnet_name("b"), subnet("s", &["10.0.129.0/24"])))
        .with(Operation::ReplaceVnet(vnet("b", &["10.0.0.0/16"]), vec![subnet("s", &["10.0.1.0/24"])]));
    // Nor is a bound by what has become of b: what a has may be said again, and other ranges be added.
    let world = world.with(spaced("a", &["10.0.0.0/17", "10.0.128.0/17", "10.90.0.0/16"]));
    let code = VnetAddressSpaceOverlapsWithAlreadyPeeredVnet;
    let world = world.with(spaced("b", &["10.0.0.0/16", "10.7.0.0/16"]));
    assert_eq!(world.refusal(spaced("a", &["10.0.0.0/16", "10.7.0.0/24"])).code(), code);
}

#[test]
fn a_subnet_that_only_a_waiting_or_lost_peering_of_another_names_can_be_deleted() {
    let there = || create("a", "b", subnets(&[], &["s"], false));
    let back = || create("b", "a", subnets(&["s"], &[], false));
    let delete = || Operation::DeleteSubnet(vnet_name("b"), subnet_name("s"));
    let replace = || Operation::ReplaceVnet(vnet("b", &["10.1.0.0/16"]), vec![]);
    let connected = three().with(there()).with(back());
    let sentence = "subnet b/s cannot be taken away: peering b/b-to-a depends on it";
    connected.refuses(delete(), VnetAddressSpaceInUse, sentence);
    let empty_back = create("b", "a", subnets(&[], &[], false));
    let sentence = "subnet b/s cannot be taken away: peering a/a-to-b depends on it";
    three().with(there()).with(empty_back).refuses(delete(), VnetAddressSpaceInUse, sentence);
    for world in [three().with(there()), connected.delete_side("b", "a")] {
        let world = world.with(replace()).subnet("b", "s", &["10.1.7.0/24"]).with(delete());
        // a's side stands, and can be said again while it waits; it connects with a network that has what it names.
        if world.state("a", "b") == Initiated {
            let same = world.object("a", "b").spec();
            let world = world.with(Operation::UpdatePeering(vnet_name("a"), same)).sync("a", "b");
            let whole = create("b", "a", subnets(&[], &[], false));
            world.refuses(whole.clone(), ResourceNotFound, "subnet b/s does not exist");
            let world = world.subnet("b", "s", &["10.1.8.0/24"]).with(whole);
            assert_eq!(world.object("a", "b").remote_address_space(), prefixes(&["10.1.8.0/24"]));
        }
    }
}

#[test]
fn the_side_that_waited_is_looked_at_again_when_it_is_answered() {
    // b's side lets nothing of b take part. a's is about all of b, and b meets a by now.
    let answer = || create("b", "a", subnets(&[], &[], false));
    let world = three().side("a", "b").with(spaced("b", &["10.1.0.0/16", "10.0.5.0/24"]));
    let sentence =
        "virtual networks a and b cannot be peered: range 10.0.0.0/16 of a meets range 10.0.5.0/24 of b";
    world.refuses(answer(), VnetAddressSpacesOverlap, sentence);
    // The same where b meets c by now, which a is connected with.
    let world = three().side("a", "b").peered("a", "c").with(spaced("b", &["10.1.0.0/16", "10.2.5.0/24"]));
    let sentence = "range 10.2.5.0/24 of b meets range 10.2.0.0/16 of c, which is already peered with a: \
                    a virtual network's peers must not meet one another";
    world.refuses(answer(), VnetAddressSpaceOverlapsWithAlreadyPeeredVnet, sentence);
}

#[test]
fn flags_and_sync_of_a_connected_side_do_not_depend_on_what_its_remote_has_met_since() {
    let world = three()
        .peered("a", "b")
        .side("a", "c")
        .with(spaced("b", &["10.1.0.0/16", "10.2.5.0/24"]))
        .sync("a", "b");
    assert_eq!(world.object("a", "b").remote_address_space(), prefixes(&["10.1.0.0/16", "10.2.5.0/24"]));
    let mut spec = world.object("a", "b").spec();
    spec.flags.allow_forwarded_traffic = true;
    let world = world.with(Operation::UpdatePeering(vnet_name("a"), spec));
    assert!(world.object("a", "b").flags().allow_forwarded_traffic);
    let gone = Operation::DeletePeering(vnet_name("a"), peering_name("a-to-c"));
    assert_eq!(world.with(gone).state("a", "b"), Connected);
}

/// The ranges of a network that a selection of its subnets makes count.
fn claim(vnet: &VirtualNetwork, selection: Option<(&BTreeSet<SubnetName>, bool)>) -> Vec<IpNet> {
    let part = taking_part(vnet, selection);
    let ranges = vnet.address_space().ranges().iter();
    ranges.filter(|range| part.iter().any(|prefix| range.contains(prefix))).copied().collect()
}

fn meet(left: &[IpNet], right: &[IpNet]) -> bool {
    left.iter().any(|left| right.iter().any(|right| overlaps(left, right)))
}

/// The networks that meet by peerings of a state: a peering's two, or two that one network has peerings with.
pub(super) fn meetings(topology: &Topology, state: impl Fn(PeeringState) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for vnet in topology.vnets() {
        let mut seen: Vec<(&VnetId, Vec<IpNet>)> = Vec::new();
        for peering in vnet.peerings().filter(|peering| state(peering.state())) {
            let Some(remote) = topology.vnet(peering.remote()) else { continue };
            let side = |is_local: bool| {
                let names = |s: &'_ PeeredSubnets| if is_local { s.local.clone() } else { s.remote.clone() };
                peering.subnets().map(|subnets| (names(subnets), subnets.only_ipv6))
            };
            let of = |vnet: &VirtualNetwork, side: &Option<(BTreeSet<SubnetName>, bool)>| {
                claim(vnet, side.as_ref().map(|(names, only_ipv6)| (names, *only_ipv6)))
            };
            let (own, theirs) = (of(vnet, &side(true)), of(remote, &side(false)));
            if meet(&own, &theirs) {
                found.push(format!("{} and {}", vnet.name(), remote.name()));
            }
            let beside = seen.iter().filter(|(_, claim)| meet(claim, &theirs));
            found
                .extend(beside.map(|(other, _)| format!("{other} and {} at {}", remote.name(), vnet.name())));
            seen.push((remote.name(), theirs));
        }
    }
    found
}

/// Operations that say what is there; those about peerings that lost their other side would change them.
fn said_again(topology: &Topology) -> Vec<Operation> {
    let mut all = Vec::new();
    for vnet in topology.vnets() {
        let name = vnet.name();
        let address_space = vnet.address_space().ranges().to_vec();
        let spec = VnetSpec { name: name.clone(), region: vnet.region().clone(), address_space };
        let subnets = vnet.subnets().map(|subnet| SubnetSpec {
            name: subnet.name().clone(),
            address_prefixes: subnet.address_prefixes().to_vec(),
        });
        let subnets: Vec<SubnetSpec> = subnets.collect();
        all.push(Operation::UpdateVnet(spec.clone()));
        all.push(Operation::ReplaceVnet(spec, subnets.clone()));
        all.extend(subnets.into_iter().map(|subnet| Operation::UpdateSubnet(name.clone(), subnet)));
        all.extend(vnet.nics().iter().map(|nic| Operation::UpdateNic(nic.spec(name))));
        let lasting = vnet.peerings().filter(|peering| peering.state() != Disconnected);
        all.extend(lasting.map(|peering| Operation::UpdatePeering(name.clone(), peering.spec())));
    }
    all
}

/// Whether another side waits for the one that this operation creates.
fn is_awaited(topology: &Topology, operation: &Operation) -> bool {
    let Operation::CreatePeering(vnet, spec) = operation else { return false };
    let other = topology.vnet(&spec.remote).and_then(|remote| remote.peering_with(vnet));
    other.is_some_and(|other| other.state() == Initiated)
}

/// What a run met.
#[derive(Default)]
struct Met {
    /// States in which networks meet by peerings that are not connected.
    waiting: Cell<u32>,
    /// Second sides that were refused because networks would meet.
    refused_late: Cell<u32>,
}

impl Met {
    /// Does `operation`, and checks what it leads to.
    fn step(&self, topology: &mut Topology, operation: &Operation) {
        let count = |counter: &Cell<u32>, is_so: bool| counter.set(counter.get() + u32::from(is_so));
        match topology.apply(operation.clone()) {
            Ok(next) => *topology = next,
            Err(refusal) => {
                let codes = [VnetAddressSpacesOverlap, VnetAddressSpaceOverlapsWithAlreadyPeeredVnet];
                let is_late = codes.contains(&refusal.code()) && is_awaited(topology, operation);
                return count(&self.refused_late, is_late);
            }
        }
        assert_eq!(meetings(topology, |state| state == Connected), [""; 0], "{operation:?}");
        count(&self.waiting, !meetings(topology, |_| true).is_empty());
        for again in said_again(topology) {
            assert_eq!(topology.apply(again.clone()).as_ref(), Ok(&*topology), "{again:?}");
        }
    }
}

/// A step about who meets whom among three networks: their ranges (often with the one that all may have), a network's end,
/// subnets, and peerings, mostly one side at a time.
fn tilted([kind, a, b, rest @ ..]: random::Dice) -> random::Dice {
    const KINDS: [u8; 14] = [0, 0, 0, 4, 5, 8, 14, 14, 14, 15, 18, 19, 20, 21];
    let kind = KINDS[usize::from(kind) % KINDS.len()];
    let b = if !matches!(kind, 0 | 21) || b & 0x40 == 0 { b % 3 } else { 4 };
    let [c, d, e] = rest;
    [kind, a % 3, b, c, d, e]
}

#[test]
fn no_order_of_operations_connects_networks_that_meet_and_what_is_there_can_always_be_said_again() {
    let met = Met::default();
    let config = Config { cases: 800, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&random::dice(80), |steps| {
        let mut topology = random::furnished();
        for (one, other) in [(0, 1), (1, 0), (1, 2), (2, 1)] {
            random::step(&mut topology, [19, one, other, 0, 0, 0]);
        }
        for dice in steps {
            for operation in random::operations(&topology, tilted(dice)) {
                met.step(&mut topology, &operation);
            }
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    let counts = (met.waiting.get(), met.refused_late.get());
    assert!(counts.0 > 200 && counts.1 > 15, "{counts:?}");
}
