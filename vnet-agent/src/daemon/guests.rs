//! The guests' ends of attached interfaces: what must be set there is set, and what cannot be is said.

use std::collections::BTreeMap;

use futures::StreamExt;

use super::{Agent, Host, HostInterface, LinkState, describe};
use crate::link::{Interface, Namespaces, prepare_guest};
use crate::model::NicId;

/// How many guests' ends are looked at together.
const TOGETHER: usize = 16;

/// The interfaces as an agent sees them.
pub(super) fn host(interfaces: &[Interface]) -> Host {
    let of = |interface: &Interface| {
        let link = match (interface.is_up, interface.has_carrier) {
            (true, true) => LinkState::Up,
            (true, false) => LinkState::NoCarrier,
            (false, _) => LinkState::Down,
        };
        let known = HostInterface {
            ifindex: interface.ifindex,
            mtu_bytes: interface.mtu_bytes,
            link,
            address: interface.address,
        };
        (interface.name.clone(), known)
    };
    interfaces.iter().map(of).collect()
}

/// The attached interfaces for which, with their NICs, `wanted` holds.
pub(super) fn attached(
    agent: &Agent,
    interfaces: &[Interface],
    wanted: impl Fn(&NicId, &Interface) -> bool,
) -> Vec<(NicId, Interface)> {
    let by_name: BTreeMap<&str, &Interface> =
        interfaces.iter().map(|interface| (interface.name.as_str(), interface)).collect();
    let of = |(nic, name): (NicId, String)| {
        let interface = *by_name.get(name.as_str())?;
        wanted(&nic, interface).then(|| (nic, interface.clone()))
    };
    agent.interfaces().into_iter().filter_map(of).collect()
}

/// Sees to the guests' ends. For each NIC, what is wrong at its guest's end.
pub(super) async fn prepare(these: Vec<(NicId, Interface)>) -> Vec<(NicId, Vec<String>)> {
    if these.is_empty() {
        return Vec::new();
    }
    let namespaces = match Namespaces::look().await {
        Ok(namespaces) => namespaces,
        Err(error) => {
            let reason = describe(&error);
            return these.into_iter().map(|(nic, _)| (nic, vec![reason.clone()])).collect();
        }
    };
    let namespaces = &namespaces;
    // No async closure: with one here, rustc 1.95 fails in incremental builds (unstable fingerprints).
    let one = |(nic, interface): (NicId, Interface)| async move {
        let report = prepare_guest(&interface, namespaces).await;
        tracing::debug!(%nic, interface = %interface.name, done = ?report.done, "saw to the guest's end");
        let problems = report.problems.iter().map(ToString::to_string).collect();
        (nic, problems)
    };
    futures::stream::iter(these).map(one).buffer_unordered(TOGETHER).collect().await
}
