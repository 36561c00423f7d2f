//! Who may do what, by commands that real users of this machine run.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use pretty_assertions::assert_eq;
use serde_json::Value;
use vnet_tests::agent::{Agent, Site};
use vnet_tests::program::{Ended, binary};

/// Users and a group that no machine has.
const RED: u32 = 70_001;
const BLUE: u32 = 70_002;
const NOBODY: u32 = 70_003;
const MEMBERS: u32 = 70_011;

const RED_SIDE: &str =
    "vnet peering create -n to-blue --vnet-name app --subscription red --remote-vnet blue/default/data";
const BLUE_SIDE: &str =
    "vnet peering create -n to-red --vnet-name data --subscription blue --remote-vnet red/default/app";

/// An agent whose socket any user may reach.
struct Stage<'a> {
    site: &'a Site,
    agent: Agent<'a>,
}

impl<'a> Stage<'a> {
    /// Two subscriptions of two tenants, each with its Owner.
    fn new(site: &'a Site) -> Self {
        Self::with(site, &[])
    }

    fn with(site: &'a Site, arguments: &[&str]) -> Self {
        let agent = site.start_with(arguments);
        // The directory of the socket is this test's own, which nobody else may enter.
        fs::set_permissions(site.socket().parent().unwrap(), fs::Permissions::from_mode(0o755)).unwrap();
        let stage = Self { site, agent };
        for (name, tenant, owner) in [("red", "r", RED), ("blue", "b", BLUE)] {
            stage.root(&format!("subscription create -n {name} --tenant {tenant}"));
            stage.root(&format!(
                "role assignment create --assignee user:#{owner} --role Owner --subscription {name}"
            ));
        }
        stage
    }

    /// Each Owner makes a network of his own.
    fn with_networks(site: &'a Site) -> Self {
        let stage = Self::new(site);
        stage.make_networks();
        stage
    }

    fn make_networks(&self) {
        for (user, vnet, subscription, number) in [(RED, "app", "red", 1), (BLUE, "data", "blue", 2)] {
            self.done(user, &format!(
                "vnet create -n {vnet} --subscription {subscription} -l west --address-prefixes 10.{number}.0.0/16 --subnet-name s --subnet-prefixes 10.{number}.1.0/24"
            ));
        }
    }

    fn root(&self, command: &str) -> String {
        let words: Vec<&str> = command.split(' ').collect();
        let ended = self.agent.ask(&words);
        assert_eq!(ended.status, Some(0), "{command}: {}", ended.transcript());
        ended.stdout
    }

    /// Runs a command as a user whose process has this primary group and no other.
    fn ask_in(&self, user: u32, group: u32, command: &str) -> Ended {
        let mut process = Command::new("setpriv");
        process.args(["--reuid", &user.to_string(), "--regid", &group.to_string(), "--clear-groups"]);
        process.arg(binary()).args(command.split(' ')).arg("--socket").arg(self.site.socket());
        process.output().expect("setpriv (util-linux) is there").into()
    }

    fn ask(&self, user: u32, command: &str) -> Ended {
        self.ask_in(user, user, command)
    }

    fn done(&self, user: u32, command: &str) -> String {
        let ended = self.ask(user, command);
        assert_eq!(ended.status, Some(0), "{user}: {command}: {}", ended.transcript());
        ended.stdout
    }

    /// A command that must be refused with this code; what is said. Nothing changes.
    fn refused(&self, user: u32, command: &str, code: &str) -> String {
        let before = self.everything();
        let ended = self.ask(user, command);
        assert_eq!((ended.status, ended.stdout.as_str()), (Some(1), ""), "{command}: {}", ended.transcript());
        assert!(ended.stderr.starts_with(&format!("error[{code}]: ")), "{command}: {}", ended.stderr);
        assert_eq!(self.everything(), before, "{command} changed something");
        ended.stderr
    }

    /// The names in a list, as a user sees it.
    fn names(&self, user: u32, command: &str) -> Vec<String> {
        names(&self.ask(user, &format!("{command} -o json")).json())
    }

    fn everything(&self) -> String {
        let lists = ["vnet list", "nic list", "subscription list", "role assignment list", "token list"];
        lists.iter().map(|list| self.root(&format!("{list} -o yaml"))).collect()
    }

    /// The state of a peering.
    fn state(&self, user: u32, vnet: &str, subscription: &str, name: &str) -> String {
        let command =
            format!("vnet peering show -n {name} --vnet-name {vnet} --subscription {subscription} -o json");
        let shown = self.ask(user, &command).json();
        shown["properties"]["peeringState"].as_str().unwrap().to_owned()
    }

