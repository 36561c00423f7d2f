//! Subscriptions and roles in the file.

use pretty_assertions::assert_eq;
use rstest::rstest;

use super::*;
use crate::config::{load_state, write_state};
use crate::model::access::{AccessScope, Caller, Directory, Role};
use crate::model::{RefusalCode, State};

/// A file with the network `hub` and these further lines at the top.
fn file(lines: &str) -> String {
    format!("virtualNetworks: [{{ name: hub, region: north, addressSpace: [10.0.0.0/16] }}]\n{lines}")
}

const TENANTS: &str = "\
subscriptions:
  - name: default
    roleAssignments:
      - { principal: user:alice, role: Owner }
      - { principal: group:netops, role: network contributor, scope: default }
      - { principal: user:bob, role: 4d97b98b-1d4f-4787-a291-c67834d212e7, scope: default/hub }
  - { name: red, displayName: The red one, tenant: contoso }
roleAssignments:
  - { principal: user:carl, role: Reader }
";

/// The roles: who, which, where.
fn roles(directory: &Directory) -> Vec<String> {
    directory.assignments().map(|a| format!("{} {} {}", a.principal, a.role, a.scope)).collect()
}

/// The state that a file leads to, and the changes on the way.
#[track_caller]
fn stated(text: &str, current: &State) -> (State, Vec<String>) {
    let loaded = load_state(text, current, &Caller::root()).unwrap_or_else(|problems| panic!("{problems}"));
    let changes = loaded.changes.iter().map(ToString::to_string).collect();
    (State { topology: loaded.topology, directory: loaded.directory }, changes)
}

#[test]
fn a_file_says_which_subscriptions_there_are_and_who_has_which_role() {
    let directory = loaded(&file(TENANTS)).directory;
    let hub = "/subscriptions/default/resourceGroups/default/providers/Microsoft.Network/virtualNetworks/hub";
    assert_eq!(
        roles(&directory),
        [
            "user:carl Reader /".to_owned(),
            "user:alice Owner /subscriptions/default".to_owned(),
            "group:netops Network Contributor /subscriptions/default/resourceGroups/default".to_owned(),
            format!("user:bob Network Contributor {hub}"),
        ]
    );
    let subscriptions = directory.every_subscription();
    let said: Vec<_> =
        subscriptions.iter().map(|s| (s.name.as_str(), &*s.display_name, &*s.tenant)).collect();
    assert_eq!(said, [("default", "default", "default"), ("red", "The red one", "contoso")]);
}

#[test]
fn a_scope_may_be_written_as_azure_resource_manager_writes_it() {
    let lines = |scope: &str| {
        file(&format!(
            "subscriptions: [{{ name: default, roleAssignments: [{{ principal: user:a, role: Reader, scope: {scope} }}] }}]\n"
        ))
    };
    for (short, long) in [
        ("prod", "/subscriptions/default/resourceGroups/prod"),
        (
            "default/hub",
            "/subscriptions/default/resourcegroups/default/providers/Microsoft.Network/virtualNetworks/hub",
        ),
    ] {
        assert_eq!(loaded(&lines(short)).directory, loaded(&lines(long)).directory);
    }
}

#[test]
fn what_a_file_has_no_key_for_stays_as_it_is() {
    let (state, _) = stated(&file(TENANTS), &State::default());
    assert_eq!(stated(&file(""), &state), (state.clone(), vec![]));
    let (without_root, changes) = stated(&file("roleAssignments: []\n"), &state);
    assert_eq!(changes.len(), 1);
    assert!(
        changes[0].starts_with("- role assignment ") && changes[0].ends_with(" of scope /"),
        "{changes:?}"
    );
    assert_eq!(roles(&without_root.directory), roles(&state.directory)[1..]);
    let (only_root, _) = stated(&file("subscriptions: []\n"), &state);
    assert_eq!(roles(&only_root.directory), ["user:carl Reader /"]);
    assert_eq!(only_root.directory.subscriptions().len(), 0);
}

