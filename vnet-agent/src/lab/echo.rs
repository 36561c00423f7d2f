//! Echo requests and replies over raw sockets, many targets at once.
//!
//! Raw sockets rather than datagram ones: those work only for groups in net.ipv4.ping_group_range, which is empty in a new
//! namespace. They see all ICMP of the namespace, so a reply counts only with the sender's address, the target's place in
//! the list, and a random word that this process alone knows.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};
use vnet_common::net::checksum;

use super::ProbeOptions;
use crate::routing::Family;

const ECHO_REQUEST_V4: u8 = 8;
const ECHO_REPLY_V4: u8 = 0;
const ECHO_REQUEST_V6: u8 = 128;
const ECHO_REPLY_V6: u8 = 129;

/// Type, code, checksum, identifier, sequence number (RFC 792, RFC 4443), then the random word.
const MESSAGE_BYTES: usize = 16;
const LARGEST_PACKET_BYTES: usize = 64 * 1024;
/// A veth's ring holds 256 frames, and a NIC's own may have to wait for the router's address: in portions, none is lost.
const PORTION: usize = 32;
const PORTION_PAUSE: Duration = Duration::from_millis(2);

/// Asks each of `targets`, all of one family, from the calling thread's namespace: which of them answered.
pub(super) fn ask(family: Family, targets: &[IpAddr], options: &ProbeOptions) -> io::Result<Vec<bool>> {
    let mut answered = vec![false; targets.len()];
    if targets.is_empty() {
        return Ok(answered);
    }
    let (domain, protocol) = match family {
        Family::Ipv4 => (Domain::IPV4, Protocol::ICMPV4),
        Family::Ipv6 => (Domain::IPV6, Protocol::ICMPV6),
    };
    // As a UdpSocket: the calls are the same, and it reads into plain bytes.
    let socket = UdpSocket::from(Socket::new(domain, Type::RAW, Some(protocol))?);
    let token = RandomState::new().hash_one(0).to_be_bytes();
    for _ in 0..options.attempts {
        let waiting: Vec<usize> = (0..targets.len()).filter(|&index| !answered[index]).collect();
        for portion in waiting.chunks(PORTION) {
            for &index in portion {
                send(&socket, family, targets[index], index, token)?;
            }
            thread::sleep(PORTION_PAUSE);
        }
        receive(&socket, family, targets, token, options.timeout, &mut answered)?;
        if answered.iter().all(|&is| is) {
            break;
        }
    }
    Ok(answered)
}

fn send(socket: &UdpSocket, family: Family, to: IpAddr, index: usize, token: [u8; 8]) -> io::Result<()> {
    let request = request(family, index, token);
    match socket.send_to(&request, SocketAddr::new(to, 0)) {
        Ok(_) => Ok(()),
        Err(error) if is_unreachable(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether an error says that this target is not reached now, and nothing about the others.
fn is_unreachable(error: &io::Error) -> bool {
    use io::ErrorKind::{AddrNotAvailable, HostUnreachable, NetworkUnreachable};
    // ENOBUFS: the queue is full, or for IPv4 the table of neighbours; for IPv6 the latter is EINVAL (net/ipv6/ip6_output.c).
    matches!(error.kind(), AddrNotAvailable | HostUnreachable | NetworkUnreachable)
        || matches!(error.raw_os_error(), Some(libc::ENOBUFS | libc::EINVAL))
}

fn request(family: Family, index: usize, token: [u8; 8]) -> [u8; MESSAGE_BYTES] {
    let kind = match family {
        Family::Ipv4 => ECHO_REQUEST_V4,
        Family::Ipv6 => ECHO_REQUEST_V6,
    };
    let mut message = [0; MESSAGE_BYTES];
    message[0] = kind;
    // Identifier and sequence number together: the target's place in the list.
    message[4..8].copy_from_slice(&(index as u32).to_be_bytes());
    message[8..].copy_from_slice(&token);
    if family == Family::Ipv4 {
        let sum = checksum::finish(checksum::sum(&message, 0));
        message[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    // The kernel sums up ICMPv6, whose checksum covers the addresses (RFC 3542, section 3.1).
    message
}

fn receive(
    socket: &UdpSocket,
    family: Family,
    targets: &[IpAddr],
    token: [u8; 8],
    timeout: Duration,
    answered: &mut [bool],
) -> io::Result<()> {
    let deadline = Instant::now() + timeout;
    let mut packet = vec![0; LARGEST_PACKET_BYTES];
    while answered.iter().any(|&is| !is) {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        socket.set_read_timeout(Some(left))?;
        let (length, from) = match socket.recv_from(&mut packet) {
            Ok(received) => received,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                return Ok(());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) if is_unreachable(&error) => continue,
            Err(error) => return Err(error),
        };
        let index = packet.get(..length).and_then(|packet| reply_to(family, packet, token));
        if let Some(index) = index.filter(|&index| targets.get(index) == Some(&from.ip())) {
            answered[index] = true;
        }
    }
    Ok(())
}

/// The place in the list of the target that a packet is the reply of.
fn reply_to(family: Family, packet: &[u8], token: [u8; 8]) -> Option<usize> {
    let (message, kind) = match family {
        // A raw IPv4 socket yields the IP header too; its length stands in the lower half of the first byte, in words.
        Family::Ipv4 => (packet.get(usize::from(packet.first()? & 0x0f) * 4..)?, ECHO_REPLY_V4),
        Family::Ipv6 => (packet, ECHO_REPLY_V6),
    };
    let message: &[u8; MESSAGE_BYTES] = message.try_into().ok()?;
    if message[0] != kind || message[1] != 0 || message[8..] != token {
        return None;
    }
    let [.., a, b, c, d, _, _, _, _, _, _, _, _] = *message;
    usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: [u8; 8] = *b"8 bytes!";

    fn reply(family: Family, index: usize) -> Vec<u8> {
        let mut message = request(family, index, TOKEN).to_vec();
        match family {
            Family::Ipv4 => {
                message[0] = ECHO_REPLY_V4;
                let mut packet = vec![0; 20];
                packet[0] = 0x45;
                packet.extend(message);
                packet
            }
            Family::Ipv6 => {
                message[0] = ECHO_REPLY_V6;
                message
            }
        }
    }

    #[test]
    fn a_reply_names_the_target_that_was_asked() {
        for family in Family::ALL {
            for index in [0, 1, 255, 256, 65_536] {
                assert_eq!(reply_to(family, &reply(family, index), TOKEN), Some(index));
            }
        }
    }

    #[test]
    fn another_process_s_reply_a_request_and_a_cut_packet_are_no_reply() {
        for family in Family::ALL {
            let whole = reply(family, 7);
            assert_eq!(reply_to(family, &whole, *b"another!"), None);
            for length in 0..whole.len() {
                assert_eq!(reply_to(family, &whole[..length], TOKEN), None, "{length} bytes");
            }
        }
        assert_eq!(reply_to(Family::Ipv6, &request(Family::Ipv6, 7, TOKEN), TOKEN), None);
    }

    #[test]
    fn an_ipv4_request_sums_up() {
        let request = request(Family::Ipv4, 3, TOKEN);
        assert_eq!(checksum::finish(checksum::sum(&request, 0)), 0);
    }
}
