//! How far each counter of a forwarder has to move, packet by packet.

use std::collections::BTreeMap;

use vnet_agent::dataplane::counters::Counters;
use vnet_common::abi::{PortTraffic, Traffic};
use vnet_common::verdict::DropReason;

use super::answer::Verdict;
use super::disagreement::Disagreement;
use super::frame::Packet;
use super::world::World;

/// How far the counters have to move.
#[derive(Debug, Default)]
pub struct Expected {
    nics: BTreeMap<(String, String), PortTraffic>,
    peerings: BTreeMap<(String, String), Traffic>,
    drops: BTreeMap<DropReason, u64>,
}

impl Expected {
    /// What one packet has to move.
    pub fn take(&mut self, world: &World, packet: &Packet, verdict: &Verdict, bytes: u64) {
        let sender = world.sender(packet.ifindex).map(|(name, nic)| (nic.vnet.clone(), name.clone()));
        let add = |traffic: &mut Traffic| {
            traffic.packets += 1;
            traffic.bytes += bytes;
        };
        let mut sent = PortTraffic::default();
        match verdict {
            Verdict::Dropped(reason) => {
                *self.drops.entry(*reason).or_default() += 1;
                sent.dropped = 1;
            }
            Verdict::Answered => sent.answered = 1,
            Verdict::Delivered { nic, crossed } => {
                add(&mut sent.tx);
                if let Some(crossed) = crossed {
                    add(self.peerings.entry(crossed.clone()).or_default());
                }
                let vnet = world.nics.get(nic).map(|nic| nic.vnet.clone()).unwrap_or_default();
                add(&mut self.nics.entry((vnet, nic.clone())).or_default().rx);
            }
        }
        if let Some(sender) = sender {
            let sum = self.nics.entry(sender).or_default();
            sum.tx.packets += sent.tx.packets;
            sum.tx.bytes += sent.tx.bytes;
            sum.answered += sent.answered;
            sum.dropped += sent.dropped;
        }
    }

    /// Whether every counter moved as far as it had to, and no other moved.
    ///
    /// # Errors
    /// [`Disagreement::Counter`].
    pub fn compare(&self, before: &Counters, after: &Counters) -> Result<(), Disagreement> {
        let mut moved = Self::default();
        for ((vnet, nic), now) in &after.nics {
            let old = before.nics.get(&(vnet.clone(), nic.clone())).copied().unwrap_or_default();
            let difference = PortTraffic {
                tx: minus(now.tx, old.tx),
                rx: minus(now.rx, old.rx),
                answered: now.answered - old.answered,
                dropped: now.dropped - old.dropped,
                reserved: [0; 2],
            };
            moved.nics.insert((vnet.to_string(), nic.to_string()), difference);
        }
        for ((vnet, peering), now) in &after.peerings {
            let old = before.peerings.get(&(vnet.clone(), peering.clone())).copied().unwrap_or_default();
            moved.peerings.insert((vnet.to_string(), peering.to_string()), minus(*now, old));
        }
        for (reason, now) in &after.drops {
            moved.drops.insert(*reason, now - before.drops.get(reason).unwrap_or(&0));
        }
        same("NIC", &moved.nics, &self.nics)?;
        same("peering", &moved.peerings, &self.peerings)?;
        same("drops", &moved.drops, &self.drops)
    }
}

fn minus(now: Traffic, old: Traffic) -> Traffic {
    Traffic { packets: now.packets - old.packets, bytes: now.bytes - old.bytes }
}

fn same<K: Ord + std::fmt::Debug, V: PartialEq + Default + std::fmt::Debug>(
    kind: &str,
    moved: &BTreeMap<K, V>,
    expected: &BTreeMap<K, V>,
) -> Result<(), Disagreement> {
    let none = V::default();
    for key in moved.keys().chain(expected.keys()) {
        let (moved, expected) = (moved.get(key).unwrap_or(&none), expected.get(key).unwrap_or(&none));
        if moved != expected {
            return Err(Disagreement::Counter {
                what: format!("{kind} {key:?}"),
                moved: format!("{moved:?}"),
                expected: format!("{expected:?}"),
            });
        }
    }
    Ok(())
}
