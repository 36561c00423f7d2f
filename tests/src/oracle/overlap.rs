//! Which virtual networks may not meet (semantics, section 3).
//!
//! A virtual network that an object of another one names is that one's peer, whatever the object's state: a `Disconnected`
//! object still stands for its remote.

use std::collections::BTreeSet;

use ipnet::IpNet;
use vnet_agent::model::RefusalCode;

use super::world::{Peering, World};

type Only<'a> = Option<(&'a BTreeSet<String>, bool)>;

fn of_local(peering: &Peering) -> Only<'_> {
    peering.subnets.as_ref().map(|subnets| (&subnets.local, subnets.only_ipv6))
}

fn of_remote(peering: &Peering) -> Only<'_> {
    peering.subnets.as_ref().map(|subnets| (&subnets.remote, subnets.only_ipv6))
}

/// Two prefixes intersect when the shorter one's bits are the first bits of the longer one.
fn intersect(left: &[IpNet], right: &[IpNet]) -> bool {
    let same_start = |l: &IpNet, r: &IpNet| {
        let bits = u32::from(l.prefix_len().min(r.prefix_len()));
        match (l, r) {
            (IpNet::V4(l), IpNet::V4(r)) => {
                let differing = l.network().to_bits() ^ r.network().to_bits();
                differing.leading_zeros() >= bits
            }
            (IpNet::V6(l), IpNet::V6(r)) => {
                let differing = l.network().to_bits() ^ r.network().to_bits();
                differing.leading_zeros() >= bits
            }
            _ => false,
        }
    };
    left.iter().any(|l| right.iter().any(|r| same_start(l, r)))
}

impl World {
    /// The ranges that count: all, or for subnet peering those that hold a taking-part prefix.
    fn claim(&self, vnet: &str, only: Only<'_>) -> Vec<IpNet> {
        let part = self.part(vnet, only);
        let ranges = self.vnets.get(vnet).map_or(&[][..], |vnet| &vnet.ranges);
        ranges.iter().filter(|range| part.iter().any(|p| range.contains(p))).copied().collect()
    }

    /// The ranges of all peers of `vnet` but `except`.
    fn peers_claims(&self, vnet: &str, except: &str) -> Vec<IpNet> {
        let others = self.peerings.iter().filter(|p| p.vnet == vnet && p.remote != except);
        others.flat_map(|p| self.claim(&p.remote, of_remote(p))).collect()
    }

    /// The rules that `peering`, which stands or is to stand in its virtual network, breaks by what meets.
    pub(super) fn overlaps_of(&self, peering: &Peering, codes: &mut Vec<RefusalCode>) {
        let own = self.claim(&peering.vnet, of_local(peering));
        let theirs = self.claim(&peering.remote, of_remote(peering));
        if peering.vnet == peering.remote || intersect(&own, &theirs) {
            codes.push(RefusalCode::VnetAddressSpacesOverlap);
        }
        let beside_remote = self.peers_claims(&peering.vnet, &peering.remote);
        let beside_own = self.peers_claims(&peering.remote, &peering.vnet);
        if intersect(&theirs, &beside_remote) || intersect(&own, &beside_own) {
            codes.push(RefusalCode::VnetAddressSpaceOverlapsWithAlreadyPeeredVnet);
        }
    }

    /// Whether `vnet`, as it is in this world, meets one of its peers, one that it is a peer of, or another peer of
    /// that one.
    pub(super) fn meets_peers(&self, vnet: &str) -> bool {
        let concerned = self.peerings.iter().filter(|p| p.vnet == vnet || p.remote == vnet);
        concerned.into_iter().any(|p| {
            let own = self.claim(&p.vnet, of_local(p));
            let theirs = self.claim(&p.remote, of_remote(p));
            let others = if p.remote == vnet { self.peers_claims(&p.vnet, vnet) } else { Vec::new() };
            intersect(&own, &theirs) || intersect(&theirs, &others)
        })
    }
}
