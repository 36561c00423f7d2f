//! A topology file, made the truth in one step.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::condition::Conditions;
use super::error::ApiError;
use super::handler::require_media_type;
use super::incoming::Incoming;
use super::limits::Share;
use super::query::Query;
use crate::config;
use crate::daemon::control::{Committed, Control};
use crate::daemon::journal::Attempt;
use crate::model::access::{AccessScope, Action, Caller};
use crate::model::{Change, NameError, Refusal, State, SubscriptionId};

/// The media types that a topology file may be sent as. The first is the registered one.
const MEDIA_TYPES: [&str; 5] =
    ["application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "text/plain"];

/// A file, and what is to be done with it.
pub(super) struct Wish {
    caller: Caller,
    text: String,
    /// The version that the file was made from, where that is said.
    version: Option<String>,
    /// The one subscription that the file is about; none where it is about all.
    within: Option<SubscriptionId>,
    /// The memory that the text takes.
    _share: Share,
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
        authorize(state, &self.caller, self.within.as_ref())?;
        if let Some(given) = self.version.as_ref().filter(|given| **given != version.to_string()) {
            return Err(ApiError::Version { current: *version, given: given.clone() });
        }
        let loaded = match &self.within {
            None => config::load_state(&self.text, state, &self.caller),
            Some(within) => {
                state.check_subscription(within)?;
                config::load_within(&self.text, state, &self.caller, within)
            }
        };
        let loaded = loaded.map_err(|problems| ApiError::file(&self.text, &problems))?;
        let next = State { topology: loaded.topology, directory: loaded.directory };
        state.authorize(&self.caller, &next)?;
        let next = next.with_topology(next.topology.clone());
        Ok(Plan { version: *version, state: next, changes: loaded.changes })
    }
}

/// What a file is about: everything, or one subscription.
fn scope_of(within: Option<&SubscriptionId>) -> AccessScope {
    within.cloned().map_or(AccessScope::Root, AccessScope::Subscription)
}

/// Lets only those pass who may bring something about by a file at all.
fn authorize(state: &State, caller: &Caller, within: Option<&SubscriptionId>) -> Result<(), Refusal> {
    state.directory.authorize(caller, Action::VnetWrite, &scope_of(within))
}

/// Makes a topology file the truth, or tells what would change.
pub(super) async fn apply(
    control: &Arc<Control>,
    caller: Caller,
    headers: &HeaderMap,
    query: &Query,
    body: &mut Incoming,
) -> Result<Applied, ApiError> {
    let within = query.text("subscription").map(SubscriptionId::new).transpose();
    // In the log of the subscription that the file is about.
    let attempt = Attempt {
        caller: caller.clone(),
        operation: "Vnet.Agent/apply/action".to_owned(),
        resource: scope_of(within.as_ref().ok().and_then(Option::as_ref)).to_string(),
    };
    let wish = read(control, caller, headers, within, body).await;
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

/// The whole state as a topology file, with its version.
pub(super) async fn export(control: &Arc<Control>, caller: Caller) -> Result<Response, ApiError> {
    let committed = control.committed();
    let tag = format!("\"{}\"", committed.version);
    let text = tokio::task::spawn_blocking(move || {
        let Committed { state, .. } = &*committed;
        // Of everything: whoever may not read all of it would take a part for the whole, and delete the rest by applying it.
        state.directory.authorize(&caller, Action::AgentRead, &AccessScope::Root)?;
        Ok::<_, ApiError>(config::write_state(state))
    });
    let headers = [(header::CONTENT_TYPE, MEDIA_TYPES[0].to_owned()), (header::ETAG, tag)];
    Ok((headers, text.await??).into_response())
}

/// Takes in a file. Of somebody who may bring nothing about by it, it is not even read.
async fn read(
    control: &Control,
    caller: Caller,
    headers: &HeaderMap,
    within: Result<Option<SubscriptionId>, NameError>,
    body: &mut Incoming,
) -> Result<Wish, ApiError> {
    let within = within?;
    authorize(&control.committed().state, &caller, within.as_ref())?;
    let (bytes, share) = body.read(config::MAX_FILE_BYTES, 1).await?;
    require_media_type(headers, MEDIA_TYPES[0], &MEDIA_TYPES)?;
    let text = String::from_utf8(bytes.into()).map_err(|error| ApiError::Broken(error.to_string()))?;
    let version = Conditions::of(headers)?.version().map(str::to_owned);
    Ok(Wish { caller, text, version, within, _share: share })
}
