//! Usage: what is wrong with the words themselves, and what the environment says for all commands.

use std::process::Command;

use pretty_assertions::assert_eq;
use vnet_tests::agent::Site;
use vnet_tests::program::{Ended, binary, run};

use crate::site::done;

#[test]
fn wrong_usage_is_told_from_a_refusal_by_its_exit_status() {
    for arguments in [
        "vnet create -n hub",
        "vnet create -n hub -l west --address-prefixes 10.0.0",
        "vnet create -n hub -l west --address-prefixes 10.0.0.0/16 --subnet-name default",
        "vnet update -n hub --address-prefixes 10.0.0.0/16 --add-address-prefix 10.1.0.0/16",
        "vnet subnet create -n s --vnet-name hub",
        "vnet peering create -n p --vnet-name hub",
        "vnet peering create -n p --vnet-name hub --remote-vnet a --allow-vnet-access maybe",
        "vnet peering create -n p --vnet-name hub --remote-vnet a --remote-allow-vnet-access",
        "nic create -n a --vnet-name hub --subnet default --private-ip-address 10.0.1",
        "nic create -n a --vnet-name hub --subnet default --private-ip-address 10.0.1.4 10.0.1.5",
        "nic create -n a --vnet-name hub --subnet default --mac 0",
        "role assignment create --assignee alice --role Emperor",
        "role assignment create --assignee robot:r2 --role Reader",
        "role assignment create --assignee alice --role Reader --scope nowhere",
        "role assignment delete",
        "activity-log list --offset soon",
        "activity-log list --offset 1h --start-time 2026-01-01T00:00:00Z",
        "activity-log list --max-events 0",
        "apply",
        "token create -n ci",
        "subscription create",
        "vnet list -g -bad",
        "vnet show -n /subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkInterfaces/a",
    ] {
        let ended = run(arguments.split(' '));
        assert_eq!(
            (ended.status, ended.stdout.as_str()),
            (Some(2), ""),
            "{arguments:?}: {}",
            ended.transcript()
        );
        assert!(ended.stderr.starts_with("error: "), "{arguments:?}: {}", ended.stderr);
    }
}

#[test]
fn where_no_agent_answers_every_command_says_so() {
    for command in [
        "vnet create -n hub -l west --address-prefixes 10.0.0.0/16",
        "nic delete -n a",
        "vnet peering sync -n p --vnet-name hub",
        "subscription list",
        "role assignment list",
        "token list",
        "activity-log list",
        "export",
        "status",
    ] {
        let ended = run(command.split(' ').chain(["--socket", "/nonexistent/agent.sock"]));
        let expected = Ended {
            status: Some(1),
            stdout: String::new(),
            stderr: "error: no agent answers at /nonexistent/agent.sock (No such file or directory (os error 2)); start one with \
                     `vnet-agent run`, or name its --socket\n"
                .to_owned(),
        };
        assert_eq!(ended, expected, "{command}");
    }
}

/// Runs a command with the environment of somebody who types little.
fn with_environment(site: &Site, command: &str) -> Ended {
    let mut process = Command::new(binary());
    process.args(command.split(' ')).env("VNET_SOCKET", site.socket());
    process.envs([("VNET_SUBSCRIPTION", "red"), ("VNET_RESOURCE_GROUP", "prod"), ("VNET_LOCATION", "north")]);
    process.env("VNET_OUTPUT", "tsv").output().expect("the agent can be started").into()
}

#[test]
fn the_environment_says_what_flags_would() {
    let site = Site::stored();
    let agent = site.start();
    done(&agent, "subscription create -n red");
    let created = with_environment(&site, "vnet create -n hub --address-prefixes 10.0.0.0/16");
    assert_eq!(created.stdout, "hub\tred\tprod\tnorth\t10.0.0.0/16\t\t\t0\n", "{}", created.transcript());
    let listed = with_environment(&site, "vnet list");
    assert_eq!(listed.stdout, created.stdout);
    let elsewhere = with_environment(&site, "vnet list -g dev");
    assert_eq!((elsewhere.status, elsewhere.stdout.as_str()), (Some(0), ""));
    // A socket in the environment is none on the command line: a file may be asked all the same.
    let file = "vnet list --subscription default -g default --file examples/two-vnets.yaml";
    let mut process = Command::new(binary());
    process
        .args(file.split(' '))
        .env("VNET_SOCKET", "/nonexistent")
        .current_dir(vnet_tests::program::repository());
    assert!(process.output().unwrap().status.success());
}
