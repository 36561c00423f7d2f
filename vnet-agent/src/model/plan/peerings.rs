//! What becomes of the declared peerings.
//!
//! Those that exist stay and keep their state; they take over what their remote has now, because a declaration of the whole
//! speaks for both ends. Those that went leave the other side `Disconnected`. Those that came are created as by an operation.
//!
//! A [`PeeringPast`] overrides that: the peering is then what its declaration says, under the rules of a snapshot
//! ([`Topology::put_peering`]). Whatever ends as `Disconnected` is put in last, where no check of another peering looks at it:
//! its remote may be gone, or be there again with any ranges.

use std::collections::{HashMap, HashSet};

use ipnet::IpNet;

use super::super::address::check_prefixes;
use super::super::{
    Operation, Peering, PeeringName, PeeringSpec, PeeringState, Refusal, ResourceId, Topology,
    VirtualNetwork, VnetId, taking_part,
};
use super::{Declared, DesiredState, PeeringPast, Plan};

/// A declared peering, and what is to become of it.
struct Wish<'a> {
    declared: &'a Declaration,
    past: Option<&'a PeeringPast>,
    /// The peering that it goes on from.
    old: Option<&'a Peering>,
    ends_disconnected: bool,
}

/// A declaration of a peering of a virtual network.
type Declaration = Declared<(VnetId, PeeringSpec)>;

/// The first wish of each virtual network (first) for each remote (second).
type Sides<'w, 'a> = HashMap<(&'a VnetId, &'a VnetId), &'w Wish<'a>>;

impl<'a> Wish<'a> {
    fn vnet(&self) -> &'a VnetId {
        &self.declared.spec.0
    }

    fn spec(&self) -> &'a PeeringSpec {
        &self.declared.spec.1
    }

    fn id(&self) -> ResourceId {
        ResourceId::Peering(self.vnet().clone(), self.spec().name.clone())
    }

    /// The space that it is declared to have taken over.
    fn space(&self) -> Option<&'a [IpNet]> {
        self.past.and_then(|past| past.remote_address_space.as_deref())
    }

    /// Whether it is declared to have lost its other side.
    fn is_declared_disconnected(&self) -> bool {
        self.past.is_some_and(|past| past.is_disconnected)
    }

    fn is_changed(&self) -> bool {
        self.old.is_some_and(|old| old.spec() != *self.spec())
    }

    /// Whether it stays as a peering of other subnets, or comes back from `Disconnected`.
    fn takes_part_anew(&self) -> bool {
        self.old.is_some_and(|old| {
            let comes_back = old.state() == PeeringState::Disconnected && self.is_changed();
            comes_back || old.subnets() != self.spec().subnets.as_ref()
        })
    }

    /// Checks the declared space as every list of prefixes is checked. An empty one is legal: subnets that take part may have
    /// no prefix.
    fn check_space(&self) -> Result<(), Refusal> {
        match check_prefixes(self.space().unwrap_or_default()) {
            Err((Some(prefix), fault)) => Err(Refusal::invalid_prefix(self.id(), Some(prefix), fault)),
            _ => Ok(()),
        }
    }
}

