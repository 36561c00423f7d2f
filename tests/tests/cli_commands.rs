//! The session of `docs/commands.md`, run as it is shown.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use vnet_tests::console::run_section;
use vnet_tests::program::repository;

#[test]
fn every_command_of_the_session_does_what_the_document_shows() {
    let document =
        fs::read_to_string(repository().join("docs/commands.md")).expect("the document can be read");
    run_section(&document, "A session", 20);
}
