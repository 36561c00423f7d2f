//! What an agent needs of its process and of the kernel, asked before anything is touched: one clear sentence at the start
//! beats an error number from the middle.

use std::fs;
use std::io;
use std::path::Path;

/// Something is missing.
#[derive(Debug, thiserror::Error)]
pub enum PreflightError {
    /// The process may not do what an agent does.
    #[error("the agent needs root, or the capabilities CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON; missing: {}", .missing.join(", "))]
    Capabilities {
        /// The capabilities that are missing.
        missing: Vec<&'static str>,
    },
    /// The kernel has no type information.
    #[error("the kernel has no BTF: {path} is missing; it must be built with CONFIG_DEBUG_INFO_BTF=y", path = BTF)]
    Btf,
    /// The process could not be looked at.
    #[error("{path} cannot be read: {source}", path = STATUS)]
    Status {
        /// What the kernel said.
        source: io::Error,
    },
}

const STATUS: &str = "/proc/self/status";
const BTF: &str = "/sys/kernel/btf/vmlinux";

/// The capabilities that an agent needs, by their numbers in include/uapi/linux/capability.h.
const NEEDED: [(u32, &str); 3] = [(39, "CAP_BPF"), (12, "CAP_NET_ADMIN"), (38, "CAP_PERFMON")];

/// Stands for `CAP_BPF` and `CAP_PERFMON`, which were once a part of it.
const CAP_SYS_ADMIN: u32 = 21;

/// Asks for all of it.
pub(super) fn check() -> Result<(), PreflightError> {
    let status = fs::read_to_string(STATUS).map_err(|source| PreflightError::Status { source })?;
    let missing = missing(effective_capabilities(&status));
    if !missing.is_empty() {
        return Err(PreflightError::Capabilities { missing });
    }
    if Path::new(BTF).exists() { Ok(()) } else { Err(PreflightError::Btf) }
}

/// The set of effective capabilities, a bit each, as proc(5) has it in the line `CapEff`. None where there is no such line.
fn effective_capabilities(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    line.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0)
}

fn missing(effective: u64) -> Vec<&'static str> {
    let has = |number: u32| effective & (1 << number) != 0;
    let is_missing = |number: u32| !has(number) && (number == 12 || !has(CAP_SYS_ADMIN));
    NEEDED.iter().filter(|(number, _)| is_missing(*number)).map(|(_, name)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_capabilities_are_named_one_by_one() {
        assert_eq!(missing(0), ["CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON"]);
        assert_eq!(missing(1 << 12 | 1 << 39), ["CAP_PERFMON"]);
        assert_eq!(missing(1 << CAP_SYS_ADMIN), ["CAP_NET_ADMIN"]);
        assert_eq!(missing(1 << CAP_SYS_ADMIN | 1 << 12), Vec::<&str>::new());
        assert_eq!(missing(1 << 12 | 1 << 38 | 1 << 39), Vec::<&str>::new());
    }

    #[test]
    fn the_effective_set_is_read_and_not_the_permitted_one() {
        let status = "Name:\tx\nCapPrm:\t00000000000000ff\nCapEff:\t0000000000001000\n";
        assert_eq!(effective_capabilities(status), 1 << 12);
        assert_eq!(effective_capabilities("Name:\tx\n"), 0);
    }
}
