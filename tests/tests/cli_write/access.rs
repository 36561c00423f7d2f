//! Subscriptions, roles, tokens, and the log of what was done.

use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use vnet_tests::agent::Site;

use crate::site::{ask, done, everything, json, refused, shown};

#[test]
fn a_subscription_is_created_shown_changed_and_deleted() {
    let site = Site::stored();
    let agent = site.start();
    shown!(&agent, "subscription create -n red --display-name Red --tenant contoso -o json");
    shown!(&agent, "subscription create -n blue -o table");
    shown!(&agent, "subscription update -n blue --display-name Blue -o table");
    shown!(&agent, "subscription list -o table");
    assert_eq!(json(&agent, "subscription show -n red -o json")["tenantId"], "contoso");
    done(&agent, "vnet create -n hub --subscription red -l west --address-prefixes 10.0.0.0/16");
    let before = everything(&agent);
    refused(&agent, "subscription create -n red", "ResourceAlreadyExists");
    refused(&agent, "subscription update -n green", "ResourceNotFound");
    refused(&agent, "subscription delete -n red", "VnetAddressSpaceInUse");
    refused(&agent, "subscription delete -n default", "OperationNotAllowed");
    assert_eq!(everything(&agent), before);
    assert_eq!(done(&agent, "subscription delete -n blue"), "");
    refused(&agent, "subscription show -n blue", "ResourceNotFound");
}

#[test]
fn roles_are_given_listed_and_taken_away() {
    let site = Site::stored();
    let agent = site.start();
    done(&agent, "subscription create -n red");
    done(&agent, "vnet create -n hub --subscription red -g prod -l west --address-prefixes 10.0.0.0/16");
    shown!(&agent, "role assignment create --assignee alice --role Reader --subscription red -o json");
    shown!(
        &agent,
        "role assignment create --assignee group:ops --role NetworkContributor --vnet-name hub -g prod --subscription red -o table"
    );
    done(
        &agent,
        "role assignment create --assignee user:bob --role Owner --scope /subscriptions/red/resourceGroups/prod -n bobs",
    );
    done(&agent, "role assignment create --assignee carol --role Contributor --scope /");
    shown!(&agent, "role assignment list -o table");
    shown!(&agent, "role assignment list --assignee alice -o tsv");
    shown!(&agent, "role assignment list --role Owner --subscription red -o tsv");

    let before = everything(&agent);
    done(&agent, "role assignment create --assignee alice --role Reader --subscription red");
    assert_eq!(everything(&agent), before, "a role that is given twice is given once");
    refused(
        &agent,
        "role assignment create --assignee alice --role Reader --subscription red -n other",
        "RoleAssignmentExists",
    );
    refused(
        &agent,
        "role assignment create --assignee alice --role Reader --subscription blue",
        "ResourceNotFound",
    );
    assert_eq!(everything(&agent), before);

    assert_eq!(done(&agent, "role assignment delete --assignee alice --role Reader --subscription red"), "");
    assert_eq!(
        done(&agent, "role assignment delete -n bobs --scope /subscriptions/red/resourceGroups/prod"),
        ""
    );
    let left = json(&agent, "role assignment list -o json");
    let principals: Vec<&Value> =
        left.as_array().unwrap().iter().map(|one| &one["properties"]["principalId"]).collect();
    assert_eq!(principals, ["user:carol", "group:ops"]);
    let ended = ask(&agent, "role assignment delete --assignee alice --subscription red");
    assert_eq!(ended.status, Some(0));
    assert_eq!(
        ended.stderr,
        "note: no such role assignment in scope /subscriptions/red; nothing to delete\n"
    );
}

#[test]
fn a_token_is_shown_when_it_is_made_and_never_again() {
    let site = Site::stored();
    let agent = site.start();
    let made = json(&agent, "token create -n ci --assignee alice -o json");
    let token = made["token"].as_str().unwrap();
    assert!(token.len() >= 32, "{made}");
    let listed = done(&agent, "token list -o json");
    assert!(!listed.contains(token), "{listed}");
    assert_eq!(done(&agent, "token list -o tsv"), "ci\tuser:alice\n");
    refused(&agent, "token create -n ci --assignee bob", "ResourceAlreadyExists");
    assert_eq!(done(&agent, "token delete -n ci"), "");
    assert_eq!(json(&agent, "token list -o json"), json!([]));
}

#[test]
fn the_log_tells_who_did_what_and_what_came_of_it() {
    let site = Site::stored();
    let agent = site.start();
    done(&agent, "vnet create -n hub -l west --address-prefixes 10.0.0.0/16");
    refused(
        &agent,
        "vnet subnet create -n s --vnet-name hub --address-prefixes 10.9.0.0/24",
        "SubnetNotInVnet",
    );
    done(&agent, "vnet delete -n hub");
    let events = json(&agent, "activity-log list --offset 1h -o json");
    let told: Vec<[&str; 4]> = events
        .as_array()
        .unwrap()
        .iter()
        .map(|event| {
            let word = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            [word("/caller"), word("/operationName/value"), word("/status/value"), word("/subStatus/value")]
        })
        .collect();
    assert_eq!(
        told,
        [
            ["user:root", "Microsoft.Network/virtualNetworks/delete", "Succeeded", ""],
            ["user:root", "Microsoft.Network/virtualNetworks/subnets/write", "Failed", "SubnetNotInVnet"],
            ["user:root", "Microsoft.Network/virtualNetworks/write", "Succeeded", ""],
        ]
    );
    let rows = done(&agent, "activity-log list --max-events 1 -o tsv");
    assert_eq!(rows.lines().count(), 1);
    assert!(rows.contains("\tMicrosoft.Network/virtualNetworks/delete\tSucceeded\t"), "{rows}");
    assert_eq!(json(&agent, "activity-log list --start-time 2100-01-01T00:00:00Z -o json"), json!([]));
    assert_eq!(
        json(&agent, "activity-log list --subscription default --max-events 2 -o json")
            .as_array()
            .unwrap()
            .len(),
        2
    );
}
