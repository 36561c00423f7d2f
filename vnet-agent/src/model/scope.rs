//! Where virtual networks and NICs are named: in a resource group of a subscription.
//!
//! Two tenants may each have a `hub`. A [`VnetId`] or [`NicId`] therefore holds all three names. Written out it is
//! `SUBSCRIPTION/GROUP/NAME`, and the bare name in the resource group `default` of the subscription `default`, where everything
//! stands that says nothing else: whoever has one subscription alone never meets the long form.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::name::as_text;
use super::{NameError, NicName, ResourceGroupName, SubscriptionId, VnetName};

/// The subscription and the resource group of what says nothing else.
pub const DEFAULT_SCOPE_NAME: &str = "default";

/// A resource group of a subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// The subscription.
    pub subscription: SubscriptionId,
    /// The resource group within it.
    pub resource_group: ResourceGroupName,
}

impl Scope {
    /// Whether this is where everything stands that says nothing else.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.subscription.as_str() == DEFAULT_SCOPE_NAME && self.resource_group.as_str() == DEFAULT_SCOPE_NAME
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.subscription, self.resource_group)
    }
}

/// A text that is no resource id of the kind that was looked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArmIdError {
    /// It does not have the form of one.
    #[error(
        "{text:?} is no resource id; write \
         /subscriptions/SUBSCRIPTION/resourceGroups/GROUP/providers/Microsoft.Network/{collection}/NAME"
    )]
    Form {
        /// The text, cut to its first 200 characters.
        text: String,
        /// The type that it should name, for example `virtualNetworks`.
        collection: &'static str,
    },
    /// One of its names breaks its rule.
    #[error(transparent)]
    Name(#[from] NameError),
}

/// Subscription, resource group and name of a resource id whose type is `collection`. The fixed parts match in any case of
/// letters, as everywhere in Azure Resource Manager.
fn arm_parts<'a>(id: &'a str, collection: &str) -> Option<[&'a str; 3]> {
    let parts: Vec<&str> = id.strip_prefix('/')?.splitn(9, '/').collect();
    let [subscriptions, subscription, groups, group, providers, provider, kind, name] = parts[..] else {
        return None;
    };
    let fixed = [
        (subscriptions, "subscriptions"),
        (groups, "resourceGroups"),
        (providers, "providers"),
        (provider, "Microsoft.Network"),
        (kind, collection),
    ];
    let is_right = fixed.iter().all(|(found, wanted)| found.eq_ignore_ascii_case(wanted));
    is_right.then_some([subscription, group, name])
}

/// The three names in a text, the first two of them `default` in one that is a bare name.
fn parts(text: &str) -> (&str, &str, &str) {
    let mut parts = text.splitn(3, '/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(subscription), Some(group), Some(name)) => (subscription, group, name),
        _ => (DEFAULT_SCOPE_NAME, DEFAULT_SCOPE_NAME, text),
    }
}

macro_rules! scoped_id {
    ($(#[$doc:meta])* $type:ident, $name:ident, $collection:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $type(#[serde(serialize_with = "as_text")] Arc<str>);

        impl $type {
            /// Checks `SUBSCRIPTION/GROUP/NAME`, or a bare name in the default scope.
            ///
            /// # Errors
            /// [`NameError`] of the first of the names that breaks its rule.
            pub fn new(text: &str) -> Result<Self, NameError> {
                if text.matches('/').count() != 2 {
                    return Ok(Self::in_scope(&Scope::default(), &$name::new(text)?));
                }
                let (subscription, group, name) = parts(text);
                Self::from_parts([subscription, group, name])
            }

            fn from_parts([subscription, group, name]: [&str; 3]) -> Result<Self, NameError> {
                let scope = Scope {
                    subscription: SubscriptionId::new(subscription)?,
                    resource_group: ResourceGroupName::new(group)?,
                };
                Ok(Self::in_scope(&scope, &$name::new(name)?))
            }

            /// A text that stands within a scope: a bare name means one there.
            ///
            /// # Errors
            /// As [`Self::new`].
            pub fn within(scope: &Scope, text: &str) -> Result<Self, NameError> {
                if text.contains('/') { Self::new(text) } else { Ok(Self::in_scope(scope, &$name::new(text)?)) }
            }

            /// The one of this name in this scope.
            #[must_use]
            pub fn in_scope(scope: &Scope, name: &$name) -> Self {
                Self(if scope.is_default() { name.as_str().into() } else { format!("{scope}/{name}").into() })
            }

            /// The whole as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The name within the resource group.
            #[must_use]
            pub fn name(&self) -> &str {
                parts(&self.0).2
            }

            /// The subscription's name.
            #[must_use]
            pub fn subscription(&self) -> &str {
                parts(&self.0).0
            }

            /// The resource group's name.
            #[must_use]
            pub fn resource_group(&self) -> &str {
                parts(&self.0).1
            }

            /// Where the name stands.
            #[must_use]
            pub fn scope(&self) -> Scope {
                let (subscription, group, _) = parts(&self.0);
                Scope {
                    subscription: SubscriptionId::checked(subscription),
                    resource_group: ResourceGroupName::checked(group),
                }
            }

            /// Reads a resource id in the form of Azure Resource Manager.
            ///
            /// # Errors
            /// [`ArmIdError`] for another form, another type, and for a name that breaks its rule.
            pub fn from_arm_id(id: &str) -> Result<Self, ArmIdError> {
                let parts = arm_parts(id, $collection).ok_or_else(|| ArmIdError::Form {
                    text: id.chars().take(200).collect(),
                    collection: $collection,
                })?;
                Ok(Self::from_parts(parts)?)
            }

            /// The whole with all three names, in the default scope too.
            #[must_use]
            pub fn full(&self) -> String {
                let (subscription, group, name) = parts(&self.0);
                format!("{subscription}/{group}/{name}")
            }

            /// The resource id in the form of Azure Resource Manager.
            #[must_use]
            pub fn arm_id(&self) -> String {
                let (subscription, group, name) = parts(&self.0);
                format!(
                    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/{}/{name}",
                    $collection
                )
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
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

scoped_id!(
    /// A virtual network, wherever it is named.
    VnetId, VnetName, "virtualNetworks"
);
scoped_id!(
    /// A NIC, wherever it is named.
    NicId, NicName, "networkInterfaces"
);
