//! The kinds of outcome that a run has to meet: what a verdict was about, in words.

use std::net::IpAddr;

use vnet_common::verdict::DropReason;

use super::answer::{ROUTER_LINK_LOCAL, Verdict};
use super::frame::Packet;
use super::tally::Tally;
use super::world::{Nic, State, World};

impl World {
    /// Counts `verdict` under every kind that it is of.
    pub fn classify(&self, packet: &Packet, verdict: &Verdict, tally: &mut Tally) {
        let family = if packet.destination.is_ipv4() { "IPv4" } else { "IPv6" };
        match verdict {
            Verdict::Answered if packet.destination == IpAddr::V6(ROUTER_LINK_LOCAL) => {
                tally.count("answered: ping of the link-local router");
            }
            Verdict::Answered => tally.count(&format!("answered: ping of the router, {family}")),
            Verdict::Dropped(reason) => {
                tally.count(&format!("dropped: {}", reason.word()));
                self.classify_unreachable(packet, *reason, tally);
            }
            Verdict::Delivered { nic, crossed } => {
                let (Some((_, sender)), Some(receiver)) = (self.sender(packet.ifindex), self.nics.get(nic))
                else {
                    return;
                };
                match crossed {
                    None if sender.subnet == receiver.subnet => {
                        tally.count(&format!("delivered: within a subnet, {family}"));
                    }
                    None => tally.count(&format!("delivered: to another subnet, {family}")),
                    Some(_) => self.classify_crossing(sender, receiver, family, tally),
                }
                if !sender.addresses.contains(&packet.source) {
                    self.classify_forwarded(packet, sender, crossed.is_some(), tally);
                }
            }
        }
    }

    fn classify_crossing(&self, sender: &Nic, receiver: &Nic, family: &str, tally: &mut Tally) {
        let region = |vnet: &str| self.vnets.get(vnet).map(|vnet| &vnet.region);
        let is_global = region(&sender.vnet) != region(&receiver.vnet);
        let kind = if is_global { "global peering" } else { "peering" };
        tally.count(&format!("delivered: over {kind}, {family}"));
        let Some(own) = self.object(&sender.vnet, &receiver.vnet) else { return };
        if own.subnets.is_some() {
            tally.count("delivered: over subnet peering");
        }
        if own.remote_space != self.remote_now(own) {
            tally.count("delivered: over a peering out of sync");
        }
    }

    fn classify_forwarded(&self, packet: &Packet, sender: &Nic, crossed: bool, tally: &mut Tally) {
        let ranges = self.vnets.get(&sender.vnet).map_or(&[][..], |vnet| &vnet.ranges);
        let is_foreign = !ranges.iter().any(|range| range.contains(&packet.source));
        tally.count(match (crossed, is_foreign) {
            (true, true) => "delivered: forwarded from outside, over a peering",
            (true, false) => "delivered: forwarded from inside, over a peering",
            (false, _) => "delivered: forwarded, within the virtual network",
        });
        if sender.address_like(packet.source).is_none() {
            tally.count("delivered: forwarded in a family that the sender has no address of");
        }
    }

    /// Why a NIC that is there is not reached: what stands between the two virtual networks.
    fn classify_unreachable(&self, packet: &Packet, reason: DropReason, tally: &mut Tally) {
        if !matches!(reason, DropReason::RouteNone | DropReason::RouteInternet | DropReason::NoRoute) {
            return;
        }
        let Some((_, sender)) = self.sender(packet.ifindex) else { return };
        let receivers = self.nics.values().filter(|nic| nic.addresses.contains(&packet.destination));
        for receiver in receivers {
            let own = self.object(&sender.vnet, &receiver.vnet);
            let other = self.object(&receiver.vnet, &sender.vnet);
            let via = |middle: &String| {
                let connected =
                    |a: &str, b: &str| self.object(a, b).is_some_and(|p| p.state == State::Connected);
                connected(&sender.vnet, middle) && connected(middle, &receiver.vnet)
            };
            tally.count(match own.or(other).map(|object| object.state) {
                None if self.vnets.keys().any(via) => "unreachable: a peer's peer",
                None => "unreachable: not peered",
                Some(State::Initiated) => "unreachable: Initiated",
                Some(State::Disconnected) => "unreachable: Disconnected",
                Some(State::Connected) if own.is_some_and(|own| own.subnets.is_some()) => {
                    "unreachable: Connected, outside the taking-part subnets"
                }
                Some(State::Connected) => "unreachable: Connected, not in force",
            });
        }
    }
}
