//! iperf3 between two machines.

use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::process::{Child, Stdio};

use serde_json::Value;

use super::Vm;

/// What carries the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP, at a rate that a busy machine keeps up with.
    Udp,
}

/// What may be under way when a TCP transfer ends, in bytes: iperf3 stops both ends at once, and what stands in their
/// buffers then is never read. A window of so many bytes, which the kernel doubles, at both ends.
pub const IN_BUFFERS_BYTES: u64 = 4 * WINDOW_BYTES;
const WINDOW_BYTES: u64 = 128 << 10;

/// Which way the bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    ToServer,
    FromServer,
}

/// What a transfer came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// What the sender sent, in bytes.
    pub sent_bytes: u64,
    /// What the receiver's program got, in bytes.
    pub received_bytes: u64,
    /// Datagrams that did not get to the receiver's program.
    pub lost: u64,
}

/// The server, in the namespace of a machine. Dropped, it is killed.
#[derive(Debug)]
pub struct IperfServer {
    address: IpAddr,
    child: Child,
}

impl IperfServer {
    /// Starts a server at an address of `vm` and waits until it listens.
    ///
    /// # Panics
    /// Where it does not.
    #[must_use]
    pub fn start(vm: &Vm, address: IpAddr) -> Self {
        let mut command = vm.command("iperf3");
        command.args(["--server", "--forceflush", "--bind", &address.to_string()]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("iproute2 is installed");
        let output = child.stdout.take().expect("a pipe");
        let server = Self { address, child };
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains("Server listening")), "iperf3 does not listen at {address}");
        // It goes on printing, and a full pipe would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        server
    }

    /// `megabytes` from `client` to the server, then as many the other way.
    ///
    /// # Panics
    /// Where a transfer fails.
    #[must_use]
    pub fn both_ways(&self, client: &Vm, transport: Transport, megabytes: u32) -> [Transfer; 2] {
        [Way::ToServer, Way::FromServer].map(|way| self.transfer(client, transport, way, megabytes))
    }

    fn transfer(&self, client: &Vm, transport: Transport, way: Way, megabytes: u32) -> Transfer {
        let (address, amount) = (self.address.to_string(), format!("{megabytes}M"));
        let window = WINDOW_BYTES.to_string();
        let mut command = vec!["iperf3", "--json", "--bytes", &amount, "--client", &address];
        match transport {
            Transport::Tcp => command.extend(["--window", &window]),
            // Datagrams that fit a packet of 1,280 bytes.
            Transport::Udp => command.extend(["--udp", "--bitrate", "20M", "--length", "1200"]),
        }
        if way == Way::FromServer {
            command.push("--reverse");
        }
        let report: Value = serde_json::from_str(&client.text(&command)).expect("iperf3 prints JSON");
        let end = &report["end"];
        let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("not as expected: {report}"));
        match transport {
            Transport::Tcp => Transfer {
                sent_bytes: number(&end["sum_sent"]["bytes"]),
                received_bytes: number(&end["sum_received"]["bytes"]),
                lost: 0,
            },
            Transport::Udp => Transfer {
                sent_bytes: number(&end["sum"]["bytes"]),
                received_bytes: 1200 * (number(&end["sum"]["packets"]) - number(&end["sum"]["lost_packets"])),
                lost: number(&end["sum"]["lost_packets"]),
            },
        }
    }
}

impl Drop for IperfServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
