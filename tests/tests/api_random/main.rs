//! 10,000 random requests: whatever comes in, an answer goes out, and nothing changes that was not asked for well.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod bodies;
mod requests;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use vnet_tests::agent::Site;
use vnet_tests::http::{Connection, Reply, request};
use vnet_tests::oracle::random::Random;

use requests::{Expected, Generator, Request};

/// How many requests there are.
const REQUESTS: usize = 10_000;

/// One connection after another: some requests end theirs.
struct Client<'a> {
    socket: &'a Path,
    open: Option<Connection>,
}

impl Client<'_> {
    fn send(&mut self, request: &Request) -> Reply {
        let mut connection = match self.open.take() {
            Some(connection) => connection,
            None => Connection::open(self.socket).expect("the agent listens"),
        };
        // An answer may come, and the connection end, before all of a request is sent.
        let _ = connection.send(&request.bytes);
        if request.expected == Expected::Broken {
            let _ = connection.finish();
        }
        let reply = connection.reply(request.method == "HEAD");
        let shown = || String::from_utf8_lossy(&request.bytes).chars().take(2000).collect::<String>();
        let reply = reply.unwrap_or_else(|error| panic!("{error}:\n{}", shown()));
        let reply = reply.unwrap_or_else(|| panic!("no answer to:\n{}", shown()));
        if request.expected == Expected::Answer && !reply.closes() {
            self.open = Some(connection);
        }
        reply
    }

    fn get(&mut self, target: &str) -> Reply {
        let bytes = request("GET", target, &[], b"");
        self.send(&Request {
            method: "GET".to_owned(),
            target: target.to_owned(),
            bytes,
            expected: Expected::Answer,
        })
    }
}

/// What came of the requests.
#[derive(Debug, Default)]
struct Tally {
    statuses: BTreeMap<u16, usize>,
    codes: BTreeMap<String, usize>,
    /// PUTs and DELETEs that were granted, by kind of resource.
    granted: BTreeMap<String, usize>,
}

impl Tally {
    fn note(&mut self, request: &Request, reply: &Reply) {
        *self.statuses.entry(reply.status).or_default() += 1;
        if let Some(code) = reply.code() {
            *self.codes.entry(code).or_default() += 1;
        }
        if reply.status < 300 && matches!(request.method.as_str(), "PUT" | "DELETE") {
            let path = request.target.split('?').next().unwrap_or_default();
            let kind = path.rsplit('/').nth(1).unwrap_or_default().to_ascii_lowercase();
            *self.granted.entry(format!("{} {kind}", request.method)).or_default() += 1;
        }
    }

    fn share(&self, range: std::ops::Range<u16>) -> usize {
        100 * self.statuses.range(range).map(|(_, count)| count).sum::<usize>() / REQUESTS
    }
}

/// What holds for an error.
fn check_error(request: &Request, reply: &Reply) {
    let shown = String::from_utf8_lossy(&request.bytes).chars().take(2000).collect::<String>();
    assert!(reply.status < 500, "{} {}:\n{shown}", reply.status, String::from_utf8_lossy(&reply.body));
    // What is no HTTP is refused before anybody knows what it is about, with an empty body.
    let is_no_http = request.expected == Expected::Broken && reply.body.is_empty();
    if request.method != "HEAD" && !is_no_http {
        assert!(
            reply.code().is_some(),
            "{} {}:\n{shown}",
            reply.status,
            String::from_utf8_lossy(&reply.body)
        );
    }
}

/// A granted PUT is there afterwards as it was answered, a deleted resource is not.
fn check_granted(client: &mut Client<'_>, request: &Request, reply: &Reply) {
    let path = request.target.split('?').next().unwrap_or_default();
    match request.method.as_str() {
        "PUT" => {
            let read = client.get(path);
            let mut put = reply.json();
            // A token is shown once.
            put.as_object_mut().map(|put| put.remove("token"));
            assert_eq!((read.status, read.json()), (200, put), "{}", request.target);
        }
        "DELETE" => assert_eq!(
            client.get(path).status,
            if path == "/subscriptions/default" { 200 } else { 404 },
            "{path}"
        ),
        _ => {}
    }
}

