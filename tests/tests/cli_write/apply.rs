//! `apply` and `export`: the whole state as a file.

use std::io::Write;
use std::process::{Command, Stdio};

use pretty_assertions::assert_eq;
use serde_json::json;
use vnet_tests::agent::{Agent, Site};
use vnet_tests::program::{Ended, binary, run};

use crate::site::{ask, done, everything, hub_and_spoke, json};

const FILE: &str = "\
virtualNetworks:
  - name: hub
    region: west
    addressSpace: [10.0.0.0/16]
    subnets: [{ name: default, addressPrefixes: [10.0.1.0/24] }]
    peerings: [{ name: hub-to-spoke, remoteVirtualNetwork: spoke }]
  - name: spoke
    region: west
    addressSpace: [10.1.0.0/16]
    subnets: [{ name: default, addressPrefixes: [10.1.1.0/24] }]
    peerings: [{ name: spoke-to-hub, remoteVirtualNetwork: hub }]
nics:
  - { name: a, subnet: hub/default, addresses: [10.0.1.4] }
";

/// The last line of what a command that is done prints.
fn last(agent: &Agent<'_>, command: &str) -> String {
    done(agent, command).lines().last().unwrap_or_default().to_owned()
}

fn apply(site: &Site) -> String {
    format!("apply {}", site.file().display())
}

#[test]
fn a_file_is_planned_applied_and_then_nothing_is_left_to_do() {
    let site = Site::stored();
    let agent = site.start();
    site.write(FILE);
    let apply = apply(&site);
    let before = everything(&agent);
    let plan = done(&agent, &format!("{apply} --dry-run"));
    assert!(plan.contains("\n+ NIC a: ") && plan.starts_with("+ virtual network hub: "), "{plan}");
    assert!(plan.ends_with("plan: 7 to create, 0 to change, 0 to delete; nothing has changed\n"), "{plan}");
    assert_eq!(everything(&agent), before);
    assert_eq!(last(&agent, &apply), "applied: 7 created, 0 changed, 0 deleted");
    assert_eq!(last(&agent, &apply), "applied: 0 created, 0 changed, 0 deleted");
    let peering = json(&agent, "vnet peering show -n hub-to-spoke --vnet-name hub -o json");
    assert_eq!(peering["properties"]["peeringState"], "Connected");
}

#[test]
fn what_the_file_no_longer_has_goes() {
    let site = Site::stored();
    let agent = site.start();
    site.write(FILE);
    done(&agent, &apply(&site));
    let kept =
        FILE.split("nics:").next().unwrap().replace("10.0.0.0/16", "10.0.0.0/15").replace("10.1", "10.9");
    site.write(&kept);
    let printed = done(&agent, &apply(&site));
    let lines: Vec<&str> = printed.lines().collect();
    assert!(lines.contains(&"- NIC a"), "{printed}");
    assert!(lines.iter().any(|line| line.starts_with("~ virtual network hub: addressSpace ")), "{printed}");
    assert!(printed.ends_with("applied: 0 created, 5 changed, 1 deleted\n"), "{printed}");
    assert_eq!(json(&agent, "nic list -o json"), json!([]));
}

#[test]
fn for_programs_a_plan_is_a_list_of_changes() {
    let site = Site::stored();
    let agent = site.start();
    site.write("virtualNetworks: [{ name: hub, region: west, addressSpace: [10.0.0.0/16] }]\n");
    let plan = json(&agent, &format!("{} --dry-run -o json", apply(&site)));
    let details = json!(["region west", "addressSpace 10.0.0.0/16"]);
    assert_eq!(
        plan["changes"],
        json!([{"action": "+", "resource": "virtual network hub", "details": details}])
    );
}

#[test]
fn what_is_exported_leads_an_empty_agent_to_the_same_state() {
    let site = Site::stored();
    let agent = hub_and_spoke(&site);
    for command in [
        "subscription create -n red --display-name Red",
        "vnet create -n hub -g prod --subscription red -l north --address-prefixes 10.7.0.0/16",
        "nic create -n a --vnet-name hub --subnet default --interface vnet-none --ip-forwarding",
        "vnet peering create -n hub-to-spoke --vnet-name hub --remote-vnet spoke --both --allow-forwarded-traffic",
        "vnet peering create -n alone --vnet-name hub --remote-vnet red/prod/hub",
        "role assignment create --assignee alice --role Reader --subscription red",
        "role assignment create --assignee bob --role Reader --vnet-name hub -n my-name",
    ] {
        done(&agent, command);
    }
    let exported = done(&agent, "export");
    let other_site = Site::stored();
    let other = other_site.start();
    let file = site.file().display().to_string();
    assert_eq!(done(&agent, &format!("export --output-file {file}")), "");
    assert_eq!(std::fs::read_to_string(site.file()).unwrap(), exported);
    done(&other, &format!("apply {file}"));
    assert_eq!(done(&other, "export"), exported);
    assert_eq!(everything(&other), everything(&agent));
    assert_eq!(last(&other, &format!("apply {file}")), "applied: 0 created, 0 changed, 0 deleted");
    assert_eq!(done(&other, "role assignment delete -n my-name --vnet-name hub"), "");
    assert_eq!(json(&other, "role assignment list --assignee bob -o json"), json!([]));
}

