//! The API as HTTP: who is let in, what is too much, and what a request must look like.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use serde_json::json;
use vnet_tests::agent::{Agent, Site};
use vnet_tests::arm::vnet_id;
use vnet_tests::http::{Connection, Reply, request};
use vnet_tests::program;

const JSON: (&str, &str) = ("content-type", "application/json");

fn ask(site: &Site, bytes: &[u8]) -> Reply {
    let mut connection = Connection::open(&site.socket()).expect("the agent listens");
    // An answer may come before all is sent.
    let _ = connection.send(bytes);
    connection.reply(false).expect("an answer comes").expect("an answer comes")
}

fn told(reply: &Reply) -> (u16, String) {
    (reply.status, reply.code().unwrap_or_default())
}

fn mode(site: &Site) -> u32 {
    fs::metadata(site.socket()).expect("the socket is there").permissions().mode() & 0o777
}

#[test]
fn the_socket_is_for_everybody_where_roles_decide_and_for_the_owner_alone_otherwise() {
    let stored = Site::stored();
    let _agent = stored.start();
    assert_eq!(mode(&stored), 0o666);
    let declared = Site::new("virtualNetworks: []\n");
    let _other = declared.start();
    assert_eq!(mode(&declared), 0o600);
    let put = declared.arm().request("PUT", &vnet_id("hub"), Some(&json!({})));
    assert_eq!((put.status, put.code()), (409, "ReadOnly"));
    assert_eq!(declared.arm().get("/topology"), json!({"virtualNetworks": []}));
}

#[test]
fn a_body_has_a_media_type_and_a_limit() {
    let site = Site::stored();
    let _agent = site.start();
    let hub = vnet_id("hub");
    for headers in [&[][..], &[("content-type", "text/plain")], &[("content-type", "application/jsonx")]] {
        let reply = ask(&site, &request("PUT", &hub, headers, b"{}"));
        assert_eq!(told(&reply), (415, "UnsupportedMediaType".to_owned()), "{headers:?}");
    }
    let mut long = format!("{{\"location\": \"{}\"}}", "x".repeat(4 << 20));
    let reply = ask(&site, &request("PUT", &hub, &[JSON], long.as_bytes()));
    assert_eq!(told(&reply), (413, "RequestTooLarge".to_owned()));
    assert!(reply.closes(), "{reply:?}");
    long.truncate(1 << 20);
    let reply = ask(&site, &request("PUT", &hub, &[JSON], long.as_bytes()));
    assert_eq!(told(&reply), (400, "InvalidRequestContent".to_owned()));
    let twice = br#"{"location": "a", "location": "b"}"#;
    let reply = ask(&site, &request("PUT", &hub, &[JSON], twice));
    assert!(
        reply.json()["error"]["message"].as_str().unwrap().contains("property \"location\" stands twice"),
        "{reply:?}"
    );
}

