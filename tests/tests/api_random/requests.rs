//! Requests: most are sound, many are wrong in one way or another.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use vnet_tests::http::request;
use vnet_tests::oracle::random::Random;

use super::bodies;

/// What is to come of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// An answer, and the connection goes on.
    Answer,
    /// It is no HTTP: an answer, and the connection ends.
    Broken,
}

/// A request as it is sent.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub bytes: Vec<u8>,
    pub expected: Expected,
}

/// Makes requests.
#[derive(Debug)]
pub struct Generator {
    random: Random,
    etags: BTreeMap<String, String>,
}

const METHODS: [&str; 8] = ["GET", "POST", "PATCH", "HEAD", "OPTIONS", "TRACE", "get", "BREW"];

const QUERIES: [&str; 10] = [
    "?api-version=2026-01-01",
    "?syncRemoteAddressSpace=true",
    "?both=true",
    "?both=perhaps",
    "?unknown=1",
    "?api-version=1&api-version=2",
    "?%ff%00=%zz",
    "?=&&=",
    "?$top=3",
    "?dryRun=true",
];

const ODD_PATHS: [&str; 16] = [
    "/",
    "//",
    "/../../etc/passwd",
    "/status/",
    "/status/..",
    "/subscriptions//resourceGroups",
    "/subscriptions/%2e%2e",
    "/subscriptions/%ff",
    "/subscriptions/a%2fb",
    "/subscriptions/a%00b",
    "/subscriptions/..",
    "/subscriptions/default/resourceGroups/default",
    "/subscriptions/default/resourceGroups/default/providers/Microsoft.Network/loadBalancers/x",
    "/subscriptions/default/resourceGroups/default/providers/Microsoft.Network/virtualNetworks/v0/subnets/-x",
    "/tokens/%20",
    "/providers/Microsoft.Authorization/roleAssignments/-",
];

impl Generator {
    pub fn new(random: Random) -> Self {
        Self { random, etags: BTreeMap::new() }
    }

    /// Remembers the etag that was answered for a target.
    pub fn learn(&mut self, target: &str, etag: Option<String>) {
        let path = target.split('?').next().unwrap_or_default().to_owned();
        match etag {
            Some(etag) => drop(self.etags.insert(path, etag)),
            None => drop(self.etags.remove(&path)),
        }
    }

