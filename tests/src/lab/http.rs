//! A file behind a small HTTP server, and its checksum by a tool that others trust.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Vm;
use crate::oracle::random::Random;

/// A server that answers every request with the same body, until it is dropped.
#[derive(Debug)]
pub struct HttpServer {
    address: SocketAddr,
    has_ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl HttpServer {
    /// Serves `body` at an address of `vm`.
    ///
    /// # Panics
    /// Where the address cannot be listened at.
    #[must_use]
    pub fn start(vm: &Vm, address: IpAddr, body: Arc<Vec<u8>>) -> Self {
        let listener = vm.enter(|| TcpListener::bind((address, 0))).expect("the machine has the address");
        listener.set_nonblocking(true).expect("a socket can be told not to wait");
        let address = listener.local_addr().expect("a bound socket has an address");
        let has_ended = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&has_ended);
        let thread = std::thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                match listener.accept() {
                    // What goes wrong here, the client complains of.
                    Ok((stream, _)) => answer(&stream, &body).unwrap_or_default(),
                    Err(_) => std::thread::sleep(Duration::from_millis(5)),
                }
            }
        });
        Self { address, has_ended, thread: Some(thread) }
    }

    /// The SHA-256 of what `curl` gets in the namespace of `vm`.
    ///
    /// # Panics
    /// Where the download fails.
    #[must_use]
    pub fn downloaded_sha256(&self, vm: &Vm) -> String {
        let curl =
            "set -o pipefail; curl --silent --show-error --fail --globoff --max-time 100 \"$0\" | sha256sum";
        let url = format!("http://{}/", self.address);
        first_word(&vm.text(&["bash", "-c", curl, &url]))
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.has_ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the server panicked");
        }
    }
}

fn answer(mut stream: &TcpStream, body: &[u8]) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.set_write_timeout(Some(Duration::from_secs(20)))?;
    let mut lines = BufReader::new(stream).lines();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    stream.write_all(body)
}

/// `bytes` random bytes.
#[must_use]
pub fn random_body(bytes: usize) -> Vec<u8> {
    let mut random = Random::new(bytes as u64);
    let mut body = Vec::with_capacity(bytes + 8);
    while body.len() < bytes {
        body.extend_from_slice(&random.bits().to_le_bytes());
    }
    body.truncate(bytes);
    body
}

/// The SHA-256 of `bytes`, by `sha256sum`.
///
/// # Panics
/// Where that cannot be run.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    let mut command = Command::new("sha256sum");
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("coreutils are installed");
    child.stdin.take().expect("a pipe").write_all(bytes).expect("sha256sum reads all");
    let output = child.wait_with_output().expect("a child can be waited for");
    first_word(&String::from_utf8_lossy(&output.stdout))
}

fn first_word(text: &str) -> String {
    text.split_whitespace().next().unwrap_or_default().to_owned()
}
