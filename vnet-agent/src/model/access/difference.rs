//! What differs between two directories: for people, and for whoever wants the change.

use std::collections::BTreeSet;

use super::{AccessScope, Action, Caller, Directory, RoleAssignment, Subscription};
use crate::model::{self, Change, Refusal, ResourceId, Topology};

/// What differs between two directories: subscriptions in the order of their names, then role assignments in that of their
/// scopes. Tokens are not looked at.
#[must_use]
pub fn directory_changes(old: &Directory, new: &Directory) -> Vec<Change> {
    let mut changes = Vec::new();
    let names: BTreeSet<_> = old.subscriptions.keys().chain(new.subscriptions.keys()).collect();
    for name in names {
        let (before, after) = (old.subscription(name), new.subscription(name));
        let id = ResourceId::Subscription(name.clone());
        let change = match (before.as_deref(), after.as_deref()) {
            (Some(before), Some(after)) if before == after => continue,
            (Some(before), Some(after)) => changed(id, before, after),
            (None, Some(after)) => Change {
                action: model::Action::Create,
                resource: id,
                details: vec![
                    format!("displayName {}", after.display_name),
                    format!("tenant {}", after.tenant),
                ],
            },
            (_, None) => deleted(id),
        };
        changes.push(change);
    }
    let keys: BTreeSet<_> = old.assignments.keys().chain(new.assignments.keys()).collect();
    for key in keys {
        let (before, after) = (old.assignments.get(key), new.assignments.get(key));
        if before == after {
            continue;
        }
        let id = ResourceId::RoleAssignment(Box::new(key.0.clone()), key.1.clone());
        changes.extend(before.map(|_| deleted(id.clone())));
        changes.extend(after.map(|given| Change {
            action: model::Action::Create,
            resource: id,
            details: vec![format!("principal {}", given.principal), format!("role {}", given.role)],
        }));
    }
    changes
}

fn deleted(resource: ResourceId) -> Change {
    Change { action: model::Action::Delete, resource, details: Vec::new() }
}

fn changed(resource: ResourceId, before: &Subscription, after: &Subscription) -> Change {
    let properties = [
        ("displayName", &before.display_name, &after.display_name),
        ("tenant", &before.tenant, &after.tenant),
    ];
    let changed = properties.into_iter().filter(|(_, before, after)| before != after);
    let details = changed.map(|(name, before, after)| format!("{name} {before} -> {after}")).collect();
    Change { action: model::Action::Change, resource, details }
}

/// Lets a change of subscriptions and role assignments pass that the caller has the roles for. The roles are those of before:
/// nobody gives himself the role that he needs. Tokens are not looked at.
///
/// Roles that go because their scope goes, which is no longer in `after` or in `topology`, need no role of their own.
///
/// # Errors
/// `AuthorizationFailed`: the first action that the caller lacks.
pub fn authorize_directory_change(
    caller: &Caller,
    before: &Directory,
    after: &Directory,
    topology: &Topology,
) -> Result<(), Refusal> {
    let is_gone = |scope: &AccessScope| match scope {
        AccessScope::Vnet(vnet) if topology.vnet(vnet).is_none() => true,
        _ => scope.subscription().is_some_and(|name| !after.has_subscription(name)),
    };
    let differs = |one: &RoleAssignment, other: &Directory| {
        other.assignment(&one.scope, &one.name).is_none_or(|there| **there != *one)
    };
    for subscription in after.every_subscription() {
        if before.subscription(&subscription.name).as_ref() != Some(&subscription) {
            before.authorize(caller, Action::SubscriptionWrite, &AccessScope::Root)?;
        }
    }
    if before.subscriptions().any(|subscription| after.subscription(&subscription.name).is_none()) {
        before.authorize(caller, Action::SubscriptionDelete, &AccessScope::Root)?;
    }
    for given in after.assignments().filter(|given| differs(given, before)) {
        before.authorize(caller, Action::RoleAssignmentWrite, &given.scope)?;
    }
    for taken in before.assignments().filter(|taken| differs(taken, after) && !is_gone(&taken.scope)) {
        before.authorize(caller, Action::RoleAssignmentDelete, &taken.scope)?;
    }
    Ok(())
}
