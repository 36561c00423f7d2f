//! Whether a caller may do something.
//!
//! The answer looks at role assignments alone, never at what exists. So it says nothing about whether there is something at a
//! scope that the caller may not read.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{AccessScope, Action, Caller, Directory, Principal, RoleAssignment, Subscription};
use crate::model::{Refusal, SubscriptionId};

impl Directory {
    /// Whether a caller may do this within this scope.
    ///
    /// A subscription is read, as in Azure, by whoever may do so for any part of it: he could not find that part otherwise.
    #[must_use]
    pub fn allows(&self, caller: &Caller, action: Action, scope: &AccessScope) -> bool {
        let gives = |given: &Arc<RoleAssignment>| given.role.allows(action) && caller.is(&given.principal);
        let reads_part = |subscription: &str| {
            self.assignments().any(|given| given.scope.subscription() == Some(subscription) && gives(given))
        };
        caller.is_root()
            || scope.and_around().any(|scope| self.assignments_at(&scope).any(gives))
            || action == Action::SubscriptionRead && scope.subscription().is_some_and(reads_part)
    }

    /// The subscriptions that a caller may read, in the order of their names.
    #[must_use]
    pub fn subscriptions_read_by(&self, caller: &Caller) -> Vec<Arc<Subscription>> {
        let action = Action::SubscriptionRead;
        let mut all = self.every_subscription();
        if !caller.is_root() {
            // One look at the roles, and not one for each subscription.
            let roles = self.assignments().filter(|a| a.role.allows(action) && caller.is(&a.principal));
            let scopes: BTreeSet<Option<&str>> = roles.map(|given| given.scope.subscription()).collect();
            all.retain(|one| scopes.contains(&None) || scopes.contains(&Some(one.name.as_str())));
        }
        all
    }

    /// Whether a caller has any role anywhere. Whoever has none need not be looked for in all that there is.
    #[must_use]
    pub fn knows(&self, caller: &Caller) -> bool {
        caller.is_root() || self.assignments().any(|a| caller.is(&a.principal))
    }

    /// The subscriptions in the whole of which a caller may do this, by a role given for just such a subscription.
    #[must_use]
    pub fn subscriptions_of(&self, caller: &Caller, action: Action) -> BTreeSet<SubscriptionId> {
        let held = self.assignments().filter(|a| a.role.allows(action) && caller.is(&a.principal));
        let held = held.filter_map(|a| match &a.scope {
            AccessScope::Subscription(name) => Some(name.clone()),
            _ => None,
        });
        held.collect()
    }

    /// Lets only those pass who may do this within this scope.
    ///
    /// # Errors
    /// `AuthorizationFailed`.
    pub fn authorize(&self, caller: &Caller, action: Action, scope: &AccessScope) -> Result<(), Refusal> {
        if self.allows(caller, action, scope) {
            return Ok(());
        }
        Err(Refusal::AuthorizationFailed { caller: caller.principal().clone(), action, scope: scope.clone() })
    }

    /// Lets only those pass who may do `own` and also what comes with it elsewhere: `linked`, such as `peer/action` on the
    /// virtual network at the other side.
    ///
    /// # Errors
    /// `AuthorizationFailed` without the own action, `LinkedAuthorizationFailed` without the linked one.
    pub fn authorize_linked(
        &self,
        caller: &Caller,
        own: (Action, &AccessScope),
        linked: (Action, &AccessScope),
    ) -> Result<(), Refusal> {
        self.authorize(caller, own.0, own.1)?;
        if self.allows(caller, linked.0, linked.1) {
            return Ok(());
        }
        Err(Refusal::LinkedAuthorizationFailed {
            caller: caller.principal().clone(),
            action: own.0,
            scope: Box::new(own.1.clone()),
            linked_action: linked.0,
            linked_scope: Box::new(linked.1.clone()),
        })
    }

    /// Lets only those pass who may make a token that stands for `principal`. One for root is made by root alone: an Owner of
    /// everything still is a user of his own.
    ///
    /// # Errors
    /// `AuthorizationFailed`.
    pub fn authorize_token(&self, caller: &Caller, principal: &Principal) -> Result<(), Refusal> {
        let (action, scope) = (Action::TokenWrite, AccessScope::Root);
        self.authorize(caller, action, &scope)?;
        if principal.is_root() && !caller.is_root() {
            return Err(Refusal::AuthorizationFailed { caller: caller.principal().clone(), action, scope });
        }
        Ok(())
    }
}
