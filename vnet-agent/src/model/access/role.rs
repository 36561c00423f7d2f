//! Roles.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a principal may do within a scope. The words are Azure's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Everything, the giving of roles included.
    Owner,
    /// Everything but the giving of roles.
    Contributor,
    /// Writing and peering of networks and NICs.
    #[serde(rename = "Network Contributor")]
    NetworkContributor,
    /// Reading.
    Reader,
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
