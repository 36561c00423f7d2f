//! The kinds of resources: how each is read, taken from a body, and brought about by operations.
//!
//! What they have in common (who may do it, conditions, etags, statuses) is in [`super::resource`], once.

pub(super) mod id;
mod nic;
mod peering;
mod role_assignment;
mod subnet;
mod subscription;
mod token;
mod view;
mod vnet;

use super::body::Object;
use super::error::ApiError;
use super::paging::{Mark, Page};
use super::resource::Wish;
use super::sight::Sight;
use super::target::Collection;
use crate::daemon::tokens::NewToken;
use crate::model::access::{AccessScope, Caller, RoleAssignment};
use crate::model::{Operation, ResourceId, State, VnetId};

pub(super) use view::Rendered;

/// A resource as somebody reads it who may; none where it does not exist.
pub(super) fn view(state: &State, caller: &Caller, id: &ResourceId) -> Option<Rendered> {
    let State { topology, directory } = state;
    let sight = Sight::new(directory, caller);
    match id {
        ResourceId::VirtualNetwork(vnet) => Some(vnet::view(topology, topology.vnet(vnet)?, sight).render()),
        ResourceId::Subnet(vnet, name) => {
            let vnet = topology.vnet(vnet)?;
            Some(subnet::view_one(vnet, vnet.subnet(name)?).render())
        }
        ResourceId::Peering(vnet, name) | ResourceId::OtherSide(vnet, name) => {
            let vnet = topology.vnet(vnet)?;
            Some(peering::view(topology, vnet, vnet.peering(name)?, sight).render())
        }
        ResourceId::Nic(name) => topology.nic(name).map(|(vnet, nic)| nic::view(vnet, nic).render()),
        ResourceId::Subscription(name) => directory.subscription(name).map(|one| subscription::render(&one)),
        ResourceId::RoleAssignment(scope, name) => {
            directory.assignment(scope, name).map(|one| role_assignment::view(one).render())
        }
        ResourceId::Token(name) => directory.token(name).map(|one| token::render(one, None)),
    }
}

/// A token as it is shown to whoever has made it.
pub(super) fn new_token(state: &State, name: &str, secret: &NewToken) -> Option<Rendered> {
    state.directory.token(name).map(|one| token::render(one, Some(secret)))
}

/// The state with a resource as `body` declares it.
pub(super) fn put(state: &State, wish: &Wish, body: Option<Object>) -> Result<State, ApiError> {
    let Wish { caller, id, query, .. } = wish;
    let topology = &state.topology;
    if let ResourceId::Peering(vnet, name) = id
        && query.flag("syncRemoteAddressSpace")
    {
        let declared = body.map(|body| peering::parse(vnet, name, body)).transpose()?;
        let asked = declared.as_ref().map(|declared| declared.asked(vnet)).unwrap_or_default();
        state.authorize_request(caller, &asked)?;
        return Ok(state.apply(caller, peering::sync(topology, vnet, name, declared))?);
    }
    let body = body.ok_or(ApiError::NoBody)?;
    Ok(match id {
        ResourceId::VirtualNetwork(vnet) => {
            state.apply(caller, vnet::put(topology, vnet::parse(vnet, body)?))?
        }
        ResourceId::Subnet(vnet, name) => {
            state.apply(caller, [subnet::put(topology, vnet, subnet::parse(vnet, name, body)?)])?
        }
        ResourceId::Peering(vnet, name) | ResourceId::OtherSide(vnet, name) => {
            let declared = peering::parse(vnet, name, body)?;
            state.authorize_request(caller, &declared.asked(vnet))?;
            state.apply(caller, peering::put(topology, vnet, declared))?
        }
        ResourceId::Nic(name) => {
            let declared = nic::parse(name, body)?;
            state.authorize_request(caller, [&declared.asked(name)])?;
            state.apply(caller, [nic::put(topology, name, declared)?])?
        }
        ResourceId::Subscription(name) => {
            let old = state.directory.subscription(name);
            state.put_subscription(subscription::parse(name, old.as_deref(), body)?)?
        }
        ResourceId::RoleAssignment(scope, name) => {
            state.put_role_assignment(role_assignment::parse(scope, name, body)?)?
        }
        ResourceId::Token(name) => {
            let secret =
                wish.secret.as_ref().ok_or_else(|| ApiError::Internal("no token was made".to_owned()))?;
            let token = token::parse(name, secret, body)?;
            state.directory.authorize_token(caller, &token.principal)?;
            state.put_token(token)?
        }
    })
}

