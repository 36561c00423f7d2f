//! A client of the agent's API as small as can be: one request a connection, so that a killed agent is noticed at once.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The header lines, in lower case up to the colon.
    pub headers: Vec<String>,
    /// The body; null where there is none.
    pub body: Value,
}

impl Answer {
    /// The code of a refusal; empty where it is none.
    #[must_use]
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}

/// The agent behind a socket.
#[derive(Clone, Debug)]
pub struct Arm {
    socket: PathBuf,
}

impl Arm {
    /// The agent behind this socket.
    #[must_use]
    pub fn new(socket: &Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    /// Sends a request; an error where the agent went away before it had answered.
    ///
    /// # Errors
    /// The connection broke.
    pub fn send(&self, method: &str, path: &str, body: Option<&Value>) -> io::Result<Answer> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let body = body.map(Value::to_string).unwrap_or_default();
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
        let head = head + &format!("content-type: application/json\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        parse(&answer).ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "half an answer"))
    }

    /// Sends a request to an agent that is there.
    ///
    /// # Panics
    /// Where the connection breaks.
    #[must_use]
    pub fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let answer = self.send(method, path, body);
        answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Reads a resource that is there.
    ///
    /// # Panics
    /// Where it is not.
    #[must_use]
    pub fn get(&self, path: &str) -> Value {
        let answer = self.request("GET", path, None);
        assert_eq!(answer.status, 200, "GET {path}: {}", answer.body);
        answer.body
    }

    /// Makes or changes a resource.
    ///
    /// # Panics
    /// Where that is refused.
    pub fn put(&self, path: &str, body: &Value) -> Value {
        let answer = self.request("PUT", path, Some(body));
        assert!(matches!(answer.status, 200 | 201), "PUT {path}: {} {}", answer.status, answer.body);
        answer.body
    }

    /// Deletes a resource that is there.
    ///
    /// # Panics
    /// Where that is refused, or there is none.
    pub fn delete(&self, path: &str) {
        let answer = self.request("DELETE", path, None);
        assert!(matches!(answer.status, 200 | 202), "DELETE {path}: {} {}", answer.status, answer.body);
    }
}

/// The answer in these bytes, where it is whole.
fn parse(bytes: &[u8]) -> Option<Answer> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let lower = |line: &str| match line.split_once(':') {
        Some((name, value)) => format!("{}:{value}", name.to_ascii_lowercase()),
        None => line.to_owned(),
    };
    let headers: Vec<String> = lines.map(lower).collect();
    let length = headers.iter().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    if length.is_some_and(|length: usize| length != body.len()) {
        return None;
    }
    let body = if body.is_empty() { Value::Null } else { serde_json::from_str(body).ok()? };
    Some(Answer { status, headers, body })
}

/// The id of a virtual network in the default scope.
#[must_use]
pub fn vnet_id(name: &str) -> String {
    format!("{}/virtualNetworks/{name}", provider("default", "default"))
}

/// The path of the network provider in a resource group.
#[must_use]
pub fn provider(subscription: &str, group: &str) -> String {
    format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network")
}
