//! Operations on peerings: the state machine.
//!
//! At any moment, two objects that name each other are both `Connected`, and an object whose other side is missing is
//! `Initiated` (there was none yet) or `Disconnected` (it is gone).

use std::collections::BTreeSet;

use super::{
    Peering, PeeringName, PeeringSpec, PeeringState, Quota, Refusal, ResourceId, SubnetName, Topology,
    VirtualNetwork, VnetId, taking_part,
};

impl Topology {
    pub(super) fn create_peering(&mut self, vnet: &VnetId, spec: PeeringSpec) -> Result<(), Refusal> {
        let network = self.require_vnet(vnet)?;
        if network.peering(&spec.name).is_some() {
            return Err(Refusal::exists(ResourceId::Peering(vnet.clone(), spec.name)));
        }
        self.check_peering(network, &spec)?;
        let remote = self.require_vnet(&spec.remote)?;
        let other = self.waiting_side(vnet, remote)?;
        let space = taking_part(remote, spec.subnets.as_ref().map(|s| (&s.remote, s.only_ipv6)));
        let (remote, name) = (spec.remote.clone(), spec.name.clone());
        self.edit(vnet, |vnet| vnet.insert_peering(Peering::initiated(spec, space)));
        if let Some(other) = other {
            for (vnet, peering) in [(vnet, &name), (&remote, &other)] {
                self.set_state(vnet, peering, PeeringState::Connected);
                self.take_over(vnet, peering);
            }
        }
        Ok(())
    }

    pub(super) fn update_peering(&mut self, vnet: &VnetId, spec: PeeringSpec) -> Result<(), Refusal> {
        let network = self.require_vnet(vnet)?;
        let old = Self::require_peering(network, &spec.name)?;
        let fixed = if old.remote() != &spec.remote {
            Some("remoteVirtualNetwork")
        } else if old.subnets().is_some() != spec.subnets.is_some() {
            Some("peerCompleteVnets")
        } else {
            None
        };
        if fixed.is_some() {
            let resource = ResourceId::Peering(vnet.clone(), spec.name);
            return Err(Refusal::ResourceAlreadyExists { resource, fixed });
        }
        let subnets_changed = old.subnets() != spec.subnets.as_ref();
        let was_disconnected = old.state() == PeeringState::Disconnected;
        // Flags alone make nobody meet anybody: whatever others have done meanwhile, they may be set.
        if was_disconnected || subnets_changed {
            self.check_peering(network, &spec)?;
        } else {
            self.check_standing(network, &spec)?;
        }
        let name = spec.name.clone();
        self.edit(vnet, |vnet| {
            if let Some(peering) = vnet.peerings.get_mut(&spec.name) {
                peering.set_flags(spec.flags);
                peering.set_subnets(spec.subnets);
            }
        });
        if was_disconnected {
            self.set_state(vnet, &name, PeeringState::Initiated);
        }
        // A list that names other subnets is a new wish, not news about the remote: it is in force at once.
        if was_disconnected || subnets_changed {
            self.take_over(vnet, &name);
        }
        Ok(())
    }

    pub(super) fn delete_peering(&mut self, vnet: &VnetId, name: &PeeringName) -> Result<(), Refusal> {
        let network = self.require_vnet(vnet)?;
        let peering = Self::require_peering(network, name)?;
        let other = self
            .other_side(vnet, peering)
            .map(|(remote, other)| (remote.name().clone(), other.name().clone()));
        self.edit(vnet, |vnet| {
            vnet.remove_peering(name);
        });
        if let Some((remote, other)) = other {
            self.set_state(&remote, &other, PeeringState::Disconnected);
        }
        Ok(())
    }

    pub(super) fn sync_peering(&mut self, vnet: &VnetId, name: &PeeringName) -> Result<(), Refusal> {
        let network = self.require_vnet(vnet)?;
        let peering = Self::require_peering(network, name)?;
        if peering.state() == PeeringState::Disconnected {
            return Err(Refusal::not_found(match self.vnet(peering.remote()) {
                None => ResourceId::VirtualNetwork(peering.remote().clone()),
                Some(_) => ResourceId::OtherSide(vnet.clone(), name.clone()),
            }));
        }
        self.take_over(vnet, name);
        Ok(())
    }

