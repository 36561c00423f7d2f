//! Changes of the directory, by the rules that need no topology. `State` adds those that do.
//!
//! Each looks at everything first and changes something only when nothing can be refused any more.

use std::collections::HashMap;
use std::sync::Arc;

use super::{AccessScope, Directory, RoleAssignment, Subscription, Token};
use crate::model::name::{check_free_text, check_name};
use crate::model::{DEFAULT_SCOPE_NAME, Quota, Refusal, ResourceId, ResourceKind, SubscriptionId};

/// How many role assignments each subscription has, and the scope `/`.
#[derive(Default)]
pub(super) struct Counts(HashMap<Option<String>, usize>);

impl Directory {
    /// The directory that holds these.
    ///
    /// # Errors
    /// The [`Refusal`] of the first that breaks a rule. Whether the virtual networks exist to which roles are given is not
    /// looked at.
    pub fn restore(
        subscriptions: Vec<Subscription>,
        assignments: Vec<RoleAssignment>,
        tokens: Vec<Token>,
    ) -> Result<Self, Refusal> {
        let mut directory = Self::default();
        for subscription in subscriptions {
            if directory.subscriptions.contains_key(&subscription.name) {
                return Err(Refusal::exists(ResourceId::Subscription(subscription.name)));
            }
            directory.put_subscription(subscription)?;
        }
        let mut counts = Counts::default();
        for assignment in assignments {
            if directory.assignment(&assignment.scope, &assignment.name).is_some() {
                return Err(Refusal::exists(assignment.id()));
            }
            directory.add_assignment(assignment, &mut counts)?;
        }
        for token in tokens {
            if directory.token(&token.name).is_some() {
                return Err(Refusal::exists(ResourceId::Token(token.name)));
            }
            directory.put_token(token)?;
        }
        Ok(directory)
    }

    pub(super) fn has_subscription(&self, name: &str) -> bool {
        name == DEFAULT_SCOPE_NAME || self.subscriptions.contains_key(name)
    }

    /// Refuses what names a subscription that does not exist.
    pub(in crate::model) fn require_subscription(&self, name: &SubscriptionId) -> Result<(), Refusal> {
        if self.has_subscription(name.as_str()) {
            return Ok(());
        }
        Err(Refusal::not_found(ResourceId::Subscription(name.clone())))
    }

    pub(in crate::model) fn put_subscription(&mut self, subscription: Subscription) -> Result<(), Refusal> {
        check_free_text(
            ResourceKind::DisplayName,
            &subscription.display_name,
            Subscription::MAX_DISPLAY_NAME,
        )?;
        check_name(ResourceKind::Tenant, &subscription.tenant, Subscription::MAX_TENANT)?;
        if subscription == Subscription::default() {
            // It exists like that anyway. Two directories that say the same are equal.
            if self.subscriptions.contains_key(&subscription.name) {
                Arc::make_mut(&mut self.subscriptions).remove(&subscription.name);
            }
            return Ok(());
        }
        let is_new = !self.subscriptions.contains_key(&subscription.name);
        check_quota(is_new, self.subscriptions.len(), Quota::Subscriptions, Self::MAX_SUBSCRIPTIONS)?;
        Arc::make_mut(&mut self.subscriptions).insert(subscription.name.clone(), Arc::new(subscription));
        Ok(())
    }

    /// Deletes a subscription with the roles given in it: nobody may inherit them by creating another one of its name.
    pub(in crate::model) fn delete_subscription(&mut self, name: &SubscriptionId) -> Result<(), Refusal> {
        if *name == SubscriptionId::default() {
            let resource = ResourceId::Subscription(name.clone());
            let reason = "cannot be deleted: it has all that names no other subscription";
            return Err(Refusal::OperationNotAllowed { resource, reason });
        }
        self.require_subscription(name)?;
        Arc::make_mut(&mut self.subscriptions).remove(name);
        self.retain_assignments(|scope| scope.subscription() != Some(name.as_str()));
        Ok(())
    }

    /// Forgets the role assignments whose scope does not pass. Copies nothing when all pass.
    pub(in crate::model) fn retain_assignments(&mut self, passes: impl Fn(&AccessScope) -> bool) {
        if self.assignments.keys().any(|(scope, _)| !passes(scope)) {
            Arc::make_mut(&mut self.assignments).retain(|(scope, _), _| passes(scope));
        }
    }