#[test]
fn a_file_that_is_loaded_again_changes_nothing_and_names_no_role_anew() {
    let (state, changes) = stated(&file(TENANTS), &State::default());
    assert_eq!(changes[0], "+ subscription red: displayName The red one, tenant contoso");
    assert!(changes[1..5].iter().all(|change| change.starts_with("+ role assignment ")), "{changes:?}");
    assert_eq!(stated(&file(TENANTS), &state), (state, vec![]));
}

#[test]
fn the_names_of_roles_are_written_and_come_back() {
    let names = "\
subscriptions:
  - name: default
    roleAssignments:
      - { principal: user:alice, role: Owner, name: alices }
      - { principal: user:bob, role: Reader, scope: default/hub, name: 8e3af657-a8ff-443c-a75c-2fe8c4bcb635 }
      - { principal: user:carl, role: Reader }
roleAssignments:
  - { principal: user:carl, role: Reader, name: \"true\" }
";
    let (state, _) = stated(&file(names), &State::default());
    let text = write_state(&state);
    assert_eq!(stated(&text, &State::default()).0, state, "{text}");
    assert_eq!(stated(&text, &state).1, [""; 0], "{text}");
    let written: Vec<&str> = text.lines().filter(|line| line.contains("principal")).map(str::trim).collect();
    // A name that follows from the rest is not written.
    assert_eq!(
        written,
        [
            "- { principal: \"user:carl\", role: Reader }",
            "- { name: alices, principal: \"user:alice\", role: Owner }",
            "- { name: \"8e3af657-a8ff-443c-a75c-2fe8c4bcb635\", principal: \"user:bob\", role: Reader, scope: default/hub }",
            "- { name: \"true\", principal: \"user:carl\", role: Reader }",
        ]
    );
}

#[test]
fn roles_on_a_network_that_the_file_has_no_more_go_with_it() {
    let (state, _) = stated(&file(TENANTS), &State::default());
    let (state, _) = stated("virtualNetworks: []\n", &state);
    let has_vnet_scope = |directory: &Directory| {
        directory.assignments().any(|given| matches!(given.scope, AccessScope::Vnet(_)))
    };
    assert!(!has_vnet_scope(&state.directory));
    assert_eq!(state.directory.assignments().filter(|given| given.role == Role::Owner).count(), 1);
}

#[rstest]
#[case::no_value("subscriptions:\n", "2:14: `subscriptions` must be a list, but this is nothing")]
#[case::no_value_at_the_root(
    "roleAssignments:\n",
    "2:16: `roleAssignments` must be a list, but this is nothing"
)]
#[case::no_name("subscriptions: [{}]\n", "2:17: a subscription needs the key `name`")]
#[case::azure_s_word(
    "subscriptions: [{ subscriptionId: red }]\n",
    "2:19: a subscription has no key `subscriptionId`; did you mean `name`?"
)]
#[case::no_principal(
    "roleAssignments: [{ role: Owner }]\n",
    "2:19: a role assignment at the scope / needs the key `principal`"
)]
#[case::a_scope_at_the_root(
    "roleAssignments: [{ principal: user:a, role: Owner, scope: prod }]\n",
    "2:53: a role assignment at the scope / has no key `scope`"
)]
#[case::no_such_principal(
    "roleAssignments: [{ principal: alice, role: Owner }]\n",
    "2:32: \"alice\" is no principal; write user:NAME or group:NAME, for example user:alice, or user:#1000 for a user without a name"
)]
#[case::a_name_that_is_no_text(
    "roleAssignments: [{ principal: user:a, role: Owner, name: [] }]\n",
    "2:59: `name` must be a text, but this is a list"
)]
#[case::no_such_role(
    "roleAssignments: [{ principal: user:a, role: King }]\n",
    "2:46: \"King\" is no role; write Owner, Contributor, Network Contributor or Reader, or Azure's role definition id of one of them"
)]
#[case::a_scope_of_another_subscription(
    "subscriptions: [{ name: red, roleAssignments: [{ principal: user:a, role: Owner, scope: /subscriptions/blue }] }]\n",
    "2:89: scope /subscriptions/blue does not lie in subscription red, under which it stands"
)]
#[case::a_scope_of_everything(
    "subscriptions: [{ name: red, roleAssignments: [{ principal: user:a, role: Owner, scope: / }] }]\n",
    "2:89: scope / does not lie in subscription red, under which it stands"
)]
fn a_mistake_of_form_is_told_at_its_place(#[case] lines: &str, #[case] expected: &str) {
    assert_eq!(problems(&file(lines)).to_string(), expected);
}

