//! Which interface belongs to which NIC, and how that went.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::compile::Attachments;
use crate::compile::image::Interface;
use crate::lab;
use crate::model::{InterfaceName, Nic, NicId, Topology, VirtualNetwork};

/// The interfaces of the host, by name.
pub type Host = BTreeMap<String, HostInterface>;

/// An interface of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostInterface {
    /// The kernel's number of it.
    pub ifindex: u32,
    /// The longest IP packet that it takes, in bytes.
    pub mtu_bytes: u32,
    /// Whether it takes packets at all. The tables do not depend on it: what comes to a link that is down is lost in the
    /// kernel, which counts it nowhere, so that the NIC's notes are where somebody finds out.
    pub link: LinkState,
    /// An address that the host itself has on it.
    pub address: Option<IpNet>,
}

impl HostInterface {
    /// Why the program must not be put on this interface, where it must not: from then on, nothing that comes in by it
    /// reaches the host's own stack.
    pub(super) fn refusal(&self, name: &str) -> Option<String> {
        let address = self.address?;
        Some(format!(
            "{name} has the host's own address {address}, which the program would cut off; hand the interface over first: \
             ip address delete {address} dev {name}"
        ))
    }

    /// Whether the tables hold the same for both.
    fn is_same_to_tables(&self, other: &Self) -> bool {
        (self.ifindex, self.mtu_bytes) == (other.ifindex, other.mtu_bytes)
    }
}

/// Whether an interface takes packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// It does.
    Up,
    /// It is up, and what it is connected to is not.
    NoCarrier,
    /// It is administratively down.
    Down,
}

impl LinkState {
    /// What to say of an attached interface in this state, and to do about it.
    fn note(self, interface: &str) -> Option<String> {
        match self {
            Self::Up => None,
            Self::NoCarrier => Some(format!(
                "{interface} has no carrier: packets to it are lost; bring up the guest's end, or start the guest"
            )),
            Self::Down => {
                Some(format!("{interface} is down: packets to it are lost; run: ip link set {interface} up"))
            }
        }
    }
}

/// Whether the tables hold the same for both hosts.
pub(super) fn is_same_to_tables(one: &Host, other: &Host) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|((a, one), (b, other))| a == b && one.is_same_to_tables(other))
}

/// Where a NIC stands with its interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NicState {
    /// The program runs on its interface.
    Attached,
    /// Its interface is not there (yet, or any more). It is attached when it appears.
    Missing,
    /// Its interface is there, but the program could not be attached.
    Failed,
    /// The file names no interface, and no lab made one.
    Unassigned,
}

impl fmt::Display for NicState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Attached => "Attached",
            Self::Missing => "Missing",
            Self::Failed => "Failed",
            Self::Unassigned => "Unassigned",
        })
    }
}

/// A NIC and its interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NicStatus {
    /// The NIC.
    pub name: String,
    /// Its virtual network.
    pub virtual_network: String,
    /// The interface that belongs to it.
    pub interface: Option<String>,
    /// Where it stands.
    pub state: NicState,
    /// What is wrong, or what was set at the guest's end.
    pub notes: Vec<String>,
}

/// The interface that belongs to a NIC: the one that the file names, else the one that a lab makes for it.
pub(super) fn interface_name(nic: &Nic) -> String {
    nic.interface().map_or_else(|| lab::interface_name(nic.name()), |name| name.as_str().to_owned())
}

/// The NICs whose interface is there.
///
/// An interface belongs to one NIC: a guest must never get what is meant for another. A name that a NIC declares is that
/// NIC's alone, though a lab would give it to another one; of two NICs to which a lab would give the same, the first has it.
pub(super) fn wanted(topology: &Topology, host: &Host) -> Attachments {
    let mut given = BTreeSet::new();
    let present = topology.nics().filter_map(|(_, nic)| {
        let name = interface_name(nic);
        let interface = host.get(&name)?;
        let is_declared_elsewhere = nic.interface().is_none()
            && InterfaceName::new(&name).is_ok_and(|name| topology.nic_by_interface(&name).is_some());
        if is_declared_elsewhere || !given.insert(interface.ifindex) {
            return None;
        }
        let attached = Interface { ifindex: interface.ifindex, mtu_bytes: interface.mtu_bytes };
        Some((nic.name().clone(), attached))
    });
    present.collect()
}

