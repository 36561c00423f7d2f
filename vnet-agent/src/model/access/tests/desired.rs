//! Subscriptions and roles as they are declared.

use pretty_assertions::assert_eq;

use super::{ALICE, BOB, House, assignment, caller, lacked, subscription, vnet_scope};
use crate::model::access::*;
use crate::model::tests::{vnet, vnet_name};
use crate::model::{
    Change, Declared, DesiredState, Located, Operation, Place, RefusalCode, State, Topology, VnetSpec,
};

fn at<T>(place: u32, spec: T) -> Declared<T> {
    Declared { spec, place: Place(place) }
}

fn grant(place: u32, principal: &str, role: Role, scope: &str) -> Declared<NamedGrant> {
    let (principal, scope) = (principal.parse().unwrap(), scope.parse().unwrap());
    at(place, NamedGrant { name: None, grant: Grant { principal, role, scope } })
}

/// A role at `/` with a name.
fn named(place: u32, name: &str, principal: &str) -> Declared<NamedGrant> {
    let mut declared = grant(place, principal, Role::Reader, "/");
    declared.spec.name = Some(name.to_owned());
    declared
}

fn at_root(grants: Vec<Declared<NamedGrant>>) -> DesiredAccess {
    DesiredAccess { root: Some(grants), ..DesiredAccess::default() }
}

/// `red` and `blue` as they are, with Alice as Owner of `red`.
fn desired() -> DesiredAccess {
    let subscriptions = vec![at(1, subscription("red")), at(2, subscription("blue"))];
    let grants = vec![grant(3, ALICE, Role::Owner, "/subscriptions/red")];
    DesiredAccess {
        subscriptions: Some(DesiredSubscriptions { subscriptions, grants }),
        ..DesiredAccess::default()
    }
}

fn plan(state: &State, desired: &DesiredAccess) -> Result<Directory, Vec<Located>> {
    state.directory.plan(desired, |vnet| state.topology.vnet(vnet).is_some())
}

fn lines(changes: &[Change]) -> Vec<String> {
    changes.iter().map(ToString::to_string).collect()
}

/// What a plan would change.
#[track_caller]
fn planned(state: &State, desired: &DesiredAccess) -> (Directory, Vec<String>) {
    let next = plan(state, desired).unwrap();
    let changes = directory_changes(&state.directory, &next);
    (next, lines(&changes))
}

/// The places, codes and sentences of what refuses a plan.
#[track_caller]
fn refused(state: &State, desired: &DesiredAccess) -> Vec<(u32, RefusalCode, String)> {
    told(&plan(state, desired).unwrap_err())
}

fn told(refusals: &[Located]) -> Vec<(u32, RefusalCode, String)> {
    refusals.iter().map(|l| (l.place.0, l.refusal.code(), l.refusal.to_string())).collect()
}

#[test]
fn what_is_declared_nowhere_stays() {
    let house = House::new().with_owners().give(BOB, Role::Reader, "/");
    assert_eq!(planned(&house.0, &DesiredAccess::default()), (house.0.directory.clone(), vec![]));
    // The roles at `/` and those in subscriptions are declared apart.
    let only_root = DesiredAccess { root: Some(vec![]), ..DesiredAccess::default() };
    assert_eq!(planned(&house.0, &only_root).1, ["- role assignment a2 of scope /"]);
    let only_subscriptions =
        DesiredAccess { subscriptions: Some(DesiredSubscriptions::default()), ..DesiredAccess::default() };
    let without = State { topology: Topology::default(), ..house.0 };
    assert_eq!(
        planned(&without, &only_subscriptions).1,
        [
            "- subscription blue",
            "- subscription red",
            "- role assignment a1 of scope /subscriptions/blue",
            "- role assignment a0 of scope /subscriptions/red",
        ]
    );
}

