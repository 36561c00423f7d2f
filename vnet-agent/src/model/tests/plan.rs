//! A declared state as a whole: all refusals at once, what goes on from before, and what is shared.

use std::sync::Arc;

use pretty_assertions::assert_eq;
use proptest::prelude::*;

use super::overlap::meetings;
use super::{World, nic, peering, random, subnet, subnets, vnet, vnet_name};
use crate::model::PeeringState::{Connected, Disconnected, Initiated};
use crate::model::*;

/// A refusal: its place, its code, its sentence.
type Told = (u32, RefusalCode, String);

/// A declared state, each declaration in the next place.
#[derive(Clone, Default)]
struct Declaration(DesiredState, u32);

impl Declaration {
    fn place<T>(&mut self, spec: T) -> Declared<T> {
        self.1 += 1;
        Declared { spec, place: Place(self.1) }
    }

    fn vnet(mut self, name: &str, space: &[&str]) -> Self {
        let declared = self.place(vnet(name, space));
        self.0.vnets.push(declared);
        self
    }

    fn subnet(mut self, of: &str, name: &str, list: &[&str]) -> Self {
        let declared = self.place((vnet_name(of), subnet(name, list)));
        self.0.subnets.push(declared);
        self
    }

    fn nic(mut self, spec: NicSpec) -> Self {
        let declared = self.place(spec);
        self.0.nics.push(declared);
        self
    }

    fn peering(mut self, of: &str, spec: PeeringSpec) -> Self {
        let declared = self.place((vnet_name(of), spec));
        self.0.peerings.push(declared);
        self
    }

    fn side(self, of: &str, remote: &str) -> Self {
        self.peering(of, peering(&format!("{of}-to-{remote}"), remote))
    }

    fn after(&self, current: &World) -> Result<(World, Vec<String>), Vec<Told>> {
        let located = |l: Located| (l.place.0, l.refusal.code(), l.refusal.to_string());
        plan_file(&current.0, &self.0)
            .map(|(next, changes)| (World(next), changes.iter().map(ToString::to_string).collect()))
            .map_err(|refusals| refusals.into_iter().map(located).collect())
    }

    #[track_caller]
    fn applied(&self, current: &World) -> World {
        self.after(current).unwrap().0
    }
}

fn base() -> Declaration {
    Declaration::default()
        .vnet("a", &["10.0.0.0/16"])
        .vnet("b", &["10.1.0.0/16"])
        .subnet("a", "s", &["10.0.1.0/24"])
        .subnet("b", "s", &["10.1.1.0/24"])
        .nic(nic("n", "a/s", &["10.0.1.4"]))
        .nic(nic("m", "a/s", &["10.0.1.5"]))
}

#[test]
fn all_mistakes_are_reported_at_once_each_in_its_place() {
    let declaration = Declaration::default()
        .vnet("a", &["10.0.0.0/16"])
        .vnet("a", &["10.9.0.0/16"])
        .vnet("b", &["10.0.128.0/17"])
        .subnet("a", "s", &["10.0.1.0/24"])
        .subnet("a", "t", &["10.0.1.0/25"])
        .nic(nic("n", "a/s", &["10.0.1.1"]))
        .nic(nic("o", "x/s", &["10.0.1.9"]))
        .side("a", "b")
        .side("b", "a")
        .side("a", "x");
    assert_eq!(
        declaration.after(&World::default()).unwrap_err(),
        [
            (2, RefusalCode::ResourceAlreadyExists, "virtual network a already exists".to_owned()),
            (5, RefusalCode::SubnetsOverlap, "prefix 10.0.1.0/25 of subnet a/t meets 10.0.1.0/24 of subnet a/s".into()),
            (6, RefusalCode::AddressReserved, "NIC n cannot have 10.0.1.1 in 10.0.1.0/24: the gateway and the platform have the first three addresses of a subnet".into()),
            (7, RefusalCode::ResourceNotFound, "virtual network x does not exist".into()),
            // Both sides are declared, and have one mistake between them.
            (8, RefusalCode::VnetAddressSpacesOverlap, "virtual networks a and b cannot be peered: range 10.0.0.0/16 of a meets range 10.0.128.0/17 of b".into()),
            (10, RefusalCode::ResourceNotFound, "virtual network x does not exist".into()),
        ]
    );
}

