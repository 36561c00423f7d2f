//! Who may do what: principals, roles, scopes, and the directory that holds them.
//!
//! A [`Caller`] is somebody who asks for something: a user with the groups that he is in. A [`RoleAssignment`] gives a
//! [`Principal`] a [`Role`] within an [`AccessScope`]. Root is Owner of everything and stands in no assignment.

mod action;
mod authorize;
mod change;
mod declared;
mod desired;
mod difference;
mod directory;
mod edit;
mod principal;
mod role;
mod scope;

pub use action::Action;
pub use change::{authorize_change, authorize_operation};
pub use declared::authorize_declarations;
pub use desired::{DesiredAccess, DesiredSubscriptions, Grant, NamedGrant};
pub use difference::{authorize_directory_change, directory_changes};
pub use directory::{Directory, RoleAssignment, Subscription, Token};
pub use principal::{Caller, Principal, PrincipalError};
pub use role::{Role, RoleError};
pub use scope::{AccessScope, AccessScopeError};

#[cfg(test)]
mod tests;
