//! Datagrams between machines: plain sockets, opened in a namespace and used from anywhere.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::RcvBufForce;

use super::Vm;

/// Room for what arrives while nobody reads, in bytes.
const BUFFER_BYTES: usize = 16 << 20;

/// A socket of `vm` at one of its addresses, at a port that is free.
///
/// # Panics
/// Where the machine has no such address.
#[must_use]
pub fn udp_socket(vm: &Vm, address: IpAddr) -> UdpSocket {
    let socket = vm.enter(|| UdpSocket::bind((address, 0))).expect("the machine has the address");
    setsockopt(&socket, RcvBufForce, &BUFFER_BYTES).expect("root may ask for room");
    socket
}

/// What arrives at `socket` within `time`, or until there are `enough`: each text with its sender.
///
/// # Panics
/// Where the socket fails.
#[must_use]
pub fn received_texts(socket: &UdpSocket, enough: usize, time: Duration) -> Vec<(String, SocketAddr)> {
    let deadline = Instant::now() + time;
    let mut texts = Vec::new();
    let mut buffer = [0; 2048];
    while texts.len() < enough {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        socket.set_read_timeout(Some(left)).expect("a socket can be told how long to wait");
        match socket.recv_from(&mut buffer) {
            Ok((length, from)) => texts.push((String::from_utf8_lossy(&buffer[..length]).into_owned(), from)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
            Err(error) => panic!("a datagram cannot be received: {error}"),
        }
    }
    texts
}
