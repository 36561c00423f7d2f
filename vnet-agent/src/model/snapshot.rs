//! A topology as a document, whole: what an administrator declared, and what only the past explains.
//!
//! A topology file cannot carry a topology from the daemon to a command-line client, because whether a peering is
//! `Disconnected`, and which of the remote's ranges it took over, follows from no declaration. A [`Snapshot`] has both.
//! Names and MAC addresses are checked when the document is read; [`Topology::restore`] checks everything else by the rules
//! that operations obey, so that what it builds is as sound as what operations build.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::address::check_prefixes;
use super::{
    InterfaceName, MacAddress, Nic, NicId, NicSpec, Operation, PeeredSubnets, Peering, PeeringFlags,
    PeeringName, PeeringSpec, PeeringState, PrefixFault, Refusal, Region, ResourceId, Subnet, SubnetName,
    SubnetRef, SubnetSpec, Topology, VirtualNetwork, VnetId, VnetSpec,
};

/// A whole topology. Two topologies are equal when their snapshots are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Snapshot {
    /// The virtual networks in the order of their names.
    pub virtual_networks: Vec<VnetSnapshot>,
}

/// A virtual network with all that stands in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VnetSnapshot {
    /// Its name.
    pub name: VnetId,
    /// The region that it stands in.
    pub region: Region,
    /// Its ranges.
    pub address_space: Vec<IpNet>,
    /// Its subnets.
    pub subnets: Vec<SubnetSnapshot>,
    /// Its NICs.
    pub nics: Vec<NicSnapshot>,
    /// Its peering objects.
    pub peerings: Vec<PeeringSnapshot>,
}

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubnetSnapshot {
    /// Its name.
    pub name: SubnetName,
    /// Its prefixes.
    pub address_prefixes: Vec<IpNet>,
}

/// A NIC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NicSnapshot {
    /// Its name.
    pub name: NicId,
    /// The subnet, of the virtual network that holds the NIC.
    pub subnet: SubnetName,
    /// Its IPv4 address.
    pub ipv4: Option<Ipv4Addr>,
    /// Its IPv6 address.
    pub ipv6: Option<Ipv6Addr>,
    /// Its MAC address, declared or derived.
    pub mac: MacAddress,
    /// The host interface, when declared.
    pub interface: Option<InterfaceName>,
    /// Whether it may send packets with sources that are not its own.
    #[serde(rename = "enableIPForwarding")]
    pub enable_ip_forwarding: bool,
}

/// A peering object with its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PeeringSnapshot {
    /// Its name.
    pub name: PeeringName,
    /// The virtual network on the other side; it may be gone while the state is `Disconnected`.
    pub remote_virtual_network: VnetId,
    /// The state.
    pub peering_state: PeeringState,
    /// What of the remote this side took over last.
    pub remote_address_space: Vec<IpNet>,
    /// Traffic crosses only while both objects have it true.
    pub allow_virtual_network_access: bool,
    /// Accept packets from the remote whose source lies outside the remote's space.
    pub allow_forwarded_traffic: bool,
    /// Let the remote use the own gateway.
    pub allow_gateway_transit: bool,
    /// Use the remote's gateway.
    pub use_remote_gateways: bool,
    /// Whether all subnets take part; then the three below are empty or false.
    pub peer_complete_vnets: bool,
    /// Own subnets that take part.
    pub local_subnet_names: BTreeSet<SubnetName>,
    /// Subnets of the remote that take part.
    pub remote_subnet_names: BTreeSet<SubnetName>,
    /// Only the IPv6 prefixes of those subnets.
    #[serde(rename = "enableOnlyIPv6Peering")]
    pub enable_only_ipv6_peering: bool,
}

/// A document that describes no topology.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// It breaks a rule that every operation obeys.
    #[error("the snapshot breaks a rule, {}: {refusal}", refusal.code())]
    Refused {
        /// The rule.
        #[from]
        refusal: Refusal,
    },
    /// A peering's state that the other side contradicts.
    #[error(
        "peering {vnet}/{peering} is {state}, but {}",
        match .other { Some(other) => format!("the other side is there and {other}"), None => "there is no other side".into() }
    )]
    State {
        /// The virtual network that has the object.
        vnet: VnetId,
        /// The object.
        peering: PeeringName,
        /// Its state.
        state: PeeringState,
        /// The state of the object on the other side, when there is one.
        other: Option<PeeringState>,
    },
    /// A `remoteAddressSpace` that no virtual network can ever have had.
    #[error("remoteAddressSpace of peering {vnet}/{peering}: {prefix} {fault}")]
    RemoteAddressSpace {
        /// The virtual network that has the object.
        vnet: VnetId,
        /// The object.
        peering: PeeringName,
        /// The prefix at fault.
        prefix: IpNet,
        /// What is wrong with it.
        fault: PrefixFault,
    },
    /// Subnets named, or IPv6 alone, although the complete virtual networks take part.
    #[error("peering {vnet}/{peering} has peerCompleteVnets, and yet says which subnets take part")]
    CompleteWithSubnets {
        /// The virtual network that has the object.
        vnet: VnetId,
        /// The object.
        peering: PeeringName,
    },
}

