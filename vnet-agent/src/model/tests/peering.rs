//! What a peering may be, and what it may not. Its states are in `life_cycle`.

use std::sync::Arc;

use pretty_assertions::assert_eq;
use rstest::rstest;

use super::{World, peering, peering_name, vnet_name};
use crate::model::PeeringState::Connected;
use crate::model::*;

fn two() -> World {
    World::default().vnet("a", &["10.0.0.0/16"]).vnet("b", &["10.1.0.0/16"])
}

fn create(of: &str, remote: &str) -> Operation {
    Operation::CreatePeering(vnet_name(of), peering(&format!("{of}-to-{remote}"), remote))
}

fn update(of: &str, remote: &str) -> Operation {
    Operation::UpdatePeering(vnet_name(of), peering(&format!("{of}-to-{remote}"), remote))
}

#[test]
fn flags_change_on_a_peering_that_stays_connected() {
    assert_eq!(
        PeeringFlags::default(),
        PeeringFlags {
            allow_virtual_network_access: true,
            allow_forwarded_traffic: false,
            allow_gateway_transit: false,
            use_remote_gateways: false,
        }
    );
    let flags = PeeringFlags {
        allow_virtual_network_access: false,
        allow_forwarded_traffic: true,
        allow_gateway_transit: true,
        use_remote_gateways: false,
    };
    let world = two().peered("a", "b");
    let before = Arc::clone(world.network("b"));
    let spec = PeeringSpec { flags, ..peering("a-to-b", "b") };
    let world = world.with(Operation::UpdatePeering(vnet_name("a"), spec.clone()));
    assert_eq!((world.object("a", "b").flags(), world.state("a", "b")), (flags, Connected));
    assert_eq!(world.object("a", "b").spec(), spec);
    assert!(Arc::ptr_eq(world.network("b"), &before), "the other side was touched");
}

#[test]
fn gateways_of_the_remote_cannot_be_used_where_it_has_none() {
    let flags = PeeringFlags { use_remote_gateways: true, ..PeeringFlags::default() };
    let spec = || PeeringSpec { flags, ..peering("a-to-b", "b") };
    let sentence = "peering a/a-to-b cannot use remote gateways: virtual network b has none";
    let code = RefusalCode::RemoteVnetHasNoGateways;
    two().refuses(Operation::CreatePeering(vnet_name("a"), spec()), code, sentence);
    two().peered("a", "b").refuses(Operation::UpdatePeering(vnet_name("a"), spec()), code, sentence);
}

#[test]
fn a_peering_names_what_exists_and_has_a_name_of_its_own() {
    let code = RefusalCode::ResourceNotFound;
    two().refuses(create("a", "x"), code, "virtual network x does not exist");
    two().refuses(create("x", "a"), code, "virtual network x does not exist");
    two().refuses(update("a", "b"), code, "peering a/a-to-b does not exist");
    let (a, name) = (|| vnet_name("a"), || peering_name("a-to-b"));
    two().refuses(Operation::DeletePeering(a(), name()), code, "peering a/a-to-b does not exist");
    two().refuses(Operation::SyncPeering(a(), name()), code, "peering a/a-to-b does not exist");
    let world = two().vnet("c", &["10.2.0.0/16"]).side("a", "b");
    let taken = Operation::CreatePeering(a(), peering("a-to-b", "c"));
    world.refuses(taken, RefusalCode::ResourceAlreadyExists, "peering a/a-to-b already exists");
}

#[test]
fn a_second_peering_to_the_same_remote_is_refused() {
    let sentence = "virtual network a already has peering a-to-b to b; only one is possible";
    let second = Operation::CreatePeering(vnet_name("a"), peering("second", "b"));
    let code = RefusalCode::AnotherPeeringAlreadyReferencesRemoteVnet;
    two().side("a", "b").refuses(second.clone(), code, sentence);
    two().peered("a", "b").refuses(second, code, sentence);
}

