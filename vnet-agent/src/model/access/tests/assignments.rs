//! Role assignments and tokens.

use pretty_assertions::assert_eq;
use rstest::rstest;

use super::{ALICE, BOB, House, assignment, caller, scope, vnet_scope};
use crate::model::access::{Action, *};
use crate::model::tests::{vnet, vnet_name};
use crate::model::*;

/// The code and the sentence of what refuses `assignment`.
#[track_caller]
fn refused(house: &House, assignment: RoleAssignment) -> (RefusalCode, String) {
    let refusal = house.0.put_role_assignment(assignment).expect_err("the assignment is refused");
    (refusal.code(), refusal.to_string())
}

#[rstest]
#[case::everything("/", [true, true])]
#[case::subscription("/subscriptions/red", [true, false])]
#[case::group("/subscriptions/red/resourceGroups/g", [true, false])]
#[case::another_group("/subscriptions/red/resourceGroups/h", [false, false])]
#[case::vnet(&vnet_scope("red/g/a"), [true, false])]
fn a_role_holds_in_its_scope_and_nowhere_else(#[case] at: &str, #[case] expected: [bool; 2]) {
    let house = House::new().give(ALICE, Role::Owner, at);
    let may =
        |vnet: &str| house.0.directory.allows(&caller(ALICE), Action::VnetWrite, &scope(&vnet_scope(vnet)));
    assert_eq!(["red/g/a", "blue/g/b"].map(may), expected);
    // It does not reach outwards.
    let outer = scope(at).parent();
    assert!(outer.is_none_or(|outer| !house.0.directory.allows(&caller(ALICE), Action::VnetWrite, &outer)));
    assert!(!house.0.directory.allows(&caller(BOB), Action::VnetWrite, &scope(at)));
}

#[test]
fn several_roles_add_up() {
    let house = House::new().give(ALICE, Role::Reader, "/subscriptions/red").give(
        ALICE,
        Role::NetworkContributor,
        "/subscriptions/red/resourceGroups/g",
    );
    let may = |action, at: &str| house.0.directory.allows(&caller(ALICE), action, &scope(at));
    assert!(may(Action::VnetRead, "/subscriptions/red/resourceGroups/h"));
    assert!(!may(Action::VnetWrite, "/subscriptions/red/resourceGroups/h"));
    assert!(may(Action::VnetWrite, "/subscriptions/red/resourceGroups/g"));
}

#[test]
fn authorization_failed_names_who_what_and_where() {
    let refusal =
        House::new().0.directory.authorize(&caller(ALICE), Action::VnetWrite, &scope(&vnet_scope("red/g/a")));
    let refusal = refusal.unwrap_err();
    assert_eq!(refusal.code(), RefusalCode::AuthorizationFailed);
    assert_eq!(
        refusal.to_string(),
        "the client 'user:alice' does not have authorization to perform action \
         'Microsoft.Network/virtualNetworks/write' over scope \
         '/subscriptions/red/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/a' or the scope is invalid; \
         an Owner of the scope can give a role that allows it"
    );
}

#[test]
fn a_denial_is_the_same_whether_or_not_there_is_something() {
    let house = House::new().with_owners();
    let sentence = |refusal: Refusal, name: &str| refusal.to_string().replace(name, "X");
    for operation in [
        |name: &str| Operation::DeleteVnet(vnet_name(name)),
        |name: &str| Operation::UpdateVnet(vnet(name, &["10.9.0.0/16"])),
        |name: &str| Operation::DeleteSubnet(vnet_name(name), SubnetName::new("s").unwrap()),
    ] {
        let [there, not_there] = ["blue/g/b", "blue/g/c"].map(|name| {
            let id = vnet_scope(name);
            sentence(house.refusal(ALICE, operation(name)), &id)
        });
        assert_eq!(there, not_there);
    }
}