impl Plan<'_> {
    pub(super) fn build_peerings(&mut self, desired: &DesiredState) {
        let (wishes, repeated) = wishes(self.current, desired);
        let mut sides = Sides::new();
        for wish in &wishes {
            sides.entry((wish.vnet(), &wish.spec().remote)).or_insert(wish);
        }
        let mut refused = HashSet::new();
        let (ending, lasting): (Vec<_>, Vec<_>) = wishes.iter().partition(|wish| wish.ends_disconnected);
        let (kept, new): (Vec<_>, Vec<_>) = lasting.iter().copied().partition(|wish| wish.old.is_some());
        for wish in &kept {
            let outcome = self.carry(wish);
            self.note_peering(wish.declared, outcome, &mut refused);
        }
        // After all are there, so that their order does not matter.
        for wish in kept.iter().filter(|wish| wish.takes_part_anew()) {
            let outcome = self.check_changed(wish);
            self.note_peering(wish.declared, outcome, &mut refused);
        }
        for wish in new {
            let outcome = self.create(wish, &sides);
            self.note_peering(wish.declared, outcome, &mut refused);
        }
        for wish in ending {
            let outcome = self.disconnect(wish, &sides);
            self.note_peering(wish.declared, outcome, &mut refused);
        }
        for declared in repeated {
            let (vnet, spec) = declared.spec.clone();
            let outcome = self.next.apply_in_place(Operation::CreatePeering(vnet, spec));
            self.note_peering(declared, outcome, &mut refused);
        }
        for wish in lasting {
            self.settle_space(wish);
        }
    }

    /// Notes the refusal of a peering. Two sides that are both declared have one mistake, not two.
    fn note_peering(
        &mut self,
        declared: &Declaration,
        outcome: Result<(), Refusal>,
        refused: &mut HashSet<(VnetId, VnetId)>,
    ) {
        let (vnet, spec) = &declared.spec;
        if let Err(
            Refusal::VnetAddressSpacesOverlap { .. }
            | Refusal::VnetAddressSpaceOverlapsWithAlreadyPeeredVnet { .. }
            | Refusal::OperationNotAllowed { .. },
        ) = &outcome
        {
            if refused.contains(&(spec.remote.clone(), vnet.clone())) {
                return;
            }
            refused.insert((vnet.clone(), spec.remote.clone()));
        }
        self.note(ResourceId::Peering(vnet.clone(), spec.name.clone()), declared.place, outcome);
    }

    /// Takes a peering that stays into the next topology, with its state and its changes.
    fn carry(&mut self, wish: &Wish<'_>) -> Result<(), Refusal> {
        wish.check_space()?;
        let vnet = self.next.require_vnet(wish.vnet())?;
        self.check_kept(wish, vnet)?;
        let Some(mut peering) = wish.old.cloned() else { return Ok(()) };
        if wish.is_changed() && peering.state() == PeeringState::Disconnected {
            // The way out of Disconnected that an update is.
            peering.set_state(PeeringState::Initiated);
        }
        adjust(&mut peering, wish.spec());
        self.next.edit(wish.vnet(), |vnet| vnet.insert_peering(peering));
        Ok(())
    }

    /// Checks a peering that stays: all of it while it is `Connected`, and of another what its own network adds to itself.
    fn check_kept(&self, wish: &Wish<'_>, vnet: &VirtualNetwork) -> Result<(), Refusal> {
        if !wish.ends_disconnected && wish.old.is_some_and(|old| old.state() == PeeringState::Connected) {
            return self.next.check_connected(vnet, wish.spec());
        }
        self.next.check_standing(vnet, wish.spec())?;
        let before = self.current.vnet(wish.vnet());
        before.map_or(Ok(()), |before| self.next.check_growth(before, vnet, wish.spec()))
    }

    /// Checks a changed peering as the operation does.
    fn check_changed(&self, wish: &Wish<'_>) -> Result<(), Refusal> {
        match self.next.vnet(wish.vnet()) {
            Some(vnet) if vnet.peering(&wish.spec().name).is_some() => {
                self.next.check_peering(vnet, wish.spec())
            }
            // It was refused before.
            _ => Ok(()),
        }
    }

    fn create(&mut self, wish: &Wish<'_>, sides: &Sides<'_, '_>) -> Result<(), Refusal> {
        wish.check_space()?;
        let (vnet, spec) = (wish.vnet(), wish.spec());
        let is_ending = |side: &&&Wish<'_>| side.ends_disconnected;
        if let Some(existing) = sides.get(&(vnet, &spec.remote)).filter(is_ending) {
            return Err(Refusal::AnotherPeeringAlreadyReferencesRemoteVnet {
                vnet: vnet.clone(),
                existing: existing.spec().name.clone(),
                remote: spec.remote.clone(),
            });
        }
        match sides.get(&(&spec.remote, vnet)).filter(is_ending) {
            // That one's declaration is refused.
            Some(other) if other.is_declared_disconnected() => return Ok(()),
            Some(other) => {
                return Err(Refusal::RemotePeeringIsDisconnected {
                    vnet: vnet.clone(),
                    remote: spec.remote.clone(),
                    remote_peering: other.spec().name.clone(),
                });
            }
            None => {}
        }
        let Some(space) = wish.space() else {
            return self.next.apply_in_place(Operation::CreatePeering(vnet.clone(), spec.clone()));
        };
        let remote = self.next.require_vnet(&spec.remote)?;
        let other = self.next.waiting_side(vnet, remote)?;
        let state = if other.is_some() { PeeringState::Connected } else { PeeringState::Initiated };
        self.next.put_peering(vnet, spec.clone(), state, space.to_vec())?;
        if let Some(other) = other {
            self.next.set_state(&spec.remote, &other, PeeringState::Connected);
        }
        Ok(())
    }

    /// Puts in a peering that has no other side any more.
    fn disconnect(&mut self, wish: &Wish<'_>, sides: &Sides<'_, '_>) -> Result<(), Refusal> {
        wish.check_space()?;
        let (vnet, spec) = (wish.vnet(), wish.spec());
        if wish.is_declared_disconnected() {
            if sides.contains_key(&(&spec.remote, vnet)) {
                return Err(Refusal::OperationNotAllowed {
                    resource: wish.id(),
                    reason: "cannot be Disconnected while its other side is there: two sides that name each other are Connected",
                });
            }
        } else {
            self.check_kept(wish, self.next.require_vnet(vnet)?)?;
        }
        let now = || self.next.remote_space_now(spec);
        let space = match (wish.space(), wish.old) {
            (Some(space), _) => space.to_vec(),
            (None, Some(old)) if old.subnets() == spec.subnets.as_ref() => {
                old.remote_address_space().to_vec()
            }
            (None, _) => now(),
        };
        self.next.put_peering(vnet, spec.clone(), PeeringState::Disconnected, space)
    }

    /// Gives a peering the space that it is declared to have; one that stays and says nothing takes over what its remote has.
    fn settle_space(&mut self, wish: &Wish<'_>) {
        let (vnet, name) = (wish.vnet(), &wish.spec().name);
        match wish.space() {
            Some(space) => {
                let mut space = space.to_vec();
                space.sort_unstable();
                self.next.set_space(vnet, name, space);
            }
            None if wish.old.is_some() => self.next.take_over(vnet, name),
            None => {}
        }
    }
}

