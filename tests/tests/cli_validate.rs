//! `validate`: files that hold, files that are refused, files that cannot be read.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;

use vnet_tests::program::{repository, run};

fn files(directory: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(repository().join(directory)).expect("the examples are there");
    let paths = entries.map(|entry| entry.expect("the directory can be read").path());
    let mut files: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|e| e == "yaml")).collect();
    files.sort();
    files
}

#[test]
fn every_example_holds() {
    let files = files("examples");
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        let ended = run(["validate".as_ref(), file.as_os_str()]);
        assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""), "{}", file.display());
        assert!(ended.stdout.starts_with(&format!("{}: valid: ", file.display())), "{}", ended.stdout);
        assert_eq!(
            run(["validate".as_ref(), file.as_os_str(), "-o".as_ref(), "json".as_ref()]).json()["valid"],
            true
        );
    }
}

#[test]
fn every_refused_example_names_its_code_and_place() {
    let files = files("examples/refused");
    assert!(files.len() >= 12, "{files:?}");
    for file in files {
        let code = file.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        let ended = run(["validate".as_ref(), file.as_os_str()]);
        assert_eq!((ended.status, ended.stdout.as_str()), (Some(1), ""), "{code}");
        assert!(ended.stderr.contains(&format!("error[{code}]: ")), "{code}: {}", ended.stderr);
        assert!(ended.stderr.contains(&format!("--> {}:", file.display())), "{code}: {}", ended.stderr);

        let ended = run(["validate".as_ref(), file.as_os_str(), "-o".as_ref(), "json".as_ref()]);
        assert_eq!((ended.status, ended.stderr.as_str()), (Some(1), ""), "{code}");
        let verdict: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
        assert_eq!(verdict["valid"], false);
        let errors = verdict["errors"].as_array().expect("a list");
        assert!(!errors.is_empty());
        for error in errors {
            assert_eq!(error["code"], code.as_str());
            assert!(error["line"].as_u64() > Some(1), "{error}");
            assert!(error["column"].as_u64() >= Some(1), "{error}");
        }
    }
}

#[test]
fn all_mistakes_of_a_file_are_told_at_once_in_the_order_of_their_places() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let file = directory.path().join("broken.yaml");
    let text = "virtualNetworks:
  - name: -a
    region: westeurope
    addressSpace: [10.1.0.0/16]
  - name: b
    region: westeurope
    addressSpace: [10.2.0.0/16]
    subnetz: []
    subnets: [{ name: default, addressPrefixes: [10.9.0.0/24] }]
nics:
  - { name: n, subnet: b/default, addresses: [10.2.0.999] }
";
    fs::write(&file, text).expect("a file can be written");
    let ended = run(["validate".as_ref(), file.as_os_str(), "-o".as_ref(), "json".as_ref()]);
    let verdict: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let found: Vec<(u64, &str)> = verdict["errors"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|error| (error["line"].as_u64().expect("a line"), error["code"].as_str().unwrap_or("form")))
        .collect();
    let expected =
        [(2, "InvalidResourceName"), (8, "form"), (9, "SubnetNotInVnet"), (11, "InvalidAddressPrefix")];
    assert_eq!(found, expected, "{}", ended.stdout);
    assert_eq!(ended.status, Some(1));
}

#[test]
fn a_file_that_cannot_be_read_is_one_sentence() {
    let ended = run(["validate", "examples/nowhere.yaml"]);
    assert_eq!(ended.status, Some(1));
    let expected = "error: examples/nowhere.yaml cannot be read: No such file or directory (os error 2)\n";
    assert_eq!(ended.stderr, expected);
    let ended = run(["validate", "examples"]);
    assert_eq!(ended.stderr, "error: examples cannot be read: Is a directory (os error 21)\n");
}

#[test]
fn a_refused_file_is_refused_by_every_command_that_reads_it() {
    let file = "examples/refused/AddressInUse.yaml";
    let validated = run(["validate", file]);
    for command in ["vnet list", "nic list", "matrix", "counters", "drops", "run"] {
        let ended = run(command.split(' ').chain(["--file", file]));
        assert_eq!(ended, validated, "{command}");
    }
}
