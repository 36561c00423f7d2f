//! A lab that the product builds from a topology file, and real tools between its namespaces.
//!
//! The names of NICs decide those of namespaces and interfaces. So a topology is written with short names and brought up
//! with names of its own: tests that run at the same time never meet, and a test speaks of `web-1` all the same.

mod behind;
mod crossing;
mod datagrams;
mod http;
mod iperf;
mod running;
mod tools;
mod vm;
mod wire;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

pub use behind::Behind;
pub use crossing::{assert_crosses, assert_nothing_crosses};
pub use datagrams::{received_texts, udp_socket};
pub use http::{HttpServer, random_body, sha256};
pub use iperf::{IN_BUFFERS_BYTES, IperfServer, Transfer, Transport};
pub use running::{GUEST_CHATTER, NicCount, Running};
pub use tools::{Pings, families};
pub use vm::Vm;
pub use wire::{Received, Tap, Transmitter, host_tap};

use crate::agent::Site;
use crate::guests::unique_name;
use crate::program;

/// A lab that stands. Dropped, it is taken down.
#[derive(Debug)]
pub struct Lab {
    site: Site,
    /// By the name in the topology as written.
    vms: BTreeMap<String, Vm>,
    prefix: String,
    /// The file that the lab was built from.
    file: String,
}

impl Lab {
    /// Builds the lab of a topology with an MTU of 1500 bytes, by `vnet-agent lab up`.
    ///
    /// # Panics
    /// Where the file is refused or the lab cannot be built.
    #[must_use]
    pub fn up(topology: &str) -> Self {
        Self::with_mtu(topology, 1500)
    }

    /// The same with another MTU.
    ///
    /// # Panics
    /// As above.
    #[must_use]
    pub fn with_mtu(topology: &str, mtu_bytes: u32) -> Self {
        let prefix = unique_name("");
        let names = vm::names(topology);
        let file = renamed(topology, &prefix, &names);
        let vms = vm::of_file(&file);
        let vms = names.into_iter().map(|name| (name.clone(), vms[&long(&prefix, &name)].clone())).collect();
        let lab = Self { site: Site::new(&file), vms, prefix, file };
        let path = lab.site.file().display().to_string();
        let up = program::run(["lab", "up", &path, "--mtu", &mtu_bytes.to_string()]);
        assert_eq!(up.status, Some(0), "{}", up.transcript());
        lab
    }

    /// The machine behind a NIC.
    ///
    /// # Panics
    /// Where the topology has none of that name.
    #[must_use]
    pub fn vm(&self, nic: &str) -> &Vm {
        self.vms.get(nic).unwrap_or_else(|| panic!("the topology has no NIC {nic}"))
    }

    /// Every machine.
    pub fn vms(&self) -> impl Iterator<Item = &Vm> {
        self.vms.values()
    }

    /// Starts an agent on the file and waits until it is ready.
    ///
    /// # Panics
    /// Where it ends instead, or does not attach every NIC.
    #[must_use]
    pub fn start(&self) -> Running<'_> {
        let running = Running::new(self, self.site.start());
        let all = format!("ready: {0} of {0} NICs attached", self.vms.len());
        assert!(running.log().contains(&all), "{}", running.log());
        running
    }

    /// The probed matrix, by `vnet-agent lab matrix`; the test fails where a cell is not as the rules say.
    ///
    /// # Panics
    /// As said.
    #[must_use]
    pub fn probed_matrix(&self) -> String {
        let path = self.site.file().display().to_string();
        let matrix = program::run(["lab", "matrix", &path, "-o", "table"]);
        assert_eq!(matrix.status, Some(0), "{}", matrix.transcript());
        matrix.stdout
    }

    /// What stands in the file for the NIC.
    fn long_name(&self, nic: &str) -> String {
        long(&self.prefix, nic)
    }

    /// Writes a topology over the one in force, its NICs renamed as at the start.
    fn write(&self, topology: &str) {
        let names: Vec<String> = self.vms.keys().cloned().collect();
        self.site.write(&renamed(topology, &self.prefix, &names));
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.site.write(&self.file);
        let down = program::run(["lab", "down", &self.site.file().display().to_string()]);
        if std::thread::panicking() {
            eprint!("{}", if down.status == Some(0) { String::new() } else { down.transcript() });
            return;
        }
        assert_eq!(down.status, Some(0), "{}", down.transcript());
        let left: Vec<&Vm> = self.vms.values().filter(|vm| vm.is_there()).collect();
        assert!(left.is_empty(), "{left:?} stay after\n{}", down.transcript());
        assert_eq!(self.site.left(), Vec::<String>::new(), "an agent left something behind");
    }
}

/// Asks again and again until there is an answer.
///
/// # Panics
/// Where there is none for ten seconds: then `what` did not happen.
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < Duration::from_secs(10), "it did not happen: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn long(prefix: &str, nic: &str) -> String {
    format!("{prefix}-{nic}")
}

/// `topology` with each of `nics` renamed, wherever it stands as a whole word.
fn renamed(topology: &str, prefix: &str, nics: &[String]) -> String {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let mut out = String::with_capacity(topology.len());
    let mut rest = topology;
    while !rest.is_empty() {
        let start = rest.find(is_of_name).unwrap_or(rest.len());
        let end = rest[start..].find(|c| !is_of_name(c)).map_or(rest.len(), |length| start + length);
        let word = &rest[start..end];
        out.push_str(&rest[..start]);
        out.push_str(&if nics.iter().any(|nic| nic == word) { long(prefix, word) } else { word.to_owned() });
        rest = &rest[end..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nics_are_renamed_as_whole_words_and_nothing_else_is() {
        let text = "nics: [{ name: a-1, subnet: a/b }] # a-1, a-11, xa-1: a-1";
        let names = ["a-1".to_owned()];
        assert_eq!(
            renamed(text, "7x0", &names),
            "nics: [{ name: 7x0-a-1, subnet: a/b }] # 7x0-a-1, a-11, xa-1: 7x0-a-1"
        );
    }
}
