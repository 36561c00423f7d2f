//! Agent and oracle side by side: one random topology, its changes, and its packets.

use std::collections::BTreeSet;
use std::sync::Arc;

use vnet_agent::compile::image::{Image, Interface};
use vnet_agent::compile::{Attachments, Compiled, compile};
use vnet_agent::model::{NicId, Operation, Topology};

use super::answer::Verdict;
use super::counters::Expected;
use super::disagreement::Disagreement;
use super::forwarder::{Forwarder, Seen};
use super::frame::{self, Message, Packet, ROUTER_MAC};
use super::generate::Generator;
use super::random::Random;
use super::tally::Tally;
use super::world::World;
use super::{packets, states};

/// One topology on its way through agent, oracle and forwarder.
#[derive(Debug)]
pub struct Trial<'f, F> {
    random: Random,
    interfaces: &'f [u32],
    forwarder: &'f mut F,
    topology: Topology,
    compiled: Compiled,
    world: World,
    expected: Expected,
    /// What came up.
    pub tally: Tally,
}

impl<'f, F: Forwarder> Trial<'f, F> {
    /// An empty topology. The forwarder goes on from whatever it held before; NICs are attached by `interfaces`.
    pub fn new(seed: u64, forwarder: &'f mut F, interfaces: &'f [u32]) -> Self {
        Self {
            random: Random::new(seed),
            interfaces,
            forwarder,
            topology: Topology::default(),
            compiled: Compiled::default(),
            world: World::default(),
            expected: Expected::default(),
            tally: Tally::default(),
        }
    }

    /// Builds a topology, sends packets, and then changes it some times, each time followed by packets.
    ///
    /// # Errors
    /// The first [`Disagreement`].
    pub fn run(&mut self, packets: usize, packets_per_change: usize) -> Result<(), Disagreement> {
        self.build()?;
        self.question(packets)?;
        for _ in 0..self.random.between(1, 5) {
            self.change()?;
            self.question(packets_per_change)?;
        }
        Ok(())
    }

    /// Makes a topology and publishes it.
    ///
    /// # Errors
    /// The first [`Disagreement`].
    pub fn build(&mut self) -> Result<(), Disagreement> {
        let operations = Generator { random: &mut self.random }.networks()?;
        self.apply_all(operations)?;
        let operations = Generator { random: &mut self.random }.nics(&self.world)?;
        self.apply_all(operations)?;
        let operations = Generator { random: &mut self.random }.peerings(&self.world)?;
        self.apply_all(operations)?;
        self.tally.count("topology");
        self.publish()
    }

    /// Changes the topology, and publishes what came of it.
    ///
    /// # Errors
    /// The first [`Disagreement`].
    pub fn change(&mut self) -> Result<(), Disagreement> {
        // Several changes make one commit now and then.
        for _ in 0..self.random.between(1, 2) {
            let operations = Generator { random: &mut self.random }.change(&self.world)?;
            self.apply_all(operations)?;
        }
        self.tally.count("change");
        self.publish()
    }

    /// Takes everything out of the tables.
    ///
    /// # Errors
    /// [`Disagreement::LeftOver`] where something stays.
    pub fn clear(&mut self) -> Result<(), Disagreement> {
        self.forwarder.commit(&Image::default())?;
        match self.forwarder.nodes_in_use() {
            0 => Ok(()),
            nodes => Err(Disagreement::LeftOver(nodes)),
        }
    }

    fn apply_all(&mut self, operations: Vec<Operation>) -> Result<(), Disagreement> {
        operations.into_iter().try_for_each(|operation| self.apply(operation))
    }

