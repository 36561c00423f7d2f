//! The signals that an agent obeys.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::ServeError;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// SIGHUP: take in the file.
    Reload,
    /// SIGINT or SIGTERM: end.
    Stop,
}

/// Caught signals. One that comes before it is asked for waits.
pub(super) struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Catches signals from now on.
    pub(super) fn catch() -> Result<Self, ServeError> {
        let catch = |kind| signal(kind).map_err(ServeError::Signals);
        Ok(Self {
            hangup: catch(SignalKind::hangup())?,
            interrupt: catch(SignalKind::interrupt())?,
            terminate: catch(SignalKind::terminate())?,
        })
    }

    /// The next signal. To be asked again after being dropped loses none.
    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.hangup.recv() => Asked::Reload,
        }
    }
}
