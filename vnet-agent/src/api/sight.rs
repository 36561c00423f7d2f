//! What somebody may read.

use super::arm::id::{Verb, action};
use crate::model::access::{Caller, Directory};
use crate::model::{NicId, ResourceId, VnetId};

/// Somebody who looks, under the roles that a directory gives him.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight<'a> {
    directory: &'a Directory,
    caller: &'a Caller,
}

impl<'a> Sight<'a> {
    /// What this caller may read.
    pub(super) fn new(directory: &'a Directory, caller: &'a Caller) -> Self {
        Self { directory, caller }
    }

    /// Whether he may read this resource, which may exist or not.
    pub(super) fn sees(self, id: &ResourceId) -> bool {
        let (action, scope) = action(id, Verb::Read);
        self.directory.allows(self.caller, action, &scope)
    }

    /// Whether he may read this virtual network.
    pub(super) fn sees_vnet(self, vnet: &VnetId) -> bool {
        self.sees(&ResourceId::VirtualNetwork(vnet.clone()))
    }

    /// Whether he may read this NIC.
    pub(super) fn sees_nic(self, nic: &NicId) -> bool {
        self.sees(&ResourceId::Nic(nic.clone()))
    }
}