#[test]
fn the_body_of_one_who_may_do_nothing_is_not_waited_for() {
    let site = Site::stored();
    let (_agent, address) = by_tcp(&site);
    let token = site.arm().put("/tokens/ci", &json!({"principalId": "user:ci"}));
    let token = token["token"].as_str().expect("the token is shown once");
    let authorization = format!("Bearer {token}");
    for (method, target) in [
        ("PUT", vnet_id("hub")),
        ("PUT", "/tokens/mine".to_owned()),
        ("POST", "/apply".to_owned()),
        ("POST", "/apply?dryRun=true".to_owned()),
        ("POST", "/apply?subscription=default".to_owned()),
    ] {
        let mut stream = TcpStream::connect(&address).expect("the agent listens");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket can be told to wait");
        // The body never comes: whoever waits for it answers 408 after half a minute.
        let head = format!(
            "{method} {target} HTTP/1.1\r\nhost: {address}\r\nauthorization: {authorization}\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("the agent reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the agent answers and ends the connection");
        assert!(
            answer.starts_with("HTTP/1.1 403 ") && answer.contains("AuthorizationFailed"),
            "{target}: {answer}"
        );
    }
    let log = site.arm().get("/providers/Microsoft.Insights/eventtypes/management/values");
    let refused =
        log["value"].as_array().expect("a list").iter().filter(|event| event["caller"] == "user:ci");
    let told: Vec<_> =
        refused.map(|event| (event["resourceId"].clone(), event["subStatus"]["value"].clone())).collect();
    let denied = |resource: &str| (json!(resource), json!("AuthorizationFailed"));
    let expected = ["/subscriptions/default", "/", "/tokens/mine", &vnet_id("hub")].map(denied);
    assert_eq!(told, expected);
}

#[test]
fn headers_have_a_limit() {
    let site = Site::stored();
    let _agent = site.start();
    let long = "x".repeat(20_000);
    assert_eq!(ask(&site, &request("GET", "/status", &[("x-long", &long)], b"")).status, 431);
    let many: Vec<(&str, &str)> = (0..100).map(|_| ("x-one", "y")).collect();
    assert_eq!(ask(&site, &request("GET", "/status", &many, b"")).status, 431);
    let some: Vec<(&str, &str)> = (0..50).map(|_| ("x-one", "y")).collect();
    assert_eq!(ask(&site, &request("GET", "/status", &some, b"")).status, 200);
}

#[test]
fn one_user_has_so_many_connections_and_the_next_is_told_so() {
    let site = Site::stored();
    let _agent = site.start();
    let mut held: Vec<Connection> =
        (0..64).map(|_| Connection::open(&site.socket()).expect("the agent listens")).collect();
    // Each is known to be served before the next limit is looked at.
    for connection in &mut held {
        connection.send(&request("GET", "/subscriptions", &[], b"")).expect("it is served");
        assert_eq!(connection.reply(false).expect("it is served").expect("it is served").status, 200);
    }
    let mut late = Connection::open(&site.socket()).expect("the agent listens");
    let reply = late.reply(false).expect("an answer comes").expect("an answer comes");
    assert_eq!(told(&reply), (429, "TooManyRequests".to_owned()));
    assert!(reply.closes());
    drop(held);
    let again = || {
        Connection::open(&site.socket()).and_then(|mut connection| {
            connection.send(&request("GET", "/subscriptions", &[], b""))?;
            connection.reply(false)
        })
    };
    // Those that were closed are given back as soon as the agent sees it.
    let is_served = (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        matches!(again(), Ok(Some(reply)) if reply.status == 200)
    });
    assert!(is_served);
}

#[test]
fn every_method_that_is_not_there_names_those_that_are() {
    let site = Site::stored();
    let _agent = site.start();
    for (method, target, allowed) in [
        ("POST", vnet_id("hub"), "GET, PUT, DELETE"),
        ("PATCH", vnet_id("hub"), "GET, PUT, DELETE"),
        ("OPTIONS", "/status".to_owned(), "GET"),
        ("DELETE", "/subscriptions".to_owned(), "GET"),
        ("GET", "/apply".to_owned(), "POST"),
    ] {
        let reply = ask(&site, &request(method, &target, &[], b""));
        assert_eq!(
            (told(&reply), reply.header("allow")),
            ((405, "MethodNotAllowed".to_owned()), Some(allowed)),
            "{method} {target}"
        );
    }
}

/// An agent that listens by TCP, and where.
fn by_tcp(site: &Site) -> (Agent<'_>, String) {
    let agent = site.start_with(&["--listen", "127.0.0.1:0"]);
    let log = agent.log();
    let address = log
        .lines()
        .find_map(|line| line.strip_prefix("listening on "))
        .expect("the agent says where it listens");
    (agent, address.to_owned())
}

/// The whole answer to a request with a body, by TCP.
fn send_tcp(address: &str, method: &str, target: &str, token: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the agent listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket can be told to wait");
    let authorization = format!("Bearer {token}");
    let headers = [
        ("authorization", authorization.as_str()),
        ("content-type", "application/yaml"),
        ("connection", "close"),
    ];
    stream.write_all(&request(method, target, &headers, body.as_bytes())).expect("the agent reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the agent answers");
    answer
}