#[test]
fn what_is_declared_is_made_changed_and_deleted() {
    let house = House::new().with_owners();
    let mut desired = desired();
    let Some(DesiredSubscriptions { subscriptions, grants }) = &mut desired.subscriptions else {
        panic!("they are declared")
    };
    subscriptions[0].spec.display_name = "Rosso".to_owned();
    subscriptions[0].spec.tenant = "fabrikam".to_owned();
    subscriptions.push(at(4, subscription("green")));
    grants.push(grant(5, "group:netops", Role::NetworkContributor, &vnet_scope("blue/g/b")));
    let (next, changes) = planned(&house.0, &desired);
    let [.., given] = &changes[..] else { panic!("{changes:?}") };
    assert!(given.starts_with("+ role assignment "), "{given}");
    assert!(
        given.ends_with(&format!(
            " of scope {}: principal group:netops, role Network Contributor",
            vnet_scope("blue/g/b")
        )),
        "{given}"
    );
    assert_eq!(
        changes[..3],
        [
            "+ subscription green: displayName The green one, tenant contoso",
            "~ subscription red: displayName The red one -> Rosso, tenant contoso -> fabrikam",
            "- role assignment a1 of scope /subscriptions/blue",
        ]
    );
    // Alice's role has kept its name.
    let red = "/subscriptions/red".parse().unwrap();
    let names: Vec<_> = next.assignments_at(&red).map(|given| given.name.as_str()).collect();
    assert_eq!(names, ["a0"]);
    let again = State { directory: next.clone(), ..house.0 };
    assert_eq!(planned(&again, &desired), (next, vec![]));
}

#[test]
fn within_one_subscription_nothing_else_is_declared() {
    let house = House::new().with_owners().give(ALICE, Role::Reader, &vnet_scope("red/g/a"));
    let subscriptions = vec![at(1, subscription("red"))];
    let grants = vec![grant(2, ALICE, Role::Owner, "/subscriptions/red")];
    let desired = DesiredAccess {
        subscriptions: Some(DesiredSubscriptions { subscriptions, grants }),
        root: None,
        within: Some("red".parse().unwrap()),
    };
    let given = format!("- role assignment a2 of scope {}", vnet_scope("red/g/a"));
    assert_eq!(planned(&house.0, &desired).1, [given]);
}

#[test]
fn a_new_role_gets_a_guid_that_follows_from_what_it_says() {
    let name = |principal: &str| {
        let mut desired = desired();
        desired.root = Some(vec![grant(7, principal, Role::Reader, "/")]);
        let (next, _) = planned(&House::new().0, &desired);
        next.assignments_at(&AccessScope::Root).next().unwrap().name.clone()
    };
    assert_eq!(name(ALICE), name(ALICE));
    assert_ne!(name(ALICE), name(BOB));
    let lengths: Vec<_> = name(ALICE).split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12]);
    let third = name(ALICE).split('-').nth(2).unwrap().to_owned();
    assert!(third.starts_with('8'), "{third}");
}

#[test]
fn a_role_gets_the_name_that_is_declared_in_place_of_the_one_that_it_has() {
    let house = House::new().give(ALICE, Role::Reader, "/");
    let desired = at_root(vec![named(1, "mine", ALICE), named(2, "his", BOB)]);
    let (next, changes) = planned(&house.0, &desired);
    assert_eq!(
        changes,
        [
            "- role assignment a0 of scope /",
            "+ role assignment his of scope /: principal user:bob, role Reader",
            "+ role assignment mine of scope /: principal user:alice, role Reader",
        ]
    );
    let again = State { directory: next.clone(), ..house.0 };
    assert_eq!(planned(&again, &desired), (next, vec![]));
}

#[test]
fn a_name_that_is_declared_for_another_role_is_not_kept() {
    let house = House::new().give(ALICE, Role::Reader, "/");
    for alice_first in [true, false] {
        let mut grants = vec![grant(1, ALICE, Role::Reader, "/"), named(2, "a0", BOB)];
        if !alice_first {
            grants.reverse();
        }
        let derived = grant(1, ALICE, Role::Reader, "/").spec.grant.derived_name();
        let (next, _) = planned(&house.0, &at_root(grants));
        let mut given: Vec<_> =
            next.assignments().map(|one| (one.principal.to_string(), one.name.clone())).collect();
        given.sort();
        assert_eq!(given, [(ALICE.to_owned(), derived), (BOB.to_owned(), "a0".to_owned())]);
    }
}

