//! Which Rust toolchain compiles the XDP program. Shared by `cargo xtask setup`, which installs one, and by the build
//! script of vnet-agent, which uses it: only the standard library is used here.
//!
//! The program needs a `core` for the BPF target. A nightly toolchain with rust-src builds one; Debian's packages bring
//! one ready-made, for a rustc that is then linked into rustup under the project's own name.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// The name under which Debian's rustc is linked into rustup.
pub(crate) const LINKED: &str = "vnet-bpf";

/// The target that the program is compiled for.
pub(crate) const TARGET: &str = "bpfel-unknown-none";

/// A toolchain that can compile the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BpfToolchain {
    /// rustup's nightly, with rust-src.
    Nightly,
    /// Debian's rustc, linked into rustup.
    Linked,
    /// There is no rustup, and the rustc in PATH has a `core` for BPF.
    System,
}

impl BpfToolchain {
    /// The one to use, if there is any.
    #[must_use]
    pub(crate) fn find() -> Option<Self> {
        let Some(toolchains) = output(Command::new("rustup").args(["toolchain", "list"])) else {
            return has_core(&mut Command::new("rustc")).then_some(Self::System);
        };
        let is_there = |name: &str| toolchains.lines().any(|line| line.starts_with(name));
        let rustup_rustc = |name: &str| {
            let mut command = Command::new("rustup");
            command.args(["run", name, "rustc"]);
            command
        };
        if is_there("nightly") && has_source(&mut rustup_rustc("nightly")) {
            return Some(Self::Nightly);
        }
        (is_there(LINKED) && has_core(&mut rustup_rustc(LINKED))).then_some(Self::Linked)
    }
}

/// Whether bpf-linker is in PATH.
#[must_use]
pub(crate) fn has_linker() -> bool {
    output(Command::new("bpf-linker").arg("--version")).is_some()
}

fn has_source(rustc: &mut Command) -> bool {
    let sysroot = output(rustc.args(["--print", "sysroot"]));
    sysroot.is_some_and(|sysroot| Path::new(&sysroot).join("lib/rustlib/src/rust/library/core").is_dir())
}

/// Whether a rustc has a compiled `core` for [`TARGET`].
pub(crate) fn has_core(rustc: &mut Command) -> bool {
    let Some(directory) = output(rustc.args(["--print", "target-libdir", "--target", TARGET])) else {
        return false;
    };
    let files = fs::read_dir(directory).into_iter().flatten().flatten();
    files.into_iter().any(|file| file.file_name().to_string_lossy().starts_with("libcore-"))
}

fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
