//! The serving side.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::UnixListener;

use super::report;
use crate::daemon::Agent;
use crate::dataplane::kernel::TableError;

/// The agent, as the event loop and the socket share it.
pub type Shared = Arc<Mutex<Agent>>;

/// The socket could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Another agent holds it.
    #[error("another agent is running with the socket {path}; give this one another --socket and --pin-dir, or stop that one")]
    InUse {
        /// The path.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("the socket {path} could not be made: {source}")]
    File {
        /// The path.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
}

/// A listening socket, and the lock that keeps a second agent away from it. Dropped, both are removed.
#[derive(Debug)]
pub struct Served {
    /// The socket.
    pub listener: Option<UnixListener>,
    path: PathBuf,
    _lock: fs::File,
}

/// Makes the socket, mode 0600. A file that an agent left behind is replaced.
///
/// # Errors
/// [`SocketError`].
pub fn listen(path: &Path) -> Result<Served, SocketError> {
    let file = |source| SocketError::File { path: path.to_owned(), source };
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        fs::DirBuilder::new().recursive(true).mode(0o755).create(directory).map_err(file)?;
    }
    let lock_path = path.with_extension("lock");
    let lock = fs::OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path).map_err(file)?;
    lock.set_permissions(fs::Permissions::from_mode(0o600)).map_err(file)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => return Err(SocketError::InUse { path: path.to_owned() }),
        Err(fs::TryLockError::Error(error)) => return Err(file(error)),
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(file(error)),
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(file)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(file)?;
    Ok(Served { listener: Some(listener), path: path.to_owned(), _lock: lock })
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(path = %self.path.display(), %error, "the socket stays");
        }
    }
}

/// The resources.
pub fn router(agent: Shared) -> Router {
    Router::new()
        .route("/status", get(status))
        .route("/counters", get(counters))
        .route("/drops", get(drops))
        .route("/topology", get(topology))
        .with_state(agent)
}

/// The agent. A panic elsewhere while it was held has not left it half-changed: every change ends with one assignment.
fn locked(agent: &Shared) -> MutexGuard<'_, Agent> {
    agent.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn status(State(agent): State<Shared>) -> Json<report::Status> {
    Json(report::Status::of(&locked(&agent)))
}

async fn counters(State(agent): State<Shared>) -> Result<Json<report::Counters>, Unreadable> {
    let agent = locked(&agent);
    Ok(Json(report::Counters::of(&agent, &agent.counters()?)))
}

async fn drops(State(agent): State<Shared>) -> Result<Json<report::Drops>, Unreadable> {
    Ok(Json(report::Drops::of(&locked(&agent).counters()?)))
}

async fn topology(State(agent): State<Shared>) -> Json<crate::model::Snapshot> {
    Json(locked(&agent).topology().snapshot())
}

/// A table could not be read.
struct Unreadable(TableError);

impl From<TableError> for Unreadable {
    fn from(error: TableError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Unreadable {
    fn into_response(self) -> Response {
        let body = serde_json::json!({"error": {"code": "InternalServerError", "message": self.0.to_string()}});
        (StatusCode::INTERNAL_SERVER_ERROR, Json(body)).into_response()
    }
}
