//! Guests: network namespaces, each with the far end of a veth pair whose near end is an interface of the host.
//!
//! Made with `ip`, and not by the lab under test: what a suite stands on must not be what it tests. Dropped, they are gone.

use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A name that no other test uses, in this process or another. At most 11 bytes, so that a NIC's interface may add some.
#[must_use]
pub fn unique_name(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{what}{}x{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A namespace with an interface `eth0` that has an IPv4 address and a route to everything else.
#[derive(Debug)]
pub struct Guest {
    /// The namespace.
    pub namespace: String,
    /// The near end, on the host.
    pub interface: String,
    address: String,
    gateway: String,
    mac: String,
}

impl Guest {
    /// Makes the namespace and the pair. `address` is an IPv4 address in a /24 whose first address is the gateway.
    ///
    /// # Panics
    /// Where the kernel refuses; likewise below.
    #[must_use]
    pub fn new(address: &str, mac: &str) -> Self {
        let namespace = unique_name("g");
        let network = address.rsplit_once('.').expect("an IPv4 address").0;
        let guest = Self {
            interface: namespace.clone(),
            namespace,
            address: address.to_owned(),
            gateway: format!("{network}.1"),
            mac: mac.to_owned(),
        };
        ip(&["netns", "add", &guest.namespace]);
        guest.plug_in();
        guest
    }

    /// Makes the pair, again where it was deleted.
    pub fn plug_in(&self) {
        // Silence, so that a test may count: no router solicitation and no duplicate address detection.
        for which in ["default", "all"] {
            self.exec(&["sysctl", "-q", "-w", &format!("net.ipv6.conf.{which}.disable_ipv6=1")]);
        }
        let queues = std::thread::available_parallelism().map_or(1, usize::from).to_string();
        let host_end = ["link", "add", &self.interface, "numrxqueues", &queues, "numtxqueues", &queues];
        let guest_end = ["numrxqueues", &queues, "numtxqueues", &queues, "netns", &self.namespace];
        let kind = ["type", "veth", "peer", "name", "eth0", "address", &self.mac];
        ip(&[&host_end[..], &kind[..], &guest_end[..]].concat());
        ip(&["link", "set", &self.interface, "up"]);
        self.ip(&["link", "set", "lo", "up"]);
        self.ip(&["link", "set", "eth0", "up"]);
        self.ip(&["address", "add", &format!("{}/24", self.address), "dev", "eth0"]);
        self.ip(&["route", "add", "default", "via", &self.gateway]);
    }

    /// Deletes the pair.
    pub fn pull_out(&self) {
        ip(&["link", "delete", &self.interface]);
    }

    /// Runs a command in the namespace.
    pub fn exec(&self, command: &[&str]) -> Output {
        let mut exec = Command::new("ip");
        exec.args(["netns", "exec", &self.namespace]).args(command);
        exec.output().expect("iproute2 is installed")
    }

    /// Runs `ip` in the namespace.
    pub fn ip(&self, arguments: &[&str]) -> String {
        ip(&[&["-n", &self.namespace], arguments].concat())
    }

    /// How many of `count` echo requests to `address`, one every 50 ms, were answered.
    #[must_use]
    pub fn ping(&self, address: &str, count: u32) -> u32 {
        let output =
            self.exec(&["ping", "-n", "-q", "-i", "0.05", "-W", "1", "-c", &count.to_string(), address]);
        received(&String::from_utf8_lossy(&output.stdout))
    }

    /// Starts to send echo requests to `address`, one every 5 ms, until told to end.
    ///
    /// # Panics
    /// As above.
    #[must_use]
    pub fn start_pings(&self, address: &str) -> Pinging {
        let mut ping = Command::new("ip");
        ping.args(["netns", "exec", &self.namespace, "ping", "-n", "-q", "-i", "0.005", address]);
        Pinging::start(ping)
    }

    /// Whether an XDP program is on the near end.
    #[must_use]
    pub fn has_program(&self) -> bool {
        ip(&["-d", "link", "show", &self.interface]).contains("xdp")
    }
}

/// Echo requests under way. Dropped, they end.
#[derive(Debug)]
pub struct Pinging(Option<Child>);

impl Pinging {
    /// Starts a `ping` that goes on until it is ended, by a command that is quiet about single answers.
    ///
    /// # Panics
    /// Where it cannot be started.
    #[must_use]
    pub fn start(mut ping: Command) -> Self {
        Self(Some(ping.stdout(Stdio::piped()).spawn().expect("iproute2 and ping are installed")))
    }

    /// Ends them: how many were sent, and how many of those answered. The last may still be under way.
    ///
    /// # Panics
    /// Where `ping` has ended before.
    #[must_use]
    pub fn end(mut self) -> (u32, u32) {
        let child = self.0.take().expect("it ends once");
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process number fits"));
        kill(pid, Signal::SIGINT).expect("ping goes on");
        let output = child.wait_with_output().expect("a child can be waited for");
        let text = String::from_utf8_lossy(&output.stdout);
        let sent =
            text.lines().find_map(|line| line.split_once(" packets transmitted")?.0.trim().parse().ok());
        (sent.unwrap_or_else(|| panic!("{text}")), received(&text))
    }
}

impl Drop for Pinging {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The number of answers in what `ping` says at its end.
///
/// # Panics
/// Where it said something else.
#[must_use]
pub fn received(output: &str) -> u32 {
    let words: Vec<&str> = output.split_whitespace().collect();
    let at = words.iter().position(|word| word.starts_with("received")).expect(output);
    words[at - 1].parse().expect("a number of packets")
}

impl Drop for Guest {
    fn drop(&mut self) {
        // The pair goes with its far end, unless a test put it elsewhere.
        for arguments in [["netns", "delete", &self.namespace], ["link", "delete", &self.interface]] {
            let _ = Command::new("ip").args(arguments).output();
        }
    }
}

/// Runs `ip`.
///
/// # Panics
/// Where it refuses.
pub fn ip(arguments: &[&str]) -> String {
    let output = Command::new("ip").args(arguments).output().expect("iproute2 is installed");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {} failed: {errors}", arguments.join(" "));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
