//! A network namespace of the calling thread's own, with interfaces for NICs.
//!
//! The namespace has no name: it belongs to the thread and goes, with everything in it, when the thread ends, however it
//! ends. `BPF_PROG_TEST_RUN` looks an ingress interface up in the caller's namespace, so a run of its own cannot meet the
//! interfaces of another.

use std::io::Write as _;
use std::process::{Command, Stdio};

use nix::sched::{CloneFlags, unshare};

/// A namespace that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    /// The kernel refused.
    #[error("no network namespace could be made; that needs root")]
    Unshare(#[source] nix::Error),
    /// The tool could not be run.
    #[error("`ip -batch` could not be run; is iproute2 installed?")]
    Run(#[from] std::io::Error),
    /// The tool failed.
    #[error("`ip -batch` failed: {0}")]
    Failed(String),
    /// What the tool printed is not understood.
    #[error("`ip -json link` printed something else than links: {0}")]
    Output(String),
}

/// Moves the calling thread into a new namespace with `count` veth interfaces (rounded up to pairs), and returns their
/// ifindexes. Both ends of a pair serve as ports: a test run sends nothing.
///
/// # Errors
/// [`NamespaceError`].
pub fn enter(count: usize) -> Result<Vec<u32>, NamespaceError> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(NamespaceError::Unshare)?;
    let mut batch = String::new();
    for pair in 0..count.div_ceil(2) {
        batch.push_str(&format!("link add p{pair}a type veth peer name p{pair}b\n"));
    }
    let mut child = Command::new("ip")
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(batch.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(NamespaceError::Failed(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let output = Command::new("ip").args(["-json", "link", "show", "type", "veth"]).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let links: serde_json::Value =
        serde_json::from_str(&text).map_err(|_| NamespaceError::Output(text.clone()))?;
    let numbers: Vec<u32> = links
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|link| u32::try_from(link["ifindex"].as_u64()?).ok())
        .collect();
    if numbers.len() < count { Err(NamespaceError::Output(text)) } else { Ok(numbers) }
}