/// The body of a network.
fn network(range: &str) -> serde_json::Value {
    json!({"location": "westeurope", "properties": {"addressSpace": {"addressPrefixes": [range]}}})
}

/// The whole answer to a request by TCP.
fn ask_tcp(address: &str, host: &str, token: Option<&str>, target: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the agent listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket can be told to wait");
    let token = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let head = format!(
        "GET {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\norigin: http://example.org\r\n{token}\r\n"
    );
    stream.write_all(head.as_bytes()).expect("the agent reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the agent answers");
    answer
}

#[test]
fn by_tcp_one_needs_a_token_and_the_agent_s_own_name() {
    let site = Site::stored();
    let (_agent, address) = by_tcp(&site);
    let file = site.state().join("api-token");
    assert_eq!(fs::metadata(&file).expect("the token is there").permissions().mode() & 0o777, 0o600);
    let root = fs::read_to_string(&file).expect("the token can be read");
    let root = root.trim();
    for token in [None, Some("wrong"), Some("")] {
        let answer = ask_tcp(&address, &address, token, "/status");
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
        assert!(answer.to_ascii_lowercase().contains("\r\nwww-authenticate: bearer"), "{answer}");
        assert!(answer.contains("\"AuthenticationFailed\""), "{answer}");
    }
    let answer = ask_tcp(&address, &address, Some(root), "/status");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    // No web page may read an answer.
    assert!(!answer.to_ascii_lowercase().contains("access-control-"), "{answer}");
    let answer = ask_tcp(&address, "rebound.example.org", Some(root), "/status");
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("\"ForbiddenHost\""), "{answer}");
    let log = site.arm().get("/providers/Microsoft.Insights/eventtypes/management/values");
    let failed = log["value"].as_array().expect("a list").iter().find(|event| event["caller"] == "user:?");
    assert_eq!(failed.expect("a failure is noted")["subStatus"]["value"], "AuthenticationFailed");
}

#[test]
fn a_token_stands_for_whom_it_was_made_for_until_it_is_deleted() {
    let site = Site::stored();
    let (_agent, address) = by_tcp(&site);
    let arm = site.arm();
    for name in ["hub", "spoke"] {
        let body = json!({"location": "westeurope", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}});
        arm.put(&vnet_id(name), &body);
    }
    let role = format!("{}/providers/Microsoft.Authorization/roleAssignments/r", vnet_id("hub"));
    arm.put(&role, &json!({"properties": {"principalId": "user:ci", "roleDefinitionName": "Reader"}}));
    let made = arm.put("/tokens/ci", &json!({"principalId": "user:ci"}));
    let token = made["token"].as_str().expect("the token is shown once");
    let ask = |target: &str| ask_tcp(&address, "localhost", Some(token), target);
    let answer = ask("/topology");
    assert!(answer.contains("\"hub\"") && !answer.contains("spoke"), "{answer}");
    assert!(ask(&vnet_id("hub")).starts_with("HTTP/1.1 200 "));
    assert!(ask(&vnet_id("spoke")).starts_with("HTTP/1.1 403 "));
    assert!(ask("/drops").starts_with("HTTP/1.1 403 "));
    assert!(ask("/tokens").starts_with("HTTP/1.1 403 "));
    let counters = ask("/counters");
    assert!(counters.starts_with("HTTP/1.1 200 "), "{counters}");
    arm.delete("/tokens/ci");
    assert!(ask(&vnet_id("hub")).starts_with("HTTP/1.1 401 "));
}

#[test]
fn an_address_that_others_reach_is_refused_at_the_start() {
    let site = Site::stored();
    let arguments: Vec<String> = site.run_arguments();
    let ended = program::run(arguments.iter().map(String::as_str).chain(["--listen", "0.0.0.0:0"]));
    assert_eq!(ended.status, Some(2), "{}", ended.transcript());
    assert!(ended.stderr.contains("0.0.0.0 is not a loopback address"), "{}", ended.stderr);
}

