//! The serving side.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::UnixListener;

use super::report;
use crate::daemon::control::Control;
use crate::dataplane::kernel::TableError;
use crate::model::Snapshot;

/// The agent, as the event loop and the socket share it.
pub type Shared = Arc<Control>;

/// The socket could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Another agent holds it.
    #[error("another agent is running with the socket {path}; give this one another --socket and --pin-dir, or stop that one", path = path.display())]
    InUse {
        /// The path.
        path: PathBuf,
    },
    /// Something else stands at the path.
    #[error("{path} exists and is no socket; name another --socket", path = path.display())]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("the socket {path} could not be made: {source}", path = path.display())]
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
    lock_path: PathBuf,
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
    let mut lock_path = path.as_os_str().to_owned();
    lock_path.push(".lock");
    let lock_path = PathBuf::from(lock_path);
    let lock = lock(&lock_path).map_err(file)?.ok_or_else(|| SocketError::InUse { path: path.to_owned() })?;
    // From here on, dropping removes what was made.
    let mut served = Served { listener: None, path: path.to_owned(), lock_path, _lock: lock };
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => fs::remove_file(path).map_err(file)?,
        Ok(_) => {
            // What stands there is none of ours, and stays.
            served.path = PathBuf::new();
            return Err(SocketError::NotASocket { path: path.to_owned() });
        }
        Err(_) => {}
    }
    let listener = UnixListener::bind(path).map_err(file)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(file)?;
    served.listener = Some(listener);
    Ok(served)
}

/// Locks a file that is made where it is missing. None: somebody else holds the lock.
fn lock(path: &Path) -> io::Result<Option<fs::File>> {
    loop {
        let mut options = fs::OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600);
        // In a directory that others may write to, a link there would have this process make a file of their choice.
        let lock = options.custom_flags(libc::O_NOFOLLOW).open(path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Ok(None),
            Err(fs::TryLockError::Error(error)) => return Err(error),
        }
        // An agent that ends removes its lock: the file locked here may be no longer the one that stands at the path.
        let locked = lock.metadata()?;
        match fs::metadata(path) {
            Ok(found) if (found.dev(), found.ino()) == (locked.dev(), locked.ino()) => return Ok(Some(lock)),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        for path in [&self.path, &self.lock_path].into_iter().filter(|path| !path.as_os_str().is_empty()) {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::debug!(path = %path.display(), %error, "a file stays");
                }
                _ => {}
            }
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

async fn status(State(agent): State<Shared>) -> Result<Json<report::Status>, Unanswered> {
    Ok(Json(agent.with(|agent, _| report::Status::of(agent)).await?))
}

async fn counters(State(agent): State<Shared>) -> Result<Json<report::Counters>, Unanswered> {
    let answer = agent.with(|agent, _| Ok::<_, TableError>(report::Counters::of(agent, &agent.counters()?)));
    Ok(Json(answer.await??))
}

async fn drops(State(agent): State<Shared>) -> Result<Json<report::Drops>, Unanswered> {
    let counters = agent.counters().await??;
    Ok(Json(report::Drops::of(&counters)))
}

async fn topology(State(agent): State<Shared>) -> Result<Json<Snapshot>, Unanswered> {
    Ok(Json(agent.committed().state.topology.snapshot()))
}

/// The question has no answer.
#[derive(Debug, thiserror::Error)]
enum Unanswered {
    /// A table could not be read.
    #[error(transparent)]
    Unreadable(#[from] TableError),
    /// The task that asked died.
    #[error(transparent)]
    Died(#[from] tokio::task::JoinError),
}

impl IntoResponse for Unanswered {
    fn into_response(self) -> Response {
        let body = serde_json::json!({"error": {"code": "InternalServerError", "message": self.to_string()}});
        (StatusCode::INTERNAL_SERVER_ERROR, Json(body)).into_response()
    }
}
