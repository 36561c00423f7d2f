//! Whether whoever wants a file in force may declare what it declares.
//!
//! That is settled before the file is planned. What stands in a declaration's way, and whether an assertion holds, may lie in
//! networks that he may not read: without his role, he is told the same whatever is there.

use super::assertion::Assertion;
use super::blame::Blame;
use super::file::Declarations;
use super::reader::Reader;
use crate::model::access::{AccessScope, Action, Caller, Directory, authorize_declarations};
use crate::model::{DesiredState, Peering, PeeringSpec, PeeringState, Topology};

/// Somebody who wants a file in force, under the roles that a directory gives him.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker<'a> {
    pub(super) caller: &'a Caller,
    pub(super) directory: &'a Directory,
}

/// Something in a file needs a role that its asker lacks; it has been noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Denied;

impl Asker<'_> {
    /// Notes each declaration and each NIC of an assertion that needs a role he lacks.
    pub(super) fn check(
        self,
        file: &Declarations,
        current: &Topology,
        reader: &mut Reader<'_>,
    ) -> Result<(), Denied> {
        let denied = authorize_declarations(self.directory, self.caller, current, &file.desired);
        let mut outcome = Ok(());
        if !denied.is_empty() {
            let blame = Blame::new(reader.tree, &file.desired, &file.access.desired);
            denied.iter().for_each(|located| reader.findings.push(blame.finding(located)));
            outcome = Err(Denied);
        }
        for (node, nic) in file.assertions.iter().flat_map(Assertion::nics) {
            let scope = AccessScope::of_nic(nic);
            if let Err(refusal) = self.directory.authorize(self.caller, Action::NicRead, &scope) {
                reader.refuse(*node, &refusal);
                outcome = Err(Denied);
            }
        }
        outcome
    }

    /// Lets the peerings that stay keep what they took over last where he may not name the remote: taking over what that has now
    /// is `sync`, which needs the role.
    pub(super) fn keep_spaces(self, desired: &mut DesiredState, current: &Topology) {
        for declared in &desired.peerings {
            let (vnet, spec) = &declared.spec;
            let Some(old) = current.peering(vnet, &spec.name).filter(|old| stays(old, spec)) else {
                continue;
            };
            if !self.directory.allows(self.caller, Action::VnetPeer, &AccessScope::Vnet(spec.remote.clone()))
            {
                let past = desired.pasts.entry((vnet.clone(), spec.name.clone())).or_default();
                past.remote_address_space.get_or_insert_with(|| old.remote_address_space().to_vec());
            }
        }
    }
}

/// Whether a declaration leaves a peering its other side, with the same parts of it.
fn stays(old: &Peering, spec: &PeeringSpec) -> bool {
    old.state() != PeeringState::Disconnected
        && *old.remote() == spec.remote
        && old.subnets() == spec.subnets.as_ref()
}
