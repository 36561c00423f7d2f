//! What the guest's end of an interface needs so that redirected frames arrive there, and arrive whole.
//!
//! Whoever attaches a NIC calls [`prepare_guest`]: a guest whose end is not prepared looks healthy (ping works) and loses
//! every TCP connection, or gets nothing at all and no counter says so.

use super::guest_namespace::{FoundNamespace, Namespaces};
use super::offloads::{Offloads, QueueCounts};
use super::{Interface, LinkError, Peer, Problem, interfaces_of, prepare, queues};

/// What was done, or could not be done, at the guest's end of an interface.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct GuestReport {
    /// What was set, or found as it should be.
    pub done: Vec<String>,
    /// What is wrong, and what to do about it.
    pub problems: Vec<Problem>,
}

impl GuestReport {
    /// Whether traffic works as far as the guest's end is concerned.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.problems.is_empty()
    }

    /// All of it as sentences, problems first.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.problems.iter().map(ToString::to_string).chain(self.done.iter().cloned()).collect()
    }
}

/// Kinds whose drivers have no `ndo_xdp_xmit`.
const CANNOT_RECEIVE: [&str; 9] =
    ["bridge", "vlan", "vxlan", "macvlan", "ipvlan", "dummy", "ifb", "wireguard", "geneve"];

/// Sees to it that GRO is on and transmit checksum offload off at the guest's end of `interface`: sets both, reads them
/// back, and compares queues and MTU of the two ends.
///
/// `interface` is one of the caller's network namespace, and the guest's is looked for among `namespaces`.
pub async fn prepare_guest(interface: &Interface, namespaces: &Namespaces) -> GuestReport {
    let mut report = GuestReport::default();
    let name = &interface.name;
    match (interface.kind.as_deref(), interface.peer) {
        (Some("veth"), Some(peer)) => veth(interface, peer, namespaces, &mut report).await,
        (Some("tun"), _) if interface.has_vnet_header => {
            report.problems.push(Problem::UnfinishedChecksums { interface: name.clone() });
        }
        (Some("tun"), _) => report.done.push(format!(
            "{name} is a tap without headers for offloads: the machine behind it finishes its own checksums"
        )),
        (Some(kind), _) if CANNOT_RECEIVE.contains(&kind) => {
            report.problems.push(Problem::Kind { interface: name.clone(), kind: kind.into() });
        }
        _ => report.done.push(format!("{name} has no guest's end on this machine: nothing to set")),
    }
    report
}

async fn veth(interface: &Interface, peer: Peer, namespaces: &Namespaces, report: &mut GuestReport) {
    if let Err(problem) = look_at_guest(interface, peer, namespaces, report).await {
        report.problems.push(problem);
    }
}

async fn look_at_guest(
    interface: &Interface,
    peer: Peer,
    namespaces: &Namespaces,
    report: &mut GuestReport,
) -> Result<(), Problem> {
    let unchecked =
        |error: LinkError| Problem::Unchecked { interface: interface.name.clone(), reason: describe(&error) };
    let found = match peer.netns_id {
        None => Some(FoundNamespace::own().map_err(unchecked)?),
        Some(id) => namespaces.open(id).await.map_err(unchecked)?,
    };
    let found = found
        .ok_or_else(|| Problem::Unreachable { interface: interface.name.clone(), ifindex: peer.ifindex })?;
    let handle = found.namespace.connect().map_err(|error| not_entered(interface, peer, &found, &error))?;
    let guests = interfaces_of(&handle).await.map_err(unchecked)?;
    let guest = guests.into_iter().find(|guest| {
        guest.ifindex == peer.ifindex && guest.peer.is_some_and(|host| host.ifindex == interface.ifindex)
    });
    // It moved between two looks; the link event of that leads to a third.
    let mut guest = guest
        .ok_or_else(|| Problem::Unreachable { interface: interface.name.clone(), ifindex: peer.ifindex })?;
    guest.name = harmless(guest.name);

    let prefix = found.command_prefix();
    if guest.mtu_bytes != interface.mtu_bytes {
        report.problems.push(Problem::Mtu {
            interface: interface.name.clone(),
            guest: guest.name.clone(),
            prefix: prefix.clone(),
            host_bytes: interface.mtu_bytes,
            guest_bytes: guest.mtu_bytes,
        });
    }
    let inside = found.namespace.enter(|| (prepare(guest.ifindex), queues(guest.ifindex)));
    let (offloads, guest_queues) = inside.map_err(|error| not_entered(interface, peer, &found, &error))?;
    let host_queues = queues(interface.ifindex).map_err(unchecked)?;
    judge_queues(interface, &guest, host_queues, guest_queues.map_err(unchecked)?, report);
    judge_offloads(&guest, &found, offloads, report);
    Ok(())
}