#[test]
fn what_changes_nothing_makes_no_new_version() {
    let site = Site::stored();
    let _agent = site.start();
    let arm = site.arm();
    let version = || arm.get("/status")["version"].as_u64().expect("a number");
    let body = json!({"location": "westeurope", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}});
    assert_eq!(version(), 0);
    let first = arm.request("PUT", &vnet_id("hub"), Some(&body));
    assert_eq!((first.status, version()), (201, 1));
    let second = arm.request("PUT", &vnet_id("hub"), Some(&body));
    assert_eq!((second.status, second.body, version()), (200, first.body, 1));
    assert_eq!((arm.request("DELETE", &vnet_id("none"), None).status, version()), (204, 1));
    let refused = arm.request("PUT", &vnet_id("hub"), Some(&json!({})));
    assert_eq!((refused.status, version()), (400, 1));
    arm.delete(&vnet_id("hub"));
    assert_eq!(version(), 2);
}

#[test]
fn the_activity_log_has_what_was_done_and_what_was_refused() {
    let site = Site::stored();
    let _agent = site.start();
    let arm = site.arm();
    let body = json!({"location": "westeurope", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}});
    arm.put(&vnet_id("hub"), &body);
    assert_eq!(arm.request("PUT", &vnet_id("hub"), Some(&json!({"location": 7}))).status, 400);
    let log = "/subscriptions/default/providers/Microsoft.Insights/eventtypes/management/values";
    let events = arm.get(log)["value"].clone();
    let told: Vec<_> = events
        .as_array()
        .expect("a list")
        .iter()
        .map(|event| {
            let word = |name: &str| event[name]["value"].as_str().unwrap_or_default().to_owned();
            (
                word("operationName"),
                word("status"),
                word("subStatus"),
                event["properties"]["version"].as_u64(),
            )
        })
        .collect();
    let write = || "Microsoft.Network/virtualNetworks/write".to_owned();
    let (failed, succeeded) = ("Failed".to_owned(), "Succeeded".to_owned());
    assert_eq!(
        told,
        [
            (write(), failed, "InvalidRequestContent".to_owned(), None),
            (write(), succeeded, String::new(), Some(1)),
        ]
    );
    assert_eq!(events[0]["resourceId"], vnet_id("hub"));
    assert_eq!(events[0]["caller"], "user:root");
    let newest = arm.get(&format!("{log}?$top=1"));
    assert_eq!(newest["value"], json!([events[0]]));
    let since = events[0]["eventTimestamp"].as_str().expect("a time");
    let later = arm.get(&format!("{log}?$filter=eventTimestamp%20ge%20'{since}'"));
    assert_eq!(later["value"], json!([events[0]]));
}

#[test]
fn a_file_is_planned_applied_and_refused_whole() {
    let site = Site::stored();
    let _agent = site.start();
    let arm = site.arm();
    let file = "virtualNetworks:\n  - { name: hub, region: westeurope, addressSpace: [10.0.0.0/16] }\n";
    let yaml = ("content-type", "application/yaml");
    let change = json!({"action": "+", "resource": "virtual network hub", "details": ["region westeurope", "addressSpace 10.0.0.0/16"]});
    let planned = ask(&site, &request("POST", "/apply?dryRun=true", &[yaml], file.as_bytes()));
    assert_eq!((planned.status, planned.json()), (200, json!({"version": 0, "changes": [change]})));
    assert_eq!(arm.get("/topology"), json!({"virtualNetworks": []}));
    let applied = ask(&site, &request("POST", "/apply", &[yaml, ("if-match", "0")], file.as_bytes()));
    assert_eq!((applied.status, applied.json()), (200, json!({"version": 1, "changes": [change]})));
    assert_eq!(arm.get(&vnet_id("hub"))["location"], "westeurope");
    let stale = ask(&site, &request("POST", "/apply", &[yaml, ("if-match", "0")], file.as_bytes()));
    assert_eq!(told(&stale), (409, "Conflict".to_owned()));
    let again = ask(&site, &request("POST", "/apply", &[yaml], file.as_bytes()));
    assert_eq!((again.status, again.json()), (200, json!({"version": 1, "changes": []})));
    let wrong = "virtualNetworks:\n  - { name: hub, region: westeurope, addressSpace: [ten] }\n  - { name: \"-\", region: westeurope, addressSpace: [10.1.0.0/16] }\n";
    let refused = ask(&site, &request("POST", "/apply", &[yaml], wrong.as_bytes()));
    assert_eq!(told(&refused), (400, "InvalidTopologyFile".to_owned()));
    let details = refused.json()["error"]["details"].clone();
    let places: Vec<_> = details
        .as_array()
        .expect("a list")
        .iter()
        .map(|d| (d["code"].as_str(), d["line"].as_u64()))
        .collect();
    assert_eq!(places, [(Some("InvalidAddressPrefix"), Some(2)), (Some("InvalidResourceName"), Some(3))]);
    for (body, headers, told_as) in [
        (&b"\xff"[..], yaml, (400, "InvalidRequestContent")),
        (b"virtualNetworks: []", JSON, (415, "UnsupportedMediaType")),
    ] {
        let reply = ask(&site, &request("POST", "/apply", &[headers], body));
        assert_eq!(told(&reply), (told_as.0, told_as.1.to_owned()));
    }
    assert_eq!(arm.get("/status")["version"], 1);
}

