//! What an agent keeps of root's powers: three capabilities, and a fourth where it is to enter its guests' namespaces.
//!
//! | capability | for |
//! | --- | --- |
//! | `CAP_BPF` | making maps and loading the program |
//! | `CAP_PERFMON` | what the verifier allows a program beyond that: pointers in maps, comparisons of packet pointers |
//! | `CAP_NET_ADMIN` | an XDP program, and the links that attach it |
//! | `CAP_SYS_ADMIN` | `setns` into a guest's network namespace |
//!
//! Everything else goes, from all five sets, and `no_new_privs` keeps a program that the agent might be made to execute from
//! getting it back. Capabilities belong to threads and new threads inherit them: so this is done by the process's first
//! thread, before it makes others.

use caps::errors::CapsError;
use caps::{CapSet, Capability, CapsHashSet};

use super::PreflightError;

/// Whether an agent enters the network namespaces of its guests, to see to their ends of veth pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnterNamespaces {
    /// It was told to: without `CAP_SYS_ADMIN` it does not start.
    Always,
    /// Where it has `CAP_SYS_ADMIN`. Where not, what is wrong at a guest's end stands in the NIC's notes.
    WherePossible,
    /// It gives `CAP_SYS_ADMIN` up.
    Never,
}

/// What every agent needs.
const NEEDED: [Capability; 3] = [Capability::CAP_BPF, Capability::CAP_NET_ADMIN, Capability::CAP_PERFMON];

/// The capabilities that an agent will keep, of those that this process may use.
///
/// # Errors
/// [`PreflightError::Capabilities`], [`PreflightError::Namespaces`]: some that it needs are missing.
pub(super) fn look(enter: EnterNamespaces) -> Result<CapsHashSet, PreflightError> {
    // Not the effective set: what is permitted can be made effective, and will be.
    let permitted = caps::read(None, CapSet::Permitted).map_err(PreflightError::Privileges)?;
    kept(&permitted, enter)
}

fn kept(permitted: &CapsHashSet, enter: EnterNamespaces) -> Result<CapsHashSet, PreflightError> {
    let missing: Vec<_> = NEEDED.into_iter().filter(|one| !permitted.contains(one)).collect();
    if !missing.is_empty() {
        return Err(PreflightError::Capabilities { missing });
    }
    let mut kept = CapsHashSet::from(NEEDED);
    let may_enter = permitted.contains(&Capability::CAP_SYS_ADMIN);
    match enter {
        EnterNamespaces::Always if !may_enter => return Err(PreflightError::Namespaces),
        EnterNamespaces::Always | EnterNamespaces::WherePossible if may_enter => {
            kept.insert(Capability::CAP_SYS_ADMIN);
        }
        _ => {}
    }
    Ok(kept)
}

/// Gives up all but `kept` in the calling thread, and in those that it makes from now on.
///
/// The bounding set can be lowered by who has `CAP_SETPCAP` alone. An agent that was started without it has the one that its
/// starter chose, which it gains nothing from: `no_new_privs` is set.
///
/// # Errors
/// [`PreflightError::Privileges`]: the kernel refused.
pub(super) fn keep_only(kept: &CapsHashSet) -> Result<(), PreflightError> {
    nix::sys::prctl::set_no_new_privs().map_err(PreflightError::NewPrivileges)?;
    keep_only_capabilities(kept).map_err(PreflightError::Privileges)
}

fn keep_only_capabilities(kept: &CapsHashSet) -> Result<(), CapsError> {
    // First, while CAP_SETPCAP is still there.
    if caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP)? {
        for other in caps::read(None, CapSet::Bounding)?.difference(kept) {
            caps::drop(None, CapSet::Bounding, *other)?;
        }
    }
    caps::clear(None, CapSet::Ambient)?;
    caps::clear(None, CapSet::Inheritable)?;
    // In this order: what is effective must be permitted.
    caps::set(None, CapSet::Effective, kept)?;
    caps::set(None, CapSet::Permitted, kept)
}

#[cfg(test)]
mod tests {
    use Capability::{CAP_BPF, CAP_CHOWN, CAP_NET_ADMIN, CAP_PERFMON, CAP_SYS_ADMIN};
    use EnterNamespaces::{Always, Never, WherePossible};

    use super::*;

    fn of(permitted: &[Capability], enter: EnterNamespaces) -> Result<CapsHashSet, String> {
        let permitted = permitted.iter().copied().collect();
        kept(&permitted, enter).map_err(|error| error.to_string())
    }

    #[test]
    fn of_everything_only_what_an_agent_needs_is_kept() {
        let all: Vec<Capability> = caps::all().into_iter().collect();
        let three = CapsHashSet::from(NEEDED);
        let four = CapsHashSet::from([CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON, CAP_SYS_ADMIN]);
        assert_eq!(of(&all, Never), Ok(three.clone()));
        assert_eq!(of(&all, WherePossible), Ok(four.clone()));
        assert_eq!(of(&all, Always), Ok(four));
        assert_eq!(of(&NEEDED, WherePossible), Ok(three));
    }

    #[test]
    fn missing_capabilities_are_named_one_by_one_and_no_other_stands_in_for_them() {
        let sentence =
            "the agent needs root, or the capabilities CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON; missing: ";
        for (permitted, missing) in [
            (&[][..], "CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON"),
            (&[CAP_NET_ADMIN, CAP_BPF, CAP_CHOWN], "CAP_PERFMON"),
            (&[CAP_NET_ADMIN, CAP_SYS_ADMIN], "CAP_BPF, CAP_PERFMON"),
        ] {
            assert_eq!(of(permitted, Never), Err(format!("{sentence}{missing}")));
        }
    }

    #[test]
    fn entering_namespaces_is_refused_without_the_capability_where_it_was_asked_for() {
        let sentence = "--enter-namespaces needs the capability CAP_SYS_ADMIN, which is missing; without the option, guests' \
                        ends that must be set by hand are named in the notes of their NICs";
        assert_eq!(of(&NEEDED, Always), Err(sentence.to_owned()));
    }
}
