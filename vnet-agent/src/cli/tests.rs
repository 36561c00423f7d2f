//! The definition of the commands as a whole.

use clap::CommandFactory;

use super::*;

/// Every command with the words that lead to it.
fn commands(command: &clap::Command, path: &str, found: &mut Vec<(String, clap::Command)>) {
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        let path = format!("{path}{}", inner.get_name());
        found.push((path.clone(), inner.clone()));
        commands(inner, &format!("{path} "), found);
    }
}

fn all() -> Vec<(String, clap::Command)> {
    let mut found = Vec::new();
    commands(&Cli::command(), "", &mut found);
    found
}

#[test]
fn the_definition_holds_together() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_and_every_option_says_what_it_is_for() {
    for (path, command) in all() {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        assert!(about.starts_with(char::is_uppercase), "{path}: {about:?}");
        for argument in command.get_arguments() {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.starts_with(char::is_alphanumeric), "{path} --{}: {help:?}", argument.get_id());
        }
    }
}

#[test]
fn every_noun_has_the_verbs_that_az_has_for_it() {
    let all: Vec<String> = all().into_iter().map(|(path, _)| path).collect();
    let crud = ["create", "update", "delete", "show", "list"];
    let mut expected = Vec::new();
    for noun in ["vnet", "vnet subnet", "vnet peering", "nic", "subscription"] {
        expected.extend(crud.map(|verb| format!("{noun} {verb}")));
    }
    for noun in ["role assignment", "token"] {
        expected.extend(["create", "delete", "list"].map(|verb| format!("{noun} {verb}")));
    }
    let others = [
        "vnet peering sync",
        "nic show-effective-route-table",
        "activity-log list",
        "apply",
        "export",
        "status",
    ];
    expected.extend(others.map(str::to_owned));
    let missing: Vec<&String> = expected.iter().filter(|path| !all.contains(path)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_command_that_only_reads_answers_from_a_file_too() {
    // These ask for what only an agent has; `lab` has a file for its argument.
    let agent_alone = ["token list", "activity-log list", "lab matrix"];
    for (path, command) in all().iter().filter(|(path, _)| !agent_alone.contains(&path.as_str())) {
        let verb = path.rsplit(' ').next().unwrap_or_default();
        let reads = verb == "list"
            || verb.starts_with("show")
            || ["next-hop", "counters", "drops", "matrix", "export"].contains(&verb);
        if reads {
            assert!(command.get_arguments().any(|argument| argument.get_long() == Some("file")), "{path}");
        }
    }
}

#[test]
fn every_command_that_changes_something_names_its_socket_the_same_way() {
    for (path, command) in all() {
        let verb = path.rsplit(' ').next().unwrap_or_default();
        if ["create", "update", "delete", "sync", "apply", "export", "status"].contains(&verb) {
            assert!(command.get_arguments().any(|argument| argument.get_long() == Some("socket")), "{path}");
        }
    }
}
