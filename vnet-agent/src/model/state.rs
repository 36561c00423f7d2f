//! All that is committed: the topology, and who may do what with it.

use super::access::{
    AccessScope, Caller, Directory, RoleAssignment, Subscription, Token, authorize_change,
    authorize_directory_change, authorize_operation,
};
use super::{Operation, Refusal, ResourceId, SubscriptionId, Topology};

/// The committed state, one value. A clone copies pointers.
///
/// Each operation gives the next state and leaves this one as it is. Those on the directory do not look at who asks: that is for
/// their caller to do, with [`Directory::authorize`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Virtual networks and all that stands in them.
    pub topology: Topology,
    /// Subscriptions, role assignments, tokens.
    pub directory: Directory,
}

impl State {
    /// The state that these operations lead to, all of them or none, when `caller` may bring that about.
    ///
    /// # Errors
    /// The first [`Refusal`]. For lack of a role it comes before all others, so that it tells nothing about what the caller may
    /// not read.
    pub fn apply(
        &self,
        caller: &Caller,
        operations: impl IntoIterator<Item = Operation>,
    ) -> Result<Self, Refusal> {
        let mut topology = self.topology.clone();
        for operation in operations {
            authorize_operation(&self.directory, caller, &topology, &operation)?;
            match &operation {
                Operation::CreateVnet(spec) => self.check_subscription(&spec.name.scope().subscription)?,
                Operation::CreateNic(spec) => self.check_subscription(&spec.name.scope().subscription)?,
                _ => {}
            }
            topology.apply_in_place(operation)?;
        }
        authorize_change(&self.directory, caller, &self.topology, &topology)?;
        Ok(self.with_topology(topology))
    }

    /// Lets a request pass when `caller` has the roles for all that it asks for, told as operations that follow from the request
    /// alone: whether they create or update is left open, an operation that updates stands for both. Whoever has to look something
    /// up to carry a request out, where the caller may not read it perhaps, asks this first.
    ///
    /// # Errors
    /// `AuthorizationFailed`, `LinkedAuthorizationFailed`: the first action that the caller lacks.
    pub fn authorize_request<'a>(
        &self,
        caller: &Caller,
        asked: impl IntoIterator<Item = &'a Operation>,
    ) -> Result<(), Refusal> {
        let mut asked = asked.into_iter();
        asked
            .try_for_each(|operation| authorize_operation(&self.directory, caller, &self.topology, operation))
    }

    /// Lets the step to `next` pass, whatever led there, when `caller` has the roles for all that changes. Tokens are not looked
    /// at.
    ///
    /// # Errors
    /// `AuthorizationFailed`, `LinkedAuthorizationFailed`: the first action that the caller lacks.
    pub fn authorize(&self, caller: &Caller, next: &Self) -> Result<(), Refusal> {
        authorize_change(&self.directory, caller, &self.topology, &next.topology)?;
        authorize_directory_change(caller, &self.directory, &next.directory, &next.topology)
    }

    /// This directory with another topology. Roles given on virtual networks that are gone go with them: nobody may inherit
    /// them by creating another network of the same name.
    #[must_use]
    pub fn with_topology(&self, topology: Topology) -> Self {
        let mut directory = self.directory.clone();
        directory.retain_assignments(|scope| match scope {
            AccessScope::Vnet(vnet) => topology.vnet(vnet).is_some(),
            _ => true,
        });
        Self { topology, directory }
    }

    /// Refuses what is to be created in a subscription that does not exist.
    ///
    /// # Errors
    /// `ResourceNotFound`.
    pub fn check_subscription(&self, name: &SubscriptionId) -> Result<(), Refusal> {
        self.directory.require_subscription(name)
    }

    /// Creates a subscription, or gives one another display name or tenant.
    ///
    /// # Errors
    /// `InvalidResourceName`, `QuotaExceeded`.
    pub fn put_subscription(&self, subscription: Subscription) -> Result<Self, Refusal> {
        self.with_directory(|directory| directory.put_subscription(subscription))
    }

    /// Deletes a subscription and the roles given in it.
    ///
    /// # Errors
    /// `ResourceNotFound`; `VnetAddressSpaceInUse` while a virtual network or NIC is in it; `OperationNotAllowed` for `default`.
    pub fn delete_subscription(&self, name: &SubscriptionId) -> Result<Self, Refusal> {
        self.check_subscription(name)?;
        let vnets = self.topology.vnets().map(|vnet| vnet.name());
        let mut vnets = vnets.filter(|vnet| vnet.subscription() == name.as_str());
        let nics = self.topology.nics().map(|(_, nic)| nic.name());
        let mut nics = nics.filter(|nic| nic.subscription() == name.as_str());
        let vnet = vnets.next().cloned().map(ResourceId::VirtualNetwork);
        if let Some(holder) = vnet.or_else(|| nics.next().cloned().map(ResourceId::Nic)) {
            let what = ResourceId::Subscription(name.clone()).to_string();
            return Err(Refusal::VnetAddressSpaceInUse { what, holder });
        }
        self.with_directory(|directory| directory.delete_subscription(name))
    }

    /// Gives a role. The same once more, by the same name, changes nothing.
    ///
    /// # Errors
    /// `InvalidResourceName`; `ResourceNotFound` for the scope; `RoleAssignmentExists`, `RoleAssignmentUpdateNotPermitted`;
    /// `QuotaExceeded`.
    pub fn put_role_assignment(&self, assignment: RoleAssignment) -> Result<Self, Refusal> {
        if let AccessScope::Vnet(vnet) = &assignment.scope
            && self.topology.vnet(vnet).is_none()
        {
            self.check_subscription(&vnet.scope().subscription)?;
            return Err(Refusal::not_found(ResourceId::VirtualNetwork(vnet.clone())));
        }
        self.with_directory(|directory| directory.put_assignment(assignment))
    }

    /// Takes a role away.
    ///
    /// # Errors
    /// `ResourceNotFound`.
    pub fn delete_role_assignment(&self, scope: &AccessScope, name: &str) -> Result<Self, Refusal> {
        self.with_directory(|directory| directory.delete_assignment(scope, name))
    }

    /// Makes a token valid; an earlier one of its name no longer is.
    ///
    /// # Errors
    /// `InvalidResourceName`, `QuotaExceeded`.
    pub fn put_token(&self, token: Token) -> Result<Self, Refusal> {
        self.with_directory(|directory| directory.put_token(token))
    }

    /// Makes a token invalid.
    ///
    /// # Errors
    /// `ResourceNotFound`.
    pub fn delete_token(&self, name: &str) -> Result<Self, Refusal> {
        self.with_directory(|directory| directory.delete_token(name))
    }

    fn with_directory(
        &self,
        change: impl FnOnce(&mut Directory) -> Result<(), Refusal>,
    ) -> Result<Self, Refusal> {
        let mut next = self.clone();
        change(&mut next.directory)?;
        Ok(next)
    }
}
