//! Whether a caller may bring about a whole change.
//!
//! There are two looks at it. [`authorize_operation`] looks at what was asked for, before it is known whether that is possible:
//! without it, a refusal would tell somebody what exists where he may read nothing. [`authorize_change`] looks at what would
//! come of it, whatever the form of the request: an operation, a network with all its children, a whole file. Changes that only
//! follow, such as a peering's that becomes `Connected` or `Disconnected` because of the other side, need no role of whoever
//! causes them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{AccessScope, Action, Caller, Directory};
use crate::model::{
    InterfaceName, Nic, NicId, NicSpec, Operation, Peering, PeeringSpec, PeeringState, Refusal, SubnetName,
    Topology, VirtualNetwork, VnetId,
};

/// Lets a change pass that the caller has the roles for. The roles are those in `directory`, which is that of the state before.
///
/// # Errors
/// `AuthorizationFailed`, `LinkedAuthorizationFailed`: the first action that the caller lacks.
pub fn authorize_change(
    directory: &Directory,
    caller: &Caller,
    before: &Topology,
    after: &Topology,
) -> Result<(), Refusal> {
    let names: BTreeSet<&VnetId> = before.vnets().chain(after.vnets()).map(|vnet| vnet.name()).collect();
    let change = Change { rights: Rights { directory, caller }, before, after };
    for name in names {
        match (before.vnet(name), after.vnet(name)) {
            (Some(old), Some(new)) if Arc::ptr_eq(old, new) => {}
            (old, new) => change.check_vnet(name, old.map(|vnet| &**vnet), new.map(|vnet| &**vnet))?,
        }
    }
    Ok(())
}

/// Lets an operation pass that the caller has the roles for, whether or not it will be refused for another reason.
///
/// # Errors
/// `AuthorizationFailed`, `LinkedAuthorizationFailed`: the first action that the caller lacks.
pub fn authorize_operation(
    directory: &Directory,
    caller: &Caller,
    current: &Topology,
    operation: &Operation,
) -> Result<(), Refusal> {
    let rights = Rights { directory, caller };
    match operation {
        Operation::CreateVnet(spec) | Operation::UpdateVnet(spec) => rights.at(&spec.name, Action::VnetWrite),
        Operation::ReplaceVnet(spec, _) => {
            rights.at(&spec.name, Action::VnetWrite)?;
            rights.at(&spec.name, Action::SubnetWrite)
        }
        Operation::DeleteVnet(vnet) => rights.at(vnet, Action::VnetDelete),
        Operation::CreateSubnet(vnet, _) | Operation::UpdateSubnet(vnet, _) => {
            rights.at(vnet, Action::SubnetWrite)
        }
        Operation::DeleteSubnet(vnet, _) => rights.at(vnet, Action::SubnetDelete),
        Operation::CreateNic(spec) | Operation::UpdateNic(spec) => {
            rights.nic(current.nic(&spec.name), &NicWish::from(spec))
        }
        Operation::DeleteNic(nic) => rights.delete_nic(nic),
        Operation::CreatePeering(vnet, spec) => rights.link(vnet, &spec.remote),
        Operation::UpdatePeering(vnet, spec) => match current.peering(vnet, &spec.name) {
            Some(old) if old.state() != PeeringState::Disconnected && has_same_extent(&old.spec(), spec) => {
                rights.at(vnet, Action::PeeringWrite)
            }
            _ => rights.link(vnet, &spec.remote),
        },
        Operation::SyncPeering(vnet, peering) => {
            rights.at(vnet, Action::PeeringWrite)?;
            current.peering(vnet, peering).map_or(Ok(()), |peering| rights.link(vnet, peering.remote()))
        }
        Operation::DeletePeering(vnet, _) => rights.at(vnet, Action::PeeringDelete),
    }
}

/// Whether two declarations of a peering are about the same parts of the same remote.
fn has_same_extent(old: &PeeringSpec, new: &PeeringSpec) -> bool {
    old.remote == new.remote && old.subnets == new.subnets
}

/// Somebody with his roles.
struct Rights<'a> {
    directory: &'a Directory,
    caller: &'a Caller,
}

/// What is wanted of a NIC, as far as somebody else has a say in it.
struct NicWish<'a> {
    name: &'a NicId,
    vnet: &'a VnetId,
    subnet: &'a SubnetName,
    interface: Option<&'a InterfaceName>,
}

impl<'a> From<&'a NicSpec> for NicWish<'a> {
    fn from(spec: &'a NicSpec) -> Self {
        let (vnet, subnet) = (&spec.subnet.vnet, &spec.subnet.subnet);
        Self { name: &spec.name, vnet, subnet, interface: spec.interface.as_ref() }
    }
}