#[test]
fn what_depends_on_a_refused_object_is_not_reported_again() {
    let declaration = Declaration::default()
        .vnet("a", &["127.0.0.0/16"])
        .vnet("b", &["10.1.0.0/16"])
        .subnet("a", "s", &["127.0.1.0/24"])
        .nic(nic("n", "a/s", &["127.0.1.4"]))
        .side("a", "b")
        .side("b", "a");
    let refusals = declaration.after(&World::default()).unwrap_err();
    assert_eq!(
        refusals.iter().map(|(place, code, _)| (*place, *code)).collect::<Vec<_>>(),
        [(1, RefusalCode::InvalidAddressPrefix)]
    );
    // The same for objects whose mistake was reported before there was a plan.
    let mut declaration =
        Declaration::default().subnet("a", "s", &["10.0.1.0/24"]).nic(nic("n", "a/s", &["10.0.1.4"]));
    declaration.0.broken.insert(ResourceId::VirtualNetwork(vnet_name("a")));
    assert_eq!(declaration.after(&World::default()).map(|(_, changes)| changes), Ok(vec![]));
}

#[test]
fn the_same_state_again_is_no_change_and_the_very_same_topology() {
    let declaration = base().side("a", "b").side("b", "a");
    let (first, changes) = declaration.after(&World::default()).unwrap();
    assert_eq!(
        changes,
        [
            "+ virtual network a: region westeurope, addressSpace 10.0.0.0/16".to_owned(),
            "+ subnet a/s: addressPrefixes 10.0.1.0/24".to_owned(),
            created_nic(&first, "m", "10.0.1.5"),
            created_nic(&first, "n", "10.0.1.4"),
            created_peering("a/a-to-b", "b", "10.1.0.0/16"),
            "+ virtual network b: region westeurope, addressSpace 10.1.0.0/16".to_owned(),
            "+ subnet b/s: addressPrefixes 10.1.1.0/24".to_owned(),
            created_peering("b/b-to-a", "a", "10.0.0.0/16"),
        ]
    );
    let (second, changes) = declaration.after(&first).unwrap();
    assert_eq!(changes, Vec::<String>::new());
    super::assert_same(&second.0, &first.0);
}

fn created_nic(world: &World, name: &str, address: &str) -> String {
    let mac = world.0.nic(&super::nic_name(name)).unwrap().1.mac();
    format!("+ NIC {name}: subnet a/s, addresses {address}, mac {mac}, enableIPForwarding false")
}

fn created_peering(id: &str, remote: &str, space: &str) -> String {
    format!(
        "+ peering {id}: remoteVirtualNetwork {remote}, peeringState Connected, remoteAddressSpace {space}, \
         allowVirtualNetworkAccess true, allowForwardedTraffic false, allowGatewayTransit false, \
         useRemoteGateways false, peerCompleteVnets true, enableOnlyIPv6Peering false"
    )
}

#[test]
fn what_did_not_change_keeps_its_arc() {
    let first = base().side("a", "b").side("b", "a").applied(&World::default());
    let mut declaration = base().side("a", "b").side("b", "a");
    declaration.0.peerings[0].spec.1.flags.allow_forwarded_traffic = true;
    let (second, changes) = declaration.after(&first).unwrap();
    assert_eq!(changes, ["~ peering a/a-to-b: allowForwardedTraffic false -> true"]);
    assert!(Arc::ptr_eq(second.network("b"), first.network("b")));
    assert!(Arc::ptr_eq(second.network("a").nics(), first.network("a").nics()));
    assert!(Arc::ptr_eq(&second.network("a").subnets, &first.network("a").subnets));
    assert!(Arc::ptr_eq(&second.0.vnet_of_nic, &first.0.vnet_of_nic));
}

#[test]
fn two_nics_may_swap_their_addresses() {
    let first = base().applied(&World::default());
    let mut declaration = base();
    declaration.0.nics[0].spec.ipv4 = Some([10, 0, 1, 5].into());
    declaration.0.nics[1].spec.ipv4 = Some([10, 0, 1, 4].into());
    let (_, changes) = declaration.after(&first).unwrap();
    assert_eq!(
        changes,
        ["~ NIC m: addresses 10.0.1.5 -> 10.0.1.4", "~ NIC n: addresses 10.0.1.4 -> 10.0.1.5"]
    );
}