/// The state without a resource that exists.
pub(super) fn delete(state: &State, wish: &Wish) -> Result<State, ApiError> {
    let Wish { caller, id, query, .. } = wish;
    let topology = &state.topology;
    Ok(match id {
        ResourceId::VirtualNetwork(vnet) => state.apply(caller, [Operation::DeleteVnet(vnet.clone())])?,
        ResourceId::Subnet(vnet, name) => {
            state.apply(caller, [Operation::DeleteSubnet(vnet.clone(), name.clone())])?
        }
        ResourceId::Peering(vnet, name) | ResourceId::OtherSide(vnet, name) => {
            let peering = topology.peering(vnet, name);
            let operations = peering.map(|one| peering::delete(topology, vnet, one, query.flag("both")));
            state.apply(caller, operations.unwrap_or_default())?
        }
        ResourceId::Nic(name) => state.apply(caller, [Operation::DeleteNic(name.clone())])?,
        ResourceId::Subscription(name) => state.delete_subscription(name)?,
        ResourceId::RoleAssignment(scope, name) => state.delete_role_assignment(scope, name)?,
        ResourceId::Token(name) => state.delete_token(name)?,
    })
}

/// The resources of a collection that the caller may read, or the page of them after a place.
///
/// # Errors
/// What they would stand in, where it does not exist and the caller could read it: of what he may not read, a list is empty
/// whether it exists or not.
pub(super) fn list(
    state: &State,
    caller: &Caller,
    collection: &Collection,
    after: Option<&Mark>,
) -> Result<Page, ResourceId> {
    let State { topology, directory } = state;
    let sight = Sight::new(directory, caller);
    let missing = |vnet: &VnetId| ResourceId::VirtualNetwork(vnet.clone());
    Ok(Page::whole(match collection {
        Collection::Vnets(scope) => {
            require(state, sight, scope)?;
            let vnets = topology
                .vnets()
                .filter(|vnet| lies_in(scope, vnet.name().subscription(), vnet.name().resource_group()));
            let vnets = vnets.filter(|vnet| sight.sees_vnet(vnet.name()));
            let vnets = vnets.map(|vnet| ((vnet.name(), None), vnet));
            return Ok(Page::after(after, vnets, |vnet| vnet::view(topology, vnet, sight).render().json));
        }
        Collection::Nics(scope) => {
            require(state, sight, scope)?;
            let nics = topology.nics();
            let nics = nics
                .filter(|(_, nic)| lies_in(scope, nic.name().subscription(), nic.name().resource_group()));
            let nics = nics.filter(|(_, nic)| sight.sees_nic(nic.name()));
            let nics = nics.map(|(vnet, nic)| ((vnet.name(), Some(nic.name())), (vnet, nic)));
            return Ok(Page::after(after, nics, |(vnet, nic)| nic::view(vnet, nic).render().json));
        }
        Collection::Subnets(name) => {
            let vnet = topology.vnet(name).ok_or_else(|| missing(name))?;
            subnet::views(vnet).iter().map(|view| view.render().json).collect()
        }
        Collection::Peerings(name) => {
            let vnet = topology.vnet(name).ok_or_else(|| missing(name))?;
            vnet.peerings().map(|one| peering::view(topology, vnet, one, sight).render().json).collect()
        }
        Collection::Subscriptions => {
            let readable = directory.subscriptions_read_by(caller);
            readable.iter().map(|one| subscription::render(one).json).collect()
        }
        Collection::RoleAssignments(scope) => {
            require(state, sight, scope)?;
            let within = directory.assignments().filter(|one| scope.contains(&one.scope));
            let id =
                |one: &RoleAssignment| ResourceId::RoleAssignment(one.scope.clone().into(), one.name.clone());
            let within = within.filter(|one| sight.sees(&id(one)));
            within.map(|one| role_assignment::view(one).render().json).collect()
        }
        Collection::Tokens => directory.tokens().map(|one| token::render(one, None).json).collect(),
    }))
}

/// Refuses what would stand in something that does not exist, to those who could read it. A resource group exists while something
/// names it, and is empty otherwise.
fn require(state: &State, sight: Sight<'_>, scope: &AccessScope) -> Result<(), ResourceId> {
    let subscription = match scope {
        AccessScope::Root => return Ok(()),
        AccessScope::Subscription(name) => name.clone(),
        AccessScope::ResourceGroup(scope) => scope.subscription.clone(),
        AccessScope::Vnet(vnet) if state.topology.vnet(vnet).is_none() => {
            return Err(ResourceId::VirtualNetwork(vnet.clone()));
        }
        AccessScope::Vnet(_) => return Ok(()),
    };
    let exists = state.directory.subscription(&subscription).is_some();
    let subscription = ResourceId::Subscription(subscription);
    if exists || !sight.sees(&subscription) { Ok(()) } else { Err(subscription) }
}

fn lies_in(scope: &AccessScope, subscription: &str, group: &str) -> bool {
    match scope {
        AccessScope::Subscription(name) => name.as_str() == subscription,
        AccessScope::ResourceGroup(scope) => {
            scope.subscription.as_str() == subscription && scope.resource_group.as_str() == group
        }
        AccessScope::Root | AccessScope::Vnet(_) => false,
    }
}
