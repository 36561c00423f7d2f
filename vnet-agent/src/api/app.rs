//! What the API works with: the agent, and how callers are known.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::SocketAccess;
use super::limits::Shares;
use crate::daemon::control::Control;
use crate::daemon::tokens::ApiTokens;

/// How often a failed authentication is noted in the activity log at most: nobody fills it by guessing.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// An agent behind its API.
pub struct App {
    pub(super) control: Arc<Control>,
    /// The memory that bodies take.
    pub(super) bodies: Shares,
    access: SocketAccess,
    tokens: Option<ApiTokens>,
    last_failure: Mutex<Option<Instant>>,
}

impl App {
    /// An agent whose socket is open to so many. Without tokens, nobody is known who comes by TCP.
    #[must_use]
    pub fn new(control: Arc<Control>, access: SocketAccess, tokens: Option<ApiTokens>) -> Self {
        Self { control, bodies: Shares::of_bodies(), access, tokens, last_failure: Mutex::new(None) }
    }

    /// Whether the file system lets nobody else than the agent's own user open the socket.
    pub(super) fn is_owner_alone(&self) -> bool {
        self.access == SocketAccess::Owner
    }

    pub(super) fn tokens(&self) -> Option<&ApiTokens> {
        self.tokens.as_ref()
    }

    /// Whether a failed authentication is to be noted now.
    pub(super) fn notes_failure(&self) -> bool {
        let mut last = self.last_failure.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|last| last.elapsed() < FAILURE_PAUSE) {
            return false;
        }
        *last = Some(Instant::now());
        true
    }
}
