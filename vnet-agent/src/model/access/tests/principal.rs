//! Principals and callers.

use pretty_assertions::assert_eq;
use rstest::rstest;

use super::{ALICE, House, caller, scope};
use crate::model::access::*;

fn principal(text: &str) -> Principal {
    text.parse().unwrap()
}

#[rstest]
#[case::user("user:alice")]
#[case::group("group:netops")]
#[case::number("user:#1000")]
#[case::a_domain_user("user:alice@example.com")]
fn a_principal_is_written_as_it_is_read(#[case] text: &str) {
    assert_eq!(principal(text).to_string(), text);
    let json = serde_json::to_string(&principal(text)).unwrap();
    assert_eq!(serde_json::from_str::<Principal>(&json).unwrap(), principal(text));
}

#[rstest]
#[case::no_kind("alice")]
#[case::another_kind("robot:alice")]
#[case::no_name("user:")]
#[case::white_space("user:alice smith")]
#[case::a_list("user:alice,bob")]
#[case::a_path("group:../x")]
fn other_texts_are_no_principals(#[case] text: &str) {
    let error = text.parse::<Principal>().unwrap_err().to_string();
    assert!(error.starts_with(&format!("{text:?} is no principal; write user:NAME")), "{error}");
}

#[test]
fn a_name_of_257_bytes_names_no_principal() {
    let name = "x".repeat(Principal::MAX_BYTES);
    assert_eq!(principal(&format!("user:{name}")), Principal::User(name.as_str().into()));
    assert!(format!("user:{name}x").parse::<Principal>().is_err());
}

#[test]
fn root_is_known_by_name_and_by_number_and_no_group_is_root() {
    for (text, is_root) in [
        ("user:root", true),
        ("user:#0", true),
        ("group:root", false),
        ("group:#0", false),
        ("user:alice", false),
    ] {
        assert_eq!(principal(text).is_root(), is_root, "{text}");
    }
    // Only the operating system makes somebody root.
    assert!(!caller("user:root").is_root());
}

#[test]
fn a_caller_has_his_own_roles_those_of_his_groups_and_those_given_by_number() {
    let others = ["user:#1000", "group:netops", "group:#2000"].map(principal);
    let alice = Caller::new(principal(ALICE), others);
    assert_eq!((alice.to_string(), alice.principal()), (ALICE.to_owned(), &principal(ALICE)));
    let red = "/subscriptions/red";
    let may = |to: &str| {
        let house = House::new().give(to, Role::Reader, red);
        house.0.directory.allows(&alice, Action::VnetRead, &scope(red))
    };
    for to in [ALICE, "user:#1000", "group:netops", "group:#2000"] {
        assert!(may(to), "{to}");
    }
    // A group and a user of one name, or number, are two.
    for to in ["group:alice", "user:netops", "user:#2000", "group:#1000", "user:bob"] {
        assert!(!may(to), "{to}");
    }
}

#[test]
fn root_needs_no_role() {
    let directory = Directory::default();
    for action in Action::ALL {
        assert_eq!(directory.authorize(&Caller::root(), *action, &AccessScope::Root), Ok(()));
        assert!(!directory.allows(&caller(ALICE), *action, &AccessScope::Root));
    }
}

#[test]
fn only_root_makes_a_token_for_root() {
    let house = House::new().give(ALICE, Role::Owner, "/").give("user:carl", Role::Contributor, "/");
    let authorize = |who: &Caller, whom: &str| house.0.directory.authorize_token(who, &principal(whom));
    assert_eq!(authorize(&caller(ALICE), "user:bob"), Ok(()));
    for root in ["user:root", "user:#0"] {
        assert_eq!(authorize(&Caller::root(), root), Ok(()));
        assert_eq!(
            authorize(&caller(ALICE), root),
            Err(crate::model::Refusal::AuthorizationFailed {
                caller: principal(ALICE),
                action: Action::TokenWrite,
                scope: AccessScope::Root,
            })
        );
    }
    assert!(authorize(&caller("user:carl"), "user:bob").is_err());
}
