//! Principals and callers.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Whom a role can be given to: a local user or group. Written `user:alice`, `group:netops`; one without a name has its number,
/// as in `user:#1000`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principal {
    /// A user.
    User(Arc<str>),
    /// A group, and so each user who is in it.
    Group(Arc<str>),
}

/// A text that names no principal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no principal; write user:NAME or group:NAME, for example user:alice, or user:#1000 for a user without a name"
)]
pub struct PrincipalError(String);

/// Somebody who asks for something: a user, and the groups that the user is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    principal: Principal,
    /// What else counts as him: his groups, and each of all these by its number.
    others: Vec<Principal>,
    is_root: bool,
}

impl Principal {
    /// The most bytes that a name may have.
    pub const MAX_BYTES: usize = 256;

    /// Whether this is root, by name or by number.
    #[must_use]
    pub fn is_root(&self) -> bool {
        matches!(self, Self::User(name) if matches!(&**name, "root" | "#0"))
    }
}

impl FromStr for Principal {
    type Err = PrincipalError;

    fn from_str(text: &str) -> Result<Self, PrincipalError> {
        let error = || PrincipalError(text.chars().take(100).collect());
        let (kind, name) = text.split_once(':').ok_or_else(error)?;
        let is_wrong = |c: char| c.is_whitespace() || c.is_control() || matches!(c, ':' | '/' | ',');
        if name.is_empty() || name.len() > Self::MAX_BYTES || name.contains(is_wrong) {
            return Err(error());
        }
        match kind {
            "user" => Ok(Self::User(name.into())),
            "group" => Ok(Self::Group(name.into())),
            _ => Err(error()),
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "user:{name}"),
            Self::Group(name) => write!(f, "group:{name}"),
        }
    }
}

impl Serialize for Principal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Principal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Caller {
    /// Root, who may do everything.
    #[must_use]
    pub fn root() -> Self {
        Self { principal: Principal::User("root".into()), others: Vec::new(), is_root: true }
    }

    /// A principal with whatever else counts as him: the groups that he is in, and the numbers of all these.
    #[must_use]
    pub fn new(principal: Principal, others: impl IntoIterator<Item = Principal>) -> Self {
        Self { principal, others: others.into_iter().collect(), is_root: false }
    }

    /// Whether this is root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.is_root
    }

    /// Who it is.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// All that the caller is: who it is, then what else counts as him.
    pub fn into_principals(self) -> impl Iterator<Item = Principal> {
        std::iter::once(self.principal).chain(self.others)
    }

    /// Whether a role given to `principal` is a role of this caller.
    #[must_use]
    pub fn is(&self, principal: &Principal) -> bool {
        self.principal == *principal || self.others.contains(principal)
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.principal.fmt(f)
    }
}