#[test]
fn an_exported_file_is_asked_as_the_agent_is_and_answers_the_same() {
    let site = Site::stored();
    let agent = hub_and_spoke(&site);
    for command in [
        "subscription create -n red --display-name Red --tenant contoso",
        "vnet create -n hub -g prod --subscription red -l north --address-prefixes 10.7.0.0/16",
        "vnet peering create -n alone --vnet-name hub --remote-vnet red/prod/hub",
        "role assignment create --assignee alice --role Owner --subscription red",
        "role assignment create --assignee bob --role Reader --vnet-name hub -n my-name",
        "role assignment create --assignee carol --role Contributor --scope /",
    ] {
        done(&agent, command);
    }
    let file = site.file().display().to_string();
    done(&agent, &format!("export --output-file {file}"));
    for (command, told) in [
        ("subscription list -o tsv", "Red"),
        ("subscription show -n red -o json", "contoso"),
        ("role assignment list -o json", "my-name"),
        ("role assignment list --assignee alice -o tsv", "user:alice"),
        ("role assignment list --vnet-name hub -o tsv", "user:bob"),
        ("vnet list -o json", "10.7.0.0/16"),
        ("vnet list --subscription red -o tsv", "10.7.0.0/16"),
        ("vnet peering list --vnet-name hub -o json", "Initiated"),
        ("export", "my-name"),
    ] {
        let printed = done(&agent, command);
        assert!(printed.contains(told), "{command}: {printed}");
        let ended = run(command.split(' ').chain(["--file", &file]));
        assert_eq!((ended.status, ended.stdout), (Some(0), printed), "{command}: {}", ended.stderr);
    }
}

/// Runs a command with a text on its standard input.
fn fed(site: &Site, arguments: &[&str], text: &str) -> Ended {
    let mut command = Command::new(binary());
    command.args(arguments).arg("--socket").arg(site.socket());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn a_file_may_come_by_the_standard_input() {
    let site = Site::stored();
    let agent = site.start();
    let ended = fed(&site, &["apply", "-"], FILE);
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""), "{}", ended.transcript());
    assert_eq!(json(&agent, "nic list -o json")[0]["name"], "a");
}

#[test]
fn a_refused_file_shows_every_mistake_with_its_place_and_changes_nothing() {
    let site = Site::stored();
    let agent = hub_and_spoke(&site);
    let before = everything(&agent);
    site.write(
        &FILE
            .replace("10.0.1.0/24", "10.5.1.0/24")
            .replace("region: west\n    addressSpace: [10.1.0", "region: west\n    adressSpace: [10.1.0"),
    );
    for flag in ["", " --dry-run"] {
        let ended = ask(&agent, &format!("{}{flag}", apply(&site)));
        assert_eq!((ended.status, ended.stdout.as_str()), (Some(1), ""), "{}", ended.transcript());
        assert!(ended.stderr.contains("error[SubnetNotInVnet]"), "{}", ended.stderr);
        assert!(ended.stderr.contains("addressPrefixes: [10.5.1.0/24]"), "{}", ended.stderr);
        assert!(ended.stderr.contains("adressSpace"), "{}", ended.stderr);
        assert_eq!(everything(&agent), before);
    }
}

#[test]
fn a_file_may_be_the_truth_about_one_subscription_alone() {
    let site = Site::stored();
    let agent = hub_and_spoke(&site);
    done(&agent, "subscription create -n red");
    done(&agent, "vnet create -n old --subscription red -l west --address-prefixes 10.7.0.0/16");
    site.write(
        "virtualNetworks: [{ name: new, subscription: red, region: west, addressSpace: [10.8.0.0/16] }]\n",
    );
    let printed = done(&agent, &format!("{} --subscription red", apply(&site)));
    assert!(printed.ends_with("applied: 1 created, 0 changed, 1 deleted\n"), "{printed}");
    let names = |subscription: &str| {
        let listed = json(&agent, &format!("vnet list --subscription {subscription} -o json"));
        listed
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (names("red"), names("default")),
        (vec!["new".to_owned()], vec!["hub".to_owned(), "spoke".to_owned()])
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let site = Site::stored();
    let agent = site.start();
    let ended = ask(&agent, "apply /nonexistent/file.yaml");
    assert_eq!(ended.status, Some(1));
    assert_eq!(
        ended.stderr,
        "error: /nonexistent/file.yaml cannot be read: No such file or directory (os error 2)\n"
    );
}
