//! The objects that an administrator declares, and the rules that hold between them.
//!
//! Everything here is a value: no file, socket, clock or kernel. An [`Operation`] takes one [`Topology`] to the next or is
//! refused with a [`Refusal`] that changed nothing; [`plan_file`] does the same for a whole declared state. An object with
//! private fields exists only because every rule about it has been checked, so what comes after (routes, tables, packets)
//! never checks again.
//!
//! A topology is a persistent value: cloning it copies pointers, and a virtual network that an operation did not touch keeps
//! its `Arc`. Two topologies are therefore compared by pointer first, and the cost of compiling the next one follows what
//! changed. A persistent map type would make the clone cheaper still; at 1,000 virtual networks copying the outer map costs
//! some ten microseconds, which is not worth a dependency.

pub mod access;
mod address;
mod apply;
mod change;
mod mac;
mod name;
mod nic;
mod operation;
mod overlap;
mod peering;
mod plan;
mod refusal;
mod replace;
mod scope;
mod snapshot;
mod state;
mod subnet;
mod topology;
mod transition;
mod visible;
mod vnet;

#[cfg(test)]
pub(crate) mod tests;

pub use address::{AddressSpace, PrefixFault, ReservedAddress, intersection, overlaps};
pub use change::{Action, Change, changes};
pub use mac::{MacAddress, MacError};
pub use name::{
    InterfaceError, InterfaceName, NameError, NameFault, NicName, PeeringName, Region, ResourceGroupName,
    SubnetName, SubnetRef, SubnetRefError, SubscriptionId, VnetName,
};
pub use nic::{Nic, NicSpec, NicTable, free_address};
pub use operation::{Operation, SubnetSpec, VnetSpec};
pub use overlap::{takes_part, taking_part};
pub use peering::{PeeredSubnets, Peering, PeeringFlags, PeeringSpec, PeeringState, PeeringSyncLevel};
pub use plan::{Declared, DesiredState, Located, PeeringPast, Place, plan_file};
pub use refusal::{Holding, Quota, Refusal, RefusalCode, ResourceId, ResourceKind};
pub use scope::{ArmIdError, DEFAULT_SCOPE_NAME, NicId, Scope, VnetId};
pub use snapshot::{NicSnapshot, PeeringSnapshot, Snapshot, SnapshotError, SubnetSnapshot, VnetSnapshot};
pub use state::State;
pub use subnet::Subnet;
pub use topology::Topology;
pub use vnet::VirtualNetwork;
