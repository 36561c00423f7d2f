//! Which virtual networks may not meet (semantics, section 3).
//!
//! A virtual network that an object names is a peer of the network that owns the object, whatever its state. To anybody else the
//! two are peers only while they are connected.

use std::collections::BTreeSet;

use ipnet::IpNet;
use vnet_agent::model::RefusalCode;

use super::world::{Peering, State, World};

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

    /// The ranges of all peers of `vnet` but `except`; those that it is connected with, or all that it names.
    fn peers_claims(&self, vnet: &str, except: &str, is_own: bool) -> Vec<IpNet> {
        let others = self.peerings.iter().filter(|p| p.vnet == vnet && p.remote != except);
        let others = others.filter(|p| is_own || p.state == State::Connected);
        others.flat_map(|p| self.claim(&p.remote, of_remote(p))).collect()
    }

    /// The rules that `peering`, which stands or is to stand in its virtual network, breaks by what meets.
    pub(super) fn overlaps_of(&self, peering: &Peering, codes: &mut Vec<RefusalCode>) {
        let own = self.claim(&peering.vnet, of_local(peering));
        let theirs = self.claim(&peering.remote, of_remote(peering));
        if peering.vnet == peering.remote || intersect(&own, &theirs) {
            codes.push(RefusalCode::VnetAddressSpacesOverlap);
        }
        let beside_remote = self.peers_claims(&peering.vnet, &peering.remote, true);
        let beside_own = self.peers_claims(&peering.remote, &peering.vnet, false);
        if intersect(&theirs, &beside_remote) || intersect(&own, &beside_own) {
            codes.push(RefusalCode::VnetAddressSpaceOverlapsWithAlreadyPeeredVnet);
        }
    }

    /// The rules that `waiting`, an object whose other side is about to be made, would break once it is connected.
    pub(super) fn faults_when_connected(&self, waiting: &Peering, codes: &mut Vec<RefusalCode>) {
        let own = self.claim(&waiting.vnet, of_local(waiting));
        let theirs = self.claim(&waiting.remote, of_remote(waiting));
        if intersect(&own, &theirs) {
            codes.push(RefusalCode::VnetAddressSpacesOverlap);
        }
        if intersect(&theirs, &self.peers_claims(&waiting.vnet, &waiting.remote, false)) {
            codes.push(RefusalCode::VnetAddressSpaceOverlapsWithAlreadyPeeredVnet);
        }
        let has = |name| self.vnets.get(&waiting.remote).is_some_and(|vnet| vnet.subnets.contains_key(name));
        if !waiting.subnets.iter().flat_map(|subnets| &subnets.remote).all(has) {
            codes.push(RefusalCode::ResourceNotFound);
        }
    }

    /// Whether `vnet`, as it is in this world, meets with an address that it did not have in `before` one of its peers, or
    /// another one that a network is connected with which it is connected with itself.
    pub(super) fn meets_peers(&self, vnet: &str, before: &World) -> bool {
        let concerned = |p: &&Peering| p.vnet == vnet || (p.remote == vnet && p.state == State::Connected);
        self.peerings.iter().filter(concerned).any(|p| {
            let only = if p.vnet == vnet { of_local(p) } else { of_remote(p) };
            let (now, then) = (self.claim(vnet, only), before.claim(vnet, only));
            let others = if p.vnet == vnet {
                self.claim(&p.remote, of_remote(p))
            } else {
                let beside = self.peers_claims(&p.vnet, vnet, false);
                [self.claim(&p.vnet, of_local(p)), beside].concat()
            };
            now.iter().any(|own| others.iter().any(|other| shares_more(own, other, &then)))
        })
    }
}

/// Whether two prefixes have an address in common that is in none of `known`.
fn shares_more(one: &IpNet, other: &IpNet, known: &[IpNet]) -> bool {
    if !intersect(&[*one], &[*other]) {
        return false;
    }
    let shared = if one.prefix_len() > other.prefix_len() { one } else { other };
    is_beyond(shared, known)
}

/// Whether a prefix has an address that is in none of `known`.
fn is_beyond(prefix: &IpNet, known: &[IpNet]) -> bool {
    if known.iter().any(|known| known.prefix_len() <= prefix.prefix_len() && intersect(&[*known], &[*prefix]))
    {
        return false;
    }
    // Either nothing of it is known, or smaller parts of it are: then each half is looked at.
    !intersect(&[*prefix], known)
        || prefix.subnets(prefix.prefix_len() + 1).into_iter().flatten().any(|half| is_beyond(&half, known))
}
