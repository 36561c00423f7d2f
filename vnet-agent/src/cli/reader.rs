//! Where a reading command has its resources from: the agent, or a topology file.

use serde_json::Value;

use super::CliError;
use super::agent::Agent;
use super::resource::{Listed, Lists, target};
use super::scope::Group;
use crate::api::Call;
use crate::model::{ResourceId, Topology, VnetId};

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
    File(Topology),
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
            Self::File(_) => Err(CliError::failed("not from a file yet")),
        }
    }

    /// Everything of a kind, as far as `group` leaves it in.
    pub(super) fn all(&self, collection: Collection, group: &Group) -> Result<Lists, CliError> {
        match self {
            Self::Agent(agent) => {
                let answers = targets(collection, group, agent)?
                    .into_iter()
                    .map(|target| agent.send(Call::get(target)));
                Ok(Lists::Answers(answers.collect::<Result<_, _>>()?))
            }
            Self::File(_) => Err(CliError::failed("not from a file yet")),
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
            Self::File(_) => Err(CliError::failed("not from a file yet")),
        }
    }
}
