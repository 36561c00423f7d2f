//! Two subscriptions, the users who own them, and what those type.

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
pub(super) const RED: u32 = 70_001;
pub(super) const BLUE: u32 = 70_002;
pub(super) const NOBODY: u32 = 70_003;
pub(super) const MEMBERS: u32 = 70_011;

pub(super) const RED_SIDE: &str =
    "vnet peering create -n to-blue --vnet-name app --subscription red --remote-vnet blue/default/data";
pub(super) const BLUE_SIDE: &str =
    "vnet peering create -n to-red --vnet-name data --subscription blue --remote-vnet red/default/app";

/// An agent whose socket any user may reach.
pub(super) struct Stage<'a> {
    site: &'a Site,
    pub(super) agent: Agent<'a>,
}

impl<'a> Stage<'a> {
    /// Two subscriptions of two tenants, each with its Owner.
    pub(super) fn new(site: &'a Site) -> Self {
        Self::with(site, &[])
    }

    pub(super) fn with(site: &'a Site, arguments: &[&str]) -> Self {
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
    pub(super) fn with_networks(site: &'a Site) -> Self {
        let stage = Self::new(site);
        stage.make_networks();
        stage
    }

    pub(super) fn make_networks(&self) {
        for (user, vnet, subscription, number) in [(RED, "app", "red", 1), (BLUE, "data", "blue", 2)] {
            self.done(user, &format!(
                "vnet create -n {vnet} --subscription {subscription} -l west --address-prefixes 10.{number}.0.0/16 --subnet-name s --subnet-prefixes 10.{number}.1.0/24"
            ));
        }
    }

    pub(super) fn root(&self, command: &str) -> String {
        let words: Vec<&str> = command.split(' ').collect();
        let ended = self.agent.ask(&words);
        assert_eq!(ended.status, Some(0), "{command}: {}", ended.transcript());
        ended.stdout
    }

    /// Runs a command as a user whose process has this primary group and no other.
    pub(super) fn ask_in(&self, user: u32, group: u32, command: &str) -> Ended {
        let mut process = Command::new("setpriv");
        process.args(["--reuid", &user.to_string(), "--regid", &group.to_string(), "--clear-groups"]);
        process.arg(binary()).args(command.split(' ')).arg("--socket").arg(self.site.socket());
        process.output().expect("setpriv (util-linux) is there").into()
    }

    pub(super) fn ask(&self, user: u32, command: &str) -> Ended {
        self.ask_in(user, user, command)
    }

    pub(super) fn done(&self, user: u32, command: &str) -> String {
        let ended = self.ask(user, command);
        assert_eq!(ended.status, Some(0), "{user}: {command}: {}", ended.transcript());
        ended.stdout
    }

    /// A command that must be refused with this code; what is said. Nothing changes.
    pub(super) fn refused(&self, user: u32, command: &str, code: &str) -> String {
        let before = self.everything();
        let ended = self.ask(user, command);
        assert_eq!((ended.status, ended.stdout.as_str()), (Some(1), ""), "{command}: {}", ended.transcript());
        assert!(ended.stderr.starts_with(&format!("error[{code}]: ")), "{command}: {}", ended.stderr);
        assert_eq!(self.everything(), before, "{command} changed something");
        ended.stderr
    }

    /// The names in a list, as a user sees it.
    pub(super) fn names(&self, user: u32, command: &str) -> Vec<String> {
        names(&self.ask(user, &format!("{command} -o json")).json())
    }

    pub(super) fn everything(&self) -> String {
        let lists = ["vnet list", "nic list", "subscription list", "role assignment list", "token list"];
        lists.iter().map(|list| self.root(&format!("{list} -o yaml"))).collect()
    }

    /// Where the agent listens.
    pub(super) fn address(&self) -> String {
        let log = self.agent.log();
        let address = log.lines().find_map(|line| line.strip_prefix("listening on "));
        address.expect("the agent listens").to_owned()
    }

    /// A token by which a user asks over TCP.
    pub(super) fn token(&self, user: u32) -> String {
        let made = self.root(&format!("token create -n t{user} --assignee user:#{user} -o json"));
        let made: Value = serde_json::from_str(&made).expect("JSON");
        made["token"].as_str().expect("the token is shown once").to_owned()
    }

    /// The state of a peering.
    pub(super) fn state(&self, user: u32, vnet: &str, subscription: &str, name: &str) -> String {
        let command =
            format!("vnet peering show -n {name} --vnet-name {vnet} --subscription {subscription} -o json");
        let shown = self.ask(user, &command).json();
        shown["properties"]["peeringState"].as_str().unwrap().to_owned()
    }

    /// Each Owner gives the other Network Contributor on his network.
    pub(super) fn trust_each_other(&self) {
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

/// Asks by TCP; the whole answer.
pub(super) fn ask_tcp(address: &str, token: &str, method: &str, target: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the agent listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
