//! The built `vnet-agent`, run as its users run it.
//!
//! Cargo tells an integration test where a binary is only where test and binary stand in one package. So the harness asks
//! Cargo to build the binary, once per process: a test never runs one that is older than the sources.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The path of the binary, built from the sources as they are.
///
/// # Panics
/// Where it cannot be built.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let test = std::env::current_exe().expect("a test knows its own path");
        // <target>/<profile>/deps/<test>
        let profile = test.parent().and_then(Path::parent).expect("tests stand in the profile's directory");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--package", "vnet-agent", "--bin", "vnet-agent"]);
        if profile.ends_with("release") {
            cargo.arg("--release");
        }
        let status = cargo.current_dir(repository()).status().expect("cargo can be started");
        assert!(status.success(), "vnet-agent could not be built: run `cargo build -p vnet-agent`");
        let binary = profile.join("vnet-agent");
        assert!(binary.is_file(), "{} was not built", binary.display());
        binary
    })
}

/// The root of the repository.
///
/// # Panics
/// Never: the tests are a package in it.
#[must_use]
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests' package stands in the repository")
}

/// What a command came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The exit status; none where a signal ended it.
    pub status: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

impl Ended {
    /// Status and both outputs as one text, for a snapshot.
    #[must_use]
    pub fn transcript(&self) -> String {
        let status = self.status.map_or_else(|| "signal".to_owned(), |status| status.to_string());
        format!("exit status: {status}\n--- stdout\n{}--- stderr\n{}", self.stdout, self.stderr)
    }

    /// The output, read as JSON.
    ///
    /// # Panics
    /// Where the command failed or printed something else.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        assert_eq!(self.status, Some(0), "{}", self.transcript());
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("the agent prints UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("the agent prints UTF-8"),
        }
    }
}

/// Runs the agent's binary in the root of the repository and waits for its end.
///
/// # Panics
/// Where it cannot be started.
pub fn run(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Ended {
    let mut command = Command::new(binary());
    command.args(arguments).current_dir(repository()).env_remove("NO_COLOR");
    command.output().expect("the agent can be started").into()
}