    fn require_peering<'a>(vnet: &'a VirtualNetwork, name: &PeeringName) -> Result<&'a Peering, Refusal> {
        vnet.peering(name)
            .ok_or_else(|| Refusal::not_found(ResourceId::Peering(vnet.name().clone(), name.clone())))
    }

    /// What must hold for a peering to be made, or to take another part of the networks. An object of the same name is the one
    /// being replaced.
    pub(super) fn check_peering(&self, vnet: &VirtualNetwork, spec: &PeeringSpec) -> Result<(), Refusal> {
        self.check_standing(vnet, spec)?;
        let remote = self.require_vnet(&spec.remote)?;
        check_remote_subnets(spec, remote)?;
        self.check_new_peer(vnet, spec, remote)
    }

    /// What goes on holding for a peering object as long as it is `Connected`, whatever else happens.
    pub(super) fn check_connected(&self, vnet: &VirtualNetwork, spec: &PeeringSpec) -> Result<(), Refusal> {
        self.check_standing(vnet, spec)?;
        let remote = self.require_vnet(&spec.remote)?;
        check_remote_subnets(spec, remote)?;
        self.check_connected_peer(vnet, spec, remote)
    }

    /// What goes on holding for a peering object as long as it is not `Disconnected`, whatever its remote does: nothing that
    /// depends on the ranges and subnets that the remote has.
    pub(super) fn check_standing(&self, vnet: &VirtualNetwork, spec: &PeeringSpec) -> Result<(), Refusal> {
        Self::check_place(vnet, spec)?;
        self.require_vnet(&spec.remote)?;
        if let Some(subnets) = &spec.subnets {
            check_subnets(vnet, &subnets.local)?;
        }
        if spec.flags.use_remote_gateways {
            return Err(Refusal::RemoteVnetHasNoGateways {
                vnet: vnet.name().clone(),
                peering: spec.name.clone(),
                remote: spec.remote.clone(),
            });
        }
        Ok(())
    }

    /// The object of `remote` that waits for one of `vnet`, and is `Connected` as soon as there is one. It must be fit for that:
    /// since it was made, either network may have changed, or may have been connected with others.
    pub(super) fn waiting_side(
        &self,
        vnet: &VnetId,
        remote: &VirtualNetwork,
    ) -> Result<Option<PeeringName>, Refusal> {
        let Some(other) = remote.peering_with(vnet) else { return Ok(None) };
        if other.state() == PeeringState::Disconnected {
            return Err(Refusal::RemotePeeringIsDisconnected {
                vnet: vnet.clone(),
                remote: remote.name().clone(),
                remote_peering: other.name().clone(),
            });
        }
        self.check_connected(remote, &other.spec())?;
        Ok(Some(other.name().clone()))
    }

    /// What holds for a peering whatever its remote has, and even when the remote is gone: there is room for it, no other
    /// names that remote, and the remote is not its own virtual network.
    pub(super) fn check_place(vnet: &VirtualNetwork, spec: &PeeringSpec) -> Result<(), Refusal> {
        if let Some(existing) =
            vnet.peering_with(&spec.remote).filter(|existing| existing.name() != &spec.name)
        {
            return Err(Refusal::AnotherPeeringAlreadyReferencesRemoteVnet {
                vnet: vnet.name().clone(),
                existing: existing.name().clone(),
                remote: spec.remote.clone(),
            });
        }
        if vnet.peering(&spec.name).is_none() && vnet.peerings().len() >= VirtualNetwork::MAX_PEERINGS {
            return Err(Refusal::QuotaExceeded {
                holder: Some(ResourceId::VirtualNetwork(vnet.name().clone())),
                quota: Quota::Peerings,
                limit: VirtualNetwork::MAX_PEERINGS,
            });
        }
        match vnet.address_space().ranges().first() {
            Some(range) if vnet.name() == &spec.remote => Err(Refusal::VnetAddressSpacesOverlap {
                vnet: vnet.name().clone(),
                range: *range,
                remote: spec.remote.clone(),
                remote_range: *range,
            }),
            _ => Ok(()),
        }
    }

    pub(super) fn set_state(&mut self, vnet: &VnetId, peering: &PeeringName, state: PeeringState) {
        self.edit(vnet, |vnet| {
            if let Some(peering) = vnet.peerings.get_mut(peering) {
                peering.set_state(state);
            }
        });
    }

    /// Makes what the remote has now the space in force. Copies nothing when it is in force already.
    pub(super) fn take_over(&mut self, vnet: &VnetId, name: &PeeringName) {
        let Some(peering) = self.peering(vnet, name) else { return };
        let Some(remote) = self.vnet(peering.remote()) else { return };
        let space = taking_part(remote, peering.subnets().map(|s| (&s.remote, s.only_ipv6)));
        if space == peering.remote_address_space() {
            return;
        }
        self.edit(vnet, |vnet| {
            if let Some(peering) = vnet.peerings.get_mut(name) {
                peering.set_remote_address_space(space);
            }
        });
    }
}

fn check_remote_subnets(spec: &PeeringSpec, remote: &VirtualNetwork) -> Result<(), Refusal> {
    spec.subnets.as_ref().map_or(Ok(()), |subnets| check_subnets(remote, &subnets.remote))
}

/// Checks that a virtual network has these subnets.
fn check_subnets(vnet: &VirtualNetwork, names: &BTreeSet<SubnetName>) -> Result<(), Refusal> {
    match names.iter().find(|name| vnet.subnet(name).is_none()) {
        Some(name) => Err(Refusal::not_found(ResourceId::Subnet(vnet.name().clone(), name.clone()))),
        None => Ok(()),
    }
}