#[test]
fn a_side_that_is_declared_no_more_leaves_the_other_disconnected() {
    let connected = base().side("a", "b").side("b", "a").applied(&World::default());
    let (one_sided, changes) = base().side("a", "b").after(&connected).unwrap();
    assert_eq!(changes, ["~ peering a/a-to-b: peeringState Connected -> Disconnected", "- peering b/b-to-a"]);
    // It stays so, however often the state is declared, and the other side does not come back by being declared.
    let again = base().side("a", "b").applied(&one_sided);
    assert_eq!(again.state("a", "b"), Disconnected);
    let refusals = base().side("a", "b").side("b", "a").after(&again).unwrap_err();
    let kinds: Vec<_> = refusals.iter().map(|(place, code, _)| (*place, *code)).collect();
    assert_eq!(kinds, [(8, RefusalCode::RemotePeeringIsDisconnected)]);
    // The ways back: none, then both; or an update, then the other side.
    let none = base().applied(&again);
    assert_eq!(base().side("a", "b").side("b", "a").applied(&none).state("a", "b"), Connected);
    let mut updated = base().side("a", "b");
    updated.0.peerings[0].spec.1.flags.allow_forwarded_traffic = true;
    let updated_world = updated.applied(&again);
    assert_eq!(updated_world.state("a", "b"), Initiated);
    assert_eq!(updated.side("b", "a").applied(&updated_world).state("b", "a"), Connected);
}

#[test]
fn a_side_that_changes_while_its_other_side_goes_is_disconnected_all_the_same() {
    let connected = base().side("a", "b").side("b", "a").applied(&World::default());
    let mut declaration = base().side("a", "b");
    declaration.0.peerings[0].spec.1.flags.allow_forwarded_traffic = true;
    let world = declaration.applied(&connected);
    assert_eq!(world.state("a", "b"), Disconnected);
    assert!(world.object("a", "b").flags().allow_forwarded_traffic);
}

#[test]
fn a_side_declared_alone_is_initiated_and_connected_by_the_other() {
    let alone = base().side("a", "b").applied(&World::default());
    assert_eq!(alone.state("a", "b"), Initiated);
    let (both, changes) = base().side("a", "b").side("b", "a").after(&alone).unwrap();
    assert_eq!((both.state("a", "b"), both.state("b", "a")), (Connected, Connected));
    assert_eq!(changes[0], "~ peering a/a-to-b: peeringState Initiated -> Connected");
}

#[test]
fn a_declared_space_that_grew_is_taken_over_by_declared_peerings() {
    let first = base().side("a", "b").side("b", "a").applied(&World::default());
    let mut declaration = base().side("a", "b").side("b", "a");
    declaration.0.vnets[1].spec.address_space = super::prefixes(&["10.1.0.0/16", "10.7.0.0/16"]);
    let (next, changes) = declaration.after(&first).unwrap();
    assert_eq!(
        changes,
        [
            "~ peering a/a-to-b: remoteAddressSpace 10.1.0.0/16 -> 10.1.0.0/16 10.7.0.0/16",
            "~ virtual network b: addressSpace 10.1.0.0/16 -> 10.1.0.0/16, 10.7.0.0/16",
        ]
    );
    assert_eq!(next.sync_level("a", "b"), PeeringSyncLevel::FullyInSync);
}

#[test]
fn a_peering_with_another_remote_or_kind_is_another_peering() {
    let connected = base().side("a", "b").side("b", "a").applied(&World::default());
    let parts = PeeringSpec { subnets: subnets(&["s"], &["s"], false), ..peering("a-to-b", "b") };
    // a's object is new, so b's has lost its other side, and a's is refused while that is so.
    let refusals = base().peering("a", parts.clone()).side("b", "a").after(&connected).unwrap_err();
    let kinds: Vec<_> = refusals.iter().map(|(place, code, _)| (*place, *code)).collect();
    assert_eq!(kinds, [(7, RefusalCode::RemotePeeringIsDisconnected)]);
    // With both new, they connect.
    let back = PeeringSpec { subnets: subnets(&["s"], &["s"], false), ..peering("b-to-a", "a") };
    let world = base().peering("a", parts).peering("b", back).applied(&connected);
    assert_eq!((world.state("a", "b"), world.state("b", "a")), (Connected, Connected));
    assert_eq!(world.object("a", "b").remote_address_space(), super::prefixes(&["10.1.1.0/24"]));
}

#[test]
fn the_second_declaration_of_a_name_is_the_one_refused() {
    let twice = base().side("a", "b").side("a", "b");
    for current in [World::default(), base().side("a", "b").applied(&World::default())] {
        let refusals = twice.after(&current).unwrap_err();
        let expected = (8, RefusalCode::ResourceAlreadyExists, "peering a/a-to-b already exists".to_owned());
        assert_eq!(refusals, [expected]);
    }
}

/// The codes and places of the refusals.
fn kinds(refusals: Vec<Told>) -> Vec<(u32, RefusalCode)> {
    refusals.into_iter().map(|(place, code, _)| (place, code)).collect()
}