impl Topology {
    /// The topology as a document: everything of it, and each list in the order of its names.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { virtual_networks: self.vnets().map(|vnet| VnetSnapshot::of(vnet)).collect() }
    }

    /// The topology whose snapshot this is: the very one, states and `remoteAddressSpace`s included. The order of lists does
    /// not matter.
    ///
    /// # Errors
    /// [`SnapshotError`]: the first thing that no topology can be like.
    pub fn restore(snapshot: Snapshot) -> Result<Self, SnapshotError> {
        Self::restore_as(snapshot, |state| state == PeeringState::Disconnected)
    }

    /// As [`restore`](Self::restore), for what somebody [sees](Self::visible_to) of a topology: the remote of any peering that is
    /// not `Connected` may be hidden from him.
    ///
    /// # Errors
    /// As [`restore`](Self::restore).
    pub fn restore_visible(snapshot: Snapshot) -> Result<Self, SnapshotError> {
        Self::restore_as(snapshot, |state| state != PeeringState::Connected)
    }

    /// A topology whose peerings obey no rule about their remote in the states for which `stands_alone` holds.
    fn restore_as(snapshot: Snapshot, stands_alone: fn(PeeringState) -> bool) -> Result<Self, SnapshotError> {
        let mut topology = Self::default();
        let mut peerings = Vec::new();
        for vnet in snapshot.virtual_networks {
            let name = vnet.name.clone();
            peerings.extend(vnet.peerings.into_iter().map(|peering| (name.clone(), peering)));
            let spec = VnetSpec { name: vnet.name, region: vnet.region, address_space: vnet.address_space };
            topology.apply_in_place(Operation::CreateVnet(spec))?;
            for SubnetSnapshot { name: subnet, address_prefixes } in vnet.subnets {
                let spec = SubnetSpec { name: subnet, address_prefixes };
                topology.apply_in_place(Operation::CreateSubnet(name.clone(), spec))?;
            }
            for nic in vnet.nics {
                topology.apply_in_place(Operation::CreateNic(nic.into_spec(&name)))?;
            }
        }
        for (vnet, peering) in peerings {
            let state = peering.peering_state;
            let (spec, space) = peering.into_parts(&vnet)?;
            topology.insert_past_peering(&vnet, spec, state, space, stands_alone(state))?;
        }
        topology.check_states()?;
        Ok(topology)
    }

    /// Puts in a peering that came about in the past. It obeys what goes on holding for peerings, and not what holds for new
    /// ones alone; the caller sees to the state of the other side.
    pub(super) fn put_peering(
        &mut self,
        vnet: &VnetId,
        spec: PeeringSpec,
        state: PeeringState,
        remote_address_space: Vec<IpNet>,
    ) -> Result<(), Refusal> {
        let stands_alone = state == PeeringState::Disconnected;
        self.insert_past_peering(vnet, spec, state, remote_address_space, stands_alone)
    }

    fn insert_past_peering(
        &mut self,
        vnet: &VnetId,
        spec: PeeringSpec,
        state: PeeringState,
        mut remote_address_space: Vec<IpNet>,
        stands_alone: bool,
    ) -> Result<(), Refusal> {
        let network = self.require_vnet(vnet)?;
        if network.peering(&spec.name).is_some() {
            return Err(Refusal::exists(ResourceId::Peering(vnet.clone(), spec.name)));
        }
        if stands_alone {
            Self::check_place(network, &spec)?;
        } else if state == PeeringState::Connected {
            self.check_connected(network, &spec)?;
        } else {
            self.check_standing(network, &spec)?;
        }
        remote_address_space.sort_unstable();
        let mut peering = Peering::initiated(spec, remote_address_space);
        peering.set_state(state);
        self.edit(vnet, |vnet| vnet.insert_peering(peering));
        Ok(())
    }

    /// Two objects that name each other are both `Connected`; one alone is not.
    fn check_states(&self) -> Result<(), SnapshotError> {
        for vnet in self.vnets() {
            for peering in vnet.peerings() {
                let state = peering.state();
                let other = self.other_side(vnet.name(), peering).map(|(_, other)| other.state());
                let is_connected = state == PeeringState::Connected;
                if is_connected != other.is_some() {
                    let (vnet, peering) = (vnet.name().clone(), peering.name().clone());
                    return Err(SnapshotError::State { vnet, peering, state, other });
                }
            }
        }
        Ok(())
    }
}

