//! The asking side: HTTP over the agent's Unix socket.

use std::io;
use std::path::{Path, PathBuf};

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::UnixStream;

/// The most that an answer may have, in bytes: a list of 100,000 NICs is about 100 MB.
const MAX_ANSWER_BYTES: usize = 256 << 20;

/// The agent did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("no agent answers at {path} ({source}); start one with `vnet-agent run`, or name its --socket", path = path.display())]
    Unreachable {
        /// The socket.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The socket's mode, or that of a directory above it, keeps this user away.
    #[error("the socket {path} may not be opened by this user; run the command as the agent's user", path = path.display())]
    Forbidden {
        /// The socket.
        path: PathBuf,
    },
    /// The exchange broke off, or was not understood.
    #[error("the agent at {path} broke off: {reason}", path = path.display())]
    Broken {
        /// The socket.
        path: PathBuf,
        /// What happened.
        reason: String,
    },
    /// The agent refused.
    #[error("{refusal}")]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// Why.
        refusal: Refused,
    },
    /// An answer that tells of a failure in no form of the agent's.
    #[error("the agent at {path} answered {status}: {message}", path = path.display())]
    Status {
        /// The socket.
        path: PathBuf,
        /// The HTTP status.
        status: StatusCode,
        /// The body.
        message: String,
    },
}

/// Why the agent refused, as Azure Resource Manager writes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refused {
    /// The code, as in `ResourceNotFound`.
    pub code: String,
    /// The sentence.
    pub message: String,
    /// The part of the request that it is about.
    #[serde(default)]
    pub target: Option<String>,
    /// The line of a topology file that it is about.
    #[serde(default)]
    pub line: Option<usize>,
    /// What it consists of.
    #[serde(default)]
    pub details: Vec<Self>,
}

/// The body of a refusal.
#[derive(Debug, Deserialize)]
struct ErrorBody {
    error: Refused,
}

/// A request: what is to be done with which resource, and on which condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    method: Method,
    target: String,
    condition: Option<(HeaderName, String)>,
    body: Option<(&'static str, Vec<u8>)>,
}

impl Call {
    fn new(method: Method, target: impl Into<String>) -> Self {
        Self { method, target: target.into(), condition: None, body: None }
    }

    /// Reads the resource at `target`, a path with its query.
    #[must_use]
    pub fn get(target: impl Into<String>) -> Self {
        Self::new(Method::GET, target)
    }

    /// Makes the resource at `target` what `body` says.
    #[must_use]
    pub fn put(target: impl Into<String>, body: &Value) -> Self {
        Self {
            body: Some(("application/json", body.to_string().into_bytes())),
            ..Self::new(Method::PUT, target)
        }
    }

    /// Asks something of the resource at `target`.
    #[must_use]
    pub fn post(target: impl Into<String>) -> Self {
        Self::new(Method::POST, target)
    }

    /// Hands a topology file to `target`.
    #[must_use]
    pub fn post_yaml(target: impl Into<String>, text: String) -> Self {
        Self { body: Some(("application/yaml", text.into_bytes())), ..Self::new(Method::POST, target) }
    }

    /// Deletes the resource at `target`.
    #[must_use]
    pub fn delete(target: impl Into<String>) -> Self {
        Self::new(Method::DELETE, target)
    }

    /// Only where the resource is still the one with this etag.
    #[must_use]
    pub fn if_match(self, etag: impl Into<String>) -> Self {
        Self { condition: Some((header::IF_MATCH, etag.into())), ..self }
    }

    /// Only where there is no such resource yet.
    #[must_use]
    pub fn if_absent(self) -> Self {
        Self { condition: Some((header::IF_NONE_MATCH, "*".to_owned())), ..self }
    }

    fn into_request(self) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        // A name that the agent takes for its own, whatever it listens on.
        let mut request =
            Request::builder().method(self.method).uri(self.target).header(header::HOST, "localhost");
        if let Some((name, value)) = self.condition {
            request = request.header(name, value);
        }
        let body = self
            .body
            .map(|(content_type, bytes)| (HeaderValue::from_static(content_type), Bytes::from(bytes)));
        match body {
            Some((content_type, bytes)) => {
                request.header(header::CONTENT_TYPE, content_type).body(Full::new(bytes))
            }
            None => request.body(Full::default()),
        }
    }
}

/// What the agent answered: it did what was asked for.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status, one of the 200s.
    pub status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    path: PathBuf,
}

impl Answer {
    /// The etag of the resource.
    #[must_use]
    pub fn etag(&self) -> Option<&str> {
        self.headers.get(header::ETAG)?.to_str().ok()
    }

    /// The body as it came.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// The body, read as JSON.
    ///
    /// # Errors
    /// [`ClientError::Broken`]: it is none, or not of this form.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        serde_json::from_slice(&self.body).map_err(|error| broken(&self.path, &error))
    }
}

/// An agent, by its socket.
#[derive(Clone, Debug)]
pub struct Client {
    path: PathBuf,
}

