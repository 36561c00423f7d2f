//! From declared subscriptions and roles to a directory, in one step.
//!
//! A declaration says who has which role where, and may say by which name. Without one, a role that was given before keeps the name
//! that it has; a new one gets a name that follows from what it says, so that the same declaration leads to the same directory
//! everywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::edit::Counts;
use super::{AccessScope, Directory, Principal, Role, RoleAssignment, Subscription};
use crate::model::{
    Declared, DesiredState, Located, Place, Refusal, ResourceId, Scope, SubscriptionId, VnetId,
};

/// A role that is to be given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// To whom.
    pub principal: Principal,
    /// Which.
    pub role: Role,
    /// Where.
    pub scope: AccessScope,
}

/// A role that is to be given, and by which name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedGrant {
    /// The name of the role assignment; none where it is the one that it has, or follows from what it says.
    pub name: Option<String>,
    /// What it says.
    pub grant: Grant,
}

/// Who may do what, as far as somebody declares it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DesiredAccess {
    /// The subscriptions, and the roles given in them; none where both stay as they are.
    pub subscriptions: Option<DesiredSubscriptions>,
    /// The roles given at `/`; none where they stay as they are.
    pub root: Option<Vec<Declared<NamedGrant>>>,
    /// The one subscription that the declaration is about; none where it is about all.
    pub within: Option<SubscriptionId>,
}

/// Subscriptions, and the roles given in them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DesiredSubscriptions {
    /// The subscriptions. `default` may be among them, and exists without that.
    pub subscriptions: Vec<Declared<Subscription>>,
    /// The roles, each with a scope in a subscription.
    pub grants: Vec<Declared<NamedGrant>>,
}

impl DesiredAccess {
    /// The roles, those in subscriptions first.
    pub fn grants(&self) -> impl Iterator<Item = &Declared<NamedGrant>> {
        let in_subscriptions = self.subscriptions.iter().flat_map(|all| &all.grants);
        in_subscriptions.chain(self.root.iter().flatten())
    }

    /// Whether it says all about what is given at this scope.
    fn replaces(&self, scope: &AccessScope) -> bool {
        match scope.subscription() {
            None => self.root.is_some(),
            Some(name) => self.replaces_subscription(name),
        }
    }

    fn replaces_subscription(&self, name: &str) -> bool {
        self.subscriptions.is_some() && self.within.as_ref().is_none_or(|within| within.as_str() == name)
    }
}

impl Grant {
    /// The name of a role assignment that says this, where nobody gives another: a GUID (RFC 9562, version 8), from a cryptographic hash.
    #[must_use]
    pub fn derived_name(&self) -> String {
        let text = format!("{}\n{}\n{}", self.scope, self.principal, self.role);
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(Sha256::digest(text.as_bytes())).for_each(|(byte, hash)| *byte = hash);
        let number = u128::from_be_bytes(bytes) & !(0xf << 76 | 0x3 << 62) | 0x8 << 76 | 0x2 << 62;
        let digits = format!("{number:032x}");
        let groups = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| digits.get(range).unwrap_or_default());
        groups.join("-")
    }
}

impl RoleAssignment {
    /// What it says, without its name.
    pub(super) fn grant(&self) -> Grant {
        Grant { principal: self.principal.clone(), role: self.role, scope: self.scope.clone() }
    }

    /// Its name, where that does not follow from what it says.
    #[must_use]
    pub fn own_name(&self) -> Option<&str> {
        Some(self.name.as_str()).filter(|name| *name != self.grant().derived_name())
    }
}