#[test]
fn a_name_stands_for_one_role_of_its_scope_and_obeys_its_rule() {
    let desired = at_root(vec![
        named(1, "mine", ALICE),
        named(2, "mine", BOB),
        named(3, "again", ALICE),
        named(4, "-", BOB),
    ]);
    let refusals = refused(&House::new().0, &desired);
    let codes: Vec<_> = refusals.iter().map(|(place, code, _)| (*place, *code)).collect();
    assert_eq!(
        codes,
        [
            (2, RefusalCode::ResourceAlreadyExists),
            (3, RefusalCode::RoleAssignmentExists),
            (4, RefusalCode::InvalidResourceName),
        ]
    );
    assert_eq!(refusals[0].2, "role assignment mine of scope / already exists");
}

#[test]
fn tokens_stay_whatever_is_declared() {
    let token = Token { name: "ci".to_owned(), principal: ALICE.parse().unwrap(), sha256: "0".repeat(64) };
    let state = House::new().0.put_token(token).unwrap();
    let (next, _) = planned(&state, &desired());
    assert_eq!(next.tokens().collect::<Vec<_>>(), state.directory.tokens().collect::<Vec<_>>());
}

#[test]
fn every_mistake_is_refused_at_its_place() {
    let mut desired = desired();
    let Some(DesiredSubscriptions { subscriptions, grants }) = &mut desired.subscriptions else {
        panic!("they are declared")
    };
    subscriptions.push(at(4, subscription("red")));
    subscriptions.push(at(5, Subscription { tenant: "-".to_owned(), ..subscription("green") }));
    grants.push(grant(6, ALICE, Role::Owner, "/subscriptions/red"));
    grants.push(grant(7, ALICE, Role::Owner, "/subscriptions/pink"));
    grants.push(grant(8, ALICE, Role::Owner, &vnet_scope("red/g/z")));
    let refusals = refused(&House::new().0, &desired);
    let codes: Vec<_> = refusals.iter().map(|(place, code, _)| (*place, *code)).collect();
    assert_eq!(
        codes,
        [
            (4, RefusalCode::ResourceAlreadyExists),
            (5, RefusalCode::InvalidResourceName),
            (6, RefusalCode::RoleAssignmentExists),
            (7, RefusalCode::ResourceNotFound),
            (8, RefusalCode::ResourceNotFound),
        ]
    );
    assert_eq!(refusals[3].2, "subscription pink does not exist");
    assert_eq!(refusals[4].2, "virtual network red/g/z does not exist");
}

#[test]
fn an_object_in_a_subscription_that_does_not_exist_is_refused_at_its_place() {
    let with = |name: &str, place| at::<VnetSpec>(place, vnet(name, &["10.0.0.0/16"]));
    let declared = DesiredState {
        vnets: vec![with("red/g/v", 1), with("pink/g/v", 2), with("v", 3)],
        nics: vec![at(4, crate::model::tests::nic("pink/g/n", "pink/g/v/s", &["10.0.0.4"]))],
        ..DesiredState::default()
    };
    let refusals = told(&House::new().0.directory.check_subscriptions(&declared));
    let missing = "subscription pink does not exist".to_owned();
    let code = RefusalCode::ResourceNotFound;
    assert_eq!(refusals, [(2, code, missing.clone()), (4, code, missing)]);
}

