//! The files under examples/: each says what it is to show, and shows it.
//!
//! This stands outside the library because it reads the disk, which the configuration module must not.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use pretty_assertions::assert_eq;
use rstest::rstest;

use vnet_agent::config::{Loaded, Problems, load};
use vnet_agent::model::{RefusalCode, Topology};
use vnet_agent::routing::{Family, NextHopType, Reachability, effective_routes};

/// Loads a file that is right.
fn loaded(text: &str, current: &Topology) -> Loaded {
    load(text, current).unwrap_or_else(|problems| panic!("{}", problems.render("test.yaml", text, false)))
}

/// Loads a file that is wrong.
fn problems(text: &str) -> Problems {
    match load(text, &Topology::default()) {
        Ok(_) => panic!("this file was to be refused:\n{text}"),
        Err(problems) => problems,
    }
}

fn directory(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// The YAML files of a directory, each with its name before `.yaml` and its text.
fn files(name: &str) -> Vec<(String, String)> {
    let entries = fs::read_dir(directory(name)).unwrap().map(|entry| entry.map(|entry| entry.path()));
    let mut paths = entries.collect::<io::Result<Vec<_>>>().unwrap();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    paths.sort();
    let read = |path: PathBuf| {
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap())
    };
    paths.into_iter().map(read).collect()
}

fn example(name: &str) -> Topology {
    let text = fs::read_to_string(directory("examples").join(name)).unwrap();
    loaded(&text, &Topology::default()).topology
}

/// The codes that a file alone cannot provoke where nothing was before; examples/refused/README.md explains each.
const NEED_A_PAST: [RefusalCode; 2] =
    [RefusalCode::RemotePeeringIsDisconnected, RefusalCode::VnetAddressSpaceInUse];

/// The codes that are about who asks, and for what.
const NOT_OF_A_FILE: [RefusalCode; 3] = [
    RefusalCode::AuthorizationFailed,
    RefusalCode::LinkedAuthorizationFailed,
    RefusalCode::RoleAssignmentUpdateNotPermitted,
];

#[test]
fn every_example_loads_and_asserts_something_both_ways() {
    let files = files("examples");
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["global-dual-stack", "nontransitive", "one-sided", "tenants", "two-vnets"]);
    for (name, text) in &files {
        let topology = loaded(text, &Topology::default()).topology;
        assert!(
            topology.nics().all(|(_, nic)| nic.interface().is_none()),
            "{name}: a lab is to make the veths"
        );
        // The assertions are in force: the first one turned round is refused, and at its own line.
        let (line, first) = text.lines().enumerate().find(|(_, line)| line.contains("- { from:")).unwrap();
        let turned = match first.contains("reachable: true") {
            true => first.replace("reachable: true", "reachable: false"),
            false => first.replace("reachable: false", "reachable: true"),
        };
        let refused = problems(&text.replace(first, &turned));
        let [problem] = refused.iter().collect::<Vec<_>>()[..] else { panic!("{name}: {refused}") };
        assert_eq!((problem.code, problem.location.unwrap().line), (None, line + 1), "{name}");
        assert!(problem.message.starts_with("this assertion does not hold: "), "{name}: {}", problem.message);
    }
}

#[rstest]
#[case::nontransitive("nontransitive.yaml", &[("alpha-1", "bravo-1"), ("bravo-1", "charlie-1")], &[("alpha-1", "charlie-1"), ("alpha-2", "charlie-1")])]
#[case::one_sided("one-sided.yaml", &[("sales-1", "sales-2")], &[("sales-1", "archive-1"), ("sales-2", "archive-1")])]
fn an_example_means_what_its_comment_says(
    #[case] name: &str,
    #[case] reached: &[(&str, &str)],
    #[case] not_reached: &[(&str, &str)],
) {
    let topology = example(name);
    let mut reachability = Reachability::new(&topology);
    let mut both_ways = |(a, b): &(&str, &str)| {
        let (a, b) = (a.parse().unwrap(), b.parse().unwrap());
        (reachability.reachable(&a, &b).is_ok(), reachability.reachable(&b, &a).is_ok())
    };
    for pair in reached {
        assert_eq!(both_ways(pair), (true, true), "{pair:?}");
    }
    for pair in not_reached {
        assert_eq!(both_ways(pair), (false, false), "{pair:?}");
    }
}

#[test]
fn the_global_example_has_global_peering_routes_of_both_families() {
    let topology = example("global-dual-stack.yaml");
    let paris = topology.vnet(&"paris".parse().unwrap()).unwrap();
    let routes = effective_routes(&topology, paris, paris.subnets().next().unwrap());
    let global = routes.iter().filter(|route| route.next_hop.kind() == NextHopType::VNetGlobalPeering);
    let prefixes: Vec<_> = global.map(|route| route.prefix.to_string()).collect();
    assert_eq!(prefixes, ["10.20.0.0/16", "fd00:20::/48"]);
    let mut reachability = Reachability::new(&topology);
    let (from, to) = ("paris-both".parse().unwrap(), "tokyo-both".parse().unwrap());
    for family in Family::ALL {
        assert_eq!(reachability.reachable_over(&from, &to, family), Ok(()));
    }
}

#[test]
fn every_refused_file_yields_the_code_of_its_name_and_no_other_at_the_line_it_marks() {
    for (name, text) in files("examples/refused") {
        let refused = problems(&text);
        let [problem] = refused.iter().collect::<Vec<_>>()[..] else { panic!("{name}: {refused}") };
        assert_eq!(problem.code.map(RefusalCode::as_str), Some(name.as_str()), "{refused}");
        let marked: Vec<_> =
            text.lines().enumerate().filter(|(_, line)| line.ends_with("# <- refused")).collect();
        let [(line, _)] = marked[..] else { panic!("{name} marks {} lines", marked.len()) };
        assert_eq!(problem.location.unwrap().line, line + 1, "{name}");
        assert!(text.starts_with("# Refused: "), "{name} does not say what is wrong");
    }
}

#[test]
fn every_code_has_a_refused_file_or_a_reason_why_it_has_none() {
    let files: BTreeSet<_> = files("examples/refused").into_iter().map(|(name, _)| name).collect();
    let without = || NEED_A_PAST.into_iter().chain(NOT_OF_A_FILE);
    let codes = RefusalCode::ALL.iter().filter(|code| without().all(|other| other != **code));
    assert_eq!(files, codes.map(ToString::to_string).collect());
    let readme = fs::read_to_string(directory("examples/refused").join("README.md")).unwrap();
    for code in without() {
        assert!(readme.contains(&format!("| `{code}` |")), "the README does not explain {code}");
    }
}

#[test]
fn an_example_that_is_loaded_again_changes_nothing() {
    for (name, text) in files("examples") {
        let first = loaded(&text, &Topology::default());
        assert!(!first.changes.is_empty(), "{name}");
        let second = loaded(&text, &first.topology);
        assert_eq!(second.changes, [], "{name}");
        assert_eq!(second.topology, first.topology, "{name}");
    }
}

#[test]
fn the_document_of_the_file_explains_every_code() {
    let document = fs::read_to_string(directory("docs").join("topology-file.md")).unwrap();
    for code in RefusalCode::ALL {
        assert!(document.contains(&format!("`{code}`")), "docs/topology-file.md does not explain {code}");
    }
}
