//! Which interface belongs to which NIC, and how that went.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::compile::Attachments;
use crate::compile::image::Interface;
use crate::lab;
use crate::model::{InterfaceName, Nic, NicName, Topology};

/// The interfaces of the host, by name.
pub type Host = BTreeMap<String, HostInterface>;

/// An interface of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostInterface {
    /// The kernel's number of it.
    pub ifindex: u32,
    /// The longest IP packet that it takes, in bytes.
    pub mtu_bytes: u32,
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

/// Every NIC with its interface, given what is attached and what failed or was set on the way.
pub(super) fn status(
    topology: &Topology,
    attached: &Attachments,
    notes: &BTreeMap<NicName, Vec<String>>,
    failed: &BTreeMap<NicName, String>,
) -> Vec<NicStatus> {
    let of = |nic: &Nic| {
        let mut notes = notes.get(nic.name()).cloned().unwrap_or_default();
        let state = match failed.get(nic.name()) {
            Some(problem) => {
                notes.insert(0, problem.clone());
                NicState::Failed
            }
            None if attached.contains_key(nic.name()) => NicState::Attached,
            None if nic.interface().is_some() => NicState::Missing,
            None => NicState::Unassigned,
        };
        let named = nic.interface().is_some() || attached.contains_key(nic.name());
        (state, notes, named.then(|| interface_name(nic)))
    };
    let rows = topology.nics().map(|(vnet, nic)| {
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

    fn host(names: &[&str]) -> Host {
        let of = |(number, name): (u32, &&str)| {
            ((*name).to_owned(), HostInterface { ifindex: number, mtu_bytes: 1500 })
        };
        (10..).zip(names).map(of).collect()
    }

    fn attached(nics: &[&str], interfaces: &[&str]) -> Vec<(String, u32)> {
        let wanted = wanted(&topology(nics), &host(interfaces));
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
}
