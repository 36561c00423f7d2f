//! Who asks.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, header};
use tokio::net::unix::UCred;

use super::app::App;
use super::error::ApiError;
use super::limits::Holder;
use crate::daemon::callers;
use crate::model::access::Caller;

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum Peer {
    /// A local user, as the kernel tells him.
    Local(UCred),
    /// Somebody who comes by TCP and has a token.
    Tcp,
}

impl Peer {
    /// Whose share of connections this one is of.
    pub(super) fn holder(self) -> Holder {
        match self {
            Self::Local(credentials) => Holder::User(credentials.uid()),
            Self::Tcp => Holder::Tcp,
        }
    }

    /// Who asks.
    pub(super) async fn caller(self, app: &Arc<App>, request: &Parts) -> Result<Caller, ApiError> {
        match self {
            Self::Local(credentials) if credentials.uid() == 0 || app.is_owner_alone() => Ok(Caller::root()),
            Self::Local(credentials) => {
                Ok(tokio::task::spawn_blocking(move || callers::of_peer(&credentials)).await?)
            }
            Self::Tcp => {
                check_host(&request.uri, &request.headers)?;
                let value = request.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
                let value = value.ok_or(ApiError::Unauthenticated)?.to_owned();
                let app = Arc::clone(app);
                let known = tokio::task::spawn_blocking(move || {
                    let committed = app.control.committed();
                    app.tokens()?.authenticate(&value, &committed.state.directory)
                });
                known.await?.ok_or(ApiError::Unauthenticated)
            }
        }
    }
}

/// Refuses a request for another host: a web page that has given the agent's address a name of its own asks under that name.
fn check_host(uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
    let mut named = headers.get_all(header::HOST).iter().map(|value| value.to_str().unwrap_or_default());
    let (Some(host), None) = (named.next(), named.next()) else { return Err(ApiError::ForeignHost) };
    let is_own = |authority: &Authority| is_loopback(authority.host());
    let by_header = host.parse::<Authority>().is_ok_and(|authority| is_own(&authority));
    let by_target = uri.authority().is_none_or(is_own);
    if by_header && by_target { Ok(()) } else { Err(ApiError::ForeignHost) }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn check(uri: &str, hosts: &[&str]) -> bool {
        let values = hosts.iter().map(|host| (header::HOST, host.parse().unwrap()));
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            headers.append(name, value);
        }
        check_host(&uri.parse().unwrap(), &headers).is_ok()
    }

    #[rstest]
    #[case("localhost")]
    #[case("LocalHost:8443")]
    #[case("127.0.0.1:1")]
    #[case("127.9.9.9")]
    #[case("[::1]:8443")]
    fn a_loopback_host_is_the_agent_itself(#[case] host: &str) {
        assert!(check("/status", &[host]));
    }

    #[rstest]
    #[case("/status", &[])]
    #[case("/status", &[""])]
    #[case("/status", &["example.org"])]
    #[case("/status", &["localhost.example.org"])]
    #[case("/status", &["10.0.0.1"])]
    #[case("/status", &["127.0.0.1", "example.org"])]
    #[case("http://example.org/status", &["localhost"])]
    fn any_other_host_is_refused(#[case] uri: &str, #[case] hosts: &[&str]) {
        assert!(!check(uri, hosts));
    }
}
