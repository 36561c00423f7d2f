//! From a request to its answer.

use std::sync::Arc;

use axum::extract::{Request, State as Shared};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;

use super::activity_log::Wanted;
use super::app::App;
use super::apply::{apply, export};
use super::arm::id::{self, Verb};
use super::body::Object;
use super::caller::Peer;
use super::condition::Conditions;
use super::error::{ApiError, ContentFault};
use super::incoming::Incoming;
use super::limits::{JSON_WEIGHT, MAX_BODY_BYTES, Share};
use super::query::Query;
use super::resource::{self, Answer, Wish};
use super::target::Target;
use super::{activity_log, agent, json};
use crate::daemon::control::{Committed, Control, Rejection};
use crate::daemon::journal::Attempt;
use crate::daemon::tokens::new_token;
use crate::model::access::{Caller, Principal};
use crate::model::{ResourceId, State};

/// Everything that a request can be about.
pub(super) async fn handle(
    Shared(app): Shared<Arc<App>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let mut body = Incoming::new(body, peer.holder(), app.bodies.clone());
    let answered = match peer.caller(&app, &parts).await {
        Ok(caller) => answer(&app.control, caller, parts, &mut body).await,
        Err(error) => {
            note_failure(&app, &parts, &error).await;
            Err(error)
        }
    };
    let mut response = answered.unwrap_or_else(IntoResponse::into_response);
    // What nobody has read would be taken for the next request: the connection ends, and the other side is told.
    if body.is_left() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Notes in the activity log that somebody unknown was sent away.
async fn note_failure(app: &Arc<App>, parts: &Parts, error: &ApiError) {
    if !app.notes_failure() {
        return;
    }
    // No user has such a name.
    let Ok(nobody) = "user:?".parse::<Principal>() else { return };
    let attempt = Attempt {
        caller: Caller::new(nobody, []),
        operation: "Vnet.Agent/authenticate/action".to_owned(),
        resource: parts.uri.path().to_owned(),
    };
    let (code, message) = (error.code(), error.to_string());
    if let Err(error) = app.control.with(move |_, journal| journal.failed(&attempt, &code, message)).await {
        tracing::warn!(%error, "a failed authentication was not noted");
    }
}

async fn answer(
    control: &Arc<Control>,
    caller: Caller,
    parts: Parts,
    body: &mut Incoming,
) -> Result<Response, ApiError> {
    let target = Target::parse(parts.uri.path()).map_err(ApiError::Path)?;
    let allowed = methods(&target);
    if !allowed.contains(&parts.method) {
        return Err(ApiError::Method { method: parts.method.to_string(), allowed: allowed.to_vec() });
    }
    match (target, parts.method.as_str()) {
        (Target::Item(id), "PUT" | "DELETE") => change(control, caller, id, &parts, body).await,
        (Target::Apply, method) => {
            let query = Query::parse(parts.uri.query().unwrap_or_default(), method, &Target::Apply)?;
            Ok(Json(apply(control, caller, &parts.headers, &query, body).await?).into_response())
        }
        (target, method) => {
            let query = Query::parse(parts.uri.query().unwrap_or_default(), method, &target)?;
            read(control, caller, target, query, url(&parts)).await
        }
    }
}

/// The address that a request came to, without its parameters.
fn url(parts: &Parts) -> String {
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    format!("http://{}{}", host.unwrap_or("localhost"), parts.uri.path())
}

/// The methods that there are.
fn methods(target: &Target) -> &'static [Method] {
    match target {
        Target::Item(_) => &[Method::GET, Method::PUT, Method::DELETE],
        Target::EffectiveRouteTable(_) | Target::Apply => &[Method::POST],
        _ => &[Method::GET],
    }
}

/// Answers what changes nothing.
async fn read(
    control: &Arc<Control>,
    caller: Caller,
    target: Target,
    query: Query,
    url: String,
) -> Result<Response, ApiError> {
    match target {
        Target::Item(id) => {
            let answer = of_state(control, move |state| resource::read(state, &caller, &id)).await?;
            Ok(answer.into_response())
        }
        Target::List(collection) => {
            let list = of_state(control, move |state| {
                Ok(resource::list(state, &caller, &collection, &query)?.json(&url))
            });
            Ok(json_response(StatusCode::OK, list.await?))
        }
        Target::EffectiveRouteTable(nic) => {
            let table = of_state(control, move |state| agent::effective_routes(state, &caller, &nic)).await?;
            Ok(Json(table).into_response())
        }
        Target::Status => Ok(Json(agent::status(control, caller).await?).into_response()),
        Target::Counters => Ok(Json(agent::counters(control, caller).await?).into_response()),
        Target::Drops => Ok(Json(agent::drops(control, &caller).await?).into_response()),
        Target::Topology => {
            let topology = of_state(control, move |state| Ok(agent::topology(state, &caller))).await?;
            Ok(Json(topology).into_response())
        }
        Target::ActivityLog(subscription) => {
            let wanted = Wanted::parse(subscription, &query)?;
            Ok(Json(activity_log::read(control, wanted, &caller).await?).into_response())
        }
        Target::Export => export(control, caller).await,
        Target::Apply => {
            let allowed = methods(&Target::Apply).to_vec();
            Err(ApiError::Method { method: Method::GET.to_string(), allowed })
        }
    }
}

