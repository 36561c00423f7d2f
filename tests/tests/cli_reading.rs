//! The reading commands over the example files: every answer to the last character. None of it needs root or an agent.
//!
//! The expected answers stand in `snapshots/`; each was read against the rules of the product before it was accepted.

use vnet_tests::program::{Ended, run};

fn ask(file: &str, arguments: &str) -> Ended {
    run(arguments.split(' ').chain(["--file", file]))
}

/// Compares each command over a file with its snapshot.
fn check(file: &str, commands: &[&str]) {
    for command in commands {
        let name = format!("{}: {command}", file.trim_start_matches("examples/").trim_end_matches(".yaml"));
        let name: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
        insta::with_settings!({ description => format!("vnet-agent {command} --file {file}"), omit_expression => true }, {
            insta::assert_snapshot!(name, ask(file, command).transcript());
        });
    }
}

#[test]
fn networks_nics_and_peerings_are_told_as_declared_and_as_they_stand() {
    check(
        "examples/two-vnets.yaml",
        &[
            "vnet list -o table",
            "vnet list -o json",
            "vnet show -n web -o yaml",
            "vnet peering list --vnet-name web -o table",
            "vnet peering show --vnet-name web -n web-to-database -o json",
            "nic list -o table",
            "nic list -o tsv",
            "nic show -n web-1 -o json",
        ],
    );
    check("examples/one-sided.yaml", &["vnet peering list --vnet-name sales -o table"]);
}

#[test]
fn a_nic_has_a_row_for_each_own_range_each_peered_range_and_the_system_routes() {
    check(
        "examples/two-vnets.yaml",
        &[
            "nic show-effective-route-table -n web-1 -o json",
            "nic show-effective-route-table -n web-1 -o table",
        ],
    );
    check("examples/global-dual-stack.yaml", &["nic show-effective-route-table -n paris-both -o table"]);
    check("examples/nontransitive.yaml", &["nic show-effective-route-table -n alpha-1 -o table"]);
    check("examples/one-sided.yaml", &["nic show-effective-route-table -n sales-1 -o table"]);
}

#[test]
fn a_route_table_has_the_shape_that_az_prints() {
    let answer = ask("examples/two-vnets.yaml", "nic show-effective-route-table -n web-1").json();
    let peered = serde_json::json!({
        "source": "Default",
        "state": "Active",
        "addressPrefix": ["10.2.0.0/16"],
        "nextHopType": "VNetPeering",
        "nextHopIpAddress": [],
    });
    let rows = answer["value"].as_array().expect("the rows stand under `value`");
    assert!(rows.contains(&peered), "{answer:#}");
}

#[test]
fn the_subscriptions_of_a_file_are_those_that_it_names() {
    let ended = ask("examples/tenants.yaml", "subscription list -o tsv");
    let rows = ["blue", "default", "red"].map(|name| format!("{name}\t{name}\tdefault\tEnabled\n"));
    assert_eq!((ended.status, ended.stdout), (Some(0), rows.concat()), "{}", ended.stderr);
    assert_eq!(ask("examples/tenants.yaml", "role assignment list").json(), serde_json::json!([]));
}

#[test]
fn the_next_hop_is_the_longest_match() {
    let next_hop = |file: &str, nic: &str, address: &str| {
        let answer = ask(file, &format!("next-hop --nic {nic} --dest-ip {address}")).json();
        assert_eq!(answer["routeTableId"], "System Route");
        assert_eq!(answer["nextHopIpAddress"], serde_json::Value::Null);
        answer["nextHopType"].as_str().expect("a word").to_owned()
    };
    let file = "examples/nontransitive.yaml";
    assert_eq!(next_hop(file, "alpha-1", "10.1.1.5"), "VnetLocal");
    assert_eq!(next_hop(file, "alpha-1", "10.2.1.4"), "VNetPeering");
    assert_eq!(next_hop(file, "alpha-1", "10.3.1.4"), "None");
    assert_eq!(next_hop(file, "bravo-1", "10.3.1.4"), "VNetPeering");
    assert_eq!(next_hop(file, "alpha-1", "8.8.8.8"), "Internet");
    check(file, &["next-hop --nic alpha-1 --dest-ip 10.2.1.4 -o table"]);
}