#[test]
fn a_side_that_waits_stands_whatever_its_remote_has_become_and_binds_its_own_network() {
    let update = |name: &str, space: &[&str]| Operation::UpdateVnet(vnet(name, space));
    let world =
        base().side("a", "b").applied(&World::default()).with(update("b", &["10.1.0.0/16", "10.0.9.0/24"]));
    let declaration = |a: &[&str]| {
        let mut declaration = base().side("a", "b");
        declaration.0.vnets[0].spec.address_space = super::prefixes(a);
        declaration.0.vnets[1].spec.address_space = super::prefixes(&["10.1.0.0/16", "10.0.9.0/24"]);
        declaration
    };
    assert_eq!(declaration(&["10.0.0.0/16"]).applied(&world).state("a", "b"), Initiated);
    declaration(&["10.0.0.0/16", "10.7.0.0/16"]).applied(&world);
    let code = RefusalCode::VnetAddressSpaceOverlapsWithAlreadyPeeredVnet;
    let refusals = declaration(&["10.0.0.0/16", "10.1.9.0/24"]).after(&world).unwrap_err();
    assert_eq!(kinds(refusals), [(7, code)]);
    // The other side would connect what meets.
    let refusals = declaration(&["10.0.0.0/16"]).side("b", "a").after(&world).unwrap_err();
    assert_eq!(kinds(refusals), [(8, RefusalCode::VnetAddressSpacesOverlap)]);
}

#[test]
fn networks_that_stay_connected_must_not_come_to_meet() {
    let three = |b: &str, c: &str| {
        let declaration = Declaration::default().vnet("a", &["10.0.0.0/16"]).vnet("b", &[b]).vnet("c", &[c]);
        declaration.side("a", "b").side("b", "a").side("a", "c").side("c", "a")
    };
    let world = three("10.1.0.0/16", "10.2.0.0/16").applied(&World::default());
    let refusals = three("10.1.0.0/16", "10.1.0.0/17").after(&world).unwrap_err();
    assert_eq!(kinds(refusals), [(6, RefusalCode::VnetAddressSpaceOverlapsWithAlreadyPeeredVnet)]);
    let refusals = three("10.0.0.0/17", "10.2.0.0/16").after(&world).unwrap_err();
    assert_eq!(kinds(refusals), [(4, RefusalCode::VnetAddressSpacesOverlap)]);
    // They may change places, which no order of operations would allow.
    three("10.2.0.0/16", "10.1.0.0/16").applied(&world);
}

/// What an administrator would declare to have this topology.
fn declared(topology: &Topology) -> DesiredState {
    let mut state = DesiredState::default();
    let place = Place(0);
    for vnet in topology.vnets() {
        let (name, region) = (vnet.name().clone(), vnet.region().clone());
        let address_space = vnet.address_space().ranges().to_vec();
        state.vnets.push(Declared { spec: VnetSpec { name: name.clone(), region, address_space }, place });
        for subnet in vnet.subnets() {
            let address_prefixes = subnet.address_prefixes().to_vec();
            let spec = (name.clone(), SubnetSpec { name: subnet.name().clone(), address_prefixes });
            state.subnets.push(Declared { spec, place });
        }
        for nic in vnet.nics().iter() {
            let spec = NicSpec {
                name: nic.name().clone(),
                subnet: SubnetRef { vnet: name.clone(), subnet: nic.subnet().clone() },
                ipv4: nic.ipv4(),
                ipv6: nic.ipv6(),
                mac: Some(nic.mac()),
                interface: nic.interface().cloned(),
                enable_ip_forwarding: nic.enable_ip_forwarding(),
            };
            state.nics.push(Declared { spec, place });
        }
        for peering in vnet.peerings() {
            state.peerings.push(Declared { spec: (name.clone(), peering.spec()), place });
        }
    }
    state
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_plan_leads_from_anywhere_to_a_sound_topology_and_a_second_one_changes_nothing(
        there in random::dice(40), here in random::dice(40)
    ) {
        let (mut from, mut to) = (random::furnished(), random::furnished());
        there.into_iter().for_each(|dice| _ = random::step(&mut to, dice));
        here.into_iter().for_each(|dice| _ = random::step(&mut from, dice));
        let desired = declared(&to);
        if let Ok((next, _)) = plan_file(&from, &desired) {
            // Sound: a snapshot of it is accepted, with the states that go together.
            prop_assert_eq!(&Topology::restore(next.snapshot()), &Ok(next.clone()));
            prop_assert_eq!(&declared(&next), &desired);
            prop_assert_eq!(meetings(&next, |state| state == Connected), Vec::<String>::new());
            let (again, changes) = plan_file(&next, &desired).unwrap();
            prop_assert_eq!(changes, vec![]);
            for (again, next) in again.vnets().zip(next.vnets()) {
                prop_assert!(Arc::ptr_eq(again, next));
            }
        }
    }
}
