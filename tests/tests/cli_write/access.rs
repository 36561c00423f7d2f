//! Subscriptions, roles, tokens, and the log of what was done.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use vnet_tests::agent::Site;
use vnet_tests::program::{Ended, binary};

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

/// A user that no machine has.
const SOMEBODY: u32 = 54_321;

/// Runs a command as that user.
fn as_somebody(site: &Site, command: &str) -> Ended {
    let user = SOMEBODY.to_string();
    let mut process = Command::new("setpriv");
    process.args(["--reuid", &user, "--regid", &user, "--clear-groups"]).arg(binary());
    process.args(command.split(' ')).arg("--socket").arg(site.socket());
    process.output().expect("setpriv (util-linux) is there").into()
}

#[test]
fn a_user_sees_and_changes_what_his_roles_let_him_and_is_told_what_is_missing() {
    let site = Site::stored();
    let agent = site.start();
    // The directory of the socket is this test's own, which nobody else may enter.
    fs::set_permissions(site.socket().parent().unwrap(), fs::Permissions::from_mode(0o755)).unwrap();
    for command in [
        "subscription create -n red",
        "vnet create -n hub -l west --address-prefixes 10.0.0.0/16 --subnet-name s --subnet-prefixes 10.0.1.0/24",
        "vnet create -n app --subscription red -l west --address-prefixes 10.1.0.0/16 --subnet-name s --subnet-prefixes 10.1.1.0/24",
        "vnet peering create -n hub-to-app --vnet-name hub --remote-vnet red/default/app --both",
        "nic create -n vm --subscription red --vnet-name app --subnet s",
        "nic create -n vm2 --subscription red --vnet-name app --subnet s",
        "nic create -n hub-vm --vnet-name hub --subnet s",
        "role assignment create --assignee user:#54321 --role Contributor --subscription red",
    ] {
        done(&agent, command);
    }
    let names = |command: &str| {
        let listed = as_somebody(&site, command).json();
        listed
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("vnet list -o json"), ["app"]);
    assert_eq!(names("nic list -o json"), ["vm", "vm2"]);
    let hop = as_somebody(&site, "next-hop --nic vm --subscription red --dest-ip 10.0.1.4 -o json").json();
    assert_eq!(hop["nextHopType"], "VNetPeering");
    let grown = as_somebody(&site, "vnet update -n app --subscription red --add-address-prefix 10.9.0.0/16");
    assert_eq!((grown.status, grown.stderr.as_str()), (Some(0), ""));

    let before = everything(&agent);
    for (command, code, named) in [
        ("vnet show -n hub", "AuthorizationFailed", "Microsoft.Network/virtualNetworks/read"),
        (
            "vnet create -n x -l west --address-prefixes 10.5.0.0/16",
            "AuthorizationFailed",
            "virtualNetworks/write",
        ),
        ("vnet delete -n hub", "AuthorizationFailed", "virtualNetworks/delete"),
        (
            "vnet peering delete -n app-to-hub --vnet-name app --subscription red --both",
            "AuthorizationFailed",
            "hub",
        ),
        ("subscription create -n green", "AuthorizationFailed", "subscriptions/write"),
        ("token create -n t --assignee root", "AuthorizationFailed", "tokens"),
        (
            "role assignment create --assignee user:#54321 --role Owner --subscription red",
            "AuthorizationFailed",
            "roleAssignments/write",
        ),
        ("nic update -n vm --subscription red --interface eth9", "AuthorizationFailed", "/"),
    ] {
        let ended = as_somebody(&site, command);
        assert_eq!((ended.status, ended.stdout.as_str()), (Some(1), ""), "{command}");
        assert!(ended.stderr.starts_with(&format!("error[{code}]: ")), "{command}: {}", ended.stderr);
        assert!(ended.stderr.contains(named), "{command}: {}", ended.stderr);
    }
    assert_eq!(everything(&agent), before);
    let matrix = as_somebody(&site, "matrix");
    assert!(matrix.stdout.ends_with("matrix: 2 of 2 reachable\n"), "{}", matrix.transcript());
    assert!(!matrix.stdout.contains("hub-vm"), "{}", matrix.stdout);
}