impl VnetSnapshot {
    fn of(vnet: &VirtualNetwork) -> Self {
        Self {
            name: vnet.name().clone(),
            region: vnet.region().clone(),
            address_space: vnet.address_space().ranges().to_vec(),
            subnets: vnet.subnets().map(SubnetSnapshot::of).collect(),
            nics: vnet.nics().iter().map(NicSnapshot::of).collect(),
            peerings: vnet.peerings().map(PeeringSnapshot::of).collect(),
        }
    }
}

impl SubnetSnapshot {
    /// A subnet as a document.
    #[must_use]
    pub fn of(subnet: &Subnet) -> Self {
        Self { name: subnet.name().clone(), address_prefixes: subnet.address_prefixes().to_vec() }
    }
}

impl NicSnapshot {
    /// A NIC as a document.
    #[must_use]
    pub fn of(nic: &Nic) -> Self {
        Self {
            name: nic.name().clone(),
            subnet: nic.subnet().clone(),
            ipv4: nic.ipv4(),
            ipv6: nic.ipv6(),
            mac: nic.mac(),
            interface: nic.interface().cloned(),
            enable_ip_forwarding: nic.enable_ip_forwarding(),
        }
    }

    fn into_spec(self, vnet: &VnetId) -> NicSpec {
        NicSpec {
            name: self.name,
            subnet: SubnetRef { vnet: vnet.clone(), subnet: self.subnet },
            ipv4: self.ipv4,
            ipv6: self.ipv6,
            mac: Some(self.mac),
            interface: self.interface,
            enable_ip_forwarding: self.enable_ip_forwarding,
        }
    }
}

impl PeeringSnapshot {
    /// A peering as a document.
    #[must_use]
    pub fn of(peering: &Peering) -> Self {
        let (flags, subnets) = (peering.flags(), peering.subnets());
        Self {
            name: peering.name().clone(),
            remote_virtual_network: peering.remote().clone(),
            peering_state: peering.state(),
            remote_address_space: peering.remote_address_space().to_vec(),
            allow_virtual_network_access: flags.allow_virtual_network_access,
            allow_forwarded_traffic: flags.allow_forwarded_traffic,
            allow_gateway_transit: flags.allow_gateway_transit,
            use_remote_gateways: flags.use_remote_gateways,
            peer_complete_vnets: subnets.is_none(),
            local_subnet_names: subnets.map(|subnets| subnets.local.clone()).unwrap_or_default(),
            remote_subnet_names: subnets.map(|subnets| subnets.remote.clone()).unwrap_or_default(),
            enable_only_ipv6_peering: subnets.is_some_and(|subnets| subnets.only_ipv6),
        }
    }

    /// What was declared, and the checked `remoteAddressSpace`.
    fn into_parts(self, vnet: &VnetId) -> Result<(PeeringSpec, Vec<IpNet>), SnapshotError> {
        // Empty is legal here: the subnets that take part may have no prefix of the family.
        if let Err((Some(prefix), fault)) = check_prefixes(&self.remote_address_space) {
            let (vnet, peering) = (vnet.clone(), self.name);
            return Err(SnapshotError::RemoteAddressSpace { vnet, peering, prefix, fault });
        }
        let names_subnets = self.enable_only_ipv6_peering
            || !self.local_subnet_names.is_empty()
            || !self.remote_subnet_names.is_empty();
        if self.peer_complete_vnets && names_subnets {
            return Err(SnapshotError::CompleteWithSubnets { vnet: vnet.clone(), peering: self.name });
        }
        let subnets = PeeredSubnets {
            local: self.local_subnet_names,
            remote: self.remote_subnet_names,
            only_ipv6: self.enable_only_ipv6_peering,
        };
        let spec = PeeringSpec {
            name: self.name,
            remote: self.remote_virtual_network,
            flags: PeeringFlags {
                allow_virtual_network_access: self.allow_virtual_network_access,
                allow_forwarded_traffic: self.allow_forwarded_traffic,
                allow_gateway_transit: self.allow_gateway_transit,
                use_remote_gateways: self.use_remote_gateways,
            },
            subnets: (!self.peer_complete_vnets).then_some(subnets),
        };
        Ok((spec, self.remote_address_space))
    }
}