    fn check_assignment(&self, assignment: &RoleAssignment) -> Result<(), Refusal> {
        let RoleAssignment { name, principal, role, scope } = assignment;
        RoleAssignment::check_name(name)?;
        if let Some(missing) = scope.subscription().filter(|name| !self.has_subscription(name)) {
            return Err(Refusal::not_found(ResourceId::Subscription(SubscriptionId::new(missing)?)));
        }
        if let Some(old) = self.assignment(scope, name) {
            if (&old.principal, &old.role) == (principal, role) {
                return Ok(());
            }
            return Err(Refusal::RoleAssignmentUpdateNotPermitted {
                name: name.clone(),
                scope: scope.clone(),
                principal: old.principal.clone(),
                role: old.role,
            });
        }
        match self.assignments_at(scope).find(|other| (&other.principal, &other.role) == (principal, role)) {
            None => Ok(()),
            Some(other) => Err(Refusal::RoleAssignmentExists {
                principal: principal.clone(),
                role: *role,
                scope: scope.clone(),
                existing: other.name.clone(),
            }),
        }
    }

    /// One of many: `counts` has how many there are so far.
    pub(super) fn add_assignment(
        &mut self,
        assignment: RoleAssignment,
        counts: &mut Counts,
    ) -> Result<(), Refusal> {
        self.check_assignment(&assignment)?;
        let count = counts.0.entry(assignment.scope.subscription().map(str::to_owned)).or_default();
        check_assignment_quota(*count, &assignment.scope)?;
        *count += 1;
        self.insert_assignment(assignment);
        Ok(())
    }

    /// Gives a role. To do so again, by the same name, changes nothing.
    pub(in crate::model) fn put_assignment(&mut self, assignment: RoleAssignment) -> Result<(), Refusal> {
        self.check_assignment(&assignment)?;
        if self.assignment(&assignment.scope, &assignment.name).is_none() {
            let subscription = assignment.scope.subscription();
            let count = self.assignments().filter(|other| other.scope.subscription() == subscription).count();
            check_assignment_quota(count, &assignment.scope)?;
            self.insert_assignment(assignment);
        }
        Ok(())
    }

    pub(super) fn insert_assignment(&mut self, assignment: RoleAssignment) {
        let key = (assignment.scope.clone(), assignment.name.clone());
        Arc::make_mut(&mut self.assignments).insert(key, Arc::new(assignment));
    }

    pub(in crate::model) fn delete_assignment(
        &mut self,
        scope: &AccessScope,
        name: &str,
    ) -> Result<(), Refusal> {
        if self.assignment(scope, name).is_none() {
            return Err(Refusal::not_found(ResourceId::RoleAssignment(
                Box::new(scope.clone()),
                name.to_owned(),
            )));
        }
        Arc::make_mut(&mut self.assignments).remove(&(scope.clone(), name.to_owned()));
        Ok(())
    }

    /// Makes a token valid; another one of its name no longer is.
    pub(in crate::model) fn put_token(&mut self, token: Token) -> Result<(), Refusal> {
        Token::check_name(&token.name)?;
        check_quota(self.token(&token.name).is_none(), self.tokens.len(), Quota::Tokens, Self::MAX_TOKENS)?;
        Arc::make_mut(&mut self.tokens).insert(token.name.clone(), Arc::new(token));
        Ok(())
    }

    pub(in crate::model) fn delete_token(&mut self, name: &str) -> Result<(), Refusal> {
        if self.token(name).is_none() {
            return Err(Refusal::not_found(ResourceId::Token(name.to_owned())));
        }
        Arc::make_mut(&mut self.tokens).remove(name);
        Ok(())
    }
}

impl RoleAssignment {
    pub(super) fn id(&self) -> ResourceId {
        ResourceId::RoleAssignment(Box::new(self.scope.clone()), self.name.clone())
    }
}

fn check_quota(is_new: bool, count: usize, quota: Quota, limit: usize) -> Result<(), Refusal> {
    if is_new && count >= limit {
        return Err(Refusal::QuotaExceeded { holder: None, quota, limit });
    }
    Ok(())
}

fn check_assignment_quota(count: usize, scope: &AccessScope) -> Result<(), Refusal> {
    let limit = Directory::MAX_ASSIGNMENTS;
    if count < limit {
        return Ok(());
    }
    let holder = scope.subscription().map(SubscriptionId::new).transpose()?.map(ResourceId::Subscription);
    Err(Refusal::QuotaExceeded { holder, quota: Quota::RoleAssignments, limit })
}
