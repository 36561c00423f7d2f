//! The ways from the sender's interface to the receiver's: a bare redirect, the forwarder, Linux routing.

use std::path::Path;
use std::time::{Duration, Instant};

use super::rig::{Guest, Rig, RigError, output, run_with, set};
use super::scenario::{Scenario, ScenarioError};
use crate::dataplane::kernel::traffic::{BareRedirect, TrafficError};
use crate::dataplane::kernel::{AttachError, AttachMode, KernelTables, Links, PinDirectory, PinError};

/// In the rig's own BPF file system.
const PINS: &str = "/sys/fs/bpf/bench";
/// How long a program may stay on an interface from which it was taken.
const DETACH_LIMIT: Duration = Duration::from_secs(5);

/// A way could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum WayError {
    /// The forwarder's tables.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The forwarder's attachments.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// The directory of the attachments.
    #[error(transparent)]
    Pin(#[from] PinError),
    /// The bare redirect.
    #[error(transparent)]
    Traffic(#[from] TrafficError),
    /// Linux routing.
    #[error(transparent)]
    Rig(#[from] RigError),
}

/// A way that frames can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// R: the limit.
    BareRedirect,
    /// F: the forwarder as shipped.
    Forwarder,
    /// K: Linux routing over the same interfaces.
    LinuxRouting,
}

impl Way {
    pub(super) const ALL: [Self; 3] = [Self::BareRedirect, Self::Forwarder, Self::LinuxRouting];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::BareRedirect => "R (bare redirect)",
            Self::Forwarder => "F (forwarder)",
            Self::LinuxRouting => "K (Linux routing)",
        }
    }
}

/// All ways of one scenario, of which one is open at a time.
pub(super) struct Ways {
    hosts: [u32; 2],
    redirect: BareRedirect,
    tables: KernelTables,
    links: Links,
}

impl Ways {
    pub(super) fn new(rig: &Rig, scenario: Scenario) -> Result<Self, WayError> {
        let [sender, receiver, ..] = rig.guests() else { return Err(missing_guest().into()) };
        prepare_routing(scenario, sender, receiver)?;
        let hosts = [sender.host_ifindex, receiver.host_ifindex];
        let tables = scenario.tables(sender.host_ifindex, receiver.host_ifindex)?;
        let links = Links::new(PinDirectory::open(Path::new(PINS))?, AttachMode::Native);
        Ok(Self { hosts, redirect: BareRedirect::load()?, tables, links })
    }

    pub(super) fn open(&mut self, way: Way) -> Result<(), WayError> {
        let [_, receiver] = self.hosts;
        match way {
            Way::BareRedirect => self.redirect.attach(&self.hosts, receiver)?,
            Way::Forwarder => {
                for host in self.hosts {
                    self.links.attach(&mut self.tables, host)?;
                }
            }
            Way::LinuxRouting => {}
        }
        Ok(())
    }

    pub(super) fn close(&mut self) -> Result<(), WayError> {
        self.redirect.detach()?;
        for host in self.hosts {
            self.links.detach(host)?;
        }
        Ok(wait_until_detached()?)
    }
}

/// The kernel takes a program off its interface some time after the last descriptor of the link is closed.
fn wait_until_detached() -> Result<(), RigError> {
    let start = Instant::now();
    while output("ip", &["-o", "link", "show", "type", "veth"])?.contains(" xdp ") {
        if start.elapsed() > DETACH_LIMIT {
            let source = std::io::ErrorKind::TimedOut.into();
            return Err(RigError::System { doing: "detach its interfaces", source });
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

pub(super) fn missing_guest() -> RigError {
    RigError::System { doing: "find its two guests", source: std::io::ErrorKind::NotFound.into() }
}

/// The receiver's interface, as the router's neighbour.
const NEIGHBOR_MAC: &str = "02:76:fe:00:00:01";

/// Linux routes the same frames between the same interfaces where no XDP program takes them: a route for each network
/// that the sender's is peered with, and a neighbour that needs no resolving.
fn prepare_routing(scenario: Scenario, sender: &Guest, receiver: &Guest) -> Result<(), RigError> {
    set("ipv4/ip_forward", "1")?;
    let (from, to) = (&sender.host_interface, &receiver.host_interface);
    set("ipv6/conf/all/forwarding", "1")?;
    // IPv6 is off in the rig, and comes on for these two without addresses of its own making.
    for interface in [from, to] {
        for (parameter, value) in [("addr_gen_mode", "1"), ("dad_transmits", "0"), ("disable_ipv6", "0")] {
            set(&format!("ipv6/conf/{interface}/{parameter}"), value)?;
        }
    }
    for scope in ["all", &sender.host_interface, &receiver.host_interface] {
        set(&format!("ipv4/conf/{scope}/rp_filter"), "0")?;
    }
    let addresses = [
        format!("address replace 192.0.2.1/30 dev {to}"),
        format!("address replace 2001:db8::1/64 dev {to} nodad"),
        format!("neighbour replace 192.0.2.2 lladdr {NEIGHBOR_MAC} dev {to} nud permanent"),
        format!("neighbour replace 2001:db8::2 lladdr {NEIGHBOR_MAC} dev {to} nud permanent"),
    ];
    run_with("ip", &["-batch", "-"], &addresses.join("\n"))?;
    // Only now are there tables to flush.
    for family in ["-4", "-6"] {
        output("ip", &[family, "route", "flush", "proto", "static"])?;
    }
    let mut routes = vec![
        format!("route replace 10.0.0.0/15 dev {from} proto static"),
        format!("route replace fd00::/48 dev {from} proto static"),
    ];
    for [v4, v6] in scenario.remote_prefixes() {
        routes.push(format!("route replace {v4} via 192.0.2.2 dev {to} proto static"));
        routes.push(format!("route replace {v6} via 2001:db8::2 dev {to} proto static"));
    }
    run_with("ip", &["-batch", "-"], &routes.join("\n")).map(|_| ())
}
