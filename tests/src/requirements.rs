//! What the privileged suites need. A suite that cannot run fails and says why; it never skips in silence.

use std::path::Path;

/// Where the BPF file system is expected.
pub const BPFFS: &str = "/sys/fs/bpf";

/// Returns where this process is root and the kernel has BPF.
///
/// # Panics
/// With one sentence that says what is missing. The test then counts as failed: what did not run has not passed.
pub fn require_root_and_bpf() {
    assert!(
        nix::unistd::geteuid().is_root(),
        "this suite needs root: it makes network namespaces and loads a BPF program; run it by `cargo xtask test` as root"
    );
    assert!(
        Path::new("/sys/kernel/btf/vmlinux").exists(),
        "this suite needs a kernel with BTF (CONFIG_DEBUG_INFO_BTF): /sys/kernel/btf/vmlinux is not there"
    );
}

/// The same, and a BPF file system at [`BPFFS`], which is mounted where it is not yet.
///
/// # Panics
/// As above.
pub fn require_bpffs() {
    require_root_and_bpf();
    let mounts = std::fs::read_to_string("/proc/mounts").expect("/proc/mounts can be read");
    let is_mounted = || mounts.lines().any(|line| line.split(' ').nth(1) == Some(BPFFS));
    if !is_mounted() {
        let mut mount = std::process::Command::new("mount");
        let status = mount.args(["-t", "bpf", "bpf", BPFFS]).status().expect("mount can be started");
        assert!(status.success(), "no BPF file system can be mounted at {BPFFS}");
    }
}