#[rstest]
#[case::a_subscription_twice(
    "subscriptions: [{ name: red }, { name: red }]\n",
    (RefusalCode::ResourceAlreadyExists, "2:40: ResourceAlreadyExists: subscription red already exists")
)]
#[case::a_wrong_name(
    "subscriptions: [{ name: r/d }]\n",
    (RefusalCode::InvalidResourceName, "2:25: InvalidResourceName: subscription name \"r/d\" holds '/'; letters, digits, `.`, `-` and `_` are allowed")
)]
#[case::a_wrong_tenant(
    "subscriptions: [{ name: red, tenant: a b }]\n",
    (RefusalCode::InvalidResourceName, "2:38: InvalidResourceName: tenant name \"a b\" holds ' '; letters, digits, `.`, `-` and `_` are allowed")
)]
#[case::a_wrong_display_name(
    "subscriptions: [{ name: red, displayName: '' }]\n",
    (RefusalCode::InvalidResourceName, "2:43: InvalidResourceName: display name \"\" is empty")
)]
#[case::a_role_twice(
    "roleAssignments: [{ principal: user:a, role: Owner }, { principal: user:a, role: owner }]\n",
    (RefusalCode::RoleAssignmentExists, "2:68: RoleAssignmentExists: user:a has the role Owner at scope / already, by role assignment")
)]
#[case::a_wrong_name_of_a_role(
    "roleAssignments: [{ principal: user:a, role: Owner, name: a b }]\n",
    (RefusalCode::InvalidResourceName, "2:59: InvalidResourceName: role assignment name \"a b\" holds ' '")
)]
#[case::a_name_of_two_roles(
    "roleAssignments: [{ principal: user:a, role: Owner, name: n }, { principal: user:b, role: Owner, name: n }]\n",
    (RefusalCode::ResourceAlreadyExists, "2:104: ResourceAlreadyExists: role assignment n of scope / already exists")
)]
#[case::no_such_network(
    "subscriptions: [{ name: red, roleAssignments: [{ principal: user:a, role: Owner, scope: g/hub }] }]\n",
    (RefusalCode::ResourceNotFound, "2:89: ResourceNotFound: virtual network red/g/hub does not exist")
)]
fn a_refusal_is_told_at_its_place(#[case] lines: &str, #[case] expected: (RefusalCode, &str)) {
    let problems = problems(&file(lines));
    let [problem] = problems.iter().collect::<Vec<_>>()[..] else { panic!("{problems}") };
    assert_eq!(problem.code, Some(expected.0));
    assert!(problems.to_string().starts_with(expected.1), "{problems}");
}

#[test]
fn mistakes_in_networks_and_in_roles_are_told_together() {
    let text = "\
virtualNetworks:
- { name: a, region: north, addressSpace: [10.0.0.0/16, 10.0.0.0/16] }
subscriptions:
- { name: default, roleAssignments: [{ principal: user:a, role: Owner, scope: default/b }] }
";
    let problems = problems(text);
    let told: Vec<_> = problems.iter().map(|problem| problem.code).collect();
    assert_eq!(told, [Some(RefusalCode::InvalidAddressPrefix), Some(RefusalCode::ResourceNotFound)]);
}
