//! Agent and oracle side by side: one random topology, its changes, and its packets.

use std::collections::BTreeMap;
use std::sync::Arc;

use vnet_agent::compile::image::Interface;
use vnet_agent::compile::{Attachments, Compiled, compile};
use vnet_agent::dataplane::counters::Counters;
use vnet_agent::model::{NameError, NicName, Operation, PeeringState, PeeringSyncLevel, Topology};
use vnet_common::abi::{PortTraffic, Traffic};
use vnet_common::verdict::DropReason;

use super::answer::Verdict;
use super::forwarder::{Forwarder, ForwarderError, Seen};
use super::frame::{self, FrameError, Packet};
use super::generate::{GenerateError, Generator};
use super::packets;
use super::random::Random;
use super::tally::Tally;
use super::world::{State, World};

/// Agent and oracle do not agree, or could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum Disagreement {
    /// About whether an operation is refused.
    #[error("{operation:?}\n  agent:  {agent}\n  oracle: {oracle}")]
    Operation {
        /// The operation.
        operation: Box<Operation>,
        /// What the agent did.
        agent: String,
        /// What it had to do.
        oracle: String,
    },
    /// About what stands after an operation.
    #[error("after {operation:?}\n  agent:  {agent}\n  oracle: {oracle}")]
    State {
        /// The operation.
        operation: Box<Operation>,
        /// What stands in the agent's topology.
        agent: String,
        /// What had to stand there.
        oracle: String,
    },
    /// About a packet.
    #[error("{packet:?}\n  forwarder: {seen}\n  oracle:    {verdict:?}\n{world}")]
    Packet {
        /// The packet.
        packet: Box<Packet>,
        /// What the forwarder did.
        seen: String,
        /// What it had to do.
        verdict: Verdict,
        /// What was declared.
        world: Box<World>,
    },
    /// A packet reached a virtual network that it must never reach.
    #[error("{packet:?} of {sender} leaked to {receiver}\n{world}")]
    Leak {
        /// The packet.
        packet: Box<Packet>,
        /// The sending NIC's virtual network.
        sender: String,
        /// The receiving NIC's virtual network.
        receiver: String,
        /// What was declared.
        world: Box<World>,
    },
    /// About a counter.
    #[error("counter of {what}: {moved} more, {expected} expected")]
    Counter {
        /// What it counts.
        what: String,
        /// How far it moved.
        moved: String,
        /// How far it had to move.
        expected: String,
    },
    /// Tables still hold something for a topology that is empty.
    #[error("{0} trie nodes are in use for an empty topology")]
    LeftOver(usize),
    /// The forwarder did not work.
    #[error(transparent)]
    Forwarder(#[from] ForwarderError),
    /// The generator made nonsense.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// A name that only the oracle takes.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A frame could not be built.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

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

/// How far the counters have to move.
#[derive(Debug, Default)]
struct Expected {
    nics: BTreeMap<(String, String), PortTraffic>,
    peerings: BTreeMap<(String, String), Traffic>,
    drops: BTreeMap<DropReason, u64>,
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
        self.forwarder.commit(&vnet_agent::compile::image::Image::default())?;
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
        let (agent, oracle) = (agent_states(&self.topology), oracle_states(&self.world));
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
            attachments.insert(NicName::new(nic)?, interface);
        }
        self.compiled = compile(&self.topology, &Arc::new(attachments), &self.compiled);
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
        let world = Box::new(self.world.clone());
        Err(Disagreement::Leak { packet: Box::new(packet.clone()), sender, receiver, world })
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

/// Every peering object with its state, what it took over, and the sync level while it is connected.
fn agent_states(topology: &Topology) -> Vec<String> {
    let mut lines = Vec::new();
    for vnet in topology.vnets() {
        for peering in vnet.peerings() {
            let level = match (peering.state(), topology.sync_level(vnet, peering)) {
                (PeeringState::Connected, level) => level.to_string(),
                (_, PeeringSyncLevel::FullyInSync) => "in sync without another side".to_owned(),
                _ => String::new(),
            };
            let space = peering.remote_address_space();
            lines.push(format!("{}/{} {} {space:?} {level}", vnet.name(), peering.name(), peering.state()));
        }
    }
    lines.sort_unstable();
    lines
}

fn oracle_states(world: &World) -> Vec<String> {
    let in_sync = |vnet: &str, remote: &str| {
        world.object(vnet, remote).is_some_and(|object| object.remote_space == world.remote_now(object))
    };
    let line = |peering: &super::world::Peering| {
        let sides = (in_sync(&peering.remote, &peering.vnet), in_sync(&peering.vnet, &peering.remote));
        let level = match (peering.state, sides) {
            (State::Initiated | State::Disconnected, _) => "",
            (State::Connected, (true, true)) => "FullyInSync",
            (State::Connected, (false, true)) => "LocalNotInSync",
            (State::Connected, (true, false)) => "RemoteNotInSync",
            (State::Connected, (false, false)) => "LocalAndRemoteNotInSync",
        };
        let (vnet, name, state) = (&peering.vnet, &peering.name, peering.state);
        format!("{vnet}/{name} {state:?} {:?} {level}", peering.remote_space)
    };
    let mut lines: Vec<String> = world.peerings.iter().map(line).collect();
    lines.sort_unstable();
    lines
}

impl Expected {
    /// What one packet has to move.
    fn take(&mut self, world: &World, packet: &Packet, verdict: &Verdict, bytes: u64) {
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
    fn compare(&self, before: &Counters, after: &Counters) -> Result<(), Disagreement> {
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
