//! The README's tour, run as the README shows it.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::process::Command;

use vnet_tests::console::run_section;
use vnet_tests::program::repository;

#[test]
fn every_command_of_the_readmes_tour_does_what_the_readme_shows() {
    let readme = fs::read_to_string(repository().join("README.md")).expect("the README can be read");
    run_section(&readme, "A tour of five minutes", 15);
}

#[test]
fn the_two_commands_of_the_readme_are_tasks_of_xtask() {
    let readme = fs::read_to_string(repository().join("README.md")).expect("the README can be read");
    let help = Command::new(env!("CARGO")).args(["xtask", "--help"]).current_dir(repository()).output();
    let help = String::from_utf8(help.expect("cargo can be started").stdout).unwrap();
    for task in ["demo", "test"] {
        assert!(readme.contains(&format!("\ncargo xtask {task} ")), "the README has lost {task}");
        assert!(help.contains(&format!("\n  {task} ")), "{help}");
    }
}
