//! The agent's binary. All of it stands in the library, so that the suites can call every part of it.

use std::process::ExitCode;

fn main() -> ExitCode {
    vnet_agent::cli::main()
}
