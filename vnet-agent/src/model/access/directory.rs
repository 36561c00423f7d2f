//! Subscriptions, role assignments and tokens.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{AccessScope, Principal, Role};
use crate::model::name::check_name;
use crate::model::{DEFAULT_SCOPE_NAME, NameError, ResourceKind, SubscriptionId};

/// A subscription: what is paid for and administered together. It belongs to a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Subscription {
    /// Its name.
    pub name: SubscriptionId,
    /// What people call it.
    pub display_name: String,
    /// The tenant that it belongs to.
    pub tenant: String,
}

/// A role that a principal has within a scope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleAssignment {
    /// Its name, one of its kind within the scope; a GUID with Azure's clients.
    pub name: String,
    /// Who has the role.
    pub principal: Principal,
    /// The role.
    pub role: Role,
    /// Where it holds.
    pub scope: AccessScope,
}

/// A bearer token for TCP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Token {
    /// What it is called.
    pub name: String,
    /// For whom it stands.
    pub principal: Principal,
    /// SHA-256 of the token, in hexadecimal. The token itself is kept by whoever has it.
    pub sha256: String,
}

/// Everything that says who may do what. Persistent: a clone copies pointers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    pub(super) subscriptions: Arc<BTreeMap<SubscriptionId, Arc<Subscription>>>,
    pub(super) assignments: Arc<BTreeMap<(AccessScope, String), Arc<RoleAssignment>>>,
    pub(super) tokens: Arc<BTreeMap<String, Arc<Token>>>,
}

impl Subscription {
    /// The most characters that a display name may have.
    pub const MAX_DISPLAY_NAME: usize = 128;
    /// The most characters that a tenant's name may have.
    pub const MAX_TENANT: usize = 64;
}

impl Default for Subscription {
    /// The subscription `default` of the tenant `default`.
    fn default() -> Self {
        Self {
            name: SubscriptionId::default(),
            display_name: DEFAULT_SCOPE_NAME.to_owned(),
            tenant: DEFAULT_SCOPE_NAME.to_owned(),
        }
    }
}

impl RoleAssignment {
    /// The most characters that the name may have.
    pub const MAX_NAME: usize = 64;

    /// Checks a name, whether or not there is such an assignment.
    ///
    /// # Errors
    /// The rule that the name breaks.
    pub fn check_name(name: &str) -> Result<(), NameError> {
        check_name(ResourceKind::RoleAssignment, name, Self::MAX_NAME)
    }
}

impl Token {
    /// The most characters that the name may have.
    pub const MAX_NAME: usize = 64;

    /// Checks a name, whether or not there is such a token.
    ///
    /// # Errors
    /// The rule that the name breaks.
    pub fn check_name(name: &str) -> Result<(), NameError> {
        check_name(ResourceKind::Token, name, Self::MAX_NAME)
    }
}

impl Directory {
    /// The most subscriptions, `default` not counted unless it was given another name.
    pub const MAX_SUBSCRIPTIONS: usize = 1_000;
    /// The most role assignments of one subscription and of all scopes in it, as in Azure; as many again of the scope `/`.
    pub const MAX_ASSIGNMENTS: usize = 4_000;
    /// The most tokens.
    pub const MAX_TOKENS: usize = 1_000;

    /// The subscriptions that were created, in the order of their names. The subscription `default` exists besides.
    pub fn subscriptions(&self) -> impl ExactSizeIterator<Item = &Arc<Subscription>> {
        self.subscriptions.values()
    }

    /// The subscription with this name; `default` always.
    #[must_use]
    pub fn subscription(&self, name: &SubscriptionId) -> Option<Arc<Subscription>> {
        let created = self.subscriptions.get(name).cloned();
        created.or_else(|| (*name == SubscriptionId::default()).then(Arc::default))
    }

    /// Every subscription that exists, `default` among them, in the order of their names.
    #[must_use]
    pub fn every_subscription(&self) -> Vec<Arc<Subscription>> {
        let mut all = BTreeMap::from([(SubscriptionId::default(), Arc::default())]);
        all.extend(
            self.subscriptions.iter().map(|(name, subscription)| (name.clone(), Arc::clone(subscription))),
        );
        all.into_values().collect()
    }

    /// The role assignments in the order of their scopes.
    pub fn assignments(&self) -> impl ExactSizeIterator<Item = &Arc<RoleAssignment>> {
        self.assignments.values()
    }

    /// The role assignments of this very scope, in the order of their names.
    pub fn assignments_at<'a>(
        &'a self,
        scope: &'a AccessScope,
    ) -> impl Iterator<Item = &'a Arc<RoleAssignment>> {
        let from = (scope.clone(), String::new());
        self.assignments
            .range(from..)
            .map(|(_, assignment)| assignment)
            .take_while(move |a| a.scope == *scope)
    }

    /// The role assignment of this scope with this name.
    #[must_use]
    pub fn assignment(&self, scope: &AccessScope, name: &str) -> Option<&Arc<RoleAssignment>> {
        self.assignments.get(&(scope.clone(), name.to_owned()))
    }

    /// The tokens in the order of their names.
    pub fn tokens(&self) -> impl ExactSizeIterator<Item = &Arc<Token>> {
        self.tokens.values()
    }

    /// The token with this name.
    #[must_use]
    pub fn token(&self, name: &str) -> Option<&Arc<Token>> {
        self.tokens.get(name)
    }
}
