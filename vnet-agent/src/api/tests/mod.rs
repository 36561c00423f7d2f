//! Requests against a state, without a socket: what is decided about them.

mod bodies;
mod etags;
mod hidden;
mod kinds;
mod roles;

use axum::body::to_bytes;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::IntoResponse;
use futures::executor::block_on;
use serde_json::{Value, json};

use super::body::Object;
use super::condition::Conditions;
use super::error::ApiError;
use super::query::Query;
use super::resource::{self, Answer, Wish};
use super::target::Target;
use crate::daemon::tokens::new_token;
use crate::model::access::Caller;
use crate::model::{ResourceId, State};

/// The provider of networks in the default scope.
const N: &str = "/subscriptions/default/resourceGroups/default/providers/Microsoft.Network";

fn path(rest: &str) -> String {
    format!("{N}/{rest}")
}

/// A state that requests change, and somebody who asks.
#[derive(Clone, Debug)]
struct Api {
    state: State,
    caller: Caller,
}

impl Default for Api {
    fn default() -> Self {
        Self { state: State::default(), caller: Caller::root() }
    }
}

impl Api {
    /// Two networks, each with a subnet, peered; a NIC in the first.
    fn furnished() -> Self {
        let mut api = Self::default();
        api.done("PUT", &path("virtualNetworks/hub"), vnet(&["10.0.0.0/16", "fd00:a::/48"]));
        api.done("PUT", &path("virtualNetworks/hub/subnets/s"), subnet(&["10.0.1.0/24", "fd00:a:0:1::/64"]));
        api.done("PUT", &path("virtualNetworks/spoke"), vnet(&["10.1.0.0/16"]));
        api.done("PUT", &path("virtualNetworks/spoke/subnets/t"), subnet(&["10.1.1.0/24"]));
        let both = json!({"properties": {"remoteVirtualNetwork": {"id": path("virtualNetworks/spoke")}}, "remotePeering": {"name": "back"}});
        api.done("PUT", &path("virtualNetworks/hub/virtualNetworkPeerings/there"), both);
        api.done("PUT", &path("networkInterfaces/n"), nic("hub", "s", &["10.0.1.4", "fd00:a:0:1::4"]));
        api
    }

    fn wish(&self, method: &str, target: &str, headers: &[(HeaderName, &str)]) -> Result<Wish, ApiError> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let parsed = Target::parse(path).map_err(ApiError::Path)?;
        let query = Query::parse(query, method, &parsed)?;
        let Target::Item(id) = parsed else { panic!("{target} is no item") };
        let headers: HeaderMap =
            headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        let is_token = matches!(id, ResourceId::Token(_));
        let secret = is_token.then(|| new_token().ok()).flatten();
        Ok(Wish { caller: self.caller.clone(), id, conditions: Conditions::of(&headers)?, query, secret })
    }

    fn decide(
        &self,
        method: &str,
        target: &str,
        headers: &[(HeaderName, &str)],
        body: Option<Value>,
    ) -> Result<(State, Answer), ApiError> {
        let wish = self.wish(method, target, headers)?;
        match method {
            "GET" => Ok((self.state.clone(), resource::read(&self.state, &self.caller, &wish.id)?)),
            "PUT" => resource::put(&self.state, &wish, body.map(Object::body).transpose()?),
            "DELETE" => resource::delete(&self.state, &wish),
            _ => panic!("{method}"),
        }
    }

    /// Asks with headers. The state becomes the one that the request leads to.
    fn ask_with(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(HeaderName, &str)],
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let response = match self.decide(method, target, headers, body) {
            Ok((state, answer)) => {
                self.state = state;
                answer.into_response()
            }
            Err(error) => error.into_response(),
        };
        let status = response.status();
        let bytes = block_on(to_bytes(response.into_body(), usize::MAX)).unwrap();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        (status, body)
    }

    fn ask(&mut self, method: &str, target: &str, body: Option<Value>) -> (StatusCode, Value) {
        self.ask_with(method, target, &[], body)
    }

    /// Asks for something that is granted.
    fn done(&mut self, method: &str, target: &str, body: impl Into<Option<Value>>) -> Value {
        let (status, answer) = self.ask(method, target, body.into());
        assert!(status.is_success(), "{method} {target}: {status} {answer}");
        answer
    }

    fn get(&mut self, target: &str) -> Value {
        self.done("GET", target, None)
    }

    /// Asks for something that is refused, with this status, code and message. Nothing has changed.
    fn refused(
        &mut self,
        method: &str,
        target: &str,
        body: impl Into<Option<Value>>,
        said: (u16, &str, &str),
    ) {
        let before = self.state.clone();
        let (status, answer) = self.ask(method, target, body.into());
        let error = &answer["error"];
        assert_eq!(
            (
                status.as_u16(),
                error["code"].as_str().unwrap_or_default(),
                error["message"].as_str().unwrap_or_default()
            ),
            said,
            "{method} {target}"
        );
        assert!(self.state == before, "{method} {target} changed something");
    }
}

fn vnet(ranges: &[&str]) -> Value {
    json!({"location": "westeurope", "properties": {"addressSpace": {"addressPrefixes": ranges}}})
}

fn subnet(prefixes: &[&str]) -> Value {
    json!({"properties": {"addressPrefixes": prefixes}})
}

fn peering(remote: &str) -> Value {
    json!({"properties": {"remoteVirtualNetwork": {"id": path(&format!("virtualNetworks/{remote}"))}}})
}

fn nic(vnet: &str, subnet: &str, addresses: &[&str]) -> Value {
    let id = path(&format!("virtualNetworks/{vnet}/subnets/{subnet}"));
    let configuration = |address: &&str| json!({"name": "any", "properties": {"privateIPAddress": address, "subnet": {"id": id}}});
    json!({"properties": {"ipConfigurations": addresses.iter().map(configuration).collect::<Vec<_>>()}})
}

#[test]
fn a_condition_is_looked_at_before_anything_changes() {
    let mut api = Api::furnished();
    let hub = path("virtualNetworks/hub");
    let etag = api.get(&hub)["etag"].as_str().unwrap().to_owned();
    let stale = [(header::IF_MATCH, "W/\"00\"")];
    let new = [(header::IF_NONE_MATCH, "*")];
    for (method, headers) in [("PUT", &stale), ("PUT", &new), ("DELETE", &stale)] {
        let before = api.state.clone();
        let (status, answer) =
            api.ask_with(method, &hub, headers, Some(vnet(&["10.0.0.0/15", "fd00:a::/48"])));
        assert_eq!((status.as_u16(), answer["error"]["code"].as_str()), (412, Some("PreconditionFailed")));
        assert_eq!(answer["error"]["target"], hub.as_str());
        assert!(api.state == before);
    }
    let (status, answer) =
        api.ask_with("PUT", &hub, &[(header::IF_MATCH, &etag)], Some(vnet(&["10.0.0.0/16", "fd00:a::/47"])));
    assert_eq!(status, StatusCode::OK, "{answer}");
    let (status, _) = api.ask_with("PUT", &path("virtualNetworks/late"), &new, Some(vnet(&["10.9.0.0/16"])));
    assert_eq!(status, StatusCode::CREATED);
    let (status, answer) =
        api.ask_with("DELETE", &path("virtualNetworks/nowhere"), &[(header::IF_MATCH, "*")], None);
    let said = "virtual network nowhere does not exist, and If-Match asks for it";
    assert_eq!((status.as_u16(), answer["error"]["message"].as_str()), (412, Some(said)));
}
