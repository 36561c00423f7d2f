//! Who may do what, as far as the file says it: its keys `subscriptions` and `roleAssignments`.
//!
//! With `subscriptions`, the file is the whole truth about subscriptions and the roles given in them; with `roleAssignments`, about
//! the roles given at `/`. Without a key, what it would say stays as it is.

use std::str::FromStr;

use super::keys;
use super::reader::{Fields, Reader};
use super::tree::NodeId;
use crate::model::access::{
    AccessScope, AccessScopeError, DesiredAccess, DesiredSubscriptions, Grant, NamedGrant, Principal, Role,
    Subscription,
};
use crate::model::{
    DEFAULT_SCOPE_NAME, Declared, Refusal, ResourceGroupName, Scope, SubscriptionId, VnetId, VnetName,
};

/// What a file says about who may do what.
#[derive(Default)]
pub(super) struct Access {
    pub(super) desired: DesiredAccess,
    /// A subscription could not be read: whatever seems to be missing may be it.
    pub(super) is_unclear: bool,
}

impl Access {
    /// Reads the two keys; about this subscription alone when there is one.
    pub(super) fn read(reader: &mut Reader<'_>, file: &Fields, within: Option<&SubscriptionId>) -> Self {
        let mut access = Self::default();
        access.desired.within = within.cloned();
        access.is_unclear = file.is_unclear(&["subscriptions"]);
        if let Some(node) = file.get("subscriptions") {
            // Cut off after the key, a file must not mean that nobody has a role.
            match reader.written_list(node, "subscriptions") {
                Some(list) => {
                    access.desired.subscriptions = Some(DesiredSubscriptions::default());
                    list.iter().for_each(|node| access.read_subscription(reader, *node));
                }
                None => access.is_unclear = true,
            }
        }
        if let Some(node) = file.get("roleAssignments") {
            access.read_root(reader, node, within);
        }
        access
    }

    fn read_root(&mut self, reader: &mut Reader<'_>, node: NodeId, within: Option<&SubscriptionId>) {
        if let Some(within) = within {
            let message = format!(
                "the roles of `roleAssignments` hold everywhere, but this file is to be applied to subscription {within} alone"
            );
            reader.form_with_help(node, message, "write roles within the subscription under `subscriptions`");
            return;
        }
        let Some(list) = reader.written_list(node, "roleAssignments") else { return };
        let grants = list.iter().filter_map(|node| {
            let fields = reader.mapping(*node, &keys::ROOT_ROLE)?;
            let spec = grant(reader, &fields, Some(AccessScope::Root))?;
            Some(Declared { spec, place: (*node).into() })
        });
        self.desired.root = Some(grants.collect());
    }

    fn read_subscription(&mut self, reader: &mut Reader<'_>, node: NodeId) {
        let Some(fields) = reader.mapping(node, &keys::SUBSCRIPTION) else {
            self.is_unclear = true;
            return;
        };
        let name = reader.name(&fields, "name", SubscriptionId::new);
        let display_name = fields.get("displayName").map(|node| reader.text(node, "displayName"));
        let tenant = fields.get("tenant").map(|node| reader.text(node, "tenant"));
        let grants = fields.get("roleAssignments").and_then(|node| reader.list(node, "roleAssignments"));
        for node in grants.unwrap_or_default() {
            self.read_grant(reader, *node, name.as_ref());
        }
        let Some(name) = name.filter(|name| self.belongs_here(reader, &fields, name)) else {
            self.is_unclear = true;
            return;
        };
        let spec = Subscription {
            display_name: display_name.flatten().unwrap_or(name.as_str()).to_owned(),
            tenant: tenant.flatten().unwrap_or(DEFAULT_SCOPE_NAME).to_owned(),
            name,
        };
        if let Some(all) = &mut self.desired.subscriptions {
            all.subscriptions.push(Declared { spec, place: node.into() });
        }
    }

    /// Whether a subscription is the one that the file is about. One that is not is noted.
    fn belongs_here(&self, reader: &mut Reader<'_>, fields: &Fields, name: &SubscriptionId) -> bool {
        let Some(within) = self.desired.within.as_ref().filter(|within| *within != name) else { return true };
        let message = format!(
            "subscription {name} cannot stand in a file that is to be applied to subscription {within} alone"
        );
        reader.form(fields.get("name").unwrap_or(fields.node), message);
        false
    }

    fn read_grant(&mut self, reader: &mut Reader<'_>, node: NodeId, subscription: Option<&SubscriptionId>) {
        let Some(fields) = reader.mapping(node, &keys::ROLE) else { return };
        let scope = match fields.get("scope") {
            None => subscription.cloned().map(AccessScope::Subscription),
            Some(node) => scope(reader, node, subscription),
        };
        let Some(spec) = grant(reader, &fields, scope) else { return };
        if let Some(all) = &mut self.desired.subscriptions {
            all.grants.push(Declared { spec, place: node.into() });
        }
    }
}

/// A role given, without a mistake of form. Every value is looked at, whatever is wrong with another.
fn grant(reader: &mut Reader<'_>, fields: &Fields, scope: Option<AccessScope>) -> Option<NamedGrant> {
    let name = match fields.get("name") {
        None => Some(None),
        Some(node) => reader.text(node, "name").map(|text| Some(text.to_owned())),
    };
    let principal = reader.optional(fields, "principal", Principal::from_str);
    let role = reader.optional(fields, "role", Role::from_str);
    let grant = Grant { principal: principal??, role: role??, scope: scope? };
    Some(NamedGrant { name: name?, grant }).filter(|_| !fields.any_unclear())
}

/// A scope within a subscription: a resource group, `GROUP/VNET`, or what Azure Resource Manager has for either.
fn scope(
    reader: &mut Reader<'_>,
    node: NodeId,
    subscription: Option<&SubscriptionId>,
) -> Option<AccessScope> {
    let text = reader.text(node, "scope")?;
    let subscription = subscription?;
    let checked = if text.starts_with('/') {
        text.parse::<AccessScope>()
    } else {
        let (group, vnet) = text.split_once('/').map_or((text, None), |(group, vnet)| (group, Some(vnet)));
        within(subscription, group, vnet).map_err(AccessScopeError::Name)
    };
    match checked {
        Ok(scope) if scope.subscription() == Some(subscription.as_str()) => return Some(scope),
        Ok(scope) => {
            reader.form(
                node,
                format!("scope {scope} does not lie in subscription {subscription}, under which it stands"),
            );
        }
        Err(AccessScopeError::Name(error)) => reader.refuse(node, &Refusal::InvalidResourceName { error }),
        Err(error @ AccessScopeError::Form(_)) => reader.form(node, error.to_string()),
    }
    None
}

fn within(
    subscription: &SubscriptionId,
    group: &str,
    vnet: Option<&str>,
) -> Result<AccessScope, crate::model::NameError> {
    let scope = Scope { subscription: subscription.clone(), resource_group: ResourceGroupName::new(group)? };
    Ok(match vnet {
        None => AccessScope::ResourceGroup(scope),
        Some(vnet) => AccessScope::Vnet(VnetId::in_scope(&scope, &VnetName::new(vnet)?)),
    })
}