#[test]
fn an_export_applied_to_an_empty_state_gives_the_same_state() {
    let site = Site::stored();
    let _agent = site.start();
    let arm = site.arm();
    arm.put("/subscriptions/red", &json!({"displayName": "Red team", "tenantId": "contoso"}));
    for (name, range) in [("hub", "10.0.0.0/16"), ("spoke", "10.1.0.0/16")] {
        arm.put(&vnet_id(name), &network(range));
    }
    let there = format!("{}/virtualNetworkPeerings/there", vnet_id("hub"));
    let both = json!({"properties": {"remoteVirtualNetwork": {"id": vnet_id("spoke")}}, "remotePeering": {"name": "back"}});
    arm.put(&there, &both);
    // What only the past explains: a range that one side has not taken over.
    let mut grown = network("10.1.0.0/16");
    grown["properties"]["addressSpace"]["addressPrefixes"] = json!(["10.1.0.0/16", "10.7.0.0/16"]);
    arm.put(&vnet_id("spoke"), &grown);
    // Azure's clients make up the name of a role assignment.
    let roles = "/providers/Microsoft.Authorization/roleAssignments";
    for (scope, name) in [
        (String::new(), "0b1f6471-1bf0-4dda-aec3-111122223333"),
        ("/subscriptions/red".to_owned(), "5d1c5ea9-8a1d-4bd3-8a3c-444455556666"),
        (vnet_id("hub"), "my-name"),
    ] {
        let body = json!({"properties": {"principalId": "user:ci", "roleDefinitionName": "Reader"}});
        arm.put(&format!("{scope}{roles}/{name}"), &body);
    }
    let exported = ask(&site, &request("GET", "/export", &[], b""));
    assert_eq!((exported.status, exported.header("content-type")), (200, Some("application/yaml")));
    let version = exported.header("etag").expect("the export has its version").to_owned();
    let yaml = ("content-type", "application/yaml");
    let again = ask(&site, &request("POST", "/apply", &[yaml, ("if-match", &version)], &exported.body));
    assert_eq!((again.status, again.json()["changes"].clone()), (200, json!([])), "{:?}", again.json());

    let other = Site::stored();
    let _other_agent = other.start();
    let applied = ask(&other, &request("POST", "/apply", &[yaml], &exported.body));
    assert_eq!(applied.status, 200, "{}", applied.json());
    for target in ["/topology", "/subscriptions", roles] {
        assert_eq!(other.arm().get(target), arm.get(target), "{target}");
    }
}

