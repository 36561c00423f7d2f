//! What concerns the agent as a whole.

use std::sync::Arc;

use super::arm::id::{Verb, action};
use super::error::ApiError;
use super::report;
use super::route_table::RouteTable;
use super::sight::Sight;
use crate::daemon::control::Control;
use crate::model::access::{AccessScope, Action, Caller};
use crate::model::{NicId, Refusal, ResourceId, Snapshot, State, VnetId};

/// The agent at a glance. What somebody may not read is not counted either.
pub(super) async fn status(control: &Arc<Control>, caller: Caller) -> Result<report::Status, ApiError> {
    let committed = control.committed();
    let version = committed.version;
    let observed = control.with(|agent, _| agent.observe()).await?;
    if !committed.state.directory.knows(&caller) {
        return Ok(report::Status::without_objects(&observed, version));
    }
    let status = tokio::task::spawn_blocking(move || report::Status::of(&observed, version));
    let mut status = status.await?;
    let State { topology, directory } = &committed.state;
    if !directory.allows(&caller, Action::AgentRead, &AccessScope::Root) {
        let sight = Sight::new(directory, &caller);
        status.virtual_networks = topology.vnets().filter(|vnet| sight.sees_vnet(vnet.name())).count();
        status.nics.retain(|nic| sees_nic_named(sight, &nic.name));
        status.drift.clear();
    }
    Ok(status)
}

/// Packets and bytes by peering and by NIC.
pub(super) async fn counters(control: &Arc<Control>, caller: Caller) -> Result<report::Counters, ApiError> {
    let committed = control.committed();
    if !committed.state.directory.knows(&caller) {
        return Ok(report::Counters::default());
    }
    let counted =
        control.with(|agent, _| agent.counters().map(|counted| (agent.topology().clone(), counted)));
    let (topology, counted) = counted.await??;
    let counters = tokio::task::spawn_blocking(move || report::Counters::of(&topology, &counted));
    let mut counters = counters.await?;
    let sight = Sight::new(&committed.state.directory, &caller);
    if !caller.is_root() {
        counters
            .peerings
            .retain(|peering| VnetId::new(&peering.virtual_network).is_ok_and(|vnet| sight.sees_vnet(&vnet)));
        counters.nics.retain(|nic| sees_nic_named(sight, &nic.name));
    }
    Ok(counters)
}

fn sees_nic_named(sight: Sight<'_>, name: &str) -> bool {
    NicId::new(name).is_ok_and(|nic| sight.sees_nic(&nic))
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
    let sight = Sight::new(&state.directory, caller);
    let visible = state.topology.visible_to(|vnet| sight.sees_vnet(vnet));
    let mut snapshot = visible.snapshot();
    for vnet in &mut snapshot.virtual_networks {
        vnet.nics.retain(|nic| sight.sees_nic(&nic.name));
    }
    snapshot
}

/// The effective routes of a NIC.
pub(super) fn effective_routes(state: &State, caller: &Caller, nic: &NicId) -> Result<RouteTable, ApiError> {
    let id = ResourceId::Nic(nic.clone());
    let (_, scope) = action(&id, Verb::Read);
    state.directory.authorize(caller, Action::NicEffectiveRoutes, &scope)?;
    Ok(RouteTable::of(&state.topology, nic).ok_or(Refusal::ResourceNotFound { resource: id })?)
}
