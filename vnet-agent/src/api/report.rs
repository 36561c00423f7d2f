//! What the daemon reports, as it stands in JSON.

use serde::{Deserialize, Serialize};

use crate::daemon::{Agent, NicStatus};
use crate::dataplane::counters;
use crate::model::PeeringState;

/// The daemon at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The generation that packets see.
    pub generation: u64,
    /// How many virtual networks there are.
    pub virtual_networks: usize,
    /// Every NIC with its interface.
    pub nics: Vec<NicStatus>,
}

/// A number of packets, and their bytes: Ethernet header included, frame check sequence not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Traffic {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

impl From<vnet_common::abi::Traffic> for Traffic {
    fn from(traffic: vnet_common::abi::Traffic) -> Self {
        Self { packets: traffic.packets, bytes: traffic.bytes }
    }
}

/// What crossed a peering, seen from one of its objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PeeringCounters {
    /// The virtual network that the object belongs to.
    pub virtual_network: String,
    /// The object.
    pub name: String,
    /// The remote virtual network.
    pub remote_virtual_network: String,
    /// The object's state.
    pub peering_state: String,
    /// Delivered from here to the remote.
    pub sent: Traffic,
    /// Delivered from the remote to here.
    pub received: Traffic,
}

/// What a NIC sent and received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NicCounters {
    /// The NIC.
    pub name: String,
    /// Its virtual network.
    pub virtual_network: String,
    /// Sent, and delivered to another NIC.
    pub sent: Traffic,
    /// Delivered to this NIC.
    pub received: Traffic,
    /// Frames that the virtual router answered itself.
    pub answered: u64,
    /// Frames that were dropped.
    pub dropped: u64,
}

/// All counters. They grow from the start of the daemon on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counters {
    /// By peering object.
    pub peerings: Vec<PeeringCounters>,
    /// By NIC that has or had an interface.
    pub nics: Vec<NicCounters>,
}

/// Frames dropped for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drop {
    /// The reason.
    pub reason: String,
    /// How many frames.
    pub packets: u64,
    /// What they did.
    pub description: String,
}

/// Drops by reason, those that never came up included, in the order of `vnet_common::verdict`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drops {
    /// One row a reason.
    pub drops: Vec<Drop>,
}

impl Status {
    /// The status of an agent.
    #[must_use]
    pub fn of(agent: &Agent) -> Self {
        let virtual_networks = agent.topology().vnets().len();
        Self { generation: agent.generation(), virtual_networks, nics: agent.status() }
    }
}

impl Counters {
    /// The counters of an agent's peerings and NICs.
    #[must_use]
    pub fn of(agent: &Agent, counted: &counters::Counters) -> Self {
        let topology = agent.topology();
        let mut peerings = Vec::new();
        for vnet in topology.vnets() {
            for peering in vnet.peerings() {
                let crossed = |vnet: &crate::model::VnetName, name: &crate::model::PeeringName| {
                    counted.peerings.get(&(vnet.clone(), name.clone())).copied().unwrap_or_default().into()
                };
                // The other side counts only while both are one peering: an object alone has no counterpart.
                let other = topology
                    .other_side(vnet.name(), peering)
                    .filter(|_| peering.state() == PeeringState::Connected);
                peerings.push(PeeringCounters {
                    virtual_network: vnet.name().to_string(),
                    name: peering.name().to_string(),
                    remote_virtual_network: peering.remote().to_string(),
                    peering_state: peering.state().to_string(),
                    sent: crossed(vnet.name(), peering.name()),
                    received: other.map(|(vnet, peering)| crossed(vnet.name(), peering.name())).unwrap_or_default(),
                });
            }
        }
        let nics = counted.nics.iter().map(|((vnet, nic), traffic)| NicCounters {
            name: nic.to_string(),
            virtual_network: vnet.to_string(),
            sent: traffic.tx.into(),
            received: traffic.rx.into(),
            answered: traffic.answered,
            dropped: traffic.dropped,
        });
        Self { peerings, nics: nics.collect() }
    }
}

impl Drops {
    /// The drops among `counted`.
    #[must_use]
    pub fn of(counted: &counters::Counters) -> Self {
        let drops = counted.drops.iter().map(|(reason, packets)| Drop {
            reason: reason.word().to_owned(),
            packets: *packets,
            description: reason.help().to_owned(),
        });
        Self { drops: drops.collect() }
    }
}