#[test]
fn the_owner_of_one_subscription_applies_a_file_about_it_alone() {
    let site = Site::stored();
    let (_agent, address) = by_tcp(&site);
    let arm = site.arm();
    arm.put("/subscriptions/red", &json!({}));
    arm.put(&vnet_id("hub"), &network("10.0.0.0/16"));
    let role = "/subscriptions/red/providers/Microsoft.Authorization/roleAssignments/r";
    arm.put(role, &json!({"properties": {"principalId": "user:ci", "roleDefinitionName": "Owner"}}));
    let made = arm.put("/tokens/ci", &json!({"principalId": "user:ci"}));
    let token = made["token"].as_str().expect("the token is shown once");
    // Who has which role there is left as it is.
    let file = "subscription: red\nvirtualNetworks:\n  - { name: own, region: westeurope, addressSpace: [10.0.0.0/16] }\n";
    let apply = |target: &str| send_tcp(&address, "POST", target, token, file);
    let all = apply("/apply");
    assert!(all.starts_with("HTTP/1.1 403 "), "{all}");
    let own = apply("/apply?subscription=red");
    assert!(own.starts_with("HTTP/1.1 200 ") && own.contains("virtual network red/default/own"), "{own}");
    let foreign = apply("/apply?subscription=default");
    assert!(foreign.starts_with("HTTP/1.1 403 "), "{foreign}");
    assert_eq!(arm.get(&vnet_id("hub"))["name"], "hub");
    let log = arm.get("/subscriptions/red/providers/Microsoft.Insights/eventtypes/management/values?$top=1");
    let newest = &log["value"][0];
    assert_eq!((&newest["caller"], &newest["resourceId"]), (&json!("user:ci"), &json!("/subscriptions/red")));
    assert!(send_tcp(&address, "GET", "/export", token, "").starts_with("HTTP/1.1 403 "));
    let peered = file.replace(" }", ", peerings: [{ name: p, remoteVirtualNetwork: default/default/hub }] }");
    let linked = send_tcp(&address, "POST", "/apply?subscription=red", token, &peered);
    assert!(linked.starts_with("HTTP/1.1 403 "), "{linked}");
    let (_, body) = linked.split_once("\r\n\r\n").expect("a body");
    let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
    let (error, detail) = (&body["error"], &body["error"]["details"][0]);
    let code = json!("LinkedAuthorizationFailed");
    assert_eq!((&error["code"], &detail["code"], &detail["line"]), (&code, &code, &json!(3)), "{body}");
    let log = arm.get("/subscriptions/red/providers/Microsoft.Insights/eventtypes/management/values?$top=1");
    assert_eq!(log["value"][0]["subStatus"]["value"], code);
}

#[test]
fn of_two_clients_that_change_the_same_at_once_one_wins_and_the_other_is_told() {
    let site = Site::stored();
    let _agent = site.start();
    let arm = site.arm();
    let hub = vnet_id("hub");
    arm.put(&hub, &network("10.0.0.0/16"));
    for round in 0..20 {
        let before = arm.get(&hub);
        let etag = before["etag"].as_str().expect("an etag");
        let put = |writer: usize| {
            let mut body = network("10.0.0.0/16");
            let range = format!("10.{}.{writer}.0/24", 100 + round);
            body["properties"]["addressSpace"]["addressPrefixes"] = json!(["10.0.0.0/16", range]);
            ask(&site, &request("PUT", &hub, &[JSON, ("if-match", etag)], body.to_string().as_bytes()))
        };
        let replies: Vec<Reply> = std::thread::scope(|scope| {
            let put = &put;
            let writers: Vec<_> = (0..4).map(|writer| scope.spawn(move || put(writer))).collect();
            writers.into_iter().map(|writer| writer.join().expect("it is answered")).collect()
        });
        let (won, lost): (Vec<&Reply>, Vec<&Reply>) = replies.iter().partition(|reply| reply.status == 200);
        assert_eq!((won.len(), lost.len()), (1, 3), "{replies:?}");
        assert!(lost.iter().all(|reply| told(reply) == (412, "PreconditionFailed".to_owned())), "{lost:?}");
        assert_eq!(won.first().expect("one has won").json(), arm.get(&hub));
    }
    assert_eq!(arm.get("/status")["version"], 21);
}