/// NICs with their interfaces, given what is attached and what failed or was set on the way.
pub(super) fn status<'a>(
    nics: impl Iterator<Item = (&'a Arc<VirtualNetwork>, &'a Nic)>,
    host: &Host,
    attached: &Attachments,
    notes: &BTreeMap<NicId, Vec<String>>,
    failed: &BTreeMap<NicId, String>,
) -> Vec<NicStatus> {
    let of = |nic: &Nic| {
        let mut notes = notes.get(nic.name()).cloned().unwrap_or_default();
        let state = match failed.get(nic.name()) {
            Some(problem) => {
                notes.insert(0, problem.clone());
                NicState::Failed
            }
            None if attached.contains_key(nic.name()) => {
                let name = interface_name(nic);
                let link = host.get(&name).and_then(|interface| interface.link.note(&name));
                notes.splice(0..0, link);
                NicState::Attached
            }
            None if nic.interface().is_some() => NicState::Missing,
            None => NicState::Unassigned,
        };
        let named = nic.interface().is_some() || attached.contains_key(nic.name());
        (state, notes, named.then(|| interface_name(nic)))
    };
    let rows = nics.map(|(vnet, nic)| {
        let (state, notes, interface) = of(nic);
        let (name, virtual_network) = (nic.name().to_string(), vnet.name().to_string());
        NicStatus { name, virtual_network, interface, state, notes }
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    /// One virtual network with these NICs.
    fn topology(nics: &[&str]) -> Topology {
        let mut text = String::from(
            "virtualNetworks: [{ name: a, region: r, addressSpace: [10.0.0.0/16], \
             subnets: [{ name: s, addressPrefixes: [10.0.0.0/24] }] }]\nnics:\n",
        );
        for (number, nic) in nics.iter().enumerate() {
            text += &format!("  - {{ subnet: a/s, addresses: [10.0.0.{}], {nic} }}\n", number + 4);
        }
        config::load(&text, &Topology::default()).unwrap().topology
    }

    fn hosting(names: &[&str]) -> Host {
        let of = |(number, name): (u32, &&str)| {
            (
                (*name).to_owned(),
                HostInterface { ifindex: number, mtu_bytes: 1500, link: LinkState::Up, address: None },
            )
        };
        (10..).zip(names).map(of).collect()
    }

    fn attached(nics: &[&str], interfaces: &[&str]) -> Vec<(String, u32)> {
        let wanted = wanted(&topology(nics), &hosting(interfaces));
        wanted.iter().map(|(nic, interface)| (nic.to_string(), interface.ifindex)).collect()
    }

    #[test]
    fn a_nic_has_the_interface_that_it_names_or_else_that_of_a_lab() {
        let found = attached(&["name: x", "name: y, interface: eth7", "name: z"], &["eth7", "vn-x"]);
        assert_eq!(found, [("x".into(), 11), ("y".into(), 10)]);
    }

    #[test]
    fn an_interface_that_a_nic_names_is_never_another_nic_s_too() {
        for nics in [["name: x", "name: y, interface: vn-x"], ["name: x", "name: a, interface: vn-x"]] {
            let found = attached(&nics, &["vn-x"]);
            let named = if nics[1].contains("name: a") { "a" } else { "y" };
            assert_eq!(found, [(named.into(), 10)]);
        }
    }

    fn host(link: LinkState, mtu_bytes: u32) -> Host {
        BTreeMap::from([("eth9".to_owned(), HostInterface { ifindex: 9, mtu_bytes, link, address: None })])
    }

    fn notes(link: LinkState) -> Vec<String> {
        let topology = topology(&["name: n, interface: eth9"]);
        let host = host(link, 1500);
        let attached = wanted(&topology, &host);
        let told = BTreeMap::from([(NicId::new("n").unwrap(), vec!["GRO is off".to_owned()])]);
        let status = status(topology.nics(), &host, &attached, &told, &BTreeMap::new());
        assert_eq!(status.len(), 1);
        assert_eq!(status[0].state, NicState::Attached);
        status[0].notes.clone()
    }

    #[test]
    fn an_attached_interface_that_takes_no_packets_is_noted_before_what_else_is_wrong() {
        assert_eq!(notes(LinkState::Up), ["GRO is off"]);
        let down = "eth9 is down: packets to it are lost; run: ip link set eth9 up";
        assert_eq!(notes(LinkState::Down), [down, "GRO is off"]);
        let no_carrier =
            "eth9 has no carrier: packets to it are lost; bring up the guest's end, or start the guest";
        assert_eq!(notes(LinkState::NoCarrier), [no_carrier, "GRO is off"]);
    }

    #[test]
    fn a_link_that_goes_down_concerns_no_table_and_another_mtu_does() {
        let up = host(LinkState::Up, 1500);
        assert!(is_same_to_tables(&up, &host(LinkState::Down, 1500)));
        assert!(!is_same_to_tables(&up, &host(LinkState::Up, 9000)));
        assert!(!is_same_to_tables(&up, &Host::new()));
    }
}