#[test]
fn role_assignment_exists_names_the_other_assignment() {
    let house = House(
        House::new()
            .0
            .put_role_assignment(assignment("one", ALICE, Role::Reader, "/subscriptions/red"))
            .unwrap(),
    );
    let (code, sentence) = refused(&house, assignment("two", ALICE, Role::Reader, "/subscriptions/red"));
    assert_eq!(code, RefusalCode::RoleAssignmentExists);
    assert_eq!(
        sentence,
        "user:alice has the role Reader at scope /subscriptions/red already, by role assignment one"
    );
    // Another principal, role or scope makes it another assignment.
    for other in [
        assignment("two", BOB, Role::Reader, "/subscriptions/red"),
        assignment("two", ALICE, Role::Owner, "/subscriptions/red"),
        assignment("two", ALICE, Role::Reader, "/subscriptions/red/resourceGroups/g"),
    ] {
        assert!(house.0.put_role_assignment(other).is_ok());
    }
}

#[test]
fn role_assignment_update_not_permitted_says_what_it_is() {
    let one = assignment("one", ALICE, Role::Reader, "/subscriptions/red");
    let house = House(House::new().0.put_role_assignment(one.clone()).unwrap());
    for other in [
        assignment("one", BOB, Role::Reader, "/subscriptions/red"),
        assignment("one", ALICE, Role::Owner, "/subscriptions/red"),
    ] {
        let (code, sentence) = refused(&house, other);
        assert_eq!(code, RefusalCode::RoleAssignmentUpdateNotPermitted);
        assert_eq!(
            sentence,
            "role assignment one of scope /subscriptions/red gives user:alice the role Reader, which cannot be changed: \
             delete it, then create another"
        );
    }
    // The same once more is no change, and the same name at another scope is another assignment.
    assert_eq!(house.0.put_role_assignment(one).unwrap(), house.0);
    assert!(house.0.put_role_assignment(assignment("one", BOB, Role::Reader, "/subscriptions/blue")).is_ok());
}

#[rstest]
#[case::subscription("/subscriptions/green", "subscription green does not exist")]
#[case::group("/subscriptions/green/resourceGroups/g", "subscription green does not exist")]
#[case::vnet(&vnet_scope("red/g/z"), "virtual network red/g/z does not exist")]
#[case::vnet_of_no_subscription(&vnet_scope("green/g/z"), "subscription green does not exist")]
fn resource_not_found_names_the_scope_that_is_missing(#[case] at: &str, #[case] expected: &str) {
    let (code, sentence) = refused(&House::new(), assignment("one", ALICE, Role::Reader, at));
    assert_eq!((code, sentence.as_str()), (RefusalCode::ResourceNotFound, expected));
}

#[test]
fn invalid_resource_name_holds_for_assignments_and_tokens() {
    let house = House::new();
    let (code, sentence) = refused(&house, assignment("a/b", ALICE, Role::Reader, "/"));
    assert_eq!(code, RefusalCode::InvalidResourceName);
    assert_eq!(
        sentence,
        "role assignment name \"a/b\" holds '/'; letters, digits, `.`, `-` and `_` are allowed"
    );
    let refusal = house.0.put_token(token(&"x".repeat(65))).unwrap_err();
    assert_eq!(refusal.code(), RefusalCode::InvalidResourceName);
    assert!(refusal.to_string().ends_with("is longer than 64 characters"), "{refusal}");
    assert!(house.0.put_token(token(&"x".repeat(64))).is_ok());
}

