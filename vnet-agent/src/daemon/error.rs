//! Why an agent does not start.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use super::tokens::TokenError;
use super::{AgentError, PreflightError};
use crate::api::SocketError;
use crate::config::Problems;
use crate::dataplane::kernel::PinError;
use crate::input::InputError;
use crate::link::LinkError;
use crate::store::StoreError;

/// An agent did not start, or could not end cleanly.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The topology file could not be read.
    #[error("{path} cannot be read: {source}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: InputError,
    },
    /// The topology file is refused.
    #[error("{path} is refused", path = path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// Its text.
        text: String,
        /// What is wrong with it.
        problems: Problems,
    },
    /// This process or this kernel lacks something.
    #[error(transparent)]
    Preflight(#[from] PreflightError),
    /// The pins.
    #[error(transparent)]
    Pins(#[from] PinError),
    /// The socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The token for root.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The state could not be opened or closed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The interfaces could not be read or watched.
    #[error(transparent)]
    Links(#[from] LinkError),
    /// The forwarder did not start, or did not let go.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// Signals could not be caught.
    #[error("signals cannot be caught: {0}")]
    Signals(#[source] io::Error),
    /// A task of the agent died.
    #[error("a task of the agent died: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// An error with all that is behind it, in one line, saying nothing twice.
#[must_use]
pub fn describe(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let line = error.to_string();
        if !text.contains(&line) {
            text.push_str(": ");
            text.push_str(&line);
        }
        cause = error.source();
    }
    text
}
