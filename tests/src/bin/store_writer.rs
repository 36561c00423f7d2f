//! Commits one version of a state after another to the store in a directory, until it is killed. It prints each version
//! when its commit has returned.
#![allow(clippy::expect_used, reason = "a harness fails by panicking")]

use std::io::Write as _;
use std::path::PathBuf;

use vnet_agent::store::Store;
use vnet_tests::versions::{activity, state};

fn main() {
    let directory = PathBuf::from(std::env::args_os().nth(1).expect("the directory is named"));
    let mut opened = Store::open(&directory).expect("the store opens");
    let mut output = std::io::stdout();
    let mut version = opened.version;
    loop {
        version = opened.store.commit(&state(version + 1), activity(version + 1)).expect("a commit succeeds");
        writeln!(output, "{version}").expect("the test reads on");
        output.flush().expect("the test reads on");
    }
}
