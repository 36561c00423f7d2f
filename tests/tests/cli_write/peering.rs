//! Peerings: their states as commands tell them.

use pretty_assertions::assert_eq;
use serde_json::json;
use vnet_tests::agent::{Agent, Site};

use crate::site::{done, everything, hub_and_spoke, json, refused, shown};

/// State and sync level of both sides; `-` for one that is not there.
fn sides(agent: &Agent<'_>) -> [String; 2] {
    ["hub", "spoke"].map(|vnet| {
        let sides = json(agent, &format!("vnet peering list --vnet-name {vnet} -o json"));
        let of = |side: &serde_json::Value| {
            let word = |name: &str| side["properties"][name].as_str().unwrap().to_owned();
            format!("{} {}", word("peeringState"), word("peeringSyncLevel"))
        };
        sides.as_array().unwrap().first().map_or_else(|| "-".to_owned(), of)
    })
}

const FIRST: &str = "vnet peering create -n hub-to-spoke --vnet-name hub --remote-vnet spoke";
const SECOND: &str = "vnet peering create -n spoke-to-hub --vnet-name spoke --remote-vnet hub";

#[test]
fn a_peering_is_made_by_two_commands_one_for_each_side() {
    let site = Site::stored();
    let agent = hub_and_spoke(&site);
    shown!(
        &agent,
        "vnet peering create -n hub-to-spoke --vnet-name hub --remote-vnet spoke --allow-forwarded-traffic -o table"
    );
    shown!(&agent, "vnet peering create -n spoke-to-hub --vnet-name spoke --remote-vnet hub -o json");
    shown!(&agent, "vnet peering list --vnet-name hub -o table");
    shown!(&agent, "vnet peering show -n hub-to-spoke --vnet-name hub -o yaml");
    shown!(&agent, "vnet list -o table");
    assert_eq!(done(&agent, "vnet peering delete -n hub-to-spoke --vnet-name hub"), "");
    assert_eq!(sides(&agent), ["-", "Disconnected RemoteNotInSync"]);
}

#[test]
fn a_deleted_side_comes_back_once_the_other_has_been_updated() {
    let site = Site::stored();
    let agent = hub_and_spoke(&site);
    done(&agent, FIRST);
    assert_eq!(sides(&agent), ["Initiated RemoteNotInSync", "-"]);
    done(&agent, SECOND);
    assert_eq!(sides(&agent), ["Connected FullyInSync", "Connected FullyInSync"]);
    done(&agent, "vnet peering delete -n hub-to-spoke --vnet-name hub");
    let told = refused(&agent, FIRST, "RemotePeeringIsDisconnected");
    assert!(told.contains("spoke"), "{told}");
    done(&agent, "vnet peering update -n spoke-to-hub --vnet-name spoke");
    assert_eq!(sides(&agent), ["-", "Initiated RemoteNotInSync"]);
    done(&agent, FIRST);
    assert_eq!(sides(&agent), ["Connected FullyInSync", "Connected FullyInSync"]);
}

#[test]
fn both_sides_come_and_go_in_one_step() {
    let site = Site::stored();
    let agent = hub_and_spoke(&site);
    done(&agent, &format!("{FIRST} --both --allow-forwarded-traffic --remote-allow-vnet-access false"));
    assert_eq!(sides(&agent), ["Connected FullyInSync", "Connected FullyInSync"]);
    let other = json(&agent, "vnet peering show -n spoke-to-hub --vnet-name spoke -o json");
    assert_eq!(other["properties"]["allowVirtualNetworkAccess"], json!(false));
    assert_eq!(other["properties"]["allowForwardedTraffic"], json!(false));
    assert_eq!(done(&agent, "vnet peering delete -n hub-to-spoke --vnet-name hub --both"), "");
    assert_eq!(sides(&agent), ["-", "-"]);
    done(&agent, &format!("{FIRST} --both --remote-name back"));
    assert_eq!(json(&agent, "vnet peering list --vnet-name spoke -o json")[0]["name"], "back");
}

#[test]
fn an_update_changes_the_flags_that_are_given_and_keeps_the_rest() {
    let site = Site::stored();
    let agent = hub_and_spoke(&site);
    done(&agent, &format!("{FIRST} --both --allow-forwarded-traffic"));
    let mut expected = json(&agent, "vnet peering show -n hub-to-spoke --vnet-name hub -o json");
    let updated =
        json(&agent, "vnet peering update -n hub-to-spoke --vnet-name hub --allow-vnet-access no -o json");
    expected["properties"]["allowVirtualNetworkAccess"] = json!(false);
    expected["etag"] = updated["etag"].clone();
    assert_eq!(updated, expected);
}

#[test]
fn a_new_range_is_known_to_the_other_side_after_its_sync() {
    let site = Site::stored();
    let agent = hub_and_spoke(&site);
    done(&agent, &format!("{FIRST} --both"));
    done(&agent, "vnet update -n hub --add-address-prefix 10.9.0.0/16");
    assert_eq!(sides(&agent), ["Connected LocalNotInSync", "Connected RemoteNotInSync"]);
    let synced = json(&agent, "vnet peering sync -n spoke-to-hub --vnet-name spoke -o json");
    let ranges = &synced["properties"]["remoteAddressSpace"]["addressPrefixes"];
    assert_eq!(*ranges, json!(["10.0.0.0/16", "10.9.0.0/16", "fd00::/48"]));
    assert_eq!(sides(&agent), ["Connected FullyInSync", "Connected FullyInSync"]);
}

#[test]
fn subnets_alone_can_be_peered() {
    let site = Site::stored();
    let agent = hub_and_spoke(&site);
    let extent = "--peer-complete-vnets false --local-subnet-names default --remote-subnet-names default";
    done(&agent, &format!("{FIRST} --both {extent}"));
    let other = json(&agent, "vnet peering show -n spoke-to-hub --vnet-name spoke -o json");
    assert_eq!(other["properties"]["peerCompleteVnets"], json!(false));
    assert_eq!(
        other["properties"]["remoteAddressSpace"]["addressPrefixes"],
        json!(["10.0.1.0/24", "fd00:0:0:1::/64"])
    );
}

#[test]
fn a_peering_that_cannot_be_is_refused_by_its_code_and_changes_nothing() {
    let site = Site::stored();
    let agent = hub_and_spoke(&site);
    done(&agent, "vnet create -n twin -l west --address-prefixes 10.0.0.0/12");
    done(&agent, FIRST);
    let before = everything(&agent);
    for (command, code) in [
        (FIRST, "ResourceAlreadyExists"),
        (
            "vnet peering create -n again --vnet-name hub --remote-vnet spoke",
            "AnotherPeeringAlreadyReferencesRemoteVnet",
        ),
        ("vnet peering create -n p --vnet-name hub --remote-vnet twin", "VnetAddressSpacesOverlap"),
        ("vnet peering create -n p --vnet-name hub --remote-vnet nowhere", "ResourceNotFound"),
        (
            "vnet peering create -n p --vnet-name spoke --remote-vnet hub --use-remote-gateways",
            "RemoteVnetHasNoGateways",
        ),
        ("vnet peering create -n p --vnet-name spoke --remote-vnet twin --both", "VnetAddressSpacesOverlap"),
        ("vnet peering update -n nowhere --vnet-name hub", "ResourceNotFound"),
        ("vnet peering sync -n nowhere --vnet-name hub", "ResourceNotFound"),
    ] {
        refused(&agent, command, code);
    }
    assert_eq!(everything(&agent), before);
}