fn not_entered(interface: &Interface, peer: Peer, found: &FoundNamespace, error: &std::io::Error) -> Problem {
    Problem::NotEntered {
        interface: interface.name.clone(),
        namespace: found.to_string(),
        prefix: found.command_prefix(),
        ifindex: peer.ifindex,
        reason: error.to_string(),
    }
}

fn judge_queues(
    interface: &Interface,
    guest: &Interface,
    host_queues: QueueCounts,
    guest_queues: QueueCounts,
    report: &mut GuestReport,
) {
    // drivers/net/veth.c, veth_xdp_set.
    if host_queues.rx < guest_queues.tx {
        report.problems.push(Problem::Queues {
            interface: interface.name.clone(),
            guest: guest.name.clone(),
            rx: host_queues.rx,
            tx: guest_queues.tx,
        });
    }
}

fn judge_offloads(
    guest: &Interface,
    found: &FoundNamespace,
    offloads: Result<(Offloads, Offloads), LinkError>,
    report: &mut GuestReport,
) {
    let prefix = found.command_prefix();
    let (before, after) = match offloads {
        Ok(offloads) => offloads,
        Err(error) => {
            let reason = describe(&error);
            report.problems.push(Problem::Failed { guest: guest.name.clone(), prefix, reason });
            return;
        }
    };
    let is_set = |what, is_right: bool, was_right: bool, words: &str, report: &mut GuestReport| {
        if is_right {
            let how = if was_right { "found so" } else { "set" };
            report.done.push(format!("{} in {found}: {words} ({how})", guest.name));
        } else {
            let (guest, prefix) = (guest.name.clone(), prefix.clone());
            report.problems.push(Problem::NotSet { guest, prefix, what });
        }
    };
    is_set("GRO off", after.gro, before.gro, "GRO on", report);
    let (right, was) = (!after.tx_checksum, !before.tx_checksum);
    is_set("transmit checksum offload on", right, was, "transmit checksum offload off", report);
}

/// A name that the guest chose, as it may stand in a sentence and in a command that somebody copies into a shell. The
/// kernel lets a name hold nearly everything (net/core/dev.c, `dev_valid_name`): `$(reboot)`, or what a terminal acts on.
fn harmless(name: String) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-@".contains(c);
    let is_harmless = !name.is_empty() && !name.starts_with('-') && name.chars().all(is_plain);
    if is_harmless { name } else { "IFACE".to_owned() }
}

/// An error with everything behind it, in one line.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_s_name_that_a_shell_or_a_terminal_would_act_on_is_not_repeated() {
        for name in ["eth0", "eth0.5", "veth-a_b", "eth0@if4"] {
            assert_eq!(harmless(name.to_owned()), name);
        }
        for name in ["$(reboot)", "a;reboot", "a`b`", "-h", "", "\u{1b}[2J", "a\nb", "a'b", "\u{202e}x"] {
            assert_eq!(harmless(name.to_owned()), "IFACE", "{name:?}");
        }
    }
}
