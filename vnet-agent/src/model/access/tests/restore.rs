//! The directory as it is kept.

use pretty_assertions::assert_eq;

use super::{ALICE, House, assignment, subscription, vnet_scope};
use crate::model::access::*;
use crate::model::*;

fn parts(directory: &Directory) -> (Vec<Subscription>, Vec<RoleAssignment>, Vec<Token>) {
    (
        directory.subscriptions().map(|one| (**one).clone()).collect(),
        directory.assignments().map(|one| (**one).clone()).collect(),
        directory.tokens().map(|one| (**one).clone()).collect(),
    )
}

#[test]
fn a_directory_is_restored_from_what_was_written_of_it() {
    let token = Token { name: "ci".to_owned(), principal: ALICE.parse().unwrap(), sha256: "0".repeat(64) };
    let house = House::new().with_owners().give(ALICE, Role::NetworkContributor, &vnet_scope("blue/g/b"));
    let directory = house.0.put_token(token).unwrap().directory;
    let json = serde_json::to_string(&parts(&directory)).unwrap();
    let (subscriptions, assignments, tokens) = serde_json::from_str(&json).unwrap();
    assert_eq!(Directory::restore(subscriptions, assignments, tokens).unwrap(), directory);
}

#[test]
fn a_role_assignment_has_one_form_as_a_document() {
    let one = assignment("one", ALICE, Role::NetworkContributor, "/subscriptions/red");
    let json = r#"{"name":"one","principal":"user:alice","role":"Network Contributor","scope":"/subscriptions/red"}"#;
    assert_eq!(serde_json::to_string(&one).unwrap(), json);
    assert_eq!(serde_json::from_str::<RoleAssignment>(json).unwrap(), one);
    assert!(serde_json::from_str::<RoleAssignment>(&json.replace("name", "nom")).is_err());
}

#[test]
fn what_breaks_a_rule_is_not_restored() {
    let red = || vec![subscription("red")];
    let reader = |name: &str| assignment(name, ALICE, Role::Reader, "/subscriptions/red");
    let token = || Token { name: "ci".to_owned(), principal: ALICE.parse().unwrap(), sha256: "0".repeat(64) };
    let refused = |subscriptions, assignments, tokens| {
        let refusal = Directory::restore(subscriptions, assignments, tokens).unwrap_err();
        (refusal.code(), refusal.to_string())
    };
    assert_eq!(
        refused(vec![subscription("red"), subscription("red")], vec![], vec![]),
        (RefusalCode::ResourceAlreadyExists, "subscription red already exists".to_owned())
    );
    assert_eq!(
        refused(red(), vec![reader("one"), reader("one")], vec![]),
        (
            RefusalCode::ResourceAlreadyExists,
            "role assignment one of scope /subscriptions/red already exists".to_owned()
        )
    );
    assert_eq!(
        refused(red(), vec![reader("one"), reader("two")], vec![]).0,
        RefusalCode::RoleAssignmentExists
    );
    assert_eq!(refused(vec![], vec![reader("one")], vec![]).0, RefusalCode::ResourceNotFound);
    assert_eq!(
        refused(red(), vec![], vec![token(), token()]),
        (RefusalCode::ResourceAlreadyExists, "token ci already exists".to_owned())
    );
}