    /// Each Owner gives the other Network Contributor on his network.
    fn trust_each_other(&self) {
        for (user, other, vnet, subscription) in [(RED, BLUE, "app", "red"), (BLUE, RED, "data", "blue")] {
            self.done(user, &format!(
                "role assignment create --assignee user:#{other} --role NetworkContributor --vnet-name {vnet} --subscription {subscription}"
            ));
        }
    }
}

fn names(list: &Value) -> Vec<String> {
    let list = list.as_array().expect("a list");
    list.iter().map(|one| one["name"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn an_owner_makes_networks_in_his_own_subscription_and_in_no_other() {
    let site = Site::stored();
    let stage = Stage::with_networks(&site);
    for (user, other) in [(RED, "blue"), (BLUE, "red"), (RED, "default")] {
        let told = stage.refused(
            user,
            &format!("vnet create -n x --subscription {other} -l west --address-prefixes 10.9.0.0/16"),
            "AuthorizationFailed",
        );
        assert!(told.contains("Microsoft.Network/virtualNetworks/write"), "{told}");
        assert!(told.contains(&format!("/subscriptions/{other}/")), "{told}");
        assert!(told.contains(&format!("user:#{user}")), "{told}");
    }
    assert_eq!(stage.names(RED, "vnet list"), ["app"]);
    assert_eq!(stage.names(BLUE, "vnet list"), ["data"]);
}

#[test]
fn two_tenants_peer_once_each_has_a_role_on_the_network_of_the_other() {
    let site = Site::stored();
    let stage = Stage::with_networks(&site);
    for (user, command, other) in [(RED, RED_SIDE, "blue"), (BLUE, BLUE_SIDE, "red")] {
        let told = stage.refused(user, command, "LinkedAuthorizationFailed");
        assert!(told.contains("Microsoft.Network/virtualNetworks/peer/action"), "{told}");
        assert!(told.contains(&format!("/subscriptions/{other}/")), "{told}");
    }
    stage.trust_each_other();
    stage.done(RED, RED_SIDE);
    assert_eq!(stage.state(RED, "app", "red", "to-blue"), "Initiated");
    stage.done(BLUE, BLUE_SIDE);
    assert_eq!(stage.state(RED, "app", "red", "to-blue"), "Connected");
    assert_eq!(stage.state(BLUE, "data", "blue", "to-red"), "Connected");
}

#[test]
fn a_reader_lists_and_shows_and_writes_nothing() {
    let site = Site::stored();
    let stage = Stage::with_networks(&site);
    stage.done(RED, "role assignment create --assignee user:#70002 --role Reader --subscription red");
    assert_eq!(stage.names(BLUE, "vnet list --subscription red"), ["app"]);
    stage.done(BLUE, "vnet show -n app --subscription red");
    for command in [
        "vnet update -n app --subscription red --add-address-prefix 10.8.0.0/16",
        "vnet delete -n app --subscription red",
        "vnet subnet create -n t --vnet-name app --subscription red --address-prefixes 10.1.2.0/24",
        "nic create -n vm --subscription red --vnet-name app --subnet s",
    ] {
        stage.refused(BLUE, command, "AuthorizationFailed");
    }
    // To read is not to peer.
    stage.refused(BLUE, BLUE_SIDE, "LinkedAuthorizationFailed");
}

#[test]
fn one_without_a_role_sees_empty_lists_and_reads_nothing_by_name() {
    let site = Site::stored();
    let stage = Stage::with_networks(&site);
    stage.done(RED, "nic create -n vm --subscription red --vnet-name app --subnet s");
    for list in ["vnet list", "nic list", "subscription list", "role assignment list", "activity-log list"] {
        assert_eq!(stage.ask(NOBODY, &format!("{list} -o json")).json(), serde_json::json!([]), "{list}");
    }
    for command in [
        "vnet show -n app --subscription red",
        // Nor does he learn what is there.
        "vnet show -n absent --subscription red",
        "nic show -n vm --subscription red",
        "subscription show -n red",
    ] {
        stage.refused(NOBODY, command, "AuthorizationFailed");
    }
}

#[test]
fn a_role_that_is_taken_away_is_gone_at_once() {
    let site = Site::stored();
    let stage = Stage::with_networks(&site);
    stage.trust_each_other();
    stage.done(BLUE, "vnet update -n app --subscription red --add-address-prefix 10.8.0.0/16");
    stage.done(
        RED,
        "role assignment delete --assignee user:#70002 --role NetworkContributor --vnet-name app --subscription red",
    );
    stage.refused(
        BLUE,
        "vnet update -n app --subscription red --add-address-prefix 10.7.0.0/16",
        "AuthorizationFailed",
    );
    stage.refused(BLUE, BLUE_SIDE, "LinkedAuthorizationFailed");
    assert_eq!(stage.names(BLUE, "vnet list"), ["data"]);
}

#[test]
fn nobody_gives_himself_a_role_or_a_token() {
    let site = Site::stored();
    let stage = Stage::with_networks(&site);
    stage.trust_each_other();
    for (user, scope) in [
        (NOBODY, "--subscription red"),
        (RED, "--subscription blue"),
        (RED, "--scope /"),
        // Network Contributor there, and not Owner.
        (BLUE, "--vnet-name app --subscription red"),
    ] {
        let command = format!("role assignment create --assignee user:#{user} --role Owner {scope}");
        let told = stage.refused(user, &command, "AuthorizationFailed");
        assert!(told.contains("Microsoft.Authorization/roleAssignments/write"), "{told}");
    }
    stage.refused(RED, "token create -n mine --assignee root", "AuthorizationFailed");
    stage.refused(RED, "token create -n mine --assignee user:#70002", "AuthorizationFailed");
}

#[test]
fn an_interface_of_the_machine_is_given_to_a_nic_by_root_alone() {
    let site = Site::stored();
    let stage = Stage::with_networks(&site);
    let command = "nic create -n vm --subscription red --vnet-name app --subnet s";
    stage.refused(RED, &format!("{command} --interface absent0"), "AuthorizationFailed");
    stage.done(RED, command);
    stage.refused(RED, "nic update -n vm --subscription red --interface absent0", "AuthorizationFailed");
    stage.root("nic update -n vm --subscription red --interface absent0");
}

#[test]
fn a_role_of_a_group_is_held_by_its_members_alone() {
    let site = Site::stored();
    let stage = Stage::with_networks(&site);
    stage.done(RED, "role assignment create --assignee group:#70011 --role Contributor --subscription red");
    let grow = "vnet update -n app --subscription red --add-address-prefix 10.8.0.0/16";
    stage.refused(NOBODY, grow, "AuthorizationFailed");
    let ended = stage.ask_in(NOBODY, MEMBERS + 1, grow);
    assert!(ended.stderr.starts_with("error[AuthorizationFailed]: "), "{}", ended.transcript());
    let ended = stage.ask_in(NOBODY, MEMBERS, grow);
    assert_eq!(ended.status, Some(0), "{}", ended.transcript());
}

#[test]
fn the_log_names_who_did_or_was_refused_what_to_those_who_may_read_it() {
    let site = Site::stored();
    let stage = Stage::with_networks(&site);
    stage.refused(BLUE, "vnet delete -n app --subscription red", "AuthorizationFailed");
    let told = |user: Option<u32>| {
        let command = "activity-log list -o json";
        let events: Value = match user {
            Some(user) => stage.ask(user, command).json(),
            None => serde_json::from_str(&stage.root(command)).unwrap(),
        };
        let word =
            |event: &Value, pointer: &str| event.pointer(pointer).unwrap().as_str().unwrap().to_owned();
        let networks = events.as_array().unwrap().iter().map(|event| {
            ["/caller", "/operationName/value", "/status/value", "/subStatus/value"]
                .map(|pointer| word(event, pointer))
                .join(" ")
        });
        networks.filter(|line| line.contains("Microsoft.Network/")).collect::<Vec<_>>()
    };
    let refusal =
        "user:#70002 Microsoft.Network/virtualNetworks/delete Failed AuthorizationFailed".to_owned();
    let red = "user:#70001 Microsoft.Network/virtualNetworks/write Succeeded ".to_owned();
    let blue = "user:#70002 Microsoft.Network/virtualNetworks/write Succeeded ".to_owned();
    assert_eq!(told(None), [refusal.clone(), blue.clone(), red.clone()]);
    assert_eq!(told(Some(RED)), [refusal, red]);
    assert_eq!(told(Some(BLUE)), [blue]);
    assert!(told(Some(NOBODY)).is_empty());
    stage.refused(BLUE, "activity-log list --subscription red", "AuthorizationFailed");
}

/// Asks by TCP; the whole answer.
fn ask_tcp(address: &str, token: &str, target: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the agent listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!(
        "GET {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_token_for_a_user_is_that_user_by_tcp_until_it_is_deleted() {
    let site = Site::stored();
    let stage = Stage::with(&site, &["--listen", "127.0.0.1:0"]);
    stage.make_networks();
    let log = stage.agent.log();
    let address = log.lines().find_map(|line| line.strip_prefix("listening on ")).expect("where it listens");
    let made = stage.root("token create -n ci --assignee user:#70001 -o json");
    let made: Value = serde_json::from_str(&made).unwrap();
    let token = made["token"].as_str().unwrap();
    let network = |subscription: &str, name: &str| {
        format!("{}/virtualNetworks/{name}", vnet_tests::arm::provider(subscription, "default"))
    };
    let answer = ask_tcp(address, token, &network("red", "app"));
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let answer = ask_tcp(address, token, &network("blue", "data"));
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("user:#70001"), "{answer}");
    stage.root("token delete -n ci");
    let answer = ask_tcp(address, token, &network("red", "app"));
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
}
