//! The asking side.

use std::io;
use std::path::{Path, PathBuf};

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

/// The most that an answer may have, in bytes: the topology of 100,000 NICs is about 30 MB.
const MAX_ANSWER_BYTES: usize = 256 << 20;

/// The daemon did not answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("no agent answers at {path} ({source}); start one with `vnet-agent run --file FILE`, or name its --socket", path = path.display())]
    Unreachable {
        /// The socket.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// Only root, or the agent's user, may ask.
    #[error("the socket {path} may not be opened by this user; run the command as the agent's user", path = path.display())]
    Forbidden {
        /// The socket.
        path: PathBuf,
    },
    /// The exchange broke off.
    #[error("the agent at {path} broke off: {reason}", path = path.display())]
    Broken {
        /// The socket.
        path: PathBuf,
        /// What happened.
        reason: String,
    },
    /// The daemon answered with an error.
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

/// A daemon, by its socket.
#[derive(Clone, Debug)]
pub struct Client {
    path: PathBuf,
}

impl Client {
    /// The daemon at this socket. Nothing is opened yet.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Gets a resource.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get<T: DeserializeOwned>(&self, resource: &str) -> Result<T, ClientError> {
        let stream = UnixStream::connect(&self.path).await.map_err(|source| match source.kind() {
            io::ErrorKind::PermissionDenied => ClientError::Forbidden { path: self.path.clone() },
            _ => ClientError::Unreachable { path: self.path.clone(), source },
        })?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| self.broken(&e))?;
        let driver = tokio::spawn(connection);
        let request = Request::get(resource)
            .header(hyper::header::HOST, "vnet-agent")
            .body(Empty::<Bytes>::new())
            .map_err(|error| self.broken(&error))?;
        let response = sender.send_request(request).await.map_err(|error| self.broken(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
        let bytes = body.map_err(|error| self.broken(error.as_ref()))?.to_bytes();
        drop(sender);
        driver.abort();
        if status != StatusCode::OK {
            let message = String::from_utf8_lossy(&bytes).into_owned();
            return Err(ClientError::Status { path: self.path.clone(), status, message });
        }
        serde_json::from_slice(&bytes).map_err(|error| self.broken(&error))
    }

    fn broken(&self, error: &dyn std::error::Error) -> ClientError {
        ClientError::Broken { path: self.path.clone(), reason: error.to_string() }
    }
}
