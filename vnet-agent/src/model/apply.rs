//! Operations on virtual networks, subnets and NICs.
//!
//! Each looks at everything first and changes something only when nothing can be refused any more. So an operation in place is
//! all or nothing too, and a long series of them (a file) copies each object once, not once per step.

use std::sync::Arc;

use ipnet::IpNet;

use super::address::reserved;
use super::{
    AddressSpace, Holding, Nic, NicId, NicSpec, Operation, PeeringState, Quota, Refusal, ResourceId, Subnet,
    SubnetName, SubnetSpec, Topology, VirtualNetwork, VnetId, VnetSpec,
};

impl Topology {
    /// The topology that `operation` leads to. This one stays as it is.
    ///
    /// # Errors
    /// The [`Refusal`] of the first rule that the operation breaks.
    pub fn apply(&self, operation: Operation) -> Result<Self, Refusal> {
        let mut next = self.clone();
        next.apply_in_place(operation)?;
        Ok(next)
    }

    /// Does `operation` here. Refused, it has changed nothing.
    pub(super) fn apply_in_place(&mut self, operation: Operation) -> Result<(), Refusal> {
        match operation {
            Operation::CreateVnet(spec) => self.create_vnet(spec),
            Operation::UpdateVnet(spec) => self.update_vnet(spec),
            Operation::ReplaceVnet(spec, subnets) => self.replace_vnet(spec, subnets),
            Operation::DeleteVnet(name) => self.delete_vnet(&name),
            Operation::CreateSubnet(vnet, spec) => self.create_subnet(&vnet, spec),
            Operation::UpdateSubnet(vnet, spec) => self.update_subnet(&vnet, spec),
            Operation::DeleteSubnet(vnet, name) => self.delete_subnet(&vnet, &name),
            Operation::CreateNic(spec) => self.create_nic(spec),
            Operation::UpdateNic(spec) => self.update_nic(spec),
            Operation::DeleteNic(name) => self.delete_nic(&name),
            Operation::CreatePeering(vnet, spec) => self.create_peering(&vnet, spec),
            Operation::UpdatePeering(vnet, spec) => self.update_peering(&vnet, spec),
            Operation::DeletePeering(vnet, name) => self.delete_peering(&vnet, &name),
            Operation::SyncPeering(vnet, name) => self.sync_peering(&vnet, &name),
        }
    }

    pub(super) fn require_vnet(&self, name: &VnetId) -> Result<&Arc<VirtualNetwork>, Refusal> {
        self.vnet(name).ok_or_else(|| Refusal::not_found(ResourceId::VirtualNetwork(name.clone())))
    }

    /// Changes a virtual network, which gets an `Arc` of its own for that. Without such a network nothing happens.
    pub(super) fn edit(&mut self, name: &VnetId, change: impl FnOnce(&mut VirtualNetwork)) {
        if let Some(vnet) = self.vnets.get_mut(name) {
            change(Arc::make_mut(vnet));
        }
    }

    pub(super) fn address_space(name: &VnetId, ranges: Vec<IpNet>) -> Result<AddressSpace, Refusal> {
        AddressSpace::new(ranges).map_err(|(prefix, fault)| {
            Refusal::invalid_prefix(ResourceId::VirtualNetwork(name.clone()), prefix, fault)
        })
    }

    fn create_vnet(&mut self, spec: VnetSpec) -> Result<(), Refusal> {
        if self.vnets.contains_key(&spec.name) {
            return Err(Refusal::exists(ResourceId::VirtualNetwork(spec.name)));
        }
        let space = Self::address_space(&spec.name, spec.address_space)?;
        let vnet = VirtualNetwork::empty(spec.name.clone(), spec.region, space);
        self.vnets.insert(spec.name, Arc::new(vnet));
        Ok(())
    }

    fn update_vnet(&mut self, spec: VnetSpec) -> Result<(), Refusal> {
        let vnet = self.require_vnet(&spec.name)?;
        let space = Self::address_space(&spec.name, spec.address_space)?;
        let in_use = vnet.subnets().find_map(|subnet| {
            let lost = subnet.address_prefixes().iter().find(|prefix| space.range_of(prefix).is_none())?;
            Some((vnet.address_space().range_of(lost).copied().unwrap_or(*lost), subnet))
        });
        if let Some((range, subnet)) = in_use {
            return Err(Refusal::VnetAddressSpaceInUse {
                what: format!("range {range} of virtual network {}", spec.name),
                holder: ResourceId::Subnet(spec.name, subnet.name().clone()),
            });
        }
        let mut changed = VirtualNetwork::clone(vnet);
        changed.region = spec.region;
        changed.address_space = space;
        self.check_changed_vnet(vnet, &changed)?;
        self.vnets.insert(spec.name, Arc::new(changed));
        Ok(())
    }

