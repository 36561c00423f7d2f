//! What concerns the agent as a whole.

use std::sync::Arc;

use serde::Serialize;

use super::arm::id::{Verb, action};
use super::error::ApiError;
use super::report;
use crate::daemon::control::Control;
use crate::model::access::{AccessScope, Action, Caller};
use crate::model::{NicId, Refusal, ResourceId, Snapshot, State};
use crate::routing::{self, EffectiveRoute};

/// The agent at a glance.
pub(super) async fn status(control: &Arc<Control>, _caller: Caller) -> Result<report::Status, ApiError> {
    Ok(control.with(|agent| report::Status::of(agent)).await?)
}

/// Packets and bytes by peering and by NIC.
pub(super) async fn counters(control: &Arc<Control>, _caller: Caller) -> Result<report::Counters, ApiError> {
    let counted = control.with(|agent| agent.counters().map(|counted| report::Counters::of(agent, &counted)));
    Ok(counted.await??)
}

/// Dropped frames by reason.
pub(super) async fn drops(control: &Arc<Control>, caller: &Caller) -> Result<report::Drops, ApiError> {
    let committed = control.committed();
    committed.state.directory.authorize(caller, Action::AgentRead, &AccessScope::Root)?;
    Ok(report::Drops::of(&control.counters().await??))
}

/// The committed topology.
pub(super) fn topology(state: &State, _caller: &Caller) -> Snapshot {
    state.topology.snapshot()
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
