//! Events: an interface is new, gone, renamed, up, down, or has another MTU.
//!
//! What happened is not read from the events: several may be missed, and the list of interfaces says it all. An event means
//! "look again", and so does the loss of events.

use std::io;
use std::time::Duration;

use rtnetlink::MulticastGroup;
use rtnetlink::sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, sleep, timeout_at};

use super::LinkError;

/// How long to wait for further events after one: a veth pair that is set up makes a dozen.
const SETTLE: Duration = Duration::from_millis(20);
/// How long a stream of events that never ends may hold up the first.
const SETTLE_AT_MOST: Duration = Duration::from_millis(200);
/// Larger than any event (a link message of a few kilobytes); what is cut off is not read anyway.
const EVENT_BYTES: usize = 16 * 1024;

/// A subscription to link events.
#[derive(Debug)]
pub struct Watch {
    socket: AsyncFd<Socket>,
    /// Something changed, and nobody was told yet: the future of [`Watch::changed`] may be dropped while it settles.
    is_pending: bool,
}

impl Watch {
    /// Subscribes, in the caller's network namespace.
    ///
    /// # Errors
    /// [`LinkError::Socket`].
    pub fn start() -> Result<Self, LinkError> {
        let open = || -> io::Result<_> {
            let mut socket = Socket::new(NETLINK_ROUTE)?;
            socket.set_non_blocking(true)?;
            socket.bind(&SocketAddr::new(0, 0))?;
            socket.add_membership(MulticastGroup::Link as u32)?;
            AsyncFd::new(socket)
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
        if !self.is_pending {
            self.read_events().await?;
            self.is_pending = true;
        }
        let deadline = Instant::now() + SETTLE_AT_MOST;
        loop {
            sleep(SETTLE).await;
            match timeout_at(Instant::now(), self.read_events()).await {
                Ok(more) => more?,
                Err(_quiet) => break,
            }
            if Instant::now() >= deadline {
                break;
            }
        }
        self.is_pending = false;
        Ok(())
    }

    /// Waits for events and takes all that are there.
    async fn read_events(&self) -> Result<(), LinkError> {
        let failed = |source| LinkError::Refused { what: "report link events".into(), source };
        loop {
            let mut ready = self.socket.readable().await.map_err(failed)?;
            let read = ready.try_io(|socket| drain(socket.get_ref()));
            match read {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(source)) => return Err(failed(source)),
                Err(_would_block) => {}
            }
        }
    }
}

/// Reads until nothing is left. `WouldBlock` where nothing was there to begin with.
fn drain(socket: &Socket) -> io::Result<()> {
    let mut event = Vec::with_capacity(EVENT_BYTES);
    let mut has_read = false;
    loop {
        event.clear();
        match socket.recv(&mut event, 0) {
            Ok(_) => has_read = true,
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => has_read = true,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && has_read => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}