/// Asks the committed state something that may take its time.
async fn of_state<T: Send + 'static>(
    control: &Arc<Control>,
    ask: impl FnOnce(&State) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let committed = control.committed();
    tokio::task::spawn_blocking(move || ask(&committed.state)).await?
}

/// Carries out a PUT or DELETE. Whatever is wrong with it, the attempt is logged.
async fn change(
    control: &Arc<Control>,
    caller: Caller,
    id: ResourceId,
    parts: &Parts,
    body: &mut Incoming,
) -> Result<Response, ApiError> {
    let is_put = parts.method == Method::PUT;
    let verb = if is_put { Verb::Write } else { Verb::Delete };
    let (operation, resource) = (id::action(&id, verb).0.to_string(), id::of(&id));
    let attempt = Attempt { caller: caller.clone(), operation, resource };
    // The decision looks again, at the state of its time; but of somebody who may do nothing of the kind, no body is read.
    let permitted = resource::authorize(&control.committed().state.directory, &caller, &id, verb);
    let read = match permitted {
        Ok(()) if is_put => read_object(&parts.headers, body).await,
        Ok(()) => Ok(None),
        Err(refusal) => Err(refusal.into()),
    };
    let wish = wish(caller, id, parts);
    let decide = move |committed: &Committed| {
        let (object, _share) = read?.unzip();
        let wish = wish?;
        if is_put {
            resource::put(&committed.state, &wish, object)
        } else {
            resource::delete(&committed.state, &wish)
        }
    };
    Ok(control.change(attempt, decide).await?.answer.into_response())
}

fn wish(caller: Caller, id: ResourceId, parts: &Parts) -> Result<Wish, ApiError> {
    let conditions = Conditions::of(&parts.headers)?;
    let target = Target::Item(id.clone());
    let query = Query::parse(parts.uri.query().unwrap_or_default(), parts.method.as_str(), &target)?;
    let is_new_token = parts.method == Method::PUT && matches!(id, ResourceId::Token(_));
    let secret = is_new_token.then(new_token).transpose();
    let secret = secret.map_err(|error| ApiError::Internal(error.to_string()))?;
    Ok(Wish { caller, id, conditions, query, secret })
}

/// The object in a body, with the share of memory that it takes; none where the body is empty.
async fn read_object(headers: &HeaderMap, body: &mut Incoming) -> Result<Option<(Object, Share)>, ApiError> {
    let (bytes, share) = body.read(MAX_BODY_BYTES, JSON_WEIGHT).await?;
    if bytes.is_empty() {
        return Ok(None);
    }
    require_media_type(headers, "application/json", &["application/json"])?;
    // A whole body of 4 MiB takes some ten milliseconds.
    let (parsed, share) = tokio::task::spawn_blocking(move || (json::parse(&bytes), share)).await?;
    let value = parsed.map_err(|error| ApiError::Content {
        target: String::new(),
        fault: ContentFault::Syntax(error.to_string()),
    })?;
    Ok(Some((Object::body(value)?, share)))
}

/// Refuses a body of another media type. Parameters of the type, such as `charset`, do not matter: everything is UTF-8.
pub(super) fn require_media_type(
    headers: &HeaderMap,
    expected: &'static str,
    taken: &[&str],
) -> Result<(), ApiError> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    let is_taken = taken.iter().any(|taken| taken.eq_ignore_ascii_case(essence));
    if is_taken { Ok(()) } else { Err(ApiError::MediaType { expected }) }
}

fn json_response(status: StatusCode, json: String) -> Response {
    let content_type = HeaderValue::from_static("application/json; charset=utf-8");
    (status, [(header::CONTENT_TYPE, content_type)], json).into_response()
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let Some(resource) = self.resource else { return self.status.into_response() };
        let mut response = json_response(self.status, resource.json);
        let etag = HeaderValue::from_str(&resource.etag).ok();
        response.headers_mut().extend(etag.map(|etag| (header::ETAG, etag)));
        response
    }
}

/// A list in Azure's form.
#[derive(Debug, Serialize)]
pub(super) struct Listed<T> {
    pub(super) value: Vec<T>,
}