impl Rights<'_> {
    /// To do something with a virtual network or with what is part of it.
    fn at(&self, vnet: &VnetId, action: Action) -> Result<(), Refusal> {
        self.directory.authorize(self.caller, action, &AccessScope::Vnet(vnet.clone()))
    }

    /// To write a peering and to name its remote.
    fn link(&self, vnet: &VnetId, remote: &VnetId) -> Result<(), Refusal> {
        let (own, remote) = (AccessScope::Vnet(vnet.clone()), AccessScope::Vnet(remote.clone()));
        self.directory.authorize_linked(
            self.caller,
            (Action::PeeringWrite, &own),
            (Action::VnetPeer, &remote),
        )
    }

    fn delete_nic(&self, nic: &NicId) -> Result<(), Refusal> {
        self.directory.authorize(self.caller, Action::NicDelete, &AccessScope::of_nic(nic))
    }

    /// To write a NIC, to put it where it was not, and to attach it by an interface that it did not have.
    fn nic(&self, old: Option<(&Arc<VirtualNetwork>, &Nic)>, wish: &NicWish<'_>) -> Result<(), Refusal> {
        let group = AccessScope::of_nic(wish.name);
        self.directory.authorize(self.caller, Action::NicWrite, &group)?;
        if !old.is_some_and(|(vnet, nic)| vnet.name() == wish.vnet && nic.subnet() == wish.subnet) {
            let vnet = AccessScope::Vnet(wish.vnet.clone());
            self.directory.authorize_linked(
                self.caller,
                (Action::NicWrite, &group),
                (Action::SubnetJoin, &vnet),
            )?;
        }
        if wish.interface.is_some() && old.and_then(|(_, nic)| nic.interface()) != wish.interface {
            self.directory.authorize(self.caller, Action::HostInterfaceJoin, &AccessScope::Root)?;
        }
        Ok(())
    }
}

/// What became of a peering that is there afterwards.
enum Touch {
    /// Nothing, or what follows from the other side.
    Nothing,
    /// It is declared otherwise, in what concerns its own virtual network.
    Own,
    /// The other side is concerned: it was created, taken up again, or takes over what the remote has.
    Link,
}

impl Touch {
    fn of(old: Option<&Peering>, new: &Peering) -> Self {
        let Some(old) = old else { return Self::Link };
        let became = (old.state(), new.state());
        let is_taken_up = match became {
            (PeeringState::Disconnected, state) => state != PeeringState::Disconnected,
            (PeeringState::Connected, state) => state == PeeringState::Initiated,
            (PeeringState::Initiated, _) => false,
        };
        // A side whose other side is created takes over what that has at the moment.
        let is_synchronized = old.remote_address_space() != new.remote_address_space()
            && became != (PeeringState::Initiated, PeeringState::Connected);
        if is_taken_up || is_synchronized || !has_same_extent(&old.spec(), &new.spec()) {
            return Self::Link;
        }
        if old.flags() == new.flags() { Self::Nothing } else { Self::Own }
    }
}

/// A change, and who wants it.
struct Change<'a> {
    rights: Rights<'a>,
    before: &'a Topology,
    after: &'a Topology,
}

impl Change<'_> {
    fn check_vnet(
        &self,
        name: &VnetId,
        old: Option<&VirtualNetwork>,
        new: Option<&VirtualNetwork>,
    ) -> Result<(), Refusal> {
        if let Some(new) = new {
            let is_same = old.is_some_and(|old| {
                (old.region(), old.address_space()) == (new.region(), new.address_space())
            });
            if !is_same {
                self.rights.at(name, Action::VnetWrite)?;
            }
            self.check_subnets(old, new)?;
        } else {
            // Its subnets and peerings go with it.
            self.rights.at(name, Action::VnetDelete)?;
        }
        self.check_nics(old, new)?;
        new.map_or(Ok(()), |new| self.check_peerings(old, new))
    }

    fn check_subnets(&self, old: Option<&VirtualNetwork>, new: &VirtualNetwork) -> Result<(), Refusal> {
        for subnet in new.subnets() {
            if old.and_then(|old| old.subnet(subnet.name())) != Some(subnet) {
                self.rights.at(new.name(), Action::SubnetWrite)?;
            }
        }
        let mut olds = old.into_iter().flat_map(VirtualNetwork::subnets);
        if olds.any(|subnet| new.subnet(subnet.name()).is_none()) {
            self.rights.at(new.name(), Action::SubnetDelete)?;
        }
        Ok(())
    }

    /// A NIC may have moved here from elsewhere, or from here to elsewhere.
    fn check_nics(&self, old: Option<&VirtualNetwork>, new: Option<&VirtualNetwork>) -> Result<(), Refusal> {
        if let (Some(old), Some(new)) = (old, new)
            && Arc::ptr_eq(old.nics(), new.nics())
        {
            return Ok(());
        }
        for (vnet, nic) in new.into_iter().flat_map(|vnet| vnet.nics().iter().map(move |nic| (vnet, nic))) {
            if old.and_then(|old| old.nics().get(nic.name())) != Some(nic) {
                let (vnet, subnet) = (vnet.name(), nic.subnet());
                let wish = NicWish { name: nic.name(), vnet, subnet, interface: nic.interface() };
                self.rights.nic(self.before.nic(nic.name()), &wish)?;
            }
        }
        for nic in old.into_iter().flat_map(|vnet| vnet.nics().iter()) {
            if self.after.nic(nic.name()).is_none() {
                self.rights.delete_nic(nic.name())?;
            }
        }
        Ok(())
    }

    fn check_peerings(&self, old: Option<&VirtualNetwork>, new: &VirtualNetwork) -> Result<(), Refusal> {
        for peering in new.peerings() {
            match Touch::of(old.and_then(|old| old.peering(peering.name())), peering) {
                Touch::Nothing => {}
                Touch::Own => self.rights.at(new.name(), Action::PeeringWrite)?,
                Touch::Link => self.rights.link(new.name(), peering.remote())?,
            }
        }
        let mut olds = old.into_iter().flat_map(VirtualNetwork::peerings);
        if olds.any(|peering| new.peering(peering.name()).is_none()) {
            self.rights.at(new.name(), Action::PeeringDelete)?;
        }
        Ok(())
    }
}
