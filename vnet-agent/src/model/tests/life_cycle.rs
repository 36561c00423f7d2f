//! The life of a peering, row by row of the table in the design: what happens, the state of this side and of the other, and
//! whether packets cross. This side is a's, the other b's.

use pretty_assertions::assert_eq;

use super::{World, nic_name, peering, peering_name, prefixes, subnet_name, vnet, vnet_name};
use crate::model::PeeringState::{Connected, Disconnected, Initiated};
use crate::model::PeeringSyncLevel::{FullyInSync, LocalAndRemoteNotInSync, LocalNotInSync, RemoteNotInSync};
use crate::model::RefusalCode::{RemotePeeringIsDisconnected, ResourceNotFound};
use crate::model::*;
use crate::routing::{NextHopType, Reachability, effective_routes};

/// Two networks, each with a NIC named as it.
fn two() -> World {
    World::default()
        .vnet("a", &["10.0.0.0/16"])
        .vnet("b", &["10.1.0.0/16", "10.6.0.0/16"])
        .subnet("a", "s", &["10.0.1.0/24"])
        .subnet("b", "s", &["10.1.1.0/24"])
        .nic("a", "a/s", &["10.0.1.4"])
        .nic("b", "b/s", &["10.1.1.4"])
}

fn connected() -> World {
    two().peered("a", "b")
}

fn create(of: &str, remote: &str) -> Operation {
    Operation::CreatePeering(vnet_name(of), peering(&format!("{of}-to-{remote}"), remote))
}

fn update(of: &str, remote: &str) -> Operation {
    Operation::UpdatePeering(vnet_name(of), peering(&format!("{of}-to-{remote}"), remote))
}

fn sync(of: &str, remote: &str) -> Operation {
    Operation::SyncPeering(vnet_name(of), peering_name(&format!("{of}-to-{remote}")))
}

/// The network with another address space.
fn spaced(name: &str, space: &[&str]) -> Operation {
    Operation::UpdateVnet(vnet(name, space))
}

/// Whether one NIC's packets reach the other, and the answers come back.
fn crosses(world: &World, from: &str, to: &str) -> bool {
    Reachability::new(&world.0).reachable(&nic_name(from), &nic_name(to)).is_ok()
}

/// The prefixes that the network's subnet `s` reaches over peerings.
fn routes(world: &World, of: &str) -> Vec<String> {
    let network = world.network(of);
    let subnet = network.subnet(&subnet_name("s")).unwrap();
    let routes = effective_routes(&world.0, network, subnet);
    let peered = routes.iter().filter(|route| route.next_hop.kind() == NextHopType::VNetPeering);
    peered.map(|route| route.prefix.to_string()).collect()
}

fn taken_over(world: &World, of: &str, remote: &str) -> Vec<String> {
    world.object(of, remote).remote_address_space().iter().map(ToString::to_string).collect()
}

fn levels(world: &World) -> (PeeringSyncLevel, PeeringSyncLevel) {
    (world.sync_level("a", "b"), world.sync_level("b", "a"))
}

/// A row of the table: the two states, where there is an object, and whether packets cross. They cross both ways or neither.
#[track_caller]
fn is_row(world: &World, this: Option<PeeringState>, other: Option<PeeringState>, packets_cross: bool) {
    let state = |of: &str, remote: &str| {
        Some(world.0.vnet(&vnet_name(of))?.peering_with(&vnet_name(remote))?.state())
    };
    assert_eq!((state("a", "b"), state("b", "a")), (this, other));
    if world.0.nic(&nic_name("b")).is_some() {
        assert_eq!((crosses(world, "a", "b"), crosses(world, "b", "a")), (packets_cross, packets_cross));
    }
    assert_eq!(routes(world, "a").is_empty(), !packets_cross);
}

#[test]
fn first_side_created_it_is_initiated_and_no_packet_crosses() {
    let world = two().side("a", "b");
    is_row(&world, Some(Initiated), None, false);
    assert_eq!(world.sync_level("a", "b"), RemoteNotInSync);
    assert_eq!(taken_over(&world, "a", "b"), ["10.1.0.0/16", "10.6.0.0/16"]);
    assert_eq!(world.0.other_side(&vnet_name("a"), world.object("a", "b")), None);
}