impl Directory {
    /// The directory that `desired` leads to from this one, where afterwards those virtual networks exist for which `exists`
    /// holds. Tokens stay.
    ///
    /// # Errors
    /// Every refusal, in the order of the declarations.
    pub fn plan(
        &self,
        desired: &DesiredAccess,
        exists: impl Fn(&VnetId) -> bool,
    ) -> Result<Self, Vec<Located>> {
        let mut next = self.clone();
        next.retain_assignments(|scope| !desired.replaces(scope));
        Arc::make_mut(&mut next.subscriptions)
            .retain(|name, _| !desired.replaces_subscription(name.as_str()));
        let mut refusals = Vec::new();
        let mut note = |place, outcome: Result<(), Refusal>| {
            refusals.extend(outcome.err().map(|refusal| Located { place, refusal }));
        };
        let mut declared = BTreeSet::new();
        for Declared { spec, place } in desired.subscriptions.iter().flat_map(|all| &all.subscriptions) {
            let is_first = declared.insert(&spec.name);
            let again = || Err(Refusal::exists(ResourceId::Subscription(spec.name.clone())));
            note(*place, if is_first { next.put_subscription(spec.clone()) } else { again() });
        }
        let (names, mut counts) = (self.kept_names(desired), Counts::default());
        for Declared { spec, place } in desired.grants() {
            note(*place, next.give(spec, &names, &exists, &mut counts));
        }
        next.retain_assignments(|scope| match scope {
            AccessScope::Vnet(vnet) => exists(vnet),
            _ => true,
        });
        if refusals.is_empty() { Ok(next) } else { Err(refusals) }
    }

    /// The names of the role assignments, by what they say; without those that are declared to be another's.
    fn kept_names(&self, desired: &DesiredAccess) -> BTreeMap<Grant, String> {
        let taken: BTreeSet<(&AccessScope, &str)> = desired
            .grants()
            .filter_map(|declared| Some((&declared.spec.grant.scope, declared.spec.name.as_deref()?)))
            .collect();
        let kept = self.assignments().filter(|given| !taken.contains(&(&given.scope, &*given.name)));
        kept.map(|given| (given.grant(), given.name.clone())).collect()
    }

    fn give(
        &mut self,
        NamedGrant { name, grant }: &NamedGrant,
        names: &BTreeMap<Grant, String>,
        exists: impl Fn(&VnetId) -> bool,
        counts: &mut Counts,
    ) -> Result<(), Refusal> {
        let name = name.as_ref().or_else(|| names.get(grant));
        let name = name.cloned().unwrap_or_else(|| grant.derived_name());
        let Grant { principal, role, scope } = grant.clone();
        match self.assignment(&scope, &name) {
            Some(given) if given.grant() == *grant => {
                return Err(Refusal::RoleAssignmentExists { principal, role, scope, existing: name });
            }
            Some(given) => return Err(Refusal::exists(given.id())),
            None => {}
        }
        if let AccessScope::Vnet(vnet) = &scope
            && !exists(vnet)
        {
            return Err(Refusal::not_found(ResourceId::VirtualNetwork(vnet.clone())));
        }
        self.add_assignment(RoleAssignment { name, principal, role, scope }, counts)
    }

    /// This directory, with each subscription besides that something declared stands in.
    ///
    /// # Errors
    /// `QuotaExceeded`, at each place that names one more.
    pub fn with_subscriptions_of(mut self, desired: &DesiredState) -> Result<Self, Vec<Located>> {
        let mut refusals = Vec::new();
        for Located { place, refusal } in self.check_subscriptions(desired) {
            let Refusal::ResourceNotFound { resource: ResourceId::Subscription(name) } = refusal else {
                continue;
            };
            let display_name = name.to_string();
            let named = Subscription { name, display_name, ..Subscription::default() };
            refusals.extend(self.put_subscription(named).err().map(|refusal| Located { place, refusal }));
        }
        if refusals.is_empty() { Ok(self) } else { Err(refusals) }
    }

    /// The refusal of each object that is to stand in a subscription that does not exist.
    #[must_use]
    pub fn check_subscriptions(&self, desired: &DesiredState) -> Vec<Located> {
        let vnets = desired.vnets.iter().map(|vnet| (vnet.spec.name.scope(), vnet.place));
        let nics = desired.nics.iter().map(|nic| (nic.spec.name.scope(), nic.place));
        let refused = |(scope, place): (Scope, Place)| {
            let refusal = self.require_subscription(&scope.subscription).err()?;
            Some(Located { place, refusal })
        };
        vnets.chain(nics).filter_map(refused).collect()
    }
}