impl Client {
    /// The agent at this socket. Nothing is opened yet.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Gets a resource.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get<T: DeserializeOwned>(&self, target: &str) -> Result<T, ClientError> {
        self.send(Call::get(target)).await?.json()
    }

    /// Sends a request and waits for the answer. A change has then happened, on disk and in what packets see.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn send(&self, call: Call) -> Result<Answer, ClientError> {
        let request = call.into_request().map_err(|error| self.broken(&error))?;
        let stream = UnixStream::connect(&self.path).await.map_err(|source| match source.kind() {
            io::ErrorKind::PermissionDenied => ClientError::Forbidden { path: self.path.clone() },
            _ => ClientError::Unreachable { path: self.path.clone(), source },
        })?;
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| self.broken(&error))?;
        let driver = tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(|error| self.broken(&error))?;
        let answer = self.read(response).await;
        driver.abort();
        answer
    }

    async fn read(&self, response: Response<hyper::body::Incoming>) -> Result<Answer, ClientError> {
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| self.broken(error.as_ref()))?.to_bytes();
        let status = head.status;
        if status.is_success() {
            return Ok(Answer { status, headers: head.headers, body, path: self.path.clone() });
        }
        Err(match serde_json::from_slice::<ErrorBody>(&body) {
            Ok(ErrorBody { error }) => ClientError::Refused { status, refusal: error },
            Err(_) => ClientError::Status {
                path: self.path.clone(),
                status,
                message: String::from_utf8_lossy(&body).into_owned(),
            },
        })
    }

    fn broken(&self, error: &dyn std::error::Error) -> ClientError {
        broken(&self.path, error)
    }
}

fn broken(path: &Path, error: &dyn std::error::Error) -> ClientError {
    ClientError::Broken { path: path.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::extract::Request as Received;
    use axum::response::IntoResponse;
    use serde_json::json;
    use tokio::net::UnixListener;

    use super::*;

    /// A server that answers everything by `answer`, and a client of it.
    async fn with_server<A, R>(answer: A) -> (Client, tempfile::TempDir)
    where
        A: Fn(String) -> R + Clone + Send + Sync + 'static,
        R: IntoResponse + Send,
    {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let router = Router::new().fallback(async move |request: Received| answer(told(request).await));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (Client::new(&path), directory)
    }

    /// A request as text: what reached the other side.
    async fn told(request: Received) -> String {
        let (head, body) = request.into_parts();
        let header =
            |name: HeaderName| head.headers.get(name).map_or("-", |value| value.to_str().unwrap()).to_owned();
        let conditions =
            [header::HOST, header::IF_MATCH, header::IF_NONE_MATCH, header::CONTENT_TYPE].map(header);
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        format!("{} {} {} {body}", head.method, head.uri, conditions.join(" "))
    }

    async fn told_of(call: Call) -> String {
        let (client, _directory) = with_server(axum::Json).await;
        client.send(call).await.unwrap().json().unwrap()
    }

    #[tokio::test]
    async fn a_call_arrives_with_its_method_path_conditions_and_body() {
        assert_eq!(told_of(Call::get("/a?b=c")).await, "GET /a?b=c localhost - - - ");
        assert_eq!(told_of(Call::delete("/a").if_match("W/\"1\"")).await, "DELETE /a localhost W/\"1\" - - ");
        assert_eq!(
            told_of(Call::put("/a", &json!({"name": "hub"})).if_absent()).await,
            "PUT /a localhost - * application/json {\"name\":\"hub\"}"
        );
        assert_eq!(told_of(Call::post("/a")).await, "POST /a localhost - - - ");
        assert_eq!(
            told_of(Call::post_yaml("/apply", "virtualNetworks: []".to_owned())).await,
            "POST /apply localhost - - application/yaml virtualNetworks: []"
        );
    }

    #[tokio::test]
    async fn an_answer_has_its_status_etag_and_body() {
        let answer = |_| (StatusCode::CREATED, [(header::ETAG, "W/\"7\"")], axum::Json(json!({"a": 1})));
        let (client, _directory) = with_server(answer).await;
        let answer = client.send(Call::get("/a")).await.unwrap();
        assert_eq!((answer.status, answer.etag()), (StatusCode::CREATED, Some("W/\"7\"")));
        assert_eq!(answer.json::<Value>().unwrap(), json!({"a": 1}));
        assert!(matches!(answer.json::<u32>(), Err(ClientError::Broken { .. })));
    }

    #[tokio::test]
    async fn a_refusal_has_its_code_sentence_and_details() {
        let body = json!({"error": {
            "code": "InvalidTopologyFile", "message": "two mistakes", "target": null,
            "details": [{"code": "SubnetsOverlap", "message": "a and b"}, {"code": "AddressInUse", "message": "c"}],
        }});
        let (client, _directory) =
            with_server(move |_| (StatusCode::BAD_REQUEST, axum::Json(body.clone()))).await;
        let error = client.send(Call::get("/a")).await.unwrap_err();
        let ClientError::Refused { status, refusal } = error else { panic!("{error:?}") };
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(refusal.to_string(), "InvalidTopologyFile: two mistakes");
        let details: Vec<String> = refusal.details.iter().map(ToString::to_string).collect();
        assert_eq!(details, ["SubnetsOverlap: a and b", "AddressInUse: c"]);
    }

    #[tokio::test]
    async fn a_failure_in_no_form_of_the_agents_is_told_as_it_came() {
        let (client, directory) = with_server(|_| (StatusCode::BAD_GATEWAY, "<html>")).await;
        let error = client.send(Call::get("/a")).await.unwrap_err();
        let socket = directory.path().join("socket");
        let expected = format!("the agent at {} answered 502 Bad Gateway: <html>", socket.display());
        assert_eq!(error.to_string(), expected);
    }

    #[tokio::test]
    async fn where_nobody_listens_the_error_says_how_to_start_an_agent() {
        let error = Client::new(Path::new("/nonexistent/socket")).send(Call::get("/a")).await.unwrap_err();
        assert!(matches!(error, ClientError::Unreachable { .. }));
        assert!(error.to_string().contains("start one with `vnet-agent run`"), "{error}");
    }
}