/// Gives a peering the properties that may change.
fn adjust(peering: &mut Peering, spec: &PeeringSpec) {
    peering.set_flags(spec.flags);
    peering.set_subnets(spec.subnets.clone());
}

/// The first declaration of each peering as a wish, and the declarations that repeat a name.
fn wishes<'a>(current: &'a Topology, desired: &'a DesiredState) -> (Vec<Wish<'a>>, Vec<&'a Declaration>) {
    let mut first: HashMap<(&VnetId, &PeeringName), &PeeringSpec> = HashMap::new();
    let mut repeated = Vec::new();
    let mut wishes = Vec::new();
    for declared in &desired.peerings {
        let (vnet, spec) = &declared.spec;
        if first.contains_key(&(vnet, &spec.name)) {
            repeated.push(declared);
            continue;
        }
        first.insert((vnet, &spec.name), spec);
        let past = desired.pasts.get(&(vnet.clone(), spec.name.clone()));
        let old = staying(current, vnet, spec);
        wishes.push(Wish { declared, past, old, ends_disconnected: false });
    }
    let stays = |vnet: &VnetId, peering: &Peering| {
        first.get(&(vnet, peering.name())).is_some_and(|spec| staying(current, vnet, spec).is_some())
    };
    for wish in &mut wishes {
        let loses_other_side = wish.old.is_some_and(|old| match old.state() {
            PeeringState::Initiated => false,
            PeeringState::Connected => {
                let other = current.other_side(wish.vnet(), old);
                !other.is_some_and(|(remote, other)| stays(remote.name(), other))
            }
            PeeringState::Disconnected => !wish.is_changed(),
        });
        wish.ends_disconnected = loses_other_side || wish.is_declared_disconnected();
    }
    (wishes, repeated)
}

/// The peering that a declared one is, perhaps with other flags. Another remote, or taking part as a whole and no longer so,
/// makes it another object.
fn staying<'a>(current: &'a Topology, vnet: &VnetId, spec: &PeeringSpec) -> Option<&'a Peering> {
    current
        .peering(vnet, &spec.name)
        .filter(|old| old.remote() == &spec.remote && old.subnets().is_some() == spec.subnets.is_some())
}

impl Topology {
    /// What a declaration must say of a peering's past, beside its [`PeeringSpec`], to lead to this very peering where nothing
    /// was before.
    #[must_use]
    pub fn peering_past(&self, vnet: &VirtualNetwork, peering: &Peering) -> PeeringPast {
        let spec = peering.spec();
        let is_disconnected = peering.state() == PeeringState::Disconnected;
        // It could not be made any more as things have become.
        let is_overtaken = || !is_disconnected && self.check_peering(vnet, &spec).is_err();
        let space = peering.remote_address_space();
        let follows = space == self.remote_space_now(&spec) && !is_overtaken();
        PeeringPast { is_disconnected, remote_address_space: (!follows).then(|| space.to_vec()) }
    }

    /// What of the remote takes part now; nothing of one that is not there.
    fn remote_space_now(&self, spec: &PeeringSpec) -> Vec<IpNet> {
        let selection = spec.subnets.as_ref().map(|subnets| (&subnets.remote, subnets.only_ipv6));
        self.vnet(&spec.remote).map(|remote| taking_part(remote, selection)).unwrap_or_default()
    }

    fn set_space(&mut self, vnet: &VnetId, name: &PeeringName, space: Vec<IpNet>) {
        self.edit(vnet, |vnet| {
            if let Some(peering) = vnet.peerings.get_mut(name) {
                peering.set_remote_address_space(space);
            }
        });
    }
}
