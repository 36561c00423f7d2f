//! Roles: which actions each of them allows.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Action;

/// What a principal may do within a scope. The words are Azure's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Everything, the giving of roles included.
    Owner,
    /// Everything but the giving of roles and the making of tokens.
    Contributor,
    /// Writing and peering of networks and NICs.
    NetworkContributor,
    /// Reading.
    Reader,
}

/// A text that names no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no role; write Owner, Contributor, Network Contributor or Reader, or Azure's role definition id of one of them"
)]
pub struct RoleError(String);

impl Role {
    /// Every role that there is.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Contributor, Self::NetworkContributor, Self::Reader];

    /// The GUID of Azure's built-in role definition.
    #[must_use]
    pub fn definition_guid(self) -> &'static str {
        match self {
            Self::Owner => "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
            Self::Contributor => "b24988ac-6180-42a0-ab88-20f7382dd24c",
            Self::NetworkContributor => "4d97b98b-1d4f-4787-a291-c67834d212e7",
            Self::Reader => "acdd72a7-3385-48ef-bd42-f606fba81ae7",
        }
    }

    /// Whether who has the role may do this. The rules are those of Azure's definitions of these roles.
    #[must_use]
    pub fn allows(self, action: Action) -> bool {
        let name = action.as_str();
        match self {
            Self::Owner => true,
            Self::Contributor => match action {
                Action::RoleAssignmentWrite | Action::RoleAssignmentDelete => false,
                // Whoever makes a token for somebody acts as that somebody.
                Action::TokenWrite | Action::TokenDelete => false,
                _ => true,
            },
            Self::NetworkContributor => {
                let also = matches!(
                    action,
                    Action::RoleAssignmentRead | Action::SubscriptionRead | Action::ActivityLogRead
                );
                name.starts_with("Microsoft.Network/") || also
            }
            Self::Reader => action.is_read(),
        }
    }
}

impl FromStr for Role {
    type Err = RoleError;

    /// A role's name in any case of letters, with or without the space; its GUID; or the id of a role definition, which ends in
    /// that GUID.
    fn from_str(text: &str) -> Result<Self, RoleError> {
        let error = || RoleError(text.chars().take(100).collect());
        let guid = match text.rsplit_once('/') {
            None => text,
            Some((path, guid)) => {
                let kind = path.starts_with('/').then(|| path.rsplit('/').next()).flatten();
                kind.filter(|kind| kind.eq_ignore_ascii_case("roleDefinitions"))
                    .map(|_| guid)
                    .ok_or_else(error)?
            }
        };
        let is_it = |role: &Self| {
            let name = role.to_string();
            guid.eq_ignore_ascii_case(role.definition_guid())
                || text.eq_ignore_ascii_case(&name)
                || text.eq_ignore_ascii_case(&name.replace(' ', ""))
        };
        Self::ALL.into_iter().find(is_it).ok_or_else(error)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Owner => "Owner",
            Self::Contributor => "Contributor",
            Self::NetworkContributor => "Network Contributor",
            Self::Reader => "Reader",
        })
    }
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
