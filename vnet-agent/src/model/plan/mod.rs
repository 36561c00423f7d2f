//! From a declared state to a topology, in one transaction.
//!
//! A file is the whole truth about what exists, but seldom about the past: whether a peering is `Disconnected` follows from what
//! happened before. So virtual networks, subnets and NICs are built anew from the file (two NICs may swap their addresses,
//! which no order of single operations would allow), and the peerings go on from the current topology, or come out of the past
//! that is declared for them: see [`peerings`]. What came out equal keeps its `Arc`.

mod peerings;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ipnet::IpNet;

use super::{
    Change, NicSpec, Operation, PeeringName, PeeringSpec, Refusal, ResourceId, SubnetSpec, Topology, VnetId,
    VnetSpec, changes,
};

/// A place in whatever declared an object. Its maker alone knows what the number stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(pub u32);

/// A declaration and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared<T> {
    /// What is declared.
    pub spec: T,
    /// Where.
    pub place: Place,
}

/// A refusal and the place of the declaration that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// Where.
    pub place: Place,
    /// What was refused.
    pub refusal: Refusal,
}

/// What is declared of a peering beyond its [`PeeringSpec`]: what only its past explains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeeringPast {
    /// Its other side was there and is gone.
    pub is_disconnected: bool,
    /// What it took over last. None: what the remote has now, or, of a peering that exists and is `Disconnected`, what it has.
    pub remote_address_space: Option<Vec<IpNet>>,
}

/// Everything that is to exist, in the order of its declaration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DesiredState {
    /// Virtual networks.
    pub vnets: Vec<Declared<VnetSpec>>,
    /// Subnets, each with its virtual network.
    pub subnets: Vec<Declared<(VnetId, SubnetSpec)>>,
    /// NICs.
    pub nics: Vec<Declared<NicSpec>>,
    /// Peerings, each with its virtual network.
    pub peerings: Vec<Declared<(VnetId, PeeringSpec)>>,
    /// The pasts that are declared for some of the peerings.
    pub pasts: BTreeMap<(VnetId, PeeringName), PeeringPast>,
    /// Objects that were declared with mistakes reported elsewhere: what names them is not reported as naming nothing.
    pub broken: BTreeSet<ResourceId>,
}

/// The topology that `desired` leads to from `current`, and what changes on the way. With [`DesiredState::broken`] objects it
/// lacks them and what depends on them: it is then good for finding further mistakes alone, and must not be committed.
///
/// # Errors
/// Every refusal, in the order of the objects' kinds, then of their declaration. What depends on a refused object is not
/// reported again.
pub fn plan_file(
    current: &Topology,
    desired: &DesiredState,
) -> Result<(Topology, Vec<Change>), Vec<Located>> {
    let mut plan =
        Plan { current, next: Topology::default(), broken: desired.broken.clone(), refusals: Vec::new() };
    plan.build_objects(desired);
    plan.build_peerings(desired);
    if !plan.refusals.is_empty() {
        return Err(plan.refusals);
    }
    let mut next = plan.next;
    next.share_with(current);
    let changes = changes(current, &next);
    Ok((next, changes))
}

struct Plan<'a> {
    current: &'a Topology,
    next: Topology,
    broken: BTreeSet<ResourceId>,
    refusals: Vec<Located>,
}

impl Plan<'_> {
    /// Notes the refusal of an object, unless it only follows from one noted before.
    fn note(&mut self, id: ResourceId, place: Place, outcome: Result<(), Refusal>) {
        let Err(refusal) = outcome else { return };
        let follows = match &refusal {
            Refusal::ResourceNotFound { resource } => self.broken.contains(resource),
            _ => false,
        };
        if !self.has(&id) {
            self.broken.insert(id);
        }
        if !follows {
            self.refusals.push(Located { place, refusal });
        }
    }

    fn has(&self, id: &ResourceId) -> bool {
        match id {
            ResourceId::VirtualNetwork(name) => self.next.vnet(name).is_some(),
            ResourceId::Subnet(vnet, name) => {
                self.next.vnet(vnet).is_some_and(|vnet| vnet.subnet(name).is_some())
            }
            ResourceId::Nic(name) => self.next.nic(name).is_some(),
            ResourceId::Peering(vnet, name) | ResourceId::OtherSide(vnet, name) => {
                self.next.peering(vnet, name).is_some()
            }
            // No topology holds these.
            ResourceId::Subscription(_) | ResourceId::RoleAssignment(..) | ResourceId::Token(_) => false,
        }
    }

    fn build_objects(&mut self, desired: &DesiredState) {
        for Declared { spec, place } in &desired.vnets {
            let outcome = self.next.apply_in_place(Operation::CreateVnet(spec.clone()));
            self.note(ResourceId::VirtualNetwork(spec.name.clone()), *place, outcome);
        }
        for Declared { spec: (vnet, spec), place } in &desired.subnets {
            let outcome = self.next.apply_in_place(Operation::CreateSubnet(vnet.clone(), spec.clone()));
            self.note(ResourceId::Subnet(vnet.clone(), spec.name.clone()), *place, outcome);
        }
        for Declared { spec, place } in &desired.nics {
            let outcome = self.next.apply_in_place(Operation::CreateNic(spec.clone()));
            self.note(ResourceId::Nic(spec.name.clone()), *place, outcome);
        }
    }
}

impl Topology {
    /// Gives every part that equals its counterpart in `older` that one's `Arc`.
    fn share_with(&mut self, older: &Self) {
        for (name, vnet) in &mut self.vnets {
            let Some(old) = older.vnets.get(name) else { continue };
            if vnet == old {
                *vnet = Arc::clone(old);
                continue;
            }
            let same_nics = vnet.nics == old.nics;
            let same_subnets = vnet.subnets == old.subnets;
            if same_nics || same_subnets {
                let vnet = Arc::make_mut(vnet);
                if same_nics {
                    vnet.nics = Arc::clone(&old.nics);
                }
                if same_subnets {
                    vnet.subnets = Arc::clone(&old.subnets);
                }
            }
        }
        if self.vnet_of_nic == older.vnet_of_nic {
            self.vnet_of_nic = Arc::clone(&older.vnet_of_nic);
        }
        if self.nic_of_interface == older.nic_of_interface {
            self.nic_of_interface = Arc::clone(&older.nic_of_interface);
        }
    }
}
