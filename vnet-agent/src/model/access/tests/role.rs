//! Roles and actions.

use std::collections::BTreeSet;

use pretty_assertions::assert_eq;
use rstest::rstest;

use crate::model::access::*;

#[rstest]
#[case::owner(Role::Owner, &["Owner", "owner", "OWNER", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"])]
#[case::contributor(Role::Contributor, &["contributor", "B24988AC-6180-42A0-AB88-20F7382DD24C"])]
#[case::network_contributor(Role::NetworkContributor, &[
    "Network Contributor",
    "network contributor",
    "NetworkContributor",
    "/providers/Microsoft.Authorization/roleDefinitions/4d97b98b-1d4f-4787-a291-c67834d212e7",
])]
#[case::reader(Role::Reader, &[
    "Reader",
    "/subscriptions/red/providers/microsoft.authorization/RoleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7",
])]
fn a_role_is_named_by_its_name_its_guid_or_its_definition(#[case] role: Role, #[case] texts: &[&str]) {
    for text in texts {
        assert_eq!(text.parse(), Ok(role), "{text}");
    }
    assert_eq!(serde_json::to_string(&role).unwrap(), format!("\"{role}\""));
    assert_eq!(serde_json::from_str::<Role>(&format!("\"{}\"", role.definition_guid())).unwrap(), role);
}

#[rstest]
#[case::empty("")]
#[case::another_of_azure("User Access Administrator")]
#[case::another_guid(
    "/providers/Microsoft.Authorization/roleDefinitions/18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"
)]
#[case::a_name_in_the_place_of_a_guid("/providers/Microsoft.Authorization/roleDefinitions/Owner")]
#[case::the_guid_of_another_kind("/providers/roleAssignments/8e3af657-a8ff-443c-a75c-2fe8c4bcb635")]
#[case::no_path("roleDefinitions/8e3af657-a8ff-443c-a75c-2fe8c4bcb635")]
fn other_texts_are_no_roles(#[case] text: &str) {
    let error = text.parse::<Role>().unwrap_err().to_string();
    assert!(error.starts_with(&format!("{text:?} is no role; write Owner")), "{error}");
}

/// The actions of a role, by what Azure's definition of it says.
fn allowed(role: Role) -> BTreeSet<&'static str> {
    Action::ALL.iter().filter(|action| role.allows(**action)).map(|action| action.as_str()).collect()
}

fn all() -> BTreeSet<&'static str> {
    Action::ALL.iter().map(|action| action.as_str()).collect()
}

#[test]
fn every_action_has_a_name_of_its_own() {
    assert_eq!(all().len(), Action::ALL.len());
}

#[test]
fn an_owner_may_do_everything() {
    assert_eq!(allowed(Role::Owner), all());
}

#[test]
fn a_contributor_may_do_everything_but_give_roles_and_make_tokens() {
    let lacks: Vec<_> = all().difference(&allowed(Role::Contributor)).copied().collect();
    assert_eq!(
        lacks,
        [
            "Microsoft.Authorization/roleAssignments/delete",
            "Microsoft.Authorization/roleAssignments/write",
            "Vnet.Agent/tokens/delete",
            "Vnet.Agent/tokens/write",
        ]
    );
}

#[test]
fn a_network_contributor_may_do_what_concerns_networks_and_read_who_else_may() {
    let network = all().into_iter().filter(|name| name.starts_with("Microsoft.Network/"));
    let also = [
        "Microsoft.Authorization/roleAssignments/read",
        "Microsoft.Insights/eventtypes/values/read",
        "Microsoft.Resources/subscriptions/read",
    ];
    assert_eq!(allowed(Role::NetworkContributor), network.chain(also).collect());
    assert!(Role::NetworkContributor.allows(Action::VnetPeer));
}

#[test]
fn a_reader_may_read_and_nothing_else() {
    let reads: Vec<_> = allowed(Role::Reader).into_iter().collect();
    assert_eq!(
        reads,
        [
            "Microsoft.Authorization/roleAssignments/read",
            "Microsoft.Insights/eventtypes/values/read",
            "Microsoft.Network/agents/read",
            "Microsoft.Network/networkInterfaces/read",
            "Microsoft.Network/virtualNetworks/read",
            "Microsoft.Network/virtualNetworks/subnets/read",
            "Microsoft.Network/virtualNetworks/virtualNetworkPeerings/read",
            "Microsoft.Resources/subscriptions/read",
            "Vnet.Agent/tokens/read",
        ]
    );
}