    fn group(&mut self) -> &'static str {
        match self.random.between(0, 19) {
            0 => "/subscriptions/nowhere/resourceGroups/g/providers/Microsoft.Network",
            1..4 => "/subscriptions/default/resourceGroups/g/providers/Microsoft.Network",
            _ => "/subscriptions/default/resourceGroups/default/providers/Microsoft.Network",
        }
    }

    /// A resource's path, and a sound body for it.
    fn resource(&mut self) -> (String, Value) {
        let group = self.group();
        let number = self.random.between(0, 3);
        let vnet = format!("{group}/virtualNetworks/v{number}");
        let subnet = format!("{vnet}/subnets/s{}", self.random.between(0, 2));
        match self.random.between(0, 99) {
            0..22 => (vnet, bodies::vnet(&mut self.random, number)),
            22..44 => (subnet, bodies::subnet(&mut self.random, number)),
            44..66 => {
                let remote = format!("{group}/virtualNetworks/v{}", self.random.between(0, 3));
                let path = format!("{vnet}/virtualNetworkPeerings/p{}", self.random.between(0, 3));
                (path, bodies::peering(&mut self.random, &remote))
            }
            66..85 => {
                let path = format!("{group}/networkInterfaces/n{}", self.random.between(0, 5));
                (path, bodies::nic(&mut self.random, number, &subnet))
            }
            85..90 => {
                let name = *self.random.pick(&["red", "blue", "default"]).unwrap_or(&"red");
                (format!("/subscriptions/{name}"), json!({"displayName": format!("number {number}")}))
            }
            90..95 => {
                let scope = *self.random.pick(&["", "/subscriptions/default"]).unwrap_or(&"");
                let path = format!("{scope}/providers/Microsoft.Authorization/roleAssignments/r{number}");
                let principal = format!("user:u{}", self.random.between(0, 3));
                (path, json!({"properties": {"principalId": principal, "roleDefinitionName": "Reader"}}))
            }
            _ => (format!("/tokens/t{number}"), json!({"principalId": format!("user:u{number}")})),
        }
    }

    /// A path with something wrong or odd about it.
    fn odd_path(&mut self, path: &str) -> String {
        match self.random.between(0, 7) {
            0 => path.to_uppercase(),
            1 => format!("{path}/"),
            2 => path.replacen('/', "//", 2),
            3 => format!("{path}{}", "x".repeat(self.random.between(60, 7000))),
            4 => path.chars().map(|c| if c == 'v' { "%76".to_owned() } else { c.to_string() }).collect(),
            5 => format!("{path}/more"),
            _ => (*self.random.pick(&ODD_PATHS).unwrap_or(&"/")).to_owned(),
        }
    }

    fn condition(&mut self, path: &str) -> Option<(&'static str, String)> {
        let name = if self.random.percent(80) { "if-match" } else { "if-none-match" };
        let value = match self.random.between(0, 3) {
            0 => "*".to_owned(),
            1 => "W/\"0123456789\"".to_owned(),
            2 => ",,".to_owned(),
            _ => self.etags.get(path)?.clone(),
        };
        Some((name, value))
    }

    /// The next request.
    pub fn make(&mut self) -> Request {
        let (mut path, mut body) = self.resource();
        let is_sound = self.random.percent(55);
        let mut method = if self.random.percent(82) { "PUT" } else { "DELETE" };
        if self.random.percent(12) {
            method = if is_sound { "GET" } else { self.random.pick(&METHODS).copied().unwrap_or("GET") };
        }
        let mut query = "";
        let mut headers = vec![("content-type", "application/json".to_owned())];
        let mut bytes = None;
        if !is_sound {
            match self.random.between(0, 99) {
                0..15 => path = self.odd_path(&path),
                15..25 => query = self.random.pick(&QUERIES).copied().unwrap_or_default(),
                25..32 => headers = vec![("content-type", self.media_type())],
                32..42 => headers.extend(self.condition(&path)),
                42..75 => bodies::spoil(&mut self.random, &mut body),
                75..90 => bytes = Some(bodies::garble(&mut self.random, &body)),
                90..94 => bytes = Some(Vec::new()),
                94..97 => return self.broken(method, path),
                _ => headers.extend((0..40).map(|_| ("x-filler", "y".repeat(100)))),
            }
        }
        let bytes = match (method, bytes) {
            ("PUT" | "POST" | "PATCH", None) => body.to_string().into_bytes(),
            ("PUT" | "POST" | "PATCH", Some(bytes)) => bytes,
            _ => Vec::new(),
        };
        let target = format!("{path}{query}");
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let sent = match self.random.percent(10) {
            true => self.chunked(method, &target, &headers, &bytes),
            false => request(method, &target, &headers, &bytes),
        };
        Request { method: method.to_owned(), target, bytes: sent, expected: Expected::Answer }
    }

    fn media_type(&mut self) -> String {
        let types = [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/json; charset=utf-8",
            "",
            "a/b/c",
        ];
        (*self.random.pick(&types).unwrap_or(&"")).to_owned()
    }

    /// The same in chunks.
    fn chunked(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
        let mut sent =
            format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n")
                .into_bytes();
        for (name, value) in headers {
            sent.extend(format!("{name}: {value}\r\n").bytes());
        }
        sent.extend(b"\r\n");
        for chunk in body.chunks(self.random.between(1, 200)) {
            sent.extend(format!("{:x}\r\n", chunk.len()).bytes());
            sent.extend([chunk, b"\r\n"].concat());
        }
        sent.extend(b"0\r\n\r\n");
        sent
    }

    /// What is no HTTP.
    fn broken(&mut self, method: &str, target: String) -> Request {
        let bytes = match self.random.between(0, 6) {
            0 => format!("{method} {target}\r\n\r\n"),
            1 => format!("{method} {target} HTTP/9.9\r\nhost: x\r\n\r\n"),
            2 => format!("{method} {target} HTTP/1.1\r\nhost: x\r\nno colon here\r\n\r\n"),
            3 => format!("PUT {target} HTTP/1.1\r\nhost: x\r\ncontent-length: 5, 6\r\n\r\nhello"),
            4 => format!("PUT {target} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n"),
            5 => format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "y".repeat(70_000)),
            _ => format!("GET {target} HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "z".repeat(40_000)),
        };
        Request { method: "?".to_owned(), target, bytes: bytes.into_bytes(), expected: Expected::Broken }
    }
}
