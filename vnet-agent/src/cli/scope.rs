//! Where names stand: the subscription and the resource group of a command.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use clap::Args;

use super::CliError;
use crate::api::resource_of;
use crate::model::{NameError, NicId, ResourceGroupName, ResourceId, Scope, SubscriptionId, VnetId};

/// The subscription and the resource group.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Where")]
pub(super) struct Group {
    /// The subscription [default: default; a list without it has what is readable of every subscription]
    #[arg(long, value_name = "NAME", env = "VNET_SUBSCRIPTION", hide_env_values = true)]
    pub(super) subscription: Option<SubscriptionId>,
    /// The resource group [default: default; a list without it has every group's]
    #[arg(short = 'g', long, value_name = "NAME", env = "VNET_RESOURCE_GROUP", hide_env_values = true)]
    pub(super) resource_group: Option<ResourceGroupName>,
}

impl Group {
    /// Where a bare name stands.
    pub(super) fn scope(&self) -> Scope {
        Scope {
            subscription: self.subscription.clone().unwrap_or_default(),
            resource_group: self.resource_group.clone().unwrap_or_default(),
        }
    }

    /// Whether a list of everything has what stands in `scope`.
    pub(super) fn lists(&self, scope: &Scope) -> bool {
        // A group without a subscription is that of the subscription `default`, as for a bare name.
        let subscription =
            self.subscription.clone().or(self.resource_group.as_ref().map(|_| SubscriptionId::default()));
        subscription.is_none_or(|wanted| wanted == scope.subscription)
            && self.resource_group.as_ref().is_none_or(|wanted| wanted == &scope.resource_group)
    }
}

/// What is named within a resource group.
pub(super) trait Scoped: Sized {
    /// The type in a resource id.
    const COLLECTION: &'static str;

    /// A text that stands within a scope.
    fn within(scope: &Scope, text: &str) -> Result<Self, NameError>;

    /// The one that a resource id names.
    fn of(resource: ResourceId) -> Option<Self>;

    /// The whole as text.
    fn as_str(&self) -> &str;
}

impl Scoped for VnetId {
    const COLLECTION: &'static str = "virtualNetworks";

    fn within(scope: &Scope, text: &str) -> Result<Self, NameError> {
        Self::within(scope, text)
    }

    fn of(resource: ResourceId) -> Option<Self> {
        if let ResourceId::VirtualNetwork(name) = resource { Some(name) } else { None }
    }

    fn as_str(&self) -> &str {
        self.as_str()
    }
}

impl Scoped for NicId {
    const COLLECTION: &'static str = "networkInterfaces";

    fn within(scope: &Scope, text: &str) -> Result<Self, NameError> {
        Self::within(scope, text)
    }

    fn of(resource: ResourceId) -> Option<Self> {
        if let ResourceId::Nic(name) = resource { Some(name) } else { None }
    }

    fn as_str(&self) -> &str {
        self.as_str()
    }
}

/// A name as it was typed: a bare one stands in the resource group of the command, `SUBSCRIPTION/GROUP/NAME` or a resource id
/// says itself where it stands.
#[derive(Clone, Debug)]
pub(super) struct Named<I> {
    /// A bare name, or `SUBSCRIPTION/GROUP/NAME`. Checked.
    text: String,
    kind: PhantomData<fn() -> I>,
}

/// A text that names nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum NamedError {
    /// A name that breaks a rule.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A resource id of something else.
    #[error(
        "{id:?} is no id of the kind; write /subscriptions/SUBSCRIPTION/resourceGroups/GROUP/providers/Microsoft.Network/{collection}/NAME"
    )]
    Id {
        /// The id as typed.
        id: String,
        /// The type that it should have.
        collection: &'static str,
    },
}

impl<I: Scoped> FromStr for Named<I> {
    type Err = NamedError;

    fn from_str(text: &str) -> Result<Self, NamedError> {
        let text = if text.starts_with('/') {
            let error = || NamedError::Id { id: text.chars().take(200).collect(), collection: I::COLLECTION };
            full_form::<I>(text).ok_or_else(error)?
        } else {
            text.to_owned()
        };
        I::within(&Scope::default(), &text)?;
        Ok(Self { text, kind: PhantomData })
    }
}

impl<I: Scoped> Named<I> {
    /// The full name, where a bare one stands in `scope`.
    pub(super) fn within(&self, scope: &Scope) -> Result<I, CliError> {
        I::within(scope, &self.text).map_err(|error| CliError::Usage(error.to_string()))
    }
}

impl<I> fmt::Display for Named<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// `SUBSCRIPTION/GROUP/NAME` of what a resource id names.
fn full_form<I: Scoped>(id: &str) -> Option<String> {
    let named = resource_of(id).and_then(I::of)?;
    let name = named.as_str();
    // A bare name would stand in the group of the command.
    Some(if name.contains('/') { name.to_owned() } else { format!("{}/{name}", Scope::default()) })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn group(subscription: Option<&str>, resource_group: Option<&str>) -> Group {
        Group {
            subscription: subscription.map(|name| SubscriptionId::new(name).unwrap()),
            resource_group: resource_group.map(|name| ResourceGroupName::new(name).unwrap()),
        }
    }

    #[rstest]
    #[case("hub", "red/prod/hub")]
    #[case("blue/dev/hub", "blue/dev/hub")]
    #[case("default/default/hub", "hub")]
    #[case(
        "/subscriptions/blue/resourceGroups/dev/providers/Microsoft.Network/virtualNetworks/hub",
        "blue/dev/hub"
    )]
    #[case(
        "/SUBSCRIPTIONS/blue/resourcegroups/Dev/providers/microsoft.network/VirtualNetworks/hub",
        "blue/Dev/hub"
    )]
    fn a_bare_name_stands_in_the_commands_group_and_a_full_one_where_it_says(
        #[case] typed: &str,
        #[case] full: &str,
    ) {
        let named: Named<VnetId> = typed.parse().unwrap();
        let scope = group(Some("red"), Some("prod")).scope();
        assert_eq!(named.within(&scope).unwrap().as_str(), full);
    }

    #[rstest]
    #[case("-hub", "virtual network name \"-hub\" must start with a letter or a digit")]
    #[case("a/b", "virtual network name \"a/b\" holds '/'")]
    #[case(
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkInterfaces/hub",
        "is no id of the kind"
    )]
    #[case("/subscriptions/s/resourceGroups/g", "is no id of the kind")]
    fn what_names_nothing_is_refused_with_the_reason(#[case] typed: &str, #[case] reason: &str) {
        let error = typed.parse::<Named<VnetId>>().unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }

    #[test]
    fn a_list_has_what_its_flags_leave_in() {
        let scope = |subscription: &str, resource_group: &str| {
            group(Some(subscription), Some(resource_group)).scope()
        };
        let listed = |of: Group| {
            let scopes = [("default", "default"), ("default", "prod"), ("red", "default"), ("red", "prod")];
            scopes.map(|(subscription, group)| of.lists(&scope(subscription, group)))
        };
        assert_eq!(listed(group(None, None)), [true, true, true, true]);
        assert_eq!(listed(group(Some("red"), None)), [false, false, true, true]);
        assert_eq!(listed(group(None, Some("prod"))), [false, true, false, false]);
        assert_eq!(listed(group(Some("red"), Some("prod"))), [false, false, false, true]);
    }
}
