//! Where a reading command has its resources from: the agent, or a topology file.

use serde_json::Value;

use super::agent::Agent;
use super::resource::{Listed, Lists, assignments, target};
use super::scope::Group;
use super::{CliError, not_found};
use crate::api::{Call, rendered};
use crate::model::access::AccessScope;
use crate::model::{PeeringName, ResourceId, Scope, State, SubnetName, SubscriptionId, VnetId};

/// What stands in resource groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Collection {
    /// Virtual networks.
    VirtualNetworks,
    /// NICs.
    NetworkInterfaces,
}

/// What stands in virtual networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Children {
    /// Subnets.
    Subnets,
    /// Peerings.
    Peerings,
}

/// A source of resources.
#[derive(Debug)]
pub(super) enum Reader {
    /// The agent.
    Agent(Agent),
    /// What a topology file declares.
    File(State),
}

impl Collection {
    /// As it stands in a path.
    fn word(self) -> &'static str {
        match self {
            Self::VirtualNetworks => "virtualNetworks",
            Self::NetworkInterfaces => "networkInterfaces",
        }
    }
}

/// The collections that a list of a group's, a subscription's or everything consists of.
fn targets(collection: Collection, group: &Group, agent: &Agent) -> Result<Vec<String>, CliError> {
    let word = collection.word();
    let scope = group.scope();
    if group.resource_group.is_some() {
        let (subscription, group) = (&scope.subscription, &scope.resource_group);
        return Ok(vec![format!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/{word}"
        )]);
    }
    let of = |subscription: &str| format!("/subscriptions/{subscription}/providers/Microsoft.Network/{word}");
    if group.subscription.is_some() {
        return Ok(vec![of(scope.subscription.as_str())]);
    }
    let subscriptions: Listed<Subscription> = agent.get("/subscriptions")?;
    Ok(subscriptions.value.iter().map(|one| of(&one.subscription_id)).collect())
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subscription {
    subscription_id: String,
}

impl Reader {
    /// One resource.
    pub(super) fn one(&self, id: &ResourceId) -> Result<Value, CliError> {
        match self {
            Self::Agent(agent) => agent.get(&target(id)),
            Self::File(state) => declared(state, id)?.ok_or_else(|| not_found(id)),
        }
    }

    /// Everything of a kind, as far as `group` leaves it in.
    pub(super) fn all(&self, collection: Collection, group: &Group) -> Result<Lists, CliError> {
        match self {
            Self::Agent(agent) => {
                let targets = targets(collection, group, agent)?;
                let pages = targets.into_iter().map(|target| agent.list(target));
                Ok(Lists::Answers(pages.collect::<Result<Vec<_>, _>>()?.concat()))
            }
            Self::File(state) => {
                if group.subscription.is_some() || group.resource_group.is_some() {
                    require(state, &group.scope().subscription)?;
                }
                let topology = &state.topology;
                let mut ids: Vec<(Scope, ResourceId)> = match collection {
                    Collection::VirtualNetworks => {
                        let names = topology.vnets().map(|vnet| vnet.name());
                        names.map(|name| (name.scope(), ResourceId::VirtualNetwork(name.clone()))).collect()
                    }
                    Collection::NetworkInterfaces => {
                        let names = topology.nics().map(|(_, nic)| nic.name());
                        names.map(|name| (name.scope(), ResourceId::Nic(name.clone()))).collect()
                    }
                };
                // An agent is asked for one subscription after the other.
                ids.sort_by(|(one, _), (other, _)| one.subscription.cmp(&other.subscription));
                let listed = ids.into_iter().filter(|(scope, _)| group.lists(scope)).map(|(_, id)| id);
                all_declared(state, listed)
            }
        }
    }

    /// Every subscription.
    pub(super) fn subscriptions(&self) -> Result<Lists, CliError> {
        match self {
            Self::Agent(agent) => Ok(Lists::Answers(agent.list("/subscriptions".to_owned())?)),
            Self::File(state) => {
                let all = state.directory.every_subscription();
                all_declared(state, all.iter().map(|one| ResourceId::Subscription(one.name.clone())))
            }
        }
    }

    /// The role assignments of a scope and of all that lies within.
    pub(super) fn assignments(&self, scope: &AccessScope) -> Result<Lists, CliError> {
        match self {
            Self::Agent(agent) => Ok(Lists::Answers(agent.list(assignments(scope))?)),
            Self::File(state) => {
                match scope {
                    AccessScope::Root => {}
                    AccessScope::Subscription(name) => require(state, name)?,
                    AccessScope::ResourceGroup(group) => require(state, &group.subscription)?,
                    AccessScope::Vnet(vnet) if state.topology.vnet(vnet).is_some() => {}
                    AccessScope::Vnet(vnet) => {
                        return Err(not_found(&ResourceId::VirtualNetwork(vnet.clone())));
                    }
                }
                let within = state.directory.assignments().filter(|given| scope.contains(&given.scope));
                all_declared(
                    state,
                    within.map(|given| {
                        ResourceId::RoleAssignment(Box::new(given.scope.clone()), given.name.clone())
                    }),
                )
            }
        }
    }

    /// Everything of a kind in a virtual network.
    pub(super) fn children(&self, children: Children, vnet: &VnetId) -> Result<Lists, CliError> {
        match self {
            Self::Agent(agent) => {
                let word = match children {
                    Children::Subnets => "subnets",
                    Children::Peerings => "virtualNetworkPeerings",
                };
                let answer = agent.send(Call::get(format!("{}/{word}", vnet.arm_id())))?;
                Ok(Lists::Answers(vec![answer]))
            }
            Self::File(state) => {
                let missing = || not_found(&ResourceId::VirtualNetwork(vnet.clone()));
                let found = state.topology.vnet(vnet).ok_or_else(missing)?;
                let subnet = |name: &SubnetName| ResourceId::Subnet(vnet.clone(), name.clone());
                let peering = |name: &PeeringName| ResourceId::Peering(vnet.clone(), name.clone());
                match children {
                    Children::Subnets => all_declared(state, found.subnets().map(|one| subnet(one.name()))),
                    Children::Peerings => {
                        all_declared(state, found.peerings().map(|one| peering(one.name())))
                    }
                }
            }
        }
    }
}

/// Refuses a subscription that a file neither declares nor names.
fn require(state: &State, name: &SubscriptionId) -> Result<(), CliError> {
    let missing = || not_found(&ResourceId::Subscription(name.clone()));
    state.directory.subscription(name).map(drop).ok_or_else(missing)
}

/// A resource as an agent with this state would answer it.
fn declared(state: &State, id: &ResourceId) -> Result<Option<Value>, CliError> {
    let json = rendered(state, id);
    json.map(|json| serde_json::from_str(&json)).transpose().map_err(CliError::failed)
}

fn all_declared(state: &State, ids: impl Iterator<Item = ResourceId>) -> Result<Lists, CliError> {
    let values = ids.filter_map(|id| declared(state, &id).transpose());
    Ok(Lists::Values(values.collect::<Result<_, _>>()?))
}
