//! Tokens for TCP. Azure has nothing of the kind: everything stands at the top.

use serde::Serialize;

use super::id;
use super::view::{Rendered, etag, to_json};
use crate::api::body::Object;
use crate::api::error::ApiError;
use crate::daemon::tokens::NewToken;
use crate::model::ResourceId;
use crate::model::access::{Principal, Token};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct View<'a> {
    id: String,
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    principal_id: &'a Principal,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    /// Shown once, to whoever made it: nobody keeps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
}

/// A token as it is sent. `secret` is the token itself.
pub(super) fn render(token: &Token, secret: Option<&NewToken>) -> Rendered {
    let resource = ResourceId::Token(token.name.clone());
    let mut view = View {
        id: id::of(&resource),
        name: &token.name,
        kind: id::resource_type(&resource),
        principal_id: &token.principal,
        etag: None,
        token: None,
    };
    // The digest tells one token from the next of its name, and says nothing about either.
    let etag = etag(&(&view, &token.sha256));
    view.etag = Some(etag.clone());
    view.token = secret.map(|secret| secret.text.as_str());
    Rendered { etag, json: to_json(&view) }
}

/// A body.
pub(super) fn parse(name: &str, secret: &NewToken, mut body: Object) -> Result<Token, ApiError> {
    body.identity(&ResourceId::Token(name.to_owned()))?;
    let principal = body.text("principalId")?;
    let principal = body.required("principalId", principal)?.parse()?;
    body.end()?;
    Ok(Token { name: name.to_owned(), principal, sha256: secret.sha256.clone() })
}
