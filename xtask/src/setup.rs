//! Installs what is missing, from Debian's packages and by cargo, and says what it does.
//!
//! What is there is found by looking for it, not by a record of earlier runs, so that a second run does nothing, and a
//! machine prepared by hand is left alone.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::command::{self, cargo, output, program, which};
use crate::host;
use crate::toolchain::{self, BpfToolchain, LINKED};

/// What is to be there afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// What the build needs.
    Build,
    /// That, and the network tools of demo and tests.
    Everything,
}

/// Tools of demo and tests, as programs and Debian's packages.
const TOOLS: [(&str, &str); 11] = [
    ("ip", "iproute2"),
    ("ethtool", "ethtool"),
    ("ping", "iputils-ping"),
    ("traceroute", "traceroute"),
    ("iperf3", "iperf3"),
    ("curl", "curl"),
    ("tcpdump", "tcpdump"),
    ("mount", "mount"),
    ("sysctl", "procps"),
    ("systemd-analyze", "systemd"),
    ("man", "man-db"),
];

/// What packing needs beside cargo-deb: the library dependencies of a binary, and a binary without its symbols.
const PACKING_TOOLS: [(&str, &str); 2] = [("dpkg-shlibdeps", "dpkg-dev"), ("strip", "binutils")];

const CARGO_DEB_VERSION: &str = "3.8.0";
const LINKER_VERSION: &str = "0.13.0";
/// The linker's LLVM: as new as that of Debian's rustc 1.96.
const LLVM: &str = "22";

pub(crate) fn run(scope: Scope) -> Result<()> {
    let mut packages = Packages::default();
    if scope == Scope::Everything {
        packages.install("tools of the tests", &missing(&TOOLS))?;
        // The suites run Azure's client for Python in a virtual environment. Debian's python3 has no pip for one.
        if output(program("python3").args(["-c", "import ensurepip, venv"])).is_none() {
            packages.install("virtual environments for Python", &["python3-venv"])?;
        }
    }
    toolchain_ready(&mut packages)?;
    linker_ready(&mut packages)?;
    eprintln!("setup: everything is there");
    Ok(())
}

/// Sees to what `cargo xtask dist` needs beside the build's own tools.
pub(crate) fn packaging_ready() -> Result<()> {
    Packages::default().install("packaging tools", &missing(&PACKING_TOOLS))?;
    if which("cargo-deb").is_none() {
        eprintln!("setup: building cargo-deb {CARGO_DEB_VERSION} (about a minute)");
        command::run(cargo().args(["install", "cargo-deb", "--locked", "--version", CARGO_DEB_VERSION]))?;
    }
    Ok(())
}

/// The packages of those tools that are not there.
fn missing(tools: &[(&str, &'static str)]) -> Vec<&'static str> {
    tools.iter().filter(|(tool, _)| which(tool).is_none()).map(|(_, package)| *package).collect()
}

/// A rustc with a `core` for BPF.
fn toolchain_ready(packages: &mut Packages) -> Result<()> {
    if BpfToolchain::find().is_some() {
        return Ok(());
    }
    if !toolchain::has_core(&mut program("/usr/bin/rustc")) {
        packages.install("a Rust compiler for BPF", &["rustc-web", "libstd-rust-web-dev-bpf"])?;
    }
    if which("rustup").is_some() {
        eprintln!("setup: linking Debian's rustc into rustup as the toolchain {LINKED}");
        command::run(program("rustup").args(["toolchain", "link", LINKED, "/usr"]))?;
    } else if which("cargo").is_none() {
        packages.install("cargo", &["cargo-web"])?;
    }
    if BpfToolchain::find().is_none() {
        bail!(
            "the Rust compiler for BPF was installed, but `rustc --print target-libdir --target {}` finds no core: \
             is another rustc ahead of Debian's in PATH?",
            toolchain::TARGET
        );
    }
    Ok(())
}

fn linker_ready(packages: &mut Packages) -> Result<()> {
    if toolchain::has_linker() {
        return Ok(());
    }
    let config = format!("llvm-config-{LLVM}");
    let cxx = ["g++", "zlib1g-dev", "libzstd-dev"];
    if which(&config).is_none() {
        let llvm = format!("llvm-{LLVM}-dev");
        let mut wanted = vec![llvm.as_str()];
        wanted.extend(cxx);
        packages.install("LLVM for the BPF linker", &wanted)?;
    }
    let prefix =
        output(program(&config).arg("--prefix")).with_context(|| format!("{config} does not run"))?;
    eprintln!("setup: building bpf-linker {LINKER_VERSION} (about a minute)");
    let feature = format!("llvm-{LLVM}");
    let install = ["install", "bpf-linker", "--locked", "--version", LINKER_VERSION, "--no-default-features"];
    command::run(cargo().args(install).args(["--features", &feature]).env("LLVM_PREFIX", prefix))?;
    if !toolchain::has_linker() {
        bail!("bpf-linker was installed, but is not in PATH: add cargo's bin directory (~/.cargo/bin) to it");
    }
    Ok(())
}

/// Debian's package manager, whose lists are brought up to date once, before the first installation.
#[derive(Debug, Default)]
struct Packages {
    is_updated: bool,
}

impl Packages {
    fn install(&mut self, what: &str, names: &[&str]) -> Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        let list = names.join(" ");
        if !Path::new("/etc/debian_version").exists() || which("apt-get").is_none() {
            bail!(
                "{what} are missing, and this is neither Debian nor Ubuntu: install what Debian has in the packages \
                 {list}, or for the compiler a nightly toolchain (rustup toolchain install nightly --component rust-src) \
                 and bpf-linker (cargo install bpf-linker)"
            );
        }
        host::require_root("setup")
            .with_context(|| format!("{what} are missing (apt-get install {list})"))?;
        eprintln!("setup: installing {what} from Debian's packages: {list}");
        let apt = |arguments: &[&str]| {
            command::run(program("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
        };
        if !self.is_updated {
            apt(&["update", "-qq"])?;
            self.is_updated = true;
        }
        let mut arguments = vec!["install", "-y", "-qq", "--no-install-recommends"];
        arguments.extend(names);
        apt(&arguments)
    }
}
