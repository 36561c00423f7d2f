//! Names: small types that cannot be mixed up and that only a check builds.
//!
//! One rule, Azure's, holds for every resource: it starts with a letter or digit, ends with a letter, digit or `_`, and may
//! hold `.`, `-` and `_` between. Names are shared strings, because a topology repeats each one many times. Virtual networks
//! and NICs are named within a resource group of a subscription: see [`super::Scope`].

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::{DEFAULT_SCOPE_NAME, ResourceKind, Scope, VnetId};

/// A name that breaks the rule of its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} name {name:?} {fault}")]
pub struct NameError {
    /// What was to be named.
    pub kind: ResourceKind,
    /// The name as given, cut to its first 100 characters.
    pub name: String,
    /// The rule that it breaks.
    pub fault: NameFault,
}

/// The rule that a name breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// No characters at all.
    #[error("is empty")]
    Empty,
    /// More characters than the kind allows.
    #[error("is longer than {max} characters")]
    TooLong {
        /// The most characters that a name of the kind may have.
        max: usize,
    },
    /// The first character is not an ASCII letter or digit.
    #[error("must start with a letter or a digit")]
    Start,
    /// The last character is not an ASCII letter, a digit or `_`.
    #[error("must end with a letter, a digit or `_`")]
    End,
    /// A character that no name may hold.
    #[error("holds {0:?}; letters, digits, `.`, `-` and `_` are allowed")]
    Character(char),
    /// A control character, in a name that may hold all others.
    #[error("holds the control character {0:?}")]
    Control(char),
}

/// Checks a name that has no type of its own.
pub(super) fn check_name(kind: ResourceKind, name: &str, max: usize) -> Result<(), NameError> {
    check(name, max).map_err(|fault| NameError { kind, name: name.chars().take(100).collect(), fault })
}

/// Checks a name that is only for people: any characters but those that no line of text holds.
pub(super) fn check_free_text(kind: ResourceKind, name: &str, max: usize) -> Result<(), NameError> {
    let fault = if name.trim().is_empty() {
        Some(NameFault::Empty)
    } else if name.chars().count() > max {
        Some(NameFault::TooLong { max })
    } else {
        name.chars().find(|c| c.is_control()).map(NameFault::Control)
    };
    fault.map_or(Ok(()), |fault| Err(NameError { kind, name: name.chars().take(100).collect(), fault }))
}

fn check(name: &str, max: usize) -> Result<(), NameFault> {
    let (Some(first), Some(last)) = (name.chars().next(), name.chars().next_back()) else {
        return Err(NameFault::Empty);
    };
    if name.chars().count() > max {
        return Err(NameFault::TooLong { max });
    }
    if let Some(wrong) = name.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))) {
        return Err(NameFault::Character(wrong));
    }
    if !first.is_ascii_alphanumeric() {
        return Err(NameFault::Start);
    }
    if !(last.is_ascii_alphanumeric() || last == '_') {
        return Err(NameFault::End);
    }
    Ok(())
}