#[test]
fn where_nothing_is_said_of_subscriptions_those_exist_that_are_named() {
    let with = |name: &str| at::<VnetSpec>(1, vnet(name, &["10.0.0.0/16"]));
    let declared = DesiredState {
        vnets: vec![with("pink/g/v"), with("pink/g/w"), with("v")],
        ..DesiredState::default()
    };
    let directory = House::new().0.directory.with_subscriptions_of(&declared).unwrap();
    let names: Vec<_> = directory.every_subscription().iter().map(|one| one.name.to_string()).collect();
    assert_eq!(names, ["blue", "default", "pink", "red"]);
    let pink = directory.subscription(&"pink".parse().unwrap()).unwrap();
    assert_eq!((pink.display_name.as_str(), pink.tenant.as_str()), ("pink", "default"));
}

#[test]
fn only_who_holds_a_role_at_the_root_changes_subscriptions() {
    let house = House::new().with_owners().give("user:carl", Role::Contributor, "/");
    let next = |change: fn(&State) -> State| change(&house.0);
    let rename = next(|state| {
        state.put_subscription(Subscription { tenant: "fabrikam".to_owned(), ..subscription("red") }).unwrap()
    });
    let create = next(|state| state.put_subscription(subscription("green")).unwrap());
    let delete = create.delete_subscription(&"green".parse().unwrap()).unwrap();
    for (before, after, action) in [
        (&house.0, &rename, "Microsoft.Resources/subscriptions/write"),
        (&house.0, &create, "Microsoft.Resources/subscriptions/write"),
        (&create, &delete, "Microsoft.Resources/subscriptions/delete"),
    ] {
        let refusal = before.authorize(&caller(ALICE), after).unwrap_err();
        assert_eq!(lacked(refusal), ("/".to_owned(), action.to_owned()));
        assert_eq!(before.authorize(&caller("user:carl"), after), Ok(()));
    }
}

#[test]
fn roles_are_given_and_taken_by_an_owner_of_their_scope() {
    let house = House::new().with_owners().give("user:carl", Role::Contributor, "/subscriptions/red");
    let given =
        house.0.put_role_assignment(assignment("new", BOB, Role::Reader, &vnet_scope("red/g/a"))).unwrap();
    let write = "Microsoft.Authorization/roleAssignments/write";
    let delete = "Microsoft.Authorization/roleAssignments/delete";
    for (before, after, action) in [(&house.0, &given, write), (&given, &house.0, delete)] {
        assert_eq!(before.authorize(&caller(ALICE), after), Ok(()));
        for who in [BOB, "user:carl"] {
            let refusal = before.authorize(&caller(who), after).unwrap_err();
            assert_eq!(lacked(refusal), (vnet_scope("red/g/a"), action.to_owned()), "{who}");
        }
    }
}

#[test]
fn nobody_gives_himself_the_role_that_the_change_needs() {
    let house = House::new().with_owners();
    let given =
        house.0.put_role_assignment(assignment("new", ALICE, Role::Owner, "/subscriptions/blue")).unwrap();
    let after =
        given.apply(&Caller::root(), [Operation::CreateVnet(vnet("blue/g/c", &["10.9.0.0/16"]))]).unwrap();
    assert!(house.0.authorize(&caller(ALICE), &after).is_err());
}

#[test]
fn roles_that_go_with_their_network_or_subscription_are_nobody_s_to_take() {
    let house = House::new()
        .give(ALICE, Role::NetworkContributor, "/subscriptions/red")
        .give(BOB, Role::Reader, &vnet_scope("red/g/a"))
        .root_does(Operation::DeleteNic("red/g/n".parse().unwrap()));
    let after = house.clone().does(ALICE, Operation::DeleteVnet(vnet_name("red/g/a"))).0;
    assert_eq!(after.directory.assignments().len(), 1);
    assert_eq!(house.0.authorize(&caller(ALICE), &after), Ok(()));
    // Carl may delete subscriptions, and take no roles away.
    let carl = House(after).give("user:carl", Role::Contributor, "/").0;
    let gone = carl.delete_subscription(&"red".parse().unwrap()).unwrap();
    assert_eq!((carl.directory.assignments().len(), gone.directory.assignments().len()), (2, 1));
    assert_eq!(carl.authorize(&caller("user:carl"), &gone), Ok(()));
}