    /// Does the same operation on both sides.
    fn apply(&mut self, operation: Operation) -> Result<(), Disagreement> {
        let agent = self.topology.apply(operation.clone());
        let oracle = self.world.apply(&operation);
        match (agent, oracle) {
            (Ok(topology), Ok(())) => {
                self.topology = topology;
                self.tally.count("operation done");
                self.compare_states(operation)
            }
            (Err(refusal), Err(codes)) if codes.contains(&refusal.code()) => {
                self.tally.count(&format!("refused: {}", refusal.code()));
                Ok(())
            }
            (agent, oracle) => Err(Disagreement::Operation {
                operation: Box::new(operation),
                agent: match agent {
                    Ok(_) => "done".to_owned(),
                    Err(refusal) => format!("{}: {refusal}", refusal.code()),
                },
                oracle: format!("{oracle:?}"),
            }),
        }
    }

    fn compare_states(&mut self, operation: Operation) -> Result<(), Disagreement> {
        let (agent, oracle) = (states::of_agent(&self.topology), states::of_oracle(&self.world));
        if agent == oracle {
            return Ok(());
        }
        let differing = |these: &[String], those: &[String]| {
            let lines: Vec<&String> = these.iter().filter(|line| !those.contains(line)).collect();
            format!("{lines:?}")
        };
        Err(Disagreement::State {
            operation: Box::new(operation),
            agent: differing(&agent, &oracle),
            oracle: differing(&oracle, &agent),
        })
    }

    /// Attaches and detaches some NICs, compiles and commits.
    fn publish(&mut self) -> Result<(), Disagreement> {
        let Self { world, random, .. } = self;
        world.attached.retain(|nic, _| world.nics.contains_key(nic) && !random.percent(3));
        let new = Generator { random }.attach(world, self.interfaces);
        world.attached.extend(new);
        let mut attachments = Attachments::new();
        for (nic, at) in &self.world.attached {
            let interface = Interface { ifindex: at.ifindex, mtu_bytes: at.mtu_bytes };
            attachments.insert(NicId::new(nic)?, interface);
        }
        let attachments = Arc::new(attachments);
        self.compiled = compile(&self.topology, &attachments, &self.compiled);
        let from_scratch = compile(&self.topology, &attachments, &Compiled::default());
        if from_scratch.image() != self.compiled.image() {
            return Err(Disagreement::StaleImage(Box::new(self.world.clone())));
        }
        self.forwarder.commit(self.compiled.image())?;
        Ok(())
    }

    /// Sends `count` random packets.
    ///
    /// # Errors
    /// The first [`Disagreement`].
    pub fn question(&mut self, count: usize) -> Result<(), Disagreement> {
        let before = self.forwarder.counters()?;
        self.expected = Expected::default();
        for _ in 0..count {
            let Some(packet) = packets::packet(&mut self.random, &self.world) else { break };
            self.send(&packet)?;
        }
        if let (Some(before), Some(after)) = (before, self.forwarder.counters()?) {
            self.expected.compare(&before, &after)?;
        }
        Ok(())
    }

    /// Sends one packet and compares everything about it.
    fn send(&mut self, packet: &Packet) -> Result<(), Disagreement> {
        let frame = frame::build(packet)?;
        let verdict = self.world.answer(packet);
        let seen = self.forwarder.run(&frame, packet.ifindex)?;
        let agrees = match (&verdict, &seen) {
            (Verdict::Dropped(expected), Seen::Dropped(reason)) => expected == reason,
            (Verdict::Answered, Seen::Answered(answer)) => *answer == frame::echo_reply(packet)?,
            (
                Verdict::Delivered { nic, crossed },
                Seen::Delivered { frame: out, ifindex, crossed: counted },
            ) => {
                let mac = self.world.nics.get(nic).map(|nic| nic.mac);
                let at = self.world.attached.get(nic).map(|at| at.ifindex);
                mac.is_some_and(|mac| *out == frame::delivered(&frame, mac))
                    && ifindex.is_none_or(|ifindex| Some(ifindex) == at)
                    && crossed == counted
            }
            _ => false,
        };
        if !agrees {
            return Err(Disagreement::Packet {
                packet: Box::new(packet.clone()),
                seen: describe(&seen),
                verdict,
                world: Box::new(self.world.clone()),
            });
        }
        self.confirm_isolation(packet, &verdict)?;
        self.expected.take(&self.world, packet, &verdict, frame.len() as u64);
        self.tally.count("packet");
        self.world.classify(packet, &verdict, &mut self.tally);
        Ok(())
    }

