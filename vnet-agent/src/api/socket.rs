//! The socket's file, and the lock beside it.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, UnixListener};

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
    /// The address for TCP is reached from other machines.
    #[error(
        "{address} is not a loopback address: whoever reaches the agent there could read its tokens on the wire; use 127.0.0.1 or [::1]"
    )]
    NotLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// The address for TCP cannot be had.
    #[error("cannot listen on {address}: {source}")]
    Tcp {
        /// The address.
        address: SocketAddr,
        /// What went wrong.
        source: io::Error,
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

/// Who may open the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketAccess {
    /// Its owner: mode 0600.
    Owner,
    /// Everybody: mode 0666.
    Everybody,
}

/// Makes the socket. A file that an agent left behind is replaced.
///
/// # Errors
/// [`SocketError`].
pub fn listen(path: &Path, access: SocketAccess) -> Result<Served, SocketError> {
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
        Ok(found) if !found.file_type().is_socket() => {
            // What stands there is none of ours, and stays.
            served.path = PathBuf::new();
            return Err(SocketError::NotASocket { path: path.to_owned() });
        }
        _ => {}
    }
    served.listener = Some(bind(path, access).map_err(file)?);
    Ok(served)
}

/// Listens on a loopback address by TCP. With port 0, the kernel chooses one.
///
/// # Errors
/// [`SocketError::NotLoopback`], [`SocketError::Tcp`].
pub async fn listen_tcp(address: SocketAddr) -> Result<TcpListener, SocketError> {
    if !address.ip().is_loopback() {
        return Err(SocketError::NotLoopback { address });
    }
    TcpListener::bind(address).await.map_err(|source| SocketError::Tcp { address, source })
}

/// Makes the socket in a directory that nobody else may enter, and moves it to its place when it is as it should be: it is never more
/// open than it is meant to be, whatever the umask.
fn bind(path: &Path, access: SocketAccess) -> io::Result<UnixListener> {
    let mut private = path.as_os_str().to_owned();
    private.push(".new");
    let private = PathBuf::from(private);
    let socket = private.join("s");
    // Left behind by an agent that was killed at this very point. The lock is held: no other makes one here.
    if private.symlink_metadata().is_ok_and(|found| found.is_dir()) {
        fs::remove_file(&socket).or_else(missing_is_fine)?;
        fs::remove_dir(&private)?;
    }
    fs::DirBuilder::new().mode(0o700).create(&private)?;
    let mode = match access {
        SocketAccess::Owner => 0o600,
        SocketAccess::Everybody => 0o666,
    };
    let bound = UnixListener::bind(&socket).and_then(|listener| {
        fs::set_permissions(&socket, fs::Permissions::from_mode(mode))?;
        fs::rename(&socket, path)?;
        Ok(listener)
    });
    if bound.is_err() {
        fs::remove_file(&socket).or_else(missing_is_fine)?;
    }
    fs::remove_dir(&private)?;
    bound
}

fn missing_is_fine(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
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