macro_rules! resource_name {
    ($(#[$doc:meta])* $type:ident, $kind:ident, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $type(#[serde(serialize_with = "as_text")] Arc<str>);

        impl $type {
            /// The most characters that the name may have.
            pub const MAX: usize = $max;

            /// Checks `name` and takes it.
            ///
            /// # Errors
            /// [`NameError`] with the first rule that the name breaks.
            pub fn new(name: &str) -> Result<Self, NameError> {
                check_name(ResourceKind::$kind, name, Self::MAX).map(|()| Self(name.into()))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// A name that was checked before, as part of a longer text.
            #[allow(dead_code, reason = "only scopes are parts of longer texts")]
            pub(super) fn checked(name: &str) -> Self {
                Self(name.into())
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(name: &str) -> Result<Self, NameError> {
                Self::new(name)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(&String::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

pub(super) fn as_text<S: serde::Serializer>(name: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(name)
}

resource_name!(
    /// The name of a subscription, a GUID for example: 1 to 64 characters.
    SubscriptionId, Subscription, 64
);
resource_name!(
    /// The name of a resource group within its subscription: 1 to 90 characters.
    ResourceGroupName, ResourceGroup, 90
);
resource_name!(
    /// The name of a virtual network within its resource group: 1 to 64 characters.
    VnetName, VirtualNetwork, 64
);
resource_name!(
    /// The name of a subnet within its virtual network: 1 to 80 characters.
    SubnetName, Subnet, 80
);
resource_name!(
    /// The name of a NIC within its resource group: 1 to 80 characters.
    NicName, Nic, 80
);
resource_name!(
    /// The name of a peering within its virtual network: 1 to 80 characters.
    PeeringName, Peering, 80
);

impl Default for SubscriptionId {
    fn default() -> Self {
        Self::checked(DEFAULT_SCOPE_NAME)
    }
}

impl Default for ResourceGroupName {
    fn default() -> Self {
        Self::checked(DEFAULT_SCOPE_NAME)
    }
}

/// A region, in lower case as Azure prints it: `WestEurope` and `westeurope` are the same place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Region(#[serde(serialize_with = "as_text")] Arc<str>);

impl Region {
    /// The most characters that a region may have.
    pub const MAX: usize = 64;

    /// Checks `name` and takes it in lower case.
    ///
    /// # Errors
    /// [`NameError`] with the first rule that the name breaks.
    pub fn new(name: &str) -> Result<Self, NameError> {
        check_name(ResourceKind::Region, name, Self::MAX).map(|()| Self(name.to_ascii_lowercase().into()))
    }

    /// The region as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Region {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A subnet named from outside its virtual network: the network as [`VnetId`] writes it, then the subnet, as in `hub/default`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubnetRef {
    /// The virtual network that holds the subnet.
    pub vnet: VnetId,
    /// The subnet within it.
    pub subnet: SubnetName,
}

/// A text that names no subnet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubnetRefError {
    /// The text does not have the form `VNET/SUBNET`.
    #[error("{0:?} is no subnet; write VNET/SUBNET, for example hub/default")]
    Form(String),
    /// One of the two names breaks its rule.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl SubnetRef {
    /// A text that stands within a scope: `VNET/SUBNET` means a virtual network there, `SUBSCRIPTION/GROUP/VNET/SUBNET` any.
    ///
    /// # Errors
    /// [`SubnetRefError`] for another form, and for a name that breaks its rule.
    pub fn within(scope: &Scope, text: &str) -> Result<Self, SubnetRefError> {
        let (vnet, subnet) =
            text.rsplit_once('/').ok_or_else(|| SubnetRefError::Form(text.chars().take(100).collect()))?;
        Ok(Self { vnet: VnetId::within(scope, vnet)?, subnet: SubnetName::new(subnet)? })
    }
}

impl FromStr for SubnetRef {
    type Err = SubnetRefError;

    fn from_str(text: &str) -> Result<Self, SubnetRefError> {
        Self::within(&Scope::default(), text)
    }
}

impl fmt::Display for SubnetRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.vnet, self.subnet)
    }
}

/// The name of a Linux network interface, by the kernel's own rule (`dev_valid_name` in net/core/dev.c).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct InterfaceName(#[serde(serialize_with = "as_text")] Arc<str>);

/// A text that cannot name a Linux interface.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InterfaceError {
    /// No characters at all.
    #[error("an interface name is empty")]
    Empty,
    /// More bytes than IFNAMSIZ leaves.
    #[error("interface {0:?} has more than {max} bytes", max = InterfaceName::MAX_BYTES)]
    TooLong(String),
    /// `.`, `..`, or a character that the kernel refuses (`/`, `:`, white space) or expands (`%`).
    #[error(
        "interface {0:?} is no name that Linux takes: no `/`, `:`, `%`, white space, control characters, `.` or `..`"
    )]
    Character(String),
    /// The host's loopback: with the program on it, the host could not talk to itself any more.
    #[error("interface \"lo\" is the host's own loopback, behind which no guest stands")]
    Loopback,
}

impl InterfaceName {
    /// The most bytes that the kernel takes: IFNAMSIZ less the closing zero.
    pub const MAX_BYTES: usize = 15;

    /// Checks `name` and takes it.
    ///
    /// # Errors
    /// [`InterfaceError`] with the first rule that the name breaks.
    pub fn new(name: &str) -> Result<Self, InterfaceError> {
        let shown = || name.chars().take(100).collect::<String>();
        if name.is_empty() {
            return Err(InterfaceError::Empty);
        }
        if name.len() > Self::MAX_BYTES {
            return Err(InterfaceError::TooLong(shown()));
        }
        let refused = |c: char| matches!(c, '/' | ':' | '%') || c.is_whitespace() || c.is_control();
        if name == "." || name == ".." || name.chars().any(refused) {
            return Err(InterfaceError::Character(shown()));
        }
        if name == "lo" {
            return Err(InterfaceError::Loopback);
        }
        Ok(Self(name.into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for InterfaceName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
