//! Scopes.

use pretty_assertions::assert_eq;
use rstest::rstest;

use super::scope;
use crate::model::access::*;

const VNET: &str = "/subscriptions/red/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/a";

#[rstest]
#[case::everything("/", "/")]
#[case::subscription("/Subscriptions/red", "/subscriptions/red")]
#[case::group("/subscriptions/red/resourcegroups/g", "/subscriptions/red/resourceGroups/g")]
#[case::vnet("/SUBSCRIPTIONS/red/RESOURCEGROUPS/g/PROVIDERS/microsoft.network/virtualnetworks/a", VNET)]
#[case::names_keep_their_case("/subscriptions/Red", "/subscriptions/Red")]
fn a_scope_is_written_as_azure_writes_it_and_fixed_segments_in_any_case(
    #[case] text: &str,
    #[case] canonical: &str,
) {
    assert_eq!(scope(text).to_string(), canonical);
    assert_eq!(scope(canonical), scope(text));
    let json = serde_json::to_string(&scope(text)).unwrap();
    assert_eq!(json, format!("{canonical:?}"));
    assert_eq!(serde_json::from_str::<AccessScope>(&json).unwrap(), scope(text));
}

#[rstest]
#[case::empty("")]
#[case::no_slash("subscriptions/red")]
#[case::another_word("/tenants/red")]
#[case::only_a_word("/subscriptions")]
#[case::an_open_group("/subscriptions/red/resourceGroups")]
#[case::a_closing_slash("/subscriptions/red/resourceGroups/g/")]
#[case::another_kind("/subscriptions/red/resourceGroups/g/providers/Microsoft.Network/networkInterfaces/n")]
#[case::another_provider("/subscriptions/red/resourceGroups/g/providers/Microsoft.Compute/virtualNetworks/a")]
#[case::a_subnet(
    "/subscriptions/red/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/a/subnets/s"
)]
fn other_texts_are_no_scopes(#[case] text: &str) {
    let error = text.parse::<AccessScope>().unwrap_err();
    assert_eq!(error, AccessScopeError::Form(text.to_owned()));
    assert!(error.to_string().starts_with(&format!("{text:?} is no scope; write /, /subscriptions/NAME")));
}

#[rstest]
#[case::subscription("/subscriptions/", "subscription name \"\" is empty")]
#[case::group("/subscriptions/red/resourceGroups/-", "resource group name \"-\" must start with a letter")]
#[case::vnet(
    "/subscriptions/red/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/a b",
    "virtual network name \"a b\" holds ' '"
)]
fn a_wrong_name_in_a_scope_is_told_with_its_rule(#[case] text: &str, #[case] rule: &str) {
    let error = text.parse::<AccessScope>().unwrap_err().to_string();
    assert!(error.starts_with(rule), "{error}");
}

#[test]
fn a_scope_contains_itself_and_what_lies_in_it_alone() {
    let chain = ["/", "/subscriptions/red", "/subscriptions/red/resourceGroups/g", VNET];
    for (outer, outer_text) in chain.iter().enumerate() {
        for (inner, inner_text) in chain.iter().enumerate() {
            let contains = scope(outer_text).contains(&scope(inner_text));
            assert_eq!(contains, outer <= inner, "{outer_text} {inner_text}");
        }
    }
    for (one, other) in [
        ("/subscriptions/red", "/subscriptions/reddish"),
        ("/subscriptions/red", "/subscriptions/blue/resourceGroups/red"),
        ("/subscriptions/red/resourceGroups/g", "/subscriptions/blue/resourceGroups/g"),
        ("/subscriptions/red/resourceGroups/h", VNET),
        ("/subscriptions/red/resourceGroups/G", VNET),
    ] {
        assert!(!scope(one).contains(&scope(other)), "{one} {other}");
    }
}

#[test]
fn a_scope_knows_its_subscription() {
    let of = |text: &str| scope(text).subscription().map(str::to_owned);
    assert_eq!(of("/"), None);
    for text in ["/subscriptions/red", "/subscriptions/red/resourceGroups/g", VNET] {
        assert_eq!(of(text).as_deref(), Some("red"), "{text}");
    }
}