#[test]
fn the_matrix_says_who_reaches_whom_and_why_not() {
    check("examples/nontransitive.yaml", &["matrix", "matrix -o json"]);
    check("examples/global-dual-stack.yaml", &["matrix"]);
    check("examples/one-sided.yaml", &["matrix"]);
}

#[test]
fn asked_of_a_file_the_counters_have_rows_and_no_figures() {
    check("examples/two-vnets.yaml", &["counters -o table", "counters -o json", "drops -o table"]);
}

#[test]
fn data_that_goes_to_no_terminal_is_json() {
    let listed = ask("examples/two-vnets.yaml", "vnet list").json();
    assert_eq!(listed, ask("examples/two-vnets.yaml", "vnet list -o json").json());
}

#[test]
fn what_does_not_exist_is_refused_by_its_code() {
    let file = "examples/two-vnets.yaml";
    for (command, what) in [
        ("vnet show -n nowhere", "virtual network nowhere"),
        ("vnet peering list --vnet-name nowhere", "virtual network nowhere"),
        ("vnet peering show --vnet-name web -n nowhere", "peering web/nowhere"),
        ("nic show -n nobody", "NIC nobody"),
        ("nic show-effective-route-table -n nobody", "NIC nobody"),
        ("next-hop --nic nobody --dest-ip 10.1.1.4", "NIC nobody"),
        ("subscription show -n nowhere", "subscription nowhere"),
        ("vnet list --subscription nowhere", "subscription nowhere"),
        ("role assignment list --subscription nowhere -g default", "subscription nowhere"),
        ("role assignment list --vnet-name nowhere", "virtual network nowhere"),
    ] {
        let ended = ask(file, command);
        let expected = Ended {
            status: Some(1),
            stdout: String::new(),
            stderr: format!("error[ResourceNotFound]: {what} does not exist\n"),
        };
        assert_eq!(ended, expected, "{command}");
    }
    let ended = ask(file, "next-hop --nic web-1 --dest-ip fd00::1");
    assert_eq!(ended.status, Some(1));
    assert_eq!(ended.stderr, "error[InvalidAddressPrefix]: NIC web-1 has no IPv6 address\n");
}

#[test]
fn wrong_usage_is_told_from_a_refusal_by_its_exit_status() {
    for arguments in [
        "",
        "nonsense",
        "vnet show",
        "nic show -n -bad- --file examples/two-vnets.yaml",
        "next-hop --nic web-1 --dest-ip 10.1.1 --file examples/two-vnets.yaml",
        "vnet list -o xml --file examples/two-vnets.yaml",
        "vnet list --file examples/two-vnets.yaml --socket /tmp/x",
        "counters --watch --file examples/two-vnets.yaml",
        "counters --watch=0",
        "run --file x --state y",
        "run --file x --xdp-mode turbo",
        "validate",
    ] {
        let ended = run(arguments.split(' ').filter(|word| !word.is_empty()));
        assert_eq!(ended.status, Some(2), "{arguments:?}: {}", ended.transcript());
        assert_eq!(ended.stdout, "", "{arguments:?}");
        assert!(ended.stderr.contains("--help"), "{arguments:?}: {}", ended.stderr);
    }
}

#[test]
fn without_an_agent_the_error_names_the_socket_and_what_to_do() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let socket = directory.path().join("none.sock").display().to_string();
    for command in
        ["vnet list", "nic list", "counters", "drops", "matrix", "next-hop --nic a --dest-ip 10.0.0.4"]
    {
        let ended = run(command.split(' ').chain(["--socket", &socket]));
        assert_eq!((ended.status, ended.stdout.as_str()), (Some(1), ""), "{command}");
        let expected = format!(
            "error: no agent answers at {socket} (No such file or directory (os error 2)); start one with `vnet-agent run`, or \
             name its --socket\n"
        );
        assert_eq!(ended.stderr, expected, "{command}");
    }
}

#[test]
fn a_reader_that_goes_away_ends_a_command_cleanly() {
    use std::process::{Command, Stdio};
    let mut command = Command::new(vnet_tests::program::binary());
    command.args(["drops", "-o", "table", "--file", "examples/two-vnets.yaml"]);
    command.current_dir(vnet_tests::program::repository()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the agent can be started");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("a child can be waited for");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}