#[test]
fn the_remote_and_whether_complete_networks_take_part_are_fixed() {
    let world = two().vnet("c", &["10.2.0.0/16"]).peered("a", "b");
    let code = RefusalCode::ResourceAlreadyExists;
    let other = Operation::UpdatePeering(vnet_name("a"), peering("a-to-b", "c"));
    let sentence =
        "peering a/a-to-b already exists, and its remoteVirtualNetwork cannot be changed: delete it first";
    world.refuses(other, code, sentence);
    let parts = PeeringSpec { subnets: super::subnets(&[], &[], false), ..peering("a-to-b", "b") };
    let sentence =
        "peering a/a-to-b already exists, and its peerCompleteVnets cannot be changed: delete it first";
    world.refuses(Operation::UpdatePeering(vnet_name("a"), parts), code, sentence);
}

#[rstest]
#[case("10.1.0.0/16", "10.1.0.0/16")]
#[case("10.1.0.0/24", "10.1.0.0/16")]
#[case("10.0.0.0/15", "10.1.0.0/16")]
#[case("fd00:b:1::/64", "fd00:b::/32")]
fn networks_that_share_an_address_cannot_be_peered(#[case] range: &str, #[case] met: &str) {
    let world =
        World::default().vnet("a", &["172.16.0.0/16", range]).vnet("b", &["10.1.0.0/16", "fd00:b::/32"]);
    let sentence =
        format!("virtual networks a and b cannot be peered: range {range} of a meets range {met} of b");
    world.refuses(create("a", "b"), RefusalCode::VnetAddressSpacesOverlap, &sentence);
    let sentence =
        format!("virtual networks b and a cannot be peered: range {met} of b meets range {range} of a");
    world.refuses(create("b", "a"), RefusalCode::VnetAddressSpacesOverlap, &sentence);
}

#[test]
fn a_network_cannot_be_peered_with_itself() {
    let sentence =
        "virtual networks a and a cannot be peered: range 10.0.0.0/16 of a meets range 10.0.0.0/16 of a";
    two().refuses(create("a", "a"), RefusalCode::VnetAddressSpacesOverlap, sentence);
    // Nor where no prefix takes part that could meet another.
    let nothing = PeeringSpec { subnets: super::subnets(&[], &[], true), ..peering("a-to-a", "a") };
    let create = Operation::CreatePeering(vnet_name("a"), nothing);
    two().refuses(create, RefusalCode::VnetAddressSpacesOverlap, sentence);
}

#[test]
fn two_peers_of_one_network_cannot_share_an_address() {
    let code = RefusalCode::VnetAddressSpaceOverlapsWithAlreadyPeeredVnet;
    let world = two().vnet("c", &["10.1.2.0/24"]).peered("a", "b");
    let sentence = "range 10.1.2.0/24 of c meets range 10.1.0.0/16 of b, which is already peered with a: \
                    a virtual network's peers must not meet one another";
    world.refuses(create("a", "c"), code, sentence);
    // The same from the other end: c is the newcomer at a.
    world.refuses(create("c", "a"), code, sentence);
    // But b and c, which do share addresses, may both stand.
    assert_eq!(world.0.vnets().len(), 3);
}

#[test]
fn a_network_has_500_peerings_at_most() {
    let mut world = World::default().vnet("hub", &["10.0.0.0/16"]);
    for number in 0..=500u32 {
        let (high, low) = (number / 256, number % 256);
        world = world.vnet(&format!("v{number}"), &[&format!("11.{high}.{low}.0/24")]);
    }
    for number in 0..500 {
        let spec = peering(&format!("to-{number}"), &format!("v{number}"));
        world.0.apply_in_place(Operation::CreatePeering(vnet_name("hub"), spec)).unwrap();
    }
    let one_more = Operation::CreatePeering(vnet_name("hub"), peering("to-500", "v500"));
    let sentence = "virtual network hub cannot have more than 500 peerings";
    world.refuses(one_more.clone(), RefusalCode::QuotaExceeded, sentence);
    // One of the 500 may still change, and one that goes makes room.
    let same = Operation::UpdatePeering(vnet_name("hub"), peering("to-7", "v7"));
    let gone = Operation::DeletePeering(vnet_name("hub"), peering_name("to-7"));
    let world = world.with(same).with(gone).with(one_more);
    assert_eq!(world.network("hub").peerings().len(), VirtualNetwork::MAX_PEERINGS);
}

#[test]
fn every_code_is_one_word_of_its_own() {
    let words: std::collections::BTreeSet<_> = RefusalCode::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(words.len(), RefusalCode::ALL.len());
    assert!(words.contains("VnetAddressSpaceOverlapsWithAlreadyPeeredVnet"));
}
