//! Short words for declarations, so that a test shows only what it is about.

use std::sync::Arc;

use ipnet::IpNet;

use crate::model::*;

pub(crate) fn vnet_name(name: &str) -> VnetId {
    VnetId::new(name).unwrap()
}

pub(crate) fn subnet_name(name: &str) -> SubnetName {
    SubnetName::new(name).unwrap()
}

pub(crate) fn nic_name(name: &str) -> NicId {
    NicId::new(name).unwrap()
}

pub(crate) fn peering_name(name: &str) -> PeeringName {
    PeeringName::new(name).unwrap()
}

pub(crate) fn prefixes(list: &[&str]) -> Vec<IpNet> {
    list.iter().map(|prefix| prefix.parse().unwrap()).collect()
}

pub(crate) fn vnet(name: &str, space: &[&str]) -> VnetSpec {
    VnetSpec {
        name: vnet_name(name),
        region: Region::new("westeurope").unwrap(),
        address_space: prefixes(space),
    }
}

pub(crate) fn subnet(name: &str, address_prefixes: &[&str]) -> SubnetSpec {
    SubnetSpec { name: subnet_name(name), address_prefixes: prefixes(address_prefixes) }
}

/// A NIC in `VNET/SUBNET` with these addresses.
pub(crate) fn nic(name: &str, subnet: &str, addresses: &[&str]) -> NicSpec {
    NicSpec {
        name: nic_name(name),
        subnet: subnet.parse().unwrap(),
        ipv4: addresses.iter().find_map(|address| address.parse().ok()),
        ipv6: addresses.iter().find_map(|address| address.parse().ok()),
        mac: None,
        interface: None,
        enable_ip_forwarding: false,
    }
}

/// A peering between the complete virtual networks, with the default flags.
pub(crate) fn peering(name: &str, remote: &str) -> PeeringSpec {
    PeeringSpec {
        name: peering_name(name),
        remote: vnet_name(remote),
        flags: PeeringFlags::default(),
        subnets: None,
    }
}

pub(crate) fn subnets(local: &[&str], remote: &[&str], only_ipv6: bool) -> Option<PeeredSubnets> {
    let names = |list: &[&str]| list.iter().map(|name| subnet_name(name)).collect();
    Some(PeeredSubnets { local: names(local), remote: names(remote), only_ipv6 })
}

/// A topology under test: what is done to it must succeed, or be refused and change nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct World(pub(crate) Topology);

impl World {
    /// Does `operation`, which must not be refused.
    #[track_caller]
    pub(crate) fn with(mut self, operation: Operation) -> Self {
        self.0 = self.0.apply(operation).unwrap_or_else(|refusal| panic!("{}: {refusal}", refusal.code()));
        self
    }

    pub(crate) fn vnet(self, name: &str, space: &[&str]) -> Self {
        self.with(Operation::CreateVnet(vnet(name, space)))
    }

    pub(crate) fn subnet(self, of: &str, name: &str, address_prefixes: &[&str]) -> Self {
        self.with(Operation::CreateSubnet(vnet_name(of), subnet(name, address_prefixes)))
    }

    pub(crate) fn nic(self, name: &str, in_subnet: &str, addresses: &[&str]) -> Self {
        self.with(Operation::CreateNic(nic(name, in_subnet, addresses)))
    }

    /// Creates the side of `vnet`, named `VNET-to-REMOTE`.
    pub(crate) fn side(self, of: &str, remote: &str) -> Self {
        self.with(Operation::CreatePeering(vnet_name(of), peering(&format!("{of}-to-{remote}"), remote)))
    }

    /// Creates both sides.
    pub(crate) fn peered(self, one: &str, other: &str) -> Self {
        self.side(one, other).side(other, one)
    }

    pub(crate) fn delete_side(self, of: &str, remote: &str) -> Self {
        self.with(Operation::DeletePeering(vnet_name(of), peering_name(&format!("{of}-to-{remote}"))))
    }

    pub(crate) fn sync(self, of: &str, remote: &str) -> Self {
        self.with(Operation::SyncPeering(vnet_name(of), peering_name(&format!("{of}-to-{remote}"))))
    }

    /// The object `VNET-to-REMOTE`.
    #[track_caller]
    pub(crate) fn object(&self, of: &str, remote: &str) -> &Peering {
        self.0.peering(&vnet_name(of), &peering_name(&format!("{of}-to-{remote}"))).unwrap()
    }

    pub(crate) fn state(&self, of: &str, remote: &str) -> PeeringState {
        self.object(of, remote).state()
    }

    pub(crate) fn sync_level(&self, of: &str, remote: &str) -> PeeringSyncLevel {
        self.0.sync_level(self.network(of), self.object(of, remote))
    }

    #[track_caller]
    pub(crate) fn network(&self, name: &str) -> &Arc<VirtualNetwork> {
        self.0.vnet(&vnet_name(name)).unwrap()
    }

    /// The refusal of `operation`. Neither applying it aside nor in place has changed anything, to the last pointer.
    #[track_caller]
    pub(crate) fn refusal(&self, operation: Operation) -> Refusal {
        let refusal = self.0.apply(operation.clone()).expect_err("the operation is refused");
        let mut in_place = self.0.clone();
        assert_eq!(in_place.apply_in_place(operation), Err(refusal.clone()));
        assert_same(&in_place, &self.0);
        refusal
    }

    /// As [`Self::refusal`], with its code and its whole sentence.
    #[track_caller]
    pub(crate) fn refuses(&self, operation: Operation, code: RefusalCode, sentence: &str) {
        let refusal = self.refusal(operation);
        assert_eq!((refusal.code(), refusal.to_string().as_str()), (code, sentence));
    }
}

/// Both have the same networks by pointer, and so the same everything.
#[track_caller]
pub(crate) fn assert_same(left: &Topology, right: &Topology) {
    assert_eq!(left, right);
    for (left, right) in left.vnets().zip(right.vnets()) {
        assert!(Arc::ptr_eq(left, right), "{} was copied", left.name());
    }
    assert!(Arc::ptr_eq(&left.vnet_of_nic, &right.vnet_of_nic));
    assert!(Arc::ptr_eq(&left.nic_of_interface, &right.nic_of_interface));
}
