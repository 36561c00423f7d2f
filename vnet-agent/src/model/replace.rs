//! A virtual network's region, ranges and subnets, replaced in one step.

use std::sync::Arc;

use super::apply::check_nics_fit;
use super::{Refusal, ResourceId, Subnet, SubnetSpec, Topology, VirtualNetwork, VnetSpec};

impl Topology {
    pub(super) fn replace_vnet(&mut self, spec: VnetSpec, subnets: Vec<SubnetSpec>) -> Result<(), Refusal> {
        let old = self.require_vnet(&spec.name)?;
        let space = Self::address_space(&spec.name, spec.address_space)?;
        let mut changed = VirtualNetwork::clone(old);
        changed.region = spec.region;
        changed.address_space = space;
        changed.subnets = Arc::default();
        for subnet in subnets {
            if changed.subnet(&subnet.name).is_some() {
                return Err(Refusal::exists(ResourceId::Subnet(spec.name, subnet.name)));
            }
            let subnet = Subnet::validate(&changed, subnet)?;
            if let Some(old_subnet) = old.subnet(subnet.name()) {
                check_nics_fit(old, old_subnet, &subnet)?;
            }
            Arc::make_mut(&mut changed.subnets).insert(subnet.name().clone(), subnet);
        }
        for gone in old.subnets().filter(|subnet| changed.subnet(subnet.name()).is_none()) {
            self.check_subnet_unused(old, gone.name())?;
        }
        if changed.subnets == old.subnets {
            changed.subnets = Arc::clone(&old.subnets);
        }
        self.check_changed_vnet(old, &changed)?;
        self.vnets.insert(spec.name, Arc::new(changed));
        Ok(())
    }
}
