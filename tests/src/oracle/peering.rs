//! Operations on peerings: which are refused, and what the others do (semantics, section 2).

use vnet_agent::model::{PeeringSpec, RefusalCode};

use super::world::{Peering, State, Subnets, World};

/// The object that `spec` declares in `vnet`, before it is known what its remote has.
fn declared(vnet: &str, spec: &PeeringSpec) -> Peering {
    let names = |names: &std::collections::BTreeSet<vnet_agent::model::SubnetName>| {
        names.iter().map(ToString::to_string).collect()
    };
    Peering {
        vnet: vnet.to_owned(),
        name: spec.name.to_string(),
        remote: spec.remote.to_string(),
        access: spec.flags.allow_virtual_network_access,
        forwarded: spec.flags.allow_forwarded_traffic,
        subnets: spec.subnets.as_ref().map(|subnets| Subnets {
            local: names(&subnets.local),
            remote: names(&subnets.remote),
            only_ipv6: subnets.only_ipv6,
        }),
        state: State::Initiated,
        remote_space: Vec::new(),
    }
}

impl World {
    /// The rules that hold for a peering however it comes about.
    fn faults_of(&self, peering: &Peering, uses_gateways: bool) -> Vec<RefusalCode> {
        let (own, remote) = (self.vnets.get(&peering.vnet), self.vnets.get(&peering.remote));
        let mut codes = Vec::new();
        let missing = peering.subnets.as_ref().is_some_and(|subnets| {
            let lacks = |vnet: Option<&super::world::Vnet>, name: &String| {
                vnet.is_none_or(|vnet| !vnet.subnets.contains_key(name))
            };
            subnets.local.iter().any(|name| lacks(own, name))
                || subnets.remote.iter().any(|name| lacks(remote, name))
        });
        if own.is_none() || remote.is_none() || missing {
            codes.push(RefusalCode::ResourceNotFound);
        }
        if self.object(&peering.vnet, &peering.remote).is_some_and(|other| other.name != peering.name) {
            codes.push(RefusalCode::AnotherPeeringAlreadyReferencesRemoteVnet);
        }
        if uses_gateways {
            // There are no gateways yet.
            codes.push(RefusalCode::RemoteVnetHasNoGateways);
        }
        self.overlaps_of(peering, &mut codes);
        codes
    }

    pub(super) fn create_peering(&mut self, vnet: &str, spec: &PeeringSpec) -> Result<(), Vec<RefusalCode>> {
        let mut new = declared(vnet, spec);
        let mut codes = self.faults_of(&new, spec.flags.use_remote_gateways);
        if self.named(vnet, &new.name).is_some() {
            codes.push(RefusalCode::ResourceAlreadyExists);
        }
        let other = self.object(&new.remote, vnet).cloned();
        if let Some(other) = &other {
            self.faults_when_connected(other, &mut codes);
        }
        if other.as_ref().is_some_and(|other| other.state == State::Disconnected) {
            codes.push(RefusalCode::RemotePeeringIsDisconnected);
        }
        if !codes.is_empty() {
            return Err(codes);
        }
        new.remote_space = self.remote_now(&new);
        let remote = new.remote.clone();
        self.peerings.push(new);
        if other.is_some() {
            for (vnet, remote) in [(vnet, remote.as_str()), (remote.as_str(), vnet)] {
                self.set_state(vnet, remote, State::Connected);
                self.take_over(vnet, remote);
            }
        }
        Ok(())
    }

    pub(super) fn update_peering(&mut self, vnet: &str, spec: &PeeringSpec) -> Result<(), Vec<RefusalCode>> {
        let Some(old) = self.named(vnet, spec.name.as_str()).cloned() else {
            return Err(vec![RefusalCode::ResourceNotFound]);
        };
        let mut new = declared(vnet, spec);
        // Flags alone make nobody meet anybody.
        let renews =
            old.state == State::Disconnected || old.subnets != new.subnets || old.remote != new.remote;
        let mut codes = if renews {
            self.faults_of(&new, spec.flags.use_remote_gateways)
        } else if spec.flags.use_remote_gateways {
            vec![RefusalCode::RemoteVnetHasNoGateways]
        } else {
            Vec::new()
        };
        if old.remote != new.remote || old.subnets.is_some() != new.subnets.is_some() {
            codes.push(RefusalCode::ResourceAlreadyExists);
        }
        if !codes.is_empty() {
            return Err(codes);
        }
        let was_gone = old.state == State::Disconnected;
        new.state = if was_gone { State::Initiated } else { old.state };
        // Other subnets are another wish, in force at once; other flags leave what was taken over as it is.
        let fresh = was_gone || old.subnets != new.subnets;
        new.remote_space = if fresh { self.remote_now(&new) } else { old.remote_space };
        if let Some(place) = self.peerings.iter_mut().find(|p| p.vnet == new.vnet && p.name == new.name) {
            *place = new;
        }
        Ok(())
    }

    pub(super) fn delete_peering(&mut self, vnet: &str, name: &str) -> Result<(), Vec<RefusalCode>> {
        let Some(gone) = self.named(vnet, name).cloned() else {
            return Err(vec![RefusalCode::ResourceNotFound]);
        };
        self.peerings.retain(|p| p != &gone);
        self.set_state(&gone.remote, vnet, State::Disconnected);
        Ok(())
    }

    pub(super) fn sync_peering(&mut self, vnet: &str, name: &str) -> Result<(), Vec<RefusalCode>> {
        let Some(peering) = self.named(vnet, name).cloned() else {
            return Err(vec![RefusalCode::ResourceNotFound]);
        };
        if peering.state == State::Disconnected {
            // The remote, or its side, is not there to take anything over from.
            return Err(vec![RefusalCode::ResourceNotFound]);
        }
        self.take_over(vnet, &peering.remote);
        Ok(())
    }

    pub(super) fn set_state(&mut self, vnet: &str, remote: &str, state: State) {
        for peering in self.peerings.iter_mut().filter(|p| p.vnet == vnet && p.remote == remote) {
            peering.state = state;
        }
    }

    fn take_over(&mut self, vnet: &str, remote: &str) {
        let Some(space) = self.object(vnet, remote).map(|peering| self.remote_now(peering)) else { return };
        for peering in self.peerings.iter_mut().filter(|p| p.vnet == vnet && p.remote == remote) {
            peering.remote_space.clone_from(&space);
        }
    }
}
