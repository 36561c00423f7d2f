//! Events: an interface is new, gone, renamed, up, down, or has another MTU.

use super::LinkError;

/// A subscription to link events.
#[derive(Debug)]
pub struct Watch {}

impl Watch {
    /// Subscribes, in the caller's network namespace.
    ///
    /// # Errors
    /// [`LinkError::Socket`].
    pub fn start() -> Result<Self, LinkError> {
        Ok(Self {})
    }

    /// Ends when something changed since it ended last. Several events make one change; events lost for want of room
    /// in the socket count as one.
    ///
    /// # Errors
    /// [`LinkError::Closed`].
    pub async fn changed(&mut self) -> Result<(), LinkError> {
        Err(LinkError::Closed { what: "wait for link events".into() })
    }
}
