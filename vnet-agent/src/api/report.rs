//! What the daemon reports, as it stands in JSON.

use serde::{Deserialize, Serialize};
use vnet_common::verdict::DropReason;

use crate::daemon::{NicStatus, Observed};
use crate::dataplane::counters;
use crate::model::{Peering, PeeringState, Topology, VirtualNetwork};

/// The daemon at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The agent's own version.
    pub agent_version: String,
    /// The version of the state: how many changes led to it.
    pub version: u64,
    /// What is observed and differs from what is stored, a sentence each.
    pub drift: Vec<String>,
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
    /// Delivered from here to the remote. None where nobody counts: no agent was asked.
    pub sent: Option<Traffic>,
    /// Delivered from the remote to here.
    pub received: Option<Traffic>,
}

/// What a NIC sent and received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NicCounters {
    /// The NIC.
    pub name: String,
    /// Its virtual network.
    pub virtual_network: String,
    /// Sent, and delivered to another NIC. None where nobody counts; likewise below.
    pub sent: Option<Traffic>,
    /// Delivered to this NIC.
    pub received: Option<Traffic>,
    /// Frames that the virtual router answered itself.
    pub answered: Option<u64>,
    /// Frames that were dropped.
    pub dropped: Option<u64>,
}

/// All counters. They grow from the start of the daemon on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// How many frames. None where nobody counts.
    pub packets: Option<u64>,
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
    /// The status of an agent whose state has this version.
    #[must_use]
    pub fn of(observed: &Observed, version: u64) -> Self {
        Self {
            drift: observed.drift.clone(),
            virtual_networks: observed.topology.vnets().len(),
            nics: observed.nics(),
            ..Self::without_objects(observed, version)
        }
    }

    /// The same without anything that is in the topology.
    #[must_use]
    pub fn without_objects(observed: &Observed, version: u64) -> Self {
        Self {
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            version,
            drift: Vec::new(),
            generation: observed.generation,
            virtual_networks: 0,
            nics: Vec::new(),
        }
    }
}

/// What crossed away from a peering object, where somebody counted.
type Crossed<'a> = &'a dyn Fn(&VirtualNetwork, &Peering) -> Option<Traffic>;

fn peerings(topology: &Topology, crossed: Crossed<'_>) -> Vec<PeeringCounters> {
    let mut peerings = Vec::new();
    for vnet in topology.vnets() {
        for peering in vnet.peerings() {
            // The other side counts only while both are one peering: an object alone has no counterpart.
            let other = topology
                .other_side(vnet.name(), peering)
                .filter(|_| peering.state() == PeeringState::Connected);
            let sent = crossed(vnet, peering);
            peerings.push(PeeringCounters {
                virtual_network: vnet.name().to_string(),
                name: peering.name().to_string(),
                remote_virtual_network: peering.remote().to_string(),
                peering_state: peering.state().to_string(),
                sent,
                received: match other {
                    Some((remote, other)) => crossed(remote, other),
                    None => sent.map(|_| Traffic::default()),
                },
            });
        }
    }
    peerings
}

impl Counters {
    /// The counters of a topology's peerings, and of NICs.
    #[must_use]
    pub fn of(topology: &Topology, counted: &counters::Counters) -> Self {
        let crossed = |vnet: &VirtualNetwork, peering: &Peering| {
            let key = (vnet.name().clone(), peering.name().clone());
            Some(counted.peerings.get(&key).copied().unwrap_or_default().into())
        };
        let nics = counted.nics.iter().map(|((vnet, nic), traffic)| NicCounters {
            name: nic.to_string(),
            virtual_network: vnet.to_string(),
            sent: Some(traffic.tx.into()),
            received: Some(traffic.rx.into()),
            answered: Some(traffic.answered),
            dropped: Some(traffic.dropped),
        });
        Self { peerings: peerings(topology, &crossed), nics: nics.collect() }
    }

    /// What an agent would count for this topology.
    #[must_use]
    pub fn uncounted(topology: &Topology) -> Self {
        let nics = topology.nics().map(|(vnet, nic)| NicCounters {
            name: nic.name().to_string(),
            virtual_network: vnet.name().to_string(),
            sent: None,
            received: None,
            answered: None,
            dropped: None,
        });
        Self { peerings: peerings(topology, &|_, _| None), nics: nics.collect() }
    }
}

impl Drops {
    /// The drops among `counted`.
    #[must_use]
    pub fn of(counted: &counters::Counters) -> Self {
        Self::with(|reason| Some(counted.drops.get(&reason).copied().unwrap_or_default()))
    }

    /// What an agent would count.
    #[must_use]
    pub fn uncounted() -> Self {
        Self::with(|_| None)
    }

    fn with(packets: impl Fn(DropReason) -> Option<u64>) -> Self {
        let drops = DropReason::ALL.iter().map(|reason| Drop {
            reason: reason.word().to_owned(),
            packets: packets(*reason),
            description: reason.help().to_owned(),
        });
        Self { drops: drops.collect() }
    }
}
