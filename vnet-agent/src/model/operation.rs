//! Operations: the steps that lead from one topology to the next.

use ipnet::IpNet;

use super::{NicId, NicSpec, PeeringName, PeeringSpec, Region, SubnetName, VnetId};

/// What an administrator says about a virtual network itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VnetSpec {
    /// The virtual network's name.
    pub name: VnetId,
    /// The region that it stands in.
    pub region: Region,
    /// Its ranges.
    pub address_space: Vec<IpNet>,
}

/// What an administrator says about a subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubnetSpec {
    /// The subnet's name within its virtual network.
    pub name: SubnetName,
    /// Its prefixes.
    pub address_prefixes: Vec<IpNet>,
}

/// One step from a topology to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Creates an empty virtual network.
    CreateVnet(VnetSpec),
    /// Gives a virtual network a new region and address space.
    UpdateVnet(VnetSpec),
    /// Gives a virtual network a new region, address space and list of subnets in one step: ranges and subnets may change places in
    /// ways that no order of single steps allows. Subnets that are not in the list are deleted.
    ReplaceVnet(VnetSpec, Vec<SubnetSpec>),
    /// Deletes a virtual network, its subnets and its peerings. Refused while a NIC stands in it.
    DeleteVnet(VnetId),
    /// Creates a subnet.
    CreateSubnet(VnetId, SubnetSpec),
    /// Gives a subnet new prefixes.
    UpdateSubnet(VnetId, SubnetSpec),
    /// Deletes a subnet. Refused while a NIC stands in it or a peering names it.
    DeleteSubnet(VnetId, SubnetName),
    /// Creates a NIC.
    CreateNic(NicSpec),
    /// Replaces a NIC; it may move to another subnet.
    UpdateNic(NicSpec),
    /// Deletes a NIC.
    DeleteNic(NicId),
    /// Creates this side of a peering. With the other side there, both become `Connected`.
    CreatePeering(VnetId, PeeringSpec),
    /// Changes a peering's flags and lists of subnets; its remote, and whether the complete virtual networks take part, are
    /// fixed. A `Disconnected` peering becomes `Initiated` again.
    UpdatePeering(VnetId, PeeringSpec),
    /// Deletes this side of a peering. The other side becomes `Disconnected`.
    DeletePeering(VnetId, PeeringName),
    /// Takes over what the remote has now.
    SyncPeering(VnetId, PeeringName),
}