    fn delete_vnet(&mut self, name: &VnetId) -> Result<(), Refusal> {
        let vnet = self.require_vnet(name)?;
        if let Some(nic) = vnet.nics().iter().next() {
            return Err(Refusal::VnetAddressSpaceInUse {
                what: ResourceId::VirtualNetwork(name.clone()).to_string(),
                holder: ResourceId::Nic(nic.name().clone()),
            });
        }
        self.vnets.remove(name);
        let peers: Vec<VnetId> = self
            .vnets()
            .filter(|vnet| vnet.peering_with(name).is_some())
            .map(|vnet| vnet.name().clone())
            .collect();
        for peer in peers {
            self.edit(&peer, |vnet| {
                if let Some(peering) = vnet.peering_with_mut(name) {
                    peering.set_state(PeeringState::Disconnected);
                }
            });
        }
        Ok(())
    }

    fn create_subnet(&mut self, vnet: &VnetId, spec: SubnetSpec) -> Result<(), Refusal> {
        let network = self.require_vnet(vnet)?;
        if network.subnet(&spec.name).is_some() {
            return Err(Refusal::exists(ResourceId::Subnet(vnet.clone(), spec.name)));
        }
        let subnet = Subnet::validate(network, spec)?;
        self.edit(vnet, |vnet| {
            Arc::make_mut(&mut vnet.subnets).insert(subnet.name().clone(), subnet);
        });
        Ok(())
    }

    fn update_subnet(&mut self, vnet: &VnetId, spec: SubnetSpec) -> Result<(), Refusal> {
        let network = self.require_vnet(vnet)?;
        let old = network
            .subnet(&spec.name)
            .ok_or_else(|| Refusal::not_found(ResourceId::Subnet(vnet.clone(), spec.name.clone())))?;
        let subnet = Subnet::validate(network, spec)?;
        check_nics_fit(network, old, &subnet)?;
        let mut changed = VirtualNetwork::clone(network);
        Arc::make_mut(&mut changed.subnets).insert(subnet.name().clone(), subnet);
        self.check_changed_vnet(network, &changed)?;
        self.vnets.insert(vnet.clone(), Arc::new(changed));
        Ok(())
    }

    fn delete_subnet(&mut self, vnet: &VnetId, name: &SubnetName) -> Result<(), Refusal> {
        let network = self.require_vnet(vnet)?;
        let id = ResourceId::Subnet(vnet.clone(), name.clone());
        if network.subnet(name).is_none() {
            return Err(Refusal::not_found(id));
        }
        self.check_subnet_unused(network, name)?;
        self.edit(vnet, |vnet| {
            Arc::make_mut(&mut vnet.subnets).remove(name);
        });
        Ok(())
    }

    /// Refuses to delete a subnet that a NIC stands in or a peering names.
    pub(super) fn check_subnet_unused(
        &self,
        vnet: &VirtualNetwork,
        name: &SubnetName,
    ) -> Result<(), Refusal> {
        let nic = vnet.nics().iter().find(|nic| nic.subnet() == name);
        let nic = nic.map(|nic| ResourceId::Nic(nic.name().clone()));
        match nic.or_else(|| self.peering_naming(vnet, name)) {
            None => Ok(()),
            Some(holder) => {
                let what = ResourceId::Subnet(vnet.name().clone(), name.clone()).to_string();
                Err(Refusal::VnetAddressSpaceInUse { what, holder })
            }
        }
    }

    /// A peering that lets this subnet take part by name: one of this virtual network, or one of another that is connected with it.
    /// What another only hopes for holds nothing.
    fn peering_naming(&self, vnet: &VirtualNetwork, subnet: &SubnetName) -> Option<ResourceId> {
        let own =
            vnet.peerings().filter(|p| p.subnets().is_some_and(|subnets| subnets.local.contains(subnet)));
        let own = own.map(|peering| (vnet.name(), peering));
        let others = vnet.peerings().filter_map(|peering| self.other_side(vnet.name(), peering));
        let others = others.map(|(other, peering)| (other.name(), peering));
        let others =
            others.filter(|(_, p)| p.subnets().is_some_and(|subnets| subnets.remote.contains(subnet)));
        own.chain(others)
            .next()
            .map(|(vnet, peering)| ResourceId::Peering(vnet.clone(), peering.name().clone()))
    }