    fn confirm_isolation(&self, packet: &Packet, verdict: &Verdict) -> Result<(), Disagreement> {
        let Verdict::Delivered { nic, .. } = verdict else { return Ok(()) };
        let receiver = self.world.nics.get(nic).map(|nic| nic.vnet.clone()).unwrap_or_default();
        let sender = self.world.sender(packet.ifindex).map(|(_, nic)| nic.vnet.clone()).unwrap_or_default();
        if self.world.may_talk(&sender, &receiver) {
            return Ok(());
        }
        Err(self.leak(packet, sender, receiver))
    }

    fn leak(&self, packet: &Packet, sender: String, receiver: String) -> Disagreement {
        let world = Box::new(self.world.clone());
        Disagreement::Leak { packet: Box::new(packet.clone()), sender, receiver, world }
    }

    /// Sends a packet from every attached NIC to every address that some NIC holds, and asks of each that is delivered
    /// only whether the two virtual networks may talk at all.
    ///
    /// # Errors
    /// The first [`Disagreement`].
    pub fn send_everywhere(&mut self) -> Result<(), Disagreement> {
        let senders: Vec<_> =
            self.world.attached.iter().map(|(name, at)| (name.clone(), at.ifindex)).collect();
        let addresses: BTreeSet<_> = self.world.nics.values().flat_map(|nic| nic.addresses.clone()).collect();
        for (name, ifindex) in senders {
            let Some(nic) = self.world.nics.get(&name).cloned() else { continue };
            for destination in &addresses {
                let Some(source) = nic.address_like(*destination) else { continue };
                let packet = Packet {
                    ifindex,
                    source_mac: nic.mac,
                    destination_mac: ROUTER_MAC,
                    source,
                    destination: *destination,
                    hop_limit: 64,
                    ip_bytes: 60,
                    message: Message::Udp,
                };
                self.look_for_leak(&packet, &nic.vnet)?;
            }
        }
        Ok(())
    }

    fn look_for_leak(&mut self, packet: &Packet, sender: &str) -> Result<(), Disagreement> {
        let seen = self.forwarder.run(&frame::build(packet)?, packet.ifindex)?;
        let holders = self.world.nics.iter().filter(|(_, nic)| nic.addresses.contains(&packet.destination));
        let Seen::Delivered { frame, ifindex, .. } = &seen else {
            if holders.into_iter().any(|(_, nic)| !self.world.may_talk(sender, &nic.vnet)) {
                self.tally.count("apart: kept apart");
            }
            return Ok(());
        };
        // Two NICs in virtual networks that have nothing to do with each other may hold one address, and one MAC address.
        let is_receiver = |name: &String, mac: [u8; 6]| {
            let at = self.world.attached.get(name).map(|at| at.ifindex);
            frame.starts_with(&mac) && ifindex.is_none_or(|ifindex| at == Some(ifindex))
        };
        let receivers: BTreeSet<&String> =
            holders.filter(|(name, nic)| is_receiver(name, nic.mac)).map(|(_, nic)| &nic.vnet).collect();
        if !receivers.iter().any(|receiver| self.world.may_talk(sender, receiver)) {
            return Err(self.leak(packet, sender.to_owned(), format!("{receivers:?}")));
        }
        self.tally.count("apart: let through");
        Ok(())
    }
}

fn describe(seen: &Seen) -> String {
    match seen {
        Seen::Delivered { frame, ifindex, crossed } => {
            let start = frame.get(..54).unwrap_or(frame);
            format!("delivered by {ifindex:?} over {crossed:?}, {} bytes: {start:02x?}", frame.len())
        }
        other => format!("{other:?}"),
    }
}