#[test]
fn second_side_created_both_are_connected_at_the_same_moment_and_packets_cross() {
    let world = two().side("a", "b").side("b", "a");
    is_row(&world, Some(Connected), Some(Connected), true);
    assert_eq!(levels(&world), (FullyInSync, FullyInSync));
    assert_eq!(
        (routes(&world, "a"), routes(&world, "b")),
        (taken_over(&world, "a", "b"), vec!["10.0.0.0/16".to_owned()])
    );
    let (remote, other) = world.0.other_side(&vnet_name("a"), world.object("a", "b")).unwrap();
    assert_eq!((remote.name().as_str(), other), ("b", world.object("b", "a")));
}

#[test]
fn second_side_created_takes_over_what_changed_since_the_first_one_was() {
    let world = two().side("a", "b").with(spaced("b", &["10.1.0.0/16", "10.7.0.0/16"])).side("b", "a");
    assert_eq!(routes(&world, "a"), ["10.1.0.0/16", "10.7.0.0/16"]);
    assert_eq!(levels(&world), (FullyInSync, FullyInSync));
}

#[test]
fn one_side_deleted_the_other_is_disconnected_and_no_packet_crosses_from_that_moment() {
    let world = connected().delete_side("b", "a");
    is_row(&world, Some(Disconnected), None, false);
    assert_eq!(world.sync_level("a", "b"), RemoteNotInSync);
    let world = connected().delete_side("a", "b");
    is_row(&world, None, Some(Disconnected), false);
    assert_eq!(routes(&world, "b"), [""; 0]);
}

#[test]
fn deleted_side_recreated_while_the_other_is_disconnected_is_refused() {
    let world = connected().delete_side("a", "b");
    let sentence = "peering b/b-to-a is Disconnected: delete it and create both sides, \
                    or update it, which makes it Initiated again, and then create the peering of a";
    world.refuses(create("a", "b"), RemotePeeringIsDisconnected, sentence);
    // Whatever its name.
    let renamed = Operation::CreatePeering(vnet_name("a"), peering("other", "b"));
    world.refuses(renamed, RemotePeeringIsDisconnected, sentence);
    is_row(&world, None, Some(Disconnected), false);
}

#[test]
fn the_way_back_is_to_delete_the_other_side_too_and_create_both() {
    let world = connected().delete_side("a", "b").delete_side("b", "a");
    is_row(&world, None, None, false);
    is_row(&world.peered("a", "b"), Some(Connected), Some(Connected), true);
}

#[test]
fn or_to_update_the_other_side_which_makes_it_initiated_again_and_then_create_this_one() {
    let world = connected().delete_side("a", "b").with(spaced("a", &["10.0.0.0/16", "10.7.0.0/16"]));
    let world = world.with(update("b", "a"));
    is_row(&world, None, Some(Initiated), false);
    assert_eq!(taken_over(&world, "b", "a"), ["10.0.0.0/16", "10.7.0.0/16"]);
    let world = world.side("a", "b");
    is_row(&world, Some(Connected), Some(Connected), true);
    assert_eq!(routes(&world, "b"), ["10.0.0.0/16", "10.7.0.0/16"]);
}

#[test]
fn remote_network_deleted_this_side_is_disconnected_and_no_packet_crosses() {
    let gone = |world: World| {
        world.with(Operation::DeleteNic(nic_name("b"))).with(Operation::DeleteVnet(vnet_name("b")))
    };
    let world = gone(connected());
    is_row(&world, Some(Disconnected), None, false);
    assert_eq!(taken_over(&world, "a", "b"), ["10.1.0.0/16", "10.6.0.0/16"]);
    // Neither update nor sync finds a remote.
    let sentence = "virtual network b does not exist";
    world.refuses(update("a", "b"), ResourceNotFound, sentence);
    world.refuses(sync("a", "b"), ResourceNotFound, sentence);
    // The same where there never was another side.
    is_row(&gone(two().side("a", "b")), Some(Disconnected), None, false);
}

#[test]
fn a_network_of_the_deleted_ones_name_is_not_taken_for_it() {
    let world =
        connected().with(Operation::DeleteNic(nic_name("b"))).with(Operation::DeleteVnet(vnet_name("b")));
    let world = world.vnet("b", &["10.9.0.0/16"]);
    is_row(&world, Some(Disconnected), None, false);
    assert_eq!(world.refusal(create("b", "a")).code(), RemotePeeringIsDisconnected);
    let world = world.with(update("a", "b")).side("b", "a");
    is_row(&world, Some(Connected), Some(Connected), true);
    assert_eq!(routes(&world, "a"), ["10.9.0.0/16"]);
}

