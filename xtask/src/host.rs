//! What the machine must offer, checked before anything is built or changed, each with one sentence when it is missing.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::command::{program, run};

/// The oldest kernel that the program is made for.
const OLDEST: (u32, u32) = (6, 1);

/// Fails unless this process is root's.
pub(crate) fn require_root(task: &str) -> Result<()> {
    let status = fs::read_to_string("/proc/self/status").context("/proc is not mounted")?;
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().nth(1));
    if uid != Some("0") {
        bail!("`cargo xtask {task}` needs root: it loads BPF programs and makes network namespaces");
    }
    Ok(())
}

/// Fails unless the kernel has what the program and the labs need. Needs root and iproute2.
pub(crate) fn require_kernel() -> Result<()> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").context("/proc is not mounted")?;
    let release = release.trim();
    if version(release).is_none_or(|version| version < OLDEST) {
        bail!("Linux {release} is too old: {}.{} or newer is needed", OLDEST.0, OLDEST.1);
    }
    if !Path::new("/sys/kernel/btf/vmlinux").exists() {
        bail!(
            "this kernel has no BTF (/sys/kernel/btf/vmlinux): it must be built with CONFIG_DEBUG_INFO_BTF"
        );
    }
    let file_systems = fs::read_to_string("/proc/filesystems").context("/proc/filesystems cannot be read")?;
    if !file_systems.lines().any(|line| line.split_whitespace().last() == Some("bpf")) {
        bail!("this kernel has no BPF file system: it must be built with CONFIG_BPF_SYSCALL");
    }
    require_veth()
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Makes a pair of virtual Ethernet interfaces in a namespace of its own, and takes it away again.
fn require_veth() -> Result<()> {
    let name = format!("vnet-check-{}", std::process::id());
    let ip = |arguments: &[&str]| {
        let output =
            program("ip").args(arguments).output().context("`ip` (iproute2) could not be started")?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        Ok(())
    };
    ip(&["netns", "add", &name]).context("network namespaces cannot be made here")?;
    let made = ip(&["-n", &name, "link", "add", "name", "vnet0", "type", "veth", "peer", "name", "vnet1"])
        .context("this kernel has no veth interfaces: it must be built with CONFIG_VETH");
    ip(&["netns", "delete", &name]).context("a network namespace cannot be removed")?;
    made
}

/// Mounts the BPF file system where nobody has: pins live in it.
pub(crate) fn mount_bpffs() -> Result<()> {
    let mounts = fs::read_to_string("/proc/self/mounts").context("/proc is not mounted")?;
    let is_mounted = mounts.lines().any(|line| {
        let mut fields = line.split(' ').skip(1);
        fields.next() == Some("/sys/fs/bpf") && fields.next() == Some("bpf")
    });
    if is_mounted {
        return Ok(());
    }
    run(program("mount").args(["-t", "bpf", "bpf", "/sys/fs/bpf"]))
        .context("the BPF file system could not be mounted at /sys/fs/bpf")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_versions_are_compared_as_numbers() {
        assert_eq!(version("6.18.44-fc-v657"), Some((6, 18)));
        assert_eq!(version("5.10.0-34-amd64"), Some((5, 10)));
        assert_eq!(version("rolling"), None);
        assert!(version("6.18.1") > Some(OLDEST) && version("5.19") < Some(OLDEST));
    }
}