#[test]
fn quota_exceeded_at_4000_role_assignments_of_a_subscription() {
    let mut assignments = Vec::new();
    let scopes = ["/subscriptions/default", "/subscriptions/default/resourceGroups/g"];
    for number in 0..Directory::MAX_ASSIGNMENTS {
        let principal = format!("user:u{number}");
        assignments.push(assignment(&format!("a{number}"), &principal, Role::Reader, scopes[number % 2]));
    }
    let full = Directory::restore(Vec::new(), assignments.clone(), Vec::new()).unwrap();
    let house = House(State { directory: full, ..State::default() });
    let one_more = assignment("one-more", ALICE, Role::Reader, scopes[0]);
    let expected = (
        RefusalCode::QuotaExceeded,
        "subscription default cannot have more than 4000 role assignments".to_owned(),
    );
    assert_eq!(refused(&house, one_more.clone()), expected);
    assignments.push(one_more);
    let refusal = Directory::restore(Vec::new(), assignments, Vec::new()).unwrap_err();
    assert_eq!((refusal.code(), refusal.to_string()), expected);
    // Those of `/` count apart.
    assert!(house.0.put_role_assignment(assignment("root", ALICE, Role::Reader, "/")).is_ok());
    // One that is there already needs no room.
    assert!(house.0.put_role_assignment(assignment("a0", "user:u0", Role::Reader, scopes[0])).is_ok());
}

#[test]
fn a_deleted_role_assignment_allows_nothing_any_more() {
    let house = House::new().give(ALICE, Role::Reader, "/subscriptions/red");
    let red = scope("/subscriptions/red");
    let without = house.0.delete_role_assignment(&red, "a0").unwrap();
    assert!(!without.directory.allows(&caller(ALICE), Action::VnetRead, &red));
    let refusal = without.delete_role_assignment(&red, "a0").unwrap_err();
    assert_eq!(refusal.code(), RefusalCode::ResourceNotFound);
    assert_eq!(refusal.to_string(), "role assignment a0 of scope /subscriptions/red does not exist");
}

#[test]
fn nobody_inherits_a_role_by_creating_a_network_of_the_same_name() {
    let at = vnet_scope("red/g/a");
    let house = House::new()
        .give(BOB, Role::Owner, &at)
        .give(ALICE, Role::Owner, "/subscriptions/red")
        .give(BOB, Role::Reader, &vnet_scope("blue/g/b"))
        .does(ALICE, Operation::DeleteNic(NicId::new("red/g/n").unwrap()))
        .does(ALICE, Operation::DeleteVnet(vnet_name("red/g/a")))
        .does(ALICE, Operation::CreateVnet(vnet("red/g/a", &["10.1.0.0/16"])));
    assert!(!house.0.directory.allows(&caller(BOB), Action::VnetRead, &scope(&at)));
    let left: Vec<_> = house.0.directory.assignments().map(|a| (a.name.as_str(), a.role)).collect();
    assert_eq!(left, [("a1", Role::Owner), ("a2", Role::Reader)]);
}

fn token(name: &str) -> Token {
    Token { name: name.to_owned(), principal: ALICE.parse().unwrap(), sha256: "0".repeat(64) }
}

#[test]
fn a_token_is_kept_replaced_and_deleted() {
    let state = State::default().put_token(token("ci")).unwrap();
    let other = Token { sha256: "1".repeat(64), ..token("ci") };
    let state = state.put_token(other.clone()).unwrap();
    assert_eq!(state.directory.tokens().map(|token| (**token).clone()).collect::<Vec<_>>(), [other]);
    let refusal = state.delete_token("other").unwrap_err();
    assert_eq!(
        (refusal.code(), refusal.to_string().as_str()),
        (RefusalCode::ResourceNotFound, "token other does not exist")
    );
    assert_eq!(state.delete_token("ci").unwrap(), State::default());
}

#[test]
fn quota_exceeded_at_1000_tokens() {
    let tokens = (0..Directory::MAX_TOKENS).map(|number| token(&format!("t{number}"))).collect();
    let directory = Directory::restore(Vec::new(), Vec::new(), tokens).unwrap();
    let state = State { directory, ..State::default() };
    let refusal = state.put_token(token("one-more")).unwrap_err();
    assert_eq!(refusal.code(), RefusalCode::QuotaExceeded);
    assert_eq!(refusal.to_string(), "the scope / cannot have more than 1000 tokens");
    assert!(state.put_token(token("t0")).is_ok());
}