/// b with a third range, in which a NIC `new` stands.
fn grown() -> World {
    connected()
        .with(spaced("b", &["10.1.0.0/16", "10.6.0.0/16", "10.7.0.0/16"]))
        .subnet("b", "t", &["10.7.1.0/24"])
        .nic("new", "b/t", &["10.7.1.4"])
}

#[test]
fn address_space_grown_old_ranges_go_on_and_a_new_one_waits_for_sync() {
    let world = grown();
    is_row(&world, Some(Connected), Some(Connected), true);
    assert_eq!(levels(&world), (RemoteNotInSync, LocalNotInSync));
    assert_eq!(routes(&world, "a"), ["10.1.0.0/16", "10.6.0.0/16"]);
    assert!(!crosses(&world, "a", "new") && !crosses(&world, "new", "a"));
    let world = world.sync("a", "b");
    is_row(&world, Some(Connected), Some(Connected), true);
    assert_eq!(levels(&world), (FullyInSync, FullyInSync));
    assert_eq!(routes(&world, "a"), ["10.1.0.0/16", "10.6.0.0/16", "10.7.0.0/16"]);
    assert!(crosses(&world, "a", "new") && crosses(&world, "new", "a"));
}

#[test]
fn address_space_shrunk_the_removed_range_stops_at_once_and_is_remembered_until_sync() {
    let world = connected().with(spaced("b", &["10.1.0.0/16"]));
    is_row(&world, Some(Connected), Some(Connected), true);
    assert_eq!(levels(&world), (RemoteNotInSync, LocalNotInSync));
    assert_eq!(routes(&world, "a"), ["10.1.0.0/16"]);
    assert_eq!(taken_over(&world, "a", "b"), ["10.1.0.0/16", "10.6.0.0/16"]);
    let world = world.sync("a", "b");
    assert_eq!(levels(&world), (FullyInSync, FullyInSync));
    assert_eq!(
        (routes(&world, "a"), taken_over(&world, "a", "b")),
        (vec!["10.1.0.0/16".to_owned()], vec!["10.1.0.0/16".to_owned()])
    );
}

#[test]
fn address_space_replaced_the_old_range_stops_the_new_one_waits_and_the_rest_goes_on() {
    let world = connected().with(spaced("b", &["10.1.0.0/16", "10.8.0.0/16"]));
    is_row(&world, Some(Connected), Some(Connected), true);
    assert_eq!(levels(&world), (RemoteNotInSync, LocalNotInSync));
    assert_eq!(routes(&world, "a"), ["10.1.0.0/16"]);
    assert_eq!(routes(&world.sync("a", "b"), "a"), ["10.1.0.0/16", "10.8.0.0/16"]);
}

#[test]
fn a_range_widened_or_narrowed_in_place_goes_on_as_far_as_it_was_and_is() {
    let world = connected().with(spaced("b", &["10.1.0.0/16", "10.6.0.0/15"]));
    is_row(&world, Some(Connected), Some(Connected), true);
    assert_eq!(routes(&world, "a"), ["10.1.0.0/16", "10.6.0.0/16"]);
    assert_eq!(routes(&world.clone().sync("a", "b"), "a"), ["10.1.0.0/16", "10.6.0.0/15"]);
    let world = world.with(spaced("b", &["10.1.0.0/17", "10.6.0.0/15"]));
    is_row(&world, Some(Connected), Some(Connected), true);
    assert_eq!(routes(&world, "a"), ["10.1.0.0/17", "10.6.0.0/16"]);
}

#[test]
fn a_space_that_changes_back_is_in_sync_again_without_sync() {
    let world =
        connected().with(spaced("b", &["10.1.0.0/16"])).with(spaced("b", &["10.6.0.0/16", "10.1.0.0/16"]));
    is_row(&world, Some(Connected), Some(Connected), true);
    assert_eq!(levels(&world), (FullyInSync, FullyInSync));
}