fn etag_of(reply: &Reply) -> Option<String> {
    reply.json().get("etag").and_then(Value::as_str).map(str::to_owned)
}

#[test]
fn ten_thousand_random_requests_are_each_answered_and_leave_what_they_should() {
    let site = Site::stored();
    let agent = site.start();
    let socket = site.socket();
    let mut client = Client { socket: &socket, open: None };
    let mut generator = Generator::new(Random::new(20_26));
    let mut tally = Tally::default();
    let mut before = client.get("/topology");
    assert_eq!(before.status, 200);
    for _ in 0..REQUESTS {
        let request = generator.make();
        let reply = client.send(&request);
        tally.note(&request, &reply);
        if reply.status >= 400 {
            check_error(&request, &reply);
            let after = client.get("/topology");
            assert!(
                after.body == before.body,
                "{} changed something:\n{}",
                reply.status,
                String::from_utf8_lossy(&request.bytes)
            );
        } else {
            check_granted(&mut client, &request, &reply);
            generator.learn(&request.target, etag_of(&reply));
            before = client.get("/topology");
        }
    }
    assert!(!agent.log().contains("panicked"), "{}", agent.log());
    assert!(tally.share(200..204) >= 25, "too few requests were granted: {tally:?}");
    assert!(tally.share(400..500) >= 25, "too few requests were refused: {tally:?}");
    for code in [
        "InvalidRequestContent",
        "InvalidResourceName",
        "InvalidResourceType",
        "InvalidAddressPrefix",
        "InvalidParameter",
        "ResourceNotFound",
        "MethodNotAllowed",
        "PreconditionFailed",
        "UnsupportedMediaType",
        "VnetAddressSpaceInUse",
        "VnetAddressSpacesOverlap",
        "SubnetNotInVnet",
        "SubnetsOverlap",
        "AddressInUse",
        "AddressReserved",
        "RemotePeeringIsDisconnected",
        "AnotherPeeringAlreadyReferencesRemoteVnet",
    ] {
        assert!(tally.codes.contains_key(code), "{code} never came: {tally:?}");
    }
    for kind in [
        "virtualnetworks",
        "subnets",
        "virtualnetworkpeerings",
        "networkinterfaces",
        "subscriptions",
        "roleassignments",
        "tokens",
    ] {
        for method in ["PUT", "DELETE"] {
            let count = tally.granted.get(&format!("{method} {kind}")).copied().unwrap_or_default();
            assert!(count >= 20, "{method} {kind} was granted {count} times: {tally:?}");
        }
    }
    println!("{tally:?}");
}

#[test]
fn random_bytes_are_answered_or_cut_off_and_harm_nobody() {
    let site = Site::stored();
    let agent = site.start();
    let mut random = Random::new(7);
    let mut answered = 0;
    for _ in 0..500 {
        let mut connection = Connection::open(&site.socket()).expect("the agent listens");
        let start: &[u8] =
            if random.percent(50) { b"PUT /subscriptions/x HTTP/1.1\r\nhost: x\r\n" } else { b"" };
        let garbage: Vec<u8> = (0..random.between(1, 3000)).map(|_| random.bits().to_le_bytes()[0]).collect();
        let _ = connection.send(&[start, &garbage].concat());
        let _ = connection.finish();
        if let Ok(Some(reply)) = connection.reply(false) {
            assert!((400..500).contains(&reply.status), "{reply:?}");
            answered += 1;
        }
    }
    assert!(answered >= 250, "{answered} of 500 were answered");
    assert_eq!(site.arm().get("/topology")["virtualNetworks"], serde_json::json!([]));
    assert!(!agent.log().contains("panicked"), "{}", agent.log());
}
