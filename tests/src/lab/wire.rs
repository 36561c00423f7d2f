//! Packet sockets: every frame that an interface receives, and frames of the test's own making sent by one.
//!
//! A socket is bound with the address that the kernel itself gives for the interface, so that none has to be put together
//! by hand. What an XDP program drops or redirects, a packet socket never sees: it stands behind the program.

use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::sockopt::RcvBufForce;
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, bind, recvfrom, send, setsockopt,
    socket,
};

use super::Vm;

/// Room for what arrives while nobody reads, in bytes.
const BUFFER_BYTES: usize = 128 << 20;
/// The longest frame that is kept whole.
const FRAME_BYTES: usize = 10_000;

/// A frame as it arrived.
#[derive(Clone, PartialEq, Eq)]
pub struct Received(pub Vec<u8>);

impl std::fmt::Debug for Received {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().take(80).try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl Received {
    /// Whether it is an IP packet from this address.
    #[must_use]
    pub fn comes_from(&self, source: IpAddr) -> bool {
        self.source() == Some(source)
    }

    /// The source address, where it is an IP packet.
    #[must_use]
    pub fn source(&self) -> Option<IpAddr> {
        let frame = &self.0;
        match frame.get(12..14)? {
            [0x08, 0x00] => Some(<[u8; 4]>::try_from(frame.get(26..30)?).ok()?.into()),
            [0x86, 0xdd] => Some(<[u8; 16]>::try_from(frame.get(22..38)?).ok()?.into()),
            _ => None,
        }
    }

    /// Whether it is an ARP packet.
    #[must_use]
    pub fn is_arp(&self) -> bool {
        self.0.get(12..14) == Some(&[0x08, 0x06])
    }

    /// Whether it is a neighbour advertisement.
    #[must_use]
    pub fn is_advertisement(&self) -> bool {
        self.0.get(12..14) == Some(&[0x86, 0xdd])
            && self.0.get(20) == Some(&58)
            && self.0.get(54) == Some(&136)
    }

    /// The hop limit, where it is an IP packet.
    #[must_use]
    pub fn hop_limit(&self) -> Option<u8> {
        match self.0.get(12..14)? {
            [0x08, 0x00] => self.0.get(22).copied(),
            [0x86, 0xdd] => self.0.get(21).copied(),
            _ => None,
        }
    }
}

/// Sees every frame that an interface receives, from when it is made.
#[derive(Debug)]
pub struct Tap(OwnedFd);

impl Tap {
    /// On a machine's own interface.
    ///
    /// # Panics
    /// Where the kernel refuses; likewise below.
    #[must_use]
    pub fn on(vm: &Vm) -> Self {
        vm.enter(|| Self::open("eth0"))
    }

    fn open(interface: &str) -> Self {
        let tap = Self(packet_socket(interface, Some(SockProtocol::EthAll), SockFlag::SOCK_NONBLOCK));
        setsockopt(&tap.0, RcvBufForce, &BUFFER_BYTES).expect("root may ask for room");
        // Between being made and bound, it heard every interface.
        let _ = tap.received();
        tap
    }

    /// The frames that arrived since the last call. Those that the interface sent are left out.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        let mut frames = Vec::new();
        let mut buffer = vec![0; FRAME_BYTES];
        loop {
            match recvfrom::<LinkAddr>(self.0.as_raw_fd(), &mut buffer) {
                Ok((_, Some(from))) if from.pkttype() == libc::PACKET_OUTGOING => {}
                Ok((length, _)) => frames.push(Received(buffer[..length].to_vec())),
                Err(Errno::EAGAIN) => return frames,
                Err(Errno::EINTR) => {}
                Err(error) => panic!("a frame cannot be read: {error}"),
            }
        }
    }
}

/// A tap on a machine's end on the host: what it sees has got to the host's own stack.
#[must_use]
pub fn host_tap(vm: &Vm) -> Tap {
    Tap::open(&vm.interface)
}

/// Sends frames by a machine's interface.
#[derive(Debug)]
pub struct Transmitter(OwnedFd);

impl Transmitter {
    /// By the interface of this machine.
    ///
    /// # Panics
    /// Where the kernel refuses; likewise below.
    #[must_use]
    pub fn of(vm: &Vm) -> Self {
        // Of no protocol: it sends and never receives.
        Self(vm.enter(|| packet_socket("eth0", None, SockFlag::empty())))
    }

    /// Sends a frame as it is; waits while too many are under way. What the ring between the two ends of the pair has no
    /// room for is lost, and the machine's interface counts it as dropped.
    ///
    /// # Panics
    /// Where the kernel does not take it.
    pub fn send(&self, frame: &[u8]) {
        loop {
            match send(self.0.as_raw_fd(), frame, MsgFlags::empty()) {
                // No room in the ring; since Linux 6.16 the sender is told.
                Ok(_) | Err(Errno::ENOBUFS) => return,
                Err(Errno::EINTR) => {}
                Err(error) => panic!("a frame of {} bytes cannot be sent: {error}", frame.len()),
            }
        }
    }
}

/// A packet socket, bound to an interface of the calling thread's namespace.
fn packet_socket(interface: &str, protocol: Option<SockProtocol>, flags: SockFlag) -> OwnedFd {
    let flags = flags | SockFlag::SOCK_CLOEXEC;
    let socket =
        socket(AddressFamily::Packet, SockType::Raw, flags, protocol).expect("root may open packet sockets");
    let mut all = getifaddrs().expect("the kernel lists its interfaces");
    let address = all.find_map(|entry| {
        let is_it = entry.interface_name == interface;
        entry.address.filter(|_| is_it)?.as_link_addr().copied()
    });
    let address = address.unwrap_or_else(|| panic!("there is no interface {interface}"));
    bind(socket.as_raw_fd(), &address).expect("a packet socket can be bound");
    socket
}
