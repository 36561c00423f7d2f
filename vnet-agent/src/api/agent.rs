//! What concerns the agent as a whole.

use std::sync::Arc;

use serde::Serialize;

use super::arm::id::{Verb, action};
use super::error::ApiError;
use super::report;
use crate::daemon::control::Control;
use crate::model::access::{AccessScope, Action, Caller, Directory};
use crate::model::{NicId, Refusal, ResourceId, Snapshot, State, VnetId};
use crate::routing::{self, EffectiveRoute};

/// What a caller may read.
#[derive(Debug)]
struct Sight<'a> {
    directory: &'a Directory,
    caller: &'a Caller,
}

impl Sight<'_> {
    fn sees(&self, id: &ResourceId) -> bool {
        let (action, scope) = action(id, Verb::Read);
        self.directory.allows(self.caller, action, &scope)
    }

    fn sees_vnet(&self, name: &str) -> bool {
        VnetId::new(name).is_ok_and(|vnet| self.sees(&ResourceId::VirtualNetwork(vnet)))
    }

    fn sees_nic(&self, name: &str) -> bool {
        NicId::new(name).is_ok_and(|nic| self.sees(&ResourceId::Nic(nic)))
    }
}

/// The agent at a glance. What somebody may not read is not counted either.
pub(super) async fn status(control: &Arc<Control>, caller: Caller) -> Result<report::Status, ApiError> {
    let committed = control.committed();
    let version = committed.version;
    let mut status = control.with(move |agent, _| report::Status::of(agent, version)).await?;
    let State { topology, directory } = &committed.state;
    if !directory.allows(&caller, Action::AgentRead, &AccessScope::Root) {
        let sight = Sight { directory, caller: &caller };
        let vnets =
            topology.vnets().filter(|vnet| sight.sees(&ResourceId::VirtualNetwork(vnet.name().clone())));
        status.virtual_networks = vnets.count();
        status.nics.retain(|nic| sight.sees_nic(&nic.name));
        status.drift.clear();
    }
    Ok(status)
}

/// Packets and bytes by peering and by NIC.
pub(super) async fn counters(control: &Arc<Control>, caller: Caller) -> Result<report::Counters, ApiError> {
    let counted =
        control.with(|agent, _| agent.counters().map(|counted| report::Counters::of(agent, &counted)));
    let mut counters = counted.await??;
    let committed = control.committed();
    let sight = Sight { directory: &committed.state.directory, caller: &caller };
    if !caller.is_root() {
        counters.peerings.retain(|peering| sight.sees_vnet(&peering.virtual_network));
        counters.nics.retain(|nic| sight.sees_nic(&nic.name));
    }
    Ok(counters)
}

/// Dropped frames by reason.
pub(super) async fn drops(control: &Arc<Control>, caller: &Caller) -> Result<report::Drops, ApiError> {
    let committed = control.committed();
    committed.state.directory.authorize(caller, Action::AgentRead, &AccessScope::Root)?;
    Ok(report::Drops::of(&control.counters().await??))
}

/// The committed topology, as far as the caller may read it.
pub(super) fn topology(state: &State, caller: &Caller) -> Snapshot {
    if caller.is_root() {
        return state.topology.snapshot();
    }
    let sight = Sight { directory: &state.directory, caller };
    let visible = state.topology.visible_to(|vnet| sight.sees(&ResourceId::VirtualNetwork(vnet.clone())));
    let mut snapshot = visible.snapshot();
    for vnet in &mut snapshot.virtual_networks {
        vnet.nics.retain(|nic| sight.sees(&ResourceId::Nic(nic.name.clone())));
    }
    snapshot
}

/// A route table in the shape that Azure gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct RouteTable {
    value: Vec<Route>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Route {
    source: String,
    state: String,
    address_prefix: Vec<String>,
    next_hop_type: String,
    next_hop_ip_address: Vec<String>,
}

impl From<&EffectiveRoute> for Route {
    fn from(route: &EffectiveRoute) -> Self {
        Self {
            source: route.source.to_string(),
            state: route.state.to_string(),
            address_prefix: vec![route.prefix.to_string()],
            next_hop_type: route.next_hop.kind().to_string(),
            next_hop_ip_address: route.next_hop.address().iter().map(ToString::to_string).collect(),
        }
    }
}

/// The effective routes of a NIC.
pub(super) fn effective_routes(state: &State, caller: &Caller, nic: &NicId) -> Result<RouteTable, ApiError> {
    let id = ResourceId::Nic(nic.clone());
    let (_, scope) = action(&id, Verb::Read);
    state.directory.authorize(caller, Action::NicEffectiveRoutes, &scope)?;
    let (vnet, nic) = state.topology.nic(nic).ok_or(Refusal::ResourceNotFound { resource: id })?;
    let routes =
        vnet.subnet(nic.subnet()).map(|subnet| routing::effective_routes(&state.topology, vnet, subnet));
    Ok(RouteTable { value: routes.unwrap_or_default().iter().map(Route::from).collect() })
}
