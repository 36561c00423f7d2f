//! Whether a caller may declare what he declares, before it is known whether that is possible.
//!
//! As for operations, it comes first: otherwise what is wrong with a declaration would tell somebody what exists where he may
//! read nothing. What is as it was needs no role.

use ipnet::IpNet;

use super::{Caller, Directory, authorize_operation};
use crate::model::{Declared, DesiredState, Located, NicSpec, Operation, Place, Refusal, Topology};

/// The refusal of each declaration that differs from what there is and that the caller has not the roles for. What is missing,
/// and so to be deleted, is not looked at.
#[must_use]
pub fn authorize_declarations(
    directory: &Directory,
    caller: &Caller,
    current: &Topology,
    desired: &DesiredState,
) -> Vec<Located> {
    let mut refusals = Vec::new();
    let mut need = |place: Place, operation: Operation| {
        let refusal: Option<Refusal> = authorize_operation(directory, caller, current, &operation).err();
        refusals.extend(refusal.map(|refusal| Located { place, refusal }));
    };
    for Declared { spec, place } in &desired.vnets {
        let is_there = current.vnet(&spec.name).is_some_and(|vnet| {
            *vnet.region() == spec.region && are_same(vnet.address_space().ranges(), &spec.address_space)
        });
        if !is_there {
            need(*place, Operation::UpdateVnet(spec.clone()));
        }
    }
    for Declared { spec: (vnet, spec), place } in &desired.subnets {
        let subnet = current.vnet(vnet).and_then(|vnet| vnet.subnet(&spec.name));
        if subnet.is_none_or(|subnet| !are_same(subnet.address_prefixes(), &spec.address_prefixes)) {
            need(*place, Operation::UpdateSubnet(vnet.clone(), spec.clone()));
        }
    }
    for Declared { spec, place } in &desired.nics {
        if !is_there(current, spec) {
            need(*place, Operation::UpdateNic(spec.clone()));
        }
    }
    for Declared { spec: (vnet, spec), place } in &desired.peerings {
        let old = current.peering(vnet, &spec.name);
        if old.is_none_or(|old| old.spec() != *spec) {
            need(*place, Operation::UpdatePeering(vnet.clone(), spec.clone()));
        }
    }
    refusals
}

/// Whether two lists have the same prefixes, in whatever order.
fn are_same(left: &[IpNet], right: &[IpNet]) -> bool {
    let sorted = |list: &[IpNet]| {
        let mut list = list.to_vec();
        list.sort_unstable();
        list
    };
    sorted(left) == sorted(right)
}

/// Whether a NIC is as it is declared, its MAC address left aside: that concerns nobody else.
fn is_there(current: &Topology, spec: &NicSpec) -> bool {
    current.nic(&spec.name).is_some_and(|(vnet, nic)| {
        (vnet.name(), nic.subnet()) == (&spec.subnet.vnet, &spec.subnet.subnet)
            && (nic.ipv4(), nic.ipv6()) == (spec.ipv4, spec.ipv6)
            && nic.interface() == spec.interface.as_ref()
            && nic.enable_ip_forwarding() == spec.enable_ip_forwarding
    })
}