    fn create_nic(&mut self, spec: NicSpec) -> Result<(), Refusal> {
        if self.vnet_of_nic.contains_key(&spec.name) {
            return Err(Refusal::exists(ResourceId::Nic(spec.name)));
        }
        self.put_nic(spec)
    }

    fn update_nic(&mut self, spec: NicSpec) -> Result<(), Refusal> {
        if !self.vnet_of_nic.contains_key(&spec.name) {
            return Err(Refusal::not_found(ResourceId::Nic(spec.name)));
        }
        self.put_nic(spec)
    }

    fn put_nic(&mut self, spec: NicSpec) -> Result<(), Refusal> {
        let vnet = spec.subnet.vnet.clone();
        let network = self.require_vnet(&vnet)?;
        if let Some(interface) = &spec.interface
            && let Some(holder) = self.nic_of_interface.get(interface).filter(|holder| **holder != spec.name)
        {
            return Err(Refusal::AddressInUse {
                nic: spec.name,
                holding: Holding::Interface(interface.clone()),
                holder: holder.clone(),
            });
        }
        let nic = Nic::validate(network, spec)?;
        let replaced = network.nics().get(nic.name()).map_or(0, |old| old.addresses().count());
        if network.nics().address_count() - replaced + nic.addresses().count() > VirtualNetwork::MAX_ADDRESSES
        {
            return Err(Refusal::QuotaExceeded {
                holder: Some(ResourceId::VirtualNetwork(vnet)),
                quota: Quota::Addresses,
                limit: VirtualNetwork::MAX_ADDRESSES,
            });
        }
        self.take_nic_out(nic.name());
        Arc::make_mut(&mut self.vnet_of_nic).insert(nic.name().clone(), vnet.clone());
        if let Some(interface) = nic.interface() {
            Arc::make_mut(&mut self.nic_of_interface).insert(interface.clone(), nic.name().clone());
        }
        self.edit(&vnet, |vnet| Arc::make_mut(&mut vnet.nics).insert(nic));
        Ok(())
    }

    fn delete_nic(&mut self, name: &NicId) -> Result<(), Refusal> {
        if !self.vnet_of_nic.contains_key(name) {
            return Err(Refusal::not_found(ResourceId::Nic(name.clone())));
        }
        self.take_nic_out(name);
        Ok(())
    }

    fn take_nic_out(&mut self, name: &NicId) {
        let Some(vnet) = self.vnet_of_nic.get(name).cloned() else { return };
        let mut taken = None;
        self.edit(&vnet, |vnet| taken = Arc::make_mut(&mut vnet.nics).remove(name));
        Arc::make_mut(&mut self.vnet_of_nic).remove(name);
        if let Some(interface) = taken.as_ref().and_then(Nic::interface) {
            Arc::make_mut(&mut self.nic_of_interface).remove(interface);
        }
    }
}

/// Refuses a subnet that has no place for a NIC that stands in the old one of its name.
pub(super) fn check_nics_fit(vnet: &VirtualNetwork, old: &Subnet, new: &Subnet) -> Result<(), Refusal> {
    for nic in vnet.nics().iter().filter(|nic| nic.subnet() == new.name()) {
        for address in nic.addresses() {
            let holds =
                |subnet: &Subnet| subnet.address_prefixes().iter().find(|p| p.contains(&address)).copied();
            let Some(prefix) = holds(new) else {
                let lost = holds(old).map_or_else(|| address.to_string(), |prefix| prefix.to_string());
                return Err(Refusal::VnetAddressSpaceInUse {
                    what: format!("prefix {lost} of subnet {}/{}", vnet.name(), new.name()),
                    holder: ResourceId::Nic(nic.name().clone()),
                });
            };
            if let Some(reason) = reserved(&prefix, address) {
                return Err(Refusal::AddressReserved { nic: nic.name().clone(), address, prefix, reason });
            }
        }
    }
    Ok(())
}
