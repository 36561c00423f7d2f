//! A topology file, made the truth in one step.

use std::sync::Arc;

use axum::body::Body;
use axum::http::HeaderMap;
use serde::Serialize;

use super::condition::Conditions;
use super::error::ApiError;
use super::handler::{read_body, require_media_type};
use super::query::Query;
use crate::config;
use crate::daemon::control::{Committed, Control};
use crate::daemon::journal::Attempt;
use crate::model::access::{AccessScope, Action, Caller, authorize_change};
use crate::model::{Change, State};

/// The media types that a topology file may be sent as. The first is the registered one.
const MEDIA_TYPES: [&str; 5] =
    ["application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "text/plain"];

/// A file, and what is to be done with it.
pub(super) struct Wish {
    caller: Caller,
    text: String,
    /// The version that the file was made from, where that is said.
    version: Option<String>,
}

/// What the file leads to from one version of the state.
struct Plan {
    version: u64,
    state: State,
    changes: Vec<Change>,
}

/// What has changed, or would.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Applied {
    version: u64,
    changes: Vec<ChangeView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct ChangeView {
    action: String,
    resource: String,
    details: Vec<String>,
}

impl From<Change> for ChangeView {
    fn from(change: Change) -> Self {
        let Change { action, resource, details } = change;
        Self { action: action.to_string(), resource: resource.to_string(), details }
    }
}

impl Wish {
    fn plan(&self, committed: &Committed) -> Result<Plan, ApiError> {
        let Committed { state, version } = committed;
        // Before anything else is said: mistakes tell of what stands in a file's way.
        state.directory.authorize(&self.caller, Action::AgentRead, &AccessScope::Root)?;
        if let Some(given) = self.version.as_ref().filter(|given| **given != version.to_string()) {
            return Err(ApiError::Version { current: *version, given: given.clone() });
        }
        let loaded = config::load(&self.text, &state.topology)
            .map_err(|problems| ApiError::file(&self.text, &problems))?;
        authorize_change(&state.directory, &self.caller, &state.topology, &loaded.topology)?;
        for vnet in loaded.topology.vnets() {
            state.check_subscription(&vnet.name().scope().subscription)?;
        }
        Ok(Plan { version: *version, state: state.with_topology(loaded.topology), changes: loaded.changes })
    }
}

/// Makes a topology file the truth, or tells what would change.
pub(super) async fn apply(
    control: &Arc<Control>,
    caller: Caller,
    headers: &HeaderMap,
    query: &Query,
    body: &mut Option<Body>,
) -> Result<Applied, ApiError> {
    let attempt = Attempt {
        caller: caller.clone(),
        operation: "Vnet.Agent/apply/action".to_owned(),
        resource: "/".to_owned(),
    };
    let wish = read(caller, headers, body).await;
    // A long file is read before it is its turn: others go on meanwhile.
    let committed = control.committed();
    let planned = tokio::task::spawn_blocking(move || {
        let wish = wish?;
        let plan = wish.plan(&committed)?;
        Ok::<_, ApiError>((wish, plan))
    });
    let planned = planned.await?;
    if query.flag("dryRun") {
        let (_, plan) = planned?;
        return Ok(Applied {
            version: plan.version,
            changes: plan.changes.into_iter().map(ChangeView::from).collect(),
        });
    }
    let decide = move |committed: &Committed| {
        let (wish, plan) = planned?;
        let plan = if plan.version == committed.version { plan } else { wish.plan(committed)? };
        Ok::<_, ApiError>((plan.state, plan.changes))
    };
    let changed = control.change(attempt, decide).await?;
    Ok(Applied {
        version: changed.version,
        changes: changed.answer.into_iter().map(ChangeView::from).collect(),
    })
}

async fn read(caller: Caller, headers: &HeaderMap, body: &mut Option<Body>) -> Result<Wish, ApiError> {
    let bytes = read_body(body, config::MAX_FILE_BYTES).await?;
    require_media_type(headers, MEDIA_TYPES[0], &MEDIA_TYPES)?;
    let text = String::from_utf8(bytes.into()).map_err(|error| ApiError::Broken(error.to_string()))?;
    Ok(Wish { caller, text, version: Conditions::of(headers)?.version().map(str::to_owned) })
}
