//! What is done to a resource, whatever its kind: read, put, deleted, listed.
//!
//! Each decision is a function of the committed state and the request. It is made while nothing else can change the state, so that
//! conditions, roles and the change itself see the same.

use axum::http::StatusCode;

use super::arm::id::{Verb, action};
use super::arm::{self, Rendered};
use super::body::Object;
use super::condition::Conditions;
use super::error::ApiError;
use super::paging::{Mark, Page, SKIP_TOKEN};
use super::query::Query;
use super::target::Collection;
use crate::daemon::tokens::NewToken;
use crate::model::access::{AccessScope, Action, Caller, Directory};
use crate::model::{Refusal, ResourceId, State};

/// A change that a request asks for.
pub(super) struct Wish {
    /// Who asks.
    pub(super) caller: Caller,
    /// The resource.
    pub(super) id: ResourceId,
    /// Under which conditions.
    pub(super) conditions: Conditions,
    /// Parameters.
    pub(super) query: Query,
    /// A token that may be given out, where one is asked for.
    pub(super) secret: Option<NewToken>,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The status.
    pub(super) status: StatusCode,
    /// The resource, where one is left to be shown.
    pub(super) resource: Option<Rendered>,
}

/// Lets only those pass who may do this with the resource.
pub(super) fn authorize(
    directory: &Directory,
    caller: &Caller,
    id: &ResourceId,
    verb: Verb,
) -> Result<(), Refusal> {
    let (action, scope) = action(id, verb);
    directory.authorize(caller, action, &scope)
}

/// Reads a resource.
pub(super) fn read(state: &State, caller: &Caller, id: &ResourceId) -> Result<Answer, ApiError> {
    authorize(&state.directory, caller, id, Verb::Read)?;
    let missing = || Refusal::ResourceNotFound { resource: id.clone() };
    let resource = arm::view(state, caller, id).ok_or_else(missing)?;
    Ok(Answer { status: StatusCode::OK, resource: Some(resource) })
}

/// Creates a resource or changes it.
pub(super) fn put(state: &State, wish: &Wish, body: Option<Object>) -> Result<(State, Answer), ApiError> {
    authorize(&state.directory, &wish.caller, &wish.id, Verb::Write)?;
    let before = arm::view(state, &wish.caller, &wish.id);
    wish.conditions.check(&wish.id, before.as_ref().map(|before| before.etag.as_str()))?;
    let next = arm::put(state, wish, body)?;
    let status = if before.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    let resource = match (&wish.id, &wish.secret) {
        (ResourceId::Token(name), Some(secret)) => arm::new_token(&next, name, secret),
        (id, _) => arm::view(&next, &wish.caller, id),
    };
    Ok((next, Answer { status, resource }))
}

/// Deletes a resource. That there is none is no failure: whoever deletes wants it gone.
pub(super) fn delete(state: &State, wish: &Wish) -> Result<(State, Answer), ApiError> {
    authorize(&state.directory, &wish.caller, &wish.id, Verb::Delete)?;
    let before = arm::view(state, &wish.caller, &wish.id);
    wish.conditions.check(&wish.id, before.as_ref().map(|before| before.etag.as_str()))?;
    if before.is_none() {
        return Ok((state.clone(), Answer { status: StatusCode::NO_CONTENT, resource: None }));
    }
    let next = arm::delete(state, wish)?;
    Ok(match &wish.id {
        // Azure answers these with what was there.
        ResourceId::Subscription(_) | ResourceId::RoleAssignment(..) | ResourceId::Token(_) => {
            (next, Answer { status: StatusCode::OK, resource: before })
        }
        _ => (next, Answer { status: StatusCode::ACCEPTED, resource: None }),
    })
}

/// A list, with what the caller may read of it, or the page of it that is asked for.
pub(super) fn list(
    state: &State,
    caller: &Caller,
    collection: &Collection,
    query: &Query,
) -> Result<Page, ApiError> {
    let after = query.text(SKIP_TOKEN).map(Mark::parse).transpose()?;
    let directory = &state.directory;
    match collection {
        // Of these, everybody sees what he may read.
        Collection::Vnets(_)
        | Collection::Nics(_)
        | Collection::Subscriptions
        | Collection::RoleAssignments(AccessScope::Root) => {}
        Collection::Subnets(vnet) => {
            directory.authorize(caller, Action::SubnetRead, &AccessScope::Vnet(vnet.clone()))?;
        }
        Collection::Peerings(vnet) => {
            directory.authorize(caller, Action::PeeringRead, &AccessScope::Vnet(vnet.clone()))?;
        }
        Collection::RoleAssignments(scope) => {
            directory.authorize(caller, Action::RoleAssignmentRead, scope)?;
        }
        Collection::Tokens => directory.authorize(caller, Action::TokenRead, &AccessScope::Root)?,
    }
    let page = arm::list(state, caller, collection, after.as_ref());
    Ok(page.map_err(|resource| Refusal::ResourceNotFound { resource })?)
}