#[test]
fn each_side_says_who_is_behind_and_catches_up_by_its_own_sync() {
    let world = grown().with(spaced("a", &["10.0.0.0/16", "10.8.0.0/16"]));
    assert_eq!(levels(&world), (LocalAndRemoteNotInSync, LocalAndRemoteNotInSync));
    assert_eq!((routes(&world, "a").len(), routes(&world, "b").len()), (2, 1));
    let world = world.sync("a", "b");
    assert_eq!(levels(&world), (LocalNotInSync, RemoteNotInSync));
    assert_eq!((routes(&world, "a").len(), routes(&world, "b").len()), (3, 1));
    let world = world.sync("b", "a");
    assert_eq!(levels(&world), (FullyInSync, FullyInSync));
    assert_eq!((routes(&world, "a").len(), routes(&world, "b").len()), (3, 2));
}

#[test]
fn old_ranges_stay_in_the_effective_routes_at_every_step() {
    let steps = [
        spaced("b", &["10.1.0.0/16", "10.6.0.0/16", "10.7.0.0/16"]),
        spaced("a", &["10.0.0.0/16", "10.8.0.0/16"]),
        update("a", "b"),
        sync("a", "b"),
        sync("b", "a"),
        spaced("b", &["10.1.0.0/16", "10.9.0.0/16"]),
        update("b", "a"),
        sync("a", "b"),
        spaced("a", &["10.0.0.0/16"]),
        sync("b", "a"),
    ];
    let mut world = connected();
    for step in steps {
        world = world.with(step.clone());
        is_row(&world, Some(Connected), Some(Connected), true);
        assert!(routes(&world, "a").contains(&"10.1.0.0/16".to_owned()), "{step:?}");
        assert!(routes(&world, "b").contains(&"10.0.0.0/16".to_owned()), "{step:?}");
    }
    assert_eq!(levels(&world), (FullyInSync, FullyInSync));
}

#[test]
fn an_update_of_flags_does_not_take_over_a_new_range() {
    let mut spec = grown().object("a", "b").spec();
    spec.flags.allow_forwarded_traffic = true;
    let world = grown().with(Operation::UpdatePeering(vnet_name("a"), spec));
    assert_eq!(world.object("a", "b").remote_address_space(), prefixes(&["10.1.0.0/16", "10.6.0.0/16"]));
    assert_eq!(world.sync_level("a", "b"), RemoteNotInSync);
}

#[test]
fn peering_sync_with_nothing_new_copies_nothing() {
    let before = connected();
    let after = before.clone().sync("a", "b");
    super::assert_same(&before.0, &after.0);
}

#[test]
fn peering_sync_is_for_an_initiated_side_too_and_not_for_a_disconnected_one() {
    let world = two().side("a", "b").with(spaced("b", &["10.1.0.0/16", "10.7.0.0/16"])).sync("a", "b");
    assert_eq!(taken_over(&world, "a", "b"), ["10.1.0.0/16", "10.7.0.0/16"]);
    is_row(&world, Some(Initiated), None, false);
    let world = world.side("b", "a").delete_side("b", "a");
    world.refuses(sync("a", "b"), ResourceNotFound, "the other side of peering a/a-to-b does not exist");
}

#[test]
fn a_range_is_not_taken_away_while_a_subnet_lies_in_it() {
    let sentence = "range 10.1.0.0/16 of virtual network b cannot be taken away: subnet b/s depends on it";
    connected().refuses(spaced("b", &["10.6.0.0/16"]), RefusalCode::VnetAddressSpaceInUse, sentence);
    // Narrowed to where the subnet is not, it is taken away as well.
    connected().refuses(
        spaced("b", &["10.1.128.0/17", "10.6.0.0/16"]),
        RefusalCode::VnetAddressSpaceInUse,
        sentence,
    );
}

#[test]
fn creating_or_deleting_a_peering_disturbs_no_other() {
    let before = connected().vnet("c", &["10.2.0.0/16"]);
    let networks = |world: &World| [world.network("a"), world.network("b")].map(std::sync::Arc::clone);
    let mut world = before.clone();
    for step in
        [create("c", "b"), create("b", "c"), Operation::DeletePeering(vnet_name("c"), peering_name("c-to-b"))]
    {
        world = world.with(step);
        is_row(&world, Some(Connected), Some(Connected), true);
        assert_eq!(world.object("a", "b"), before.object("a", "b"));
        assert!(std::sync::Arc::ptr_eq(&networks(&world)[0], &networks(&before)[0]));
        assert!(std::sync::Arc::ptr_eq(networks(&world)[1].nics(), networks(&before)[1].nics()));
    }
}
