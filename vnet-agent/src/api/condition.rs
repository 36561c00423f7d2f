//! Conditions of a request: `If-Match` and `If-None-Match`.

use axum::http::{HeaderMap, HeaderName, header};

use super::error::ApiError;
use crate::model::ResourceId;

/// What a request says about the resource as it must be for the request to be carried out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Conditions {
    if_match: Option<Tags>,
    if_none_match: Option<Tags>,
}

/// Etags.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Tags {
    /// `*`: the resource exists.
    Any,
    /// One of these.
    These(Vec<String>),
}

impl Tags {
    fn of(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Self>, ApiError> {
        let mut tags = Vec::new();
        for value in headers.get_all(name) {
            let fault =
                || ApiError::Parameter { name: name.to_string(), fault: "is no list of etags".to_owned() };
            let text = value.to_str().map_err(|_| fault())?.trim();
            if text == "*" {
                return Ok(Some(Self::Any));
            }
            for tag in text.split(',').map(str::trim) {
                if opaque(tag).is_empty() {
                    return Err(fault());
                }
                tags.push(opaque(tag).to_owned());
            }
        }
        Ok((!tags.is_empty()).then_some(Self::These(tags)))
    }

    fn holds(&self, etag: Option<&str>) -> bool {
        match (self, etag) {
            (_, None) => false,
            (Self::Any, Some(_)) => true,
            (Self::These(tags), Some(etag)) => tags.iter().any(|tag| tag == opaque(etag)),
        }
    }
}

/// An etag without what says that it is weak, and without quotes: clients treat both as ornament.
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"')
}

impl Conditions {
    /// The conditions of a request.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        Ok(Self {
            if_match: Tags::of(headers, &header::IF_MATCH)?,
            if_none_match: Tags::of(headers, &header::IF_NONE_MATCH)?,
        })
    }

    /// Refuses what is not to be done to a resource with this etag; to one that does not exist, where there is none.
    pub(super) fn check(&self, resource: &ResourceId, etag: Option<&str>) -> Result<(), ApiError> {
        let refuse = |what: String| Err(ApiError::Precondition { resource: resource.clone(), what });
        if let Some(tags) = &self.if_match
            && !tags.holds(etag)
        {
            return refuse(match etag {
                None => "does not exist, and If-Match asks for it".to_owned(),
                Some(etag) => format!("has the etag {etag}, another one than If-Match names: it has changed"),
            });
        }
        if let Some(tags) = &self.if_none_match
            && tags.holds(etag)
        {
            return refuse("exists already, and If-None-Match asks for it not to".to_owned());
        }
        Ok(())
    }

    /// The one version that `If-Match` names, as it stands there.
    pub(super) fn version(&self) -> Option<&str> {
        match self.if_match.as_ref()? {
            Tags::Any => None,
            Tags::These(tags) => tags.first().map(String::as_str),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use rstest::rstest;

    use super::*;

    fn check(name: HeaderName, value: &'static str, etag: Option<&str>) -> Result<(), ApiError> {
        let headers = HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
        let vnet = ResourceId::VirtualNetwork("hub".parse().unwrap());
        Conditions::of(&headers)?.check(&vnet, etag)
    }

    #[rstest]
    #[case("W/\"1\"")]
    #[case("\"1\"")]
    #[case("1")]
    #[case("\"0\", W/\"1\"")]
    #[case("*")]
    fn an_etag_is_met_however_a_client_quotes_it(#[case] value: &'static str) {
        check(header::IF_MATCH, value, Some("W/\"1\"")).unwrap();
        check(header::IF_MATCH, value, None).unwrap_err();
        check(header::IF_NONE_MATCH, value, Some("W/\"1\"")).unwrap_err();
        check(header::IF_NONE_MATCH, value, None).unwrap();
    }

    #[test]
    fn another_etag_is_refused_with_both_named() {
        let error = check(header::IF_MATCH, "W/\"2\"", Some("W/\"1\"")).unwrap_err();
        let said =
            "virtual network hub has the etag W/\"1\", another one than If-Match names: it has changed";
        assert_eq!(error.to_string(), said);
    }

    #[rstest]
    #[case("")]
    #[case("\"\"")]
    #[case("\"1\",")]
    fn what_is_no_etag_is_said_to_be_none(#[case] value: &'static str) {
        assert!(matches!(check(header::IF_MATCH, value, None), Err(ApiError::Parameter { .. })));
    }
}
