//! Events: an interface is new, gone, renamed, up, down, or has another MTU.
//!
//! What happened is not read from the events: several may be missed, and the list of interfaces says it all. An event means
//! "look again", and so does the loss of events.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use rtnetlink::MulticastGroup;
use rtnetlink::sys::{AsyncSocket, SocketAddr, TokioSocket, protocols::NETLINK_ROUTE};
use tokio::time::{Instant, sleep};

use super::LinkError;

/// How long to wait for further events after one: a veth pair that is set up makes a dozen.
const SETTLE: Duration = Duration::from_millis(20);
/// How long a stream of events that never ends may hold up the first.
const SETTLE_AT_MOST: Duration = Duration::from_millis(200);
/// Larger than any event (a link message of a few kilobytes); what is cut off is not read anyway.
const EVENT_BYTES: usize = 16 * 1024;

/// A subscription to link events.
pub struct Watch {
    socket: TokioSocket,
    /// Something changed, and nobody was told yet: the future of [`Watch::changed`] may be dropped while it settles.
    is_pending: bool,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("is_pending", &self.is_pending).finish_non_exhaustive()
    }
}

impl Watch {
    /// Subscribes, in the caller's network namespace.
    ///
    /// # Errors
    /// [`LinkError::Socket`].
    pub fn start() -> Result<Self, LinkError> {
        let open = || -> io::Result<_> {
            let mut socket = TokioSocket::new(NETLINK_ROUTE)?;
            socket.socket_mut().bind(&SocketAddr::new(0, 0))?;
            socket.socket_mut().add_membership(MulticastGroup::Link as u32)?;
            Ok(socket)
        };
        let socket =
            open().map_err(|source| LinkError::Socket { purpose: "watch the interfaces", source })?;
        Ok(Self { socket, is_pending: false })
    }

    /// Ends when something changed since it ended last. Several events make one change; events lost for want of room
    /// in the socket count as one. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`LinkError::Refused`]: the socket broke.
    pub async fn changed(&mut self) -> Result<(), LinkError> {
        let failed = |source| LinkError::Refused { what: "report link events".into(), source };
        if !self.is_pending {
            poll_fn(|context| self.poll_events(context)).await.map_err(failed)?;
            self.is_pending = true;
        }
        let deadline = Instant::now() + SETTLE_AT_MOST;
        while Instant::now() < deadline {
            sleep(SETTLE).await;
            let more = poll_fn(|context| Poll::Ready(self.poll_events(context))).await;
            match more {
                Poll::Ready(more) => more.map_err(failed)?,
                Poll::Pending => break,
            }
        }
        self.is_pending = false;
        Ok(())
    }

    /// Takes all events that are there; pending where there are none.
    fn poll_events(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut event = Vec::with_capacity(EVENT_BYTES);
        let mut has_read = false;
        loop {
            event.clear();
            match self.socket.poll_recv(context, &mut event) {
                Poll::Ready(Ok(())) => has_read = true,
                Poll::Ready(Err(error)) if error.raw_os_error() == Some(libc::ENOBUFS) => has_read = true,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if has_read => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}
