//! What every test of the store needs.

mod commit;
mod difference;
mod failing;
mod log;
mod migrate;
mod notes;
mod place;
mod refused;

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use super::{Activity, ActivityStatus, Opened, Store};
use crate::model::access::{AccessScope, Directory, Principal, Role, RoleAssignment, Subscription, Token};
use crate::model::tests::World;
use crate::model::{ResourceGroupName, Scope, State, SubscriptionId, Topology, VnetId};

/// An entry of the log whose message is `message`.
fn activity(message: &str) -> Activity {
    Activity {
        time: UNIX_EPOCH + Duration::from_nanos(1_000_000_007),
        caller: "user:alice".to_owned(),
        operation: "Microsoft.Network/virtualNetworks/write".to_owned(),
        resource: "/subscriptions/red/resourceGroups/prod/providers/Microsoft.Network/virtualNetworks/hub"
            .to_owned(),
        status: ActivityStatus::Succeeded,
        code: None,
        message: message.to_owned(),
        version: None,
    }
}

/// The whole log, newest first.
#[track_caller]
fn entries(store: &mut Store) -> Vec<Activity> {
    store.log().unwrap().newest(usize::MAX, |_| true).unwrap()
}

/// The messages of the whole log, newest first.
#[track_caller]
fn messages(store: &mut Store) -> Vec<String> {
    entries(store).into_iter().map(|activity| activity.message).collect()
}

fn state(topology: Topology) -> State {
    State { topology, ..State::default() }
}

/// A hub and a spoke, peered, and a NIC.
fn small() -> State {
    let world = World::default()
        .vnet("hub", &["10.0.0.0/16", "fd00::/48"])
        .subnet("hub", "default", &["10.0.1.0/24", "fd00::/64"])
        .nic("vm", "hub/default", &["10.0.1.4", "fd00::4"])
        .vnet("red/prod/spoke", &["10.1.0.0/16"])
        .with(crate::model::Operation::CreatePeering(
            VnetId::new("hub").unwrap(),
            crate::model::tests::peering("to-spoke", "red/prod/spoke"),
        ))
        .with(crate::model::Operation::CreatePeering(
            VnetId::new("red/prod/spoke").unwrap(),
            crate::model::tests::peering("to-hub", "hub"),
        ));
    state(world.0)
}

/// One of everything that a directory holds, and an assignment in each kind of scope.
fn directory() -> Directory {
    let red = SubscriptionId::new("red").unwrap();
    let prod = ResourceGroupName::new("prod").unwrap();
    let alice = Principal::User("alice".into());
    let assignment = |name: &str, principal: &Principal, role, scope| RoleAssignment {
        name: name.to_owned(),
        principal: principal.clone(),
        role,
        scope,
    };
    let subscription =
        Subscription { name: red.clone(), display_name: "Red \"team\"".to_owned(), tenant: "t".to_owned() };
    let token = Token { name: "ci".to_owned(), principal: alice.clone(), sha256: "ab".repeat(32) };
    let netops = Principal::Group("netops".into());
    let group = Scope { subscription: red.clone(), resource_group: prod };
    let assignments = vec![
        assignment("one", &alice, Role::Owner, AccessScope::Root),
        assignment("one", &alice, Role::Contributor, AccessScope::Subscription(red)),
        assignment("two", &netops, Role::Reader, AccessScope::ResourceGroup(group)),
        assignment(
            "three",
            &netops,
            Role::NetworkContributor,
            AccessScope::Vnet(VnetId::new("red/prod/hub").unwrap()),
        ),
    ];
    Directory::restore(vec![subscription], assignments, vec![token]).unwrap()
}

#[track_caller]
fn open(directory: &Path) -> Opened {
    Store::open(directory).unwrap_or_else(|error| panic!("{error}"))
}

/// The sentence with which the directory is refused, the directory's own path in it replaced by `DIR`.
#[track_caller]
fn refusal(directory: &Path) -> String {
    let error = Store::open(directory).expect_err("the directory is refused");
    error.to_string().replace(&directory.display().to_string(), "DIR")
}
