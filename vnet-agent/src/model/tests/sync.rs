//! Address spaces that change while peered: what was there goes on, what came waits for `sync`, what went stops at once.

use pretty_assertions::assert_eq;

use super::{World, peering_name, prefixes, vnet, vnet_name};
use crate::model::PeeringState::Connected;
use crate::model::PeeringSyncLevel::{FullyInSync, LocalAndRemoteNotInSync, LocalNotInSync, RemoteNotInSync};
use crate::model::*;

fn world() -> World {
    World::default().vnet("a", &["10.0.0.0/16"]).vnet("b", &["10.1.0.0/16", "10.6.0.0/16"]).peered("a", "b")
}

fn now(world: World, name: &str, space: &[&str]) -> World {
    world.with(Operation::UpdateVnet(vnet(name, space)))
}

fn taken_over(world: &World, of: &str, remote: &str) -> Vec<String> {
    world.object(of, remote).remote_address_space().iter().map(ToString::to_string).collect()
}

#[test]
fn a_grown_space_leaves_both_connected_and_each_says_who_is_behind() {
    let world = now(world(), "b", &["10.1.0.0/16", "10.6.0.0/16", "10.7.0.0/16"]);
    assert_eq!((world.state("a", "b"), world.state("b", "a")), (Connected, Connected));
    assert_eq!(world.sync_level("a", "b"), RemoteNotInSync);
    assert_eq!(world.sync_level("b", "a"), LocalNotInSync);
    assert_eq!(taken_over(&world, "a", "b"), ["10.1.0.0/16", "10.6.0.0/16"]);
    let world = now(world, "a", &["10.0.0.0/16", "10.8.0.0/16"]);
    assert_eq!(world.sync_level("a", "b"), LocalAndRemoteNotInSync);
    assert_eq!(world.sync_level("b", "a"), LocalAndRemoteNotInSync);
    // Each side catches up by its own sync.
    let world = world.sync("a", "b");
    assert_eq!(taken_over(&world, "a", "b"), ["10.1.0.0/16", "10.6.0.0/16", "10.7.0.0/16"]);
    assert_eq!((world.sync_level("a", "b"), world.sync_level("b", "a")), (LocalNotInSync, RemoteNotInSync));
    let world = world.sync("b", "a");
    assert_eq!((world.sync_level("a", "b"), world.sync_level("b", "a")), (FullyInSync, FullyInSync));
}

#[test]
fn a_shrunk_space_is_remembered_until_sync() {
    let world = now(world(), "b", &["10.1.0.0/16"]);
    assert_eq!((world.state("a", "b"), world.sync_level("a", "b")), (Connected, RemoteNotInSync));
    assert_eq!(taken_over(&world, "a", "b"), ["10.1.0.0/16", "10.6.0.0/16"]);
    let world = world.sync("a", "b");
    assert_eq!(
        (taken_over(&world, "a", "b"), world.sync_level("a", "b")),
        (vec!["10.1.0.0/16".into()], FullyInSync)
    );
}

#[test]
fn a_space_that_changes_back_is_in_sync_again_without_sync() {
    let world = now(now(world(), "b", &["10.1.0.0/16"]), "b", &["10.6.0.0/16", "10.1.0.0/16"]);
    assert_eq!((world.sync_level("a", "b"), world.sync_level("b", "a")), (FullyInSync, FullyInSync));
}

#[test]
fn an_update_of_flags_does_not_take_over_a_new_range() {
    let world = now(world(), "b", &["10.1.0.0/16", "10.7.0.0/16"]);
    let mut spec = world.object("a", "b").spec();
    spec.flags.allow_forwarded_traffic = true;
    let world = world.with(Operation::UpdatePeering(vnet_name("a"), spec));
    assert_eq!(world.object("a", "b").remote_address_space(), prefixes(&["10.1.0.0/16", "10.6.0.0/16"]));
    assert_eq!(world.sync_level("a", "b"), RemoteNotInSync);
}

#[test]
fn a_sync_with_nothing_new_copies_nothing() {
    let before = world();
    let after = before.clone().sync("a", "b");
    super::assert_same(&before.0, &after.0);
}

#[test]
fn an_initiated_side_may_sync_and_a_disconnected_one_may_not() {
    let world = World::default().vnet("a", &["10.0.0.0/16"]).vnet("b", &["10.1.0.0/16"]).side("a", "b");
    let world = now(world, "b", &["10.1.0.0/16", "10.7.0.0/16"]).sync("a", "b");
    assert_eq!(taken_over(&world, "a", "b"), ["10.1.0.0/16", "10.7.0.0/16"]);
    let world = world.side("b", "a").delete_side("b", "a");
    let sync = Operation::SyncPeering(vnet_name("a"), peering_name("a-to-b"));
    let sentence = "the other side of peering a/a-to-b does not exist";
    world.refuses(sync, RefusalCode::ResourceNotFound, sentence);
}
