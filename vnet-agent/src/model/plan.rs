//! From a declared state to a topology, in one transaction.
//!
//! A file is the whole truth about what exists, but not about the past: whether a peering is `Disconnected` follows from what
//! happened before. So virtual networks, subnets and NICs are built anew from the file (two NICs may swap their addresses,
//! which no order of single operations would allow), and the peerings go on from the current topology: those that stay keep
//! their state, those that went leave the other side `Disconnected`, those that came are created. A peering that stays takes
//! over what its remote has now, because the file declares both. What came out equal keeps its `Arc`.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::{
    Change, NicSpec, Operation, PeeringName, PeeringSpec, PeeringState, Refusal, ResourceId, SubnetSpec,
    Topology, VnetId, VnetSpec, changes,
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

    fn build_peerings(&mut self, desired: &DesiredState) {
        let mut wanted: HashMap<(&VnetId, &PeeringName), &PeeringSpec> = HashMap::new();
        for Declared { spec: (vnet, spec), .. } in &desired.peerings {
            wanted.entry((vnet, &spec.name)).or_insert(spec);
        }
        let mut refused_pairs = HashSet::new();
        let mut carried = Vec::new();
        let mut new = Vec::new();
        for declared in &desired.peerings {
            let (vnet, spec) = &declared.spec;
            // The second declaration of one name is new, and refused as such.
            let is_first = wanted.get(&(vnet, &spec.name)).is_some_and(|first| std::ptr::eq(*first, spec));
            if is_first && self.stays(vnet, spec) {
                let outcome = self.carry(vnet, spec, &wanted);
                carried.push((vnet, &spec.name));
                self.note_peering(declared, outcome, &mut refused_pairs);
            } else {
                new.push(declared);
            }
        }
        for declared in new {
            let (vnet, spec) = &declared.spec;
            let outcome = self.next.apply_in_place(Operation::CreatePeering(vnet.clone(), spec.clone()));
            self.note_peering(declared, outcome, &mut refused_pairs);
        }
        for (vnet, name) in carried {
            if self
                .next
                .peering(vnet, name)
                .is_some_and(|peering| peering.state() != PeeringState::Disconnected)
            {
                self.next.take_over(vnet, name);
            }
        }
    }

    /// Notes the refusal of a peering. Two sides that are both declared have one mistake, not two.
    fn note_peering(
        &mut self,
        declared: &Declared<(VnetId, PeeringSpec)>,
        outcome: Result<(), Refusal>,
        refused_pairs: &mut HashSet<(VnetId, VnetId)>,
    ) {
        let (vnet, spec) = &declared.spec;
        if let Err(
            Refusal::VnetAddressSpacesOverlap { .. }
            | Refusal::VnetAddressSpaceOverlapsWithAlreadyPeeredVnet { .. },
        ) = &outcome
        {
            if refused_pairs.contains(&(spec.remote.clone(), vnet.clone())) {
                return;
            }
            refused_pairs.insert((vnet.clone(), spec.remote.clone()));
        }
        self.note(ResourceId::Peering(vnet.clone(), spec.name.clone()), declared.place, outcome);
    }

    /// Whether a declared peering is the one that exists, perhaps with other flags. Another remote, or taking part as a whole
    /// and no longer so, makes it another object.
    fn stays(&self, vnet: &VnetId, spec: &PeeringSpec) -> bool {
        self.current.peering(vnet, &spec.name).is_some_and(|old| {
            old.remote() == &spec.remote && old.subnets().is_some() == spec.subnets.is_some()
        })
    }

    /// Takes a peering that stays into the next topology, with its state and its changes.
    fn carry(
        &mut self,
        vnet: &VnetId,
        spec: &PeeringSpec,
        wanted: &HashMap<(&VnetId, &PeeringName), &PeeringSpec>,
    ) -> Result<(), Refusal> {
        self.next.check_peering(self.next.require_vnet(vnet)?, spec)?;
        let Some(old) = self.current.peering(vnet, &spec.name) else { return Ok(()) };
        let other_side_stays = self.current.other_side(vnet, old).is_some_and(|(remote, other)| {
            wanted.get(&(remote.name(), other.name())).is_some_and(|spec| self.stays(remote.name(), spec))
        });
        self.next.edit(vnet, |vnet| vnet.insert_peering(old.clone()));
        if old.spec() != *spec {
            self.next.apply_in_place(Operation::UpdatePeering(vnet.clone(), spec.clone()))?;
        }
        // Last: an update is the way out of Disconnected only for who has seen it.
        if old.state() == PeeringState::Connected && !other_side_stays {
            self.next.set_state(vnet, &spec.name, PeeringState::Disconnected);
        }
        Ok(())
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
