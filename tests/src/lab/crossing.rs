//! Whether anything crosses from one machine to another: ping, TCP and UDP, by every family that both have.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use pretty_assertions::assert_eq;

use super::{Running, Tap, Vm, families, received_texts, udp_socket};

/// How long an answer that must come may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long nothing must come.
const SILENCE: Duration = Duration::from_millis(300);

const PINGS: u32 = 2;
const DATAGRAMS: u32 = 3;

/// Asserts that pings, a TCP connection and datagrams get from one machine to the other, and their answers back.
///
/// # Panics
/// As said.
pub fn assert_crosses(from: &Vm, to: &Vm) {
    for (source, destination) in families(from, to) {
        let what = format!("{} ({source}) to {} ({destination})", from.nic, to.nic);
        assert_eq!(from.ping(destination, 3, &[]).received, 3, "pings, {what}");

        let (sender, receiver) = (udp_socket(from, source), udp_socket(to, destination));
        let at = receiver.local_addr().expect("a bound socket has an address");
        sender.send_to(b"over UDP", at).unwrap_or_else(|error| panic!("{what}: {error}"));
        let by = sender.local_addr().expect("a bound socket has an address");
        assert_eq!(received_texts(&receiver, 1, PATIENCE), [("over UDP".to_owned(), by)], "{what}");

        let listener = to.enter(|| TcpListener::bind((destination, 0))).expect("the machine has the address");
        let at = listener.local_addr().expect("a bound socket has an address");
        let mut client = connect(from, at, PATIENCE).unwrap_or_else(|error| panic!("TCP, {what}: {error}"));
        let (mut server, by) = listener.accept().expect("the connection stands");
        assert_eq!(by.ip(), source, "{what}");
        client.write_all(b"over TCP").expect("the connection stands");
        drop(client);
        let mut text = String::new();
        server.set_read_timeout(Some(PATIENCE)).expect("a socket can be told how long to wait");
        server.read_to_string(&mut text).unwrap_or_else(|error| panic!("TCP, {what}: {error}"));
        assert_eq!(text, "over TCP", "{what}");
    }
}

/// Asserts that pings, a TCP connection and datagrams do not get from one machine to the other, that each packet is counted
/// as dropped for this reason, and that no frame at all comes out at the other's.
///
/// # Panics
/// As said.
pub fn assert_nothing_crosses(running: &Running<'_>, from: &Vm, to: &Vm, reason: &str) {
    let pairs = families(from, to);
    assert!(!pairs.is_empty(), "{} and {} have no family in common", from.nic, to.nic);
    for (source, destination) in pairs {
        let what = format!("{} ({source}) to {} ({destination})", from.nic, to.nic);
        let before = running.drops();
        let tap = Tap::on(to);

        assert_eq!(from.ping(destination, PINGS, &["-W", "0.5"]).received, 0, "pings, {what}");

        let (sender, receiver) = (udp_socket(from, source), udp_socket(to, destination));
        let at = receiver.local_addr().expect("a bound socket has an address");
        for _ in 0..DATAGRAMS {
            sender.send_to(b"over UDP", at).unwrap_or_else(|error| panic!("{what}: {error}"));
        }
        assert_eq!(received_texts(&receiver, 1, SILENCE), [], "{what}");
        let expected = [(reason.to_owned(), u64::from(PINGS + DATAGRAMS))];
        assert_eq!(running.drops_since(&before), expected.into(), "{what}");

        let before = running.drops();
        let listener = to.enter(|| TcpListener::bind((destination, 0))).expect("the machine has the address");
        let at = listener.local_addr().expect("a bound socket has an address");
        let refusal = connect(from, at, SILENCE).map(|_| ()).map_err(|error| error.kind());
        assert_eq!(refusal, Err(ErrorKind::TimedOut), "TCP, {what}");

        // TCP asks again when its clock says so.
        let drops = running.drops_since(&before);
        assert!(drops.len() == 1 && drops.contains_key(reason), "TCP, {what}: {drops:?}");
        let frames: Vec<_> = tap.received().into_iter().filter(|frame| frame.comes_from(source)).collect();
        assert_eq!(frames, [], "{what}");
    }
}

fn connect(from: &Vm, to: SocketAddr, patience: Duration) -> std::io::Result<TcpStream> {
    from.enter(|| TcpStream::connect_timeout(&to, patience))
}
