//! A machine of a lab: a NIC's namespace and what is in it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::process::{Command, Output};

use vnet_agent::config;
use vnet_agent::lab::{interface_name, namespace_name};
use vnet_agent::link::Namespace;
use vnet_agent::model::Topology;

use crate::frames::Host;

/// The machine behind a NIC.
#[derive(Clone, Debug)]
pub struct Vm {
    /// The NIC's name.
    pub nic: String,
    /// The namespace.
    pub namespace: String,
    /// The host end of its veth pair.
    pub interface: String,
    /// The NIC's MAC address.
    pub mac: [u8; 6],
    /// The NIC's IPv4 address.
    pub v4: Option<Ipv4Addr>,
    /// The NIC's IPv6 address.
    pub v6: Option<Ipv6Addr>,
}

impl Vm {
    /// What stands in the headers that it sends; the unspecified address for a family that it lacks.
    #[must_use]
    pub fn host(&self) -> Host {
        let v4 = self.v4.unwrap_or(Ipv4Addr::UNSPECIFIED);
        Host { name: "", mac: self.mac, v4, v6: self.v6.unwrap_or(Ipv6Addr::UNSPECIFIED) }
    }

    /// Its addresses.
    #[must_use]
    pub fn addresses(&self) -> Vec<IpAddr> {
        self.v4.map(IpAddr::V4).into_iter().chain(self.v6.map(IpAddr::V6)).collect()
    }

    /// The same machine, taken to have its IPv4 address alone.
    #[must_use]
    pub fn only_v4(&self) -> Self {
        Self { v6: None, ..self.clone() }
    }

    /// The same machine, taken to have its IPv6 address alone.
    #[must_use]
    pub fn only_v6(&self) -> Self {
        Self { v4: None, ..self.clone() }
    }

    /// A command that runs in the namespace.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace, program]);
        command
    }

    /// Runs a command in the namespace and waits for its end.
    ///
    /// # Panics
    /// Where it cannot be started.
    #[must_use]
    pub fn run(&self, command: &[&str]) -> Output {
        let (program, arguments) = command.split_first().expect("a command");
        self.command(program).args(arguments).output().expect("iproute2 is installed")
    }

    /// Runs a command in the namespace that must end well, and gives what it prints.
    ///
    /// # Panics
    /// Where it fails.
    pub fn text(&self, command: &[&str]) -> String {
        let output = self.run(command);
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{}: {command:?}: {}\n{stdout}{stderr}", self.nic, output.status);
        stdout.into_owned()
    }

    /// Does `work` in the namespace, on a thread of its own. Sockets opened there stay there.
    ///
    /// # Panics
    /// Where the namespace is gone.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let path = Path::new("/run/netns").join(&self.namespace);
        let namespace = Namespace::open(&path).expect("the lab stands");
        namespace.enter(work).expect("a namespace can be entered")
    }

    /// A counter of the machine's own interface, as the kernel keeps it.
    ///
    /// # Panics
    /// Where there is none of that name.
    #[must_use]
    pub fn link_counter(&self, direction: &str, counter: &str) -> u64 {
        let link = self.text(&["ip", "-json", "-statistics", "link", "show", "dev", "eth0"]);
        let link: serde_json::Value = serde_json::from_str(&link).expect("ip prints JSON");
        link[0]["stats64"][direction][counter].as_u64().expect("a counter of that name")
    }

    /// Takes its addresses and its neighbour resolution from the machine's kernel, which then sends nothing of its own.
    ///
    /// # Panics
    /// Where the kernel refuses.
    pub fn silence(&self) {
        self.text(&["sysctl", "-q", "-w", "net.ipv6.conf.eth0.disable_ipv6=1"]);
        self.text(&["ip", "link", "set", "eth0", "arp", "off"]);
        self.text(&["ip", "address", "flush", "dev", "eth0"]);
    }

    /// Whether its interface or its namespace is there.
    pub(super) fn is_there(&self) -> bool {
        let paths = [format!("/sys/class/net/{}", self.interface), format!("/run/netns/{}", self.namespace)];
        paths.iter().any(|path| Path::new(path).symlink_metadata().is_ok())
    }
}

fn topology(text: &str) -> Topology {
    match config::load(text, &Topology::default()) {
        Ok(loaded) => loaded.topology,
        Err(problems) => panic!("{}", problems.render("topology", text, false)),
    }
}

/// The names of the NICs in a topology file.
pub(super) fn names(text: &str) -> Vec<String> {
    topology(text).nics().map(|(_, nic)| nic.name().to_string()).collect()
}

/// The machines of a topology file, by the names of their NICs.
pub(super) fn of_file(text: &str) -> BTreeMap<String, Vm> {
    let topology = topology(text);
    let vms = topology.nics().map(|(_, nic)| Vm {
        nic: nic.name().to_string(),
        namespace: namespace_name(nic.name()),
        interface: interface_name(nic.name()),
        mac: nic.mac().octets(),
        v4: nic.ipv4(),
        v6: nic.ipv6(),
    });
    vms.map(|vm| (vm.nic.clone(), vm)).collect()
}
