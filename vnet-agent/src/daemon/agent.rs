//! The agent's state, and the only ways to change it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::attachment::{self, Host, NicState, NicStatus};
use crate::compile::{Attachments, Compiled, compile};
use crate::dataplane::Commit;
use crate::dataplane::counters::Counters;
use crate::dataplane::kernel::{AttachError, ForwardError, Forwarder, Links, TableError};
use crate::model::{NicName, Topology};

/// A change could not be carried out. What was committed before still stands.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The forwarder did not take the new state.
    #[error(transparent)]
    Forward(#[from] ForwardError),
    /// An interface could not be let go.
    #[error(transparent)]
    Detach(#[from] AttachError),
}

/// What a change did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The commit.
    pub commit: Commit,
    /// NICs whose interface is attached now and was not before.
    pub attached: Vec<NicName>,
    /// NICs whose interface was attached before and is not now.
    pub detached: Vec<NicName>,
}

/// A committed topology in the kernel.
#[derive(Debug)]
pub struct Agent {
    topology: Topology,
    host: Host,
    compiled: Compiled,
    attachments: Arc<Attachments>,
    forwarder: Forwarder,
    failed: BTreeMap<NicName, String>,
    notes: BTreeMap<NicName, Vec<String>>,
}

impl Agent {
    /// Loads the program, publishes `topology`, then attaches the interfaces of `host` that belong to its NICs.
    ///
    /// Interfaces that an agent before left attached change over without losing a packet; those that belong to no NIC
    /// are let go.
    ///
    /// # Errors
    /// [`AgentError`].
    pub fn start(topology: Topology, host: Host, links: Links) -> Result<(Self, Outcome), AgentError> {
        let attachments = Arc::new(attachment::wanted(&topology, &host));
        let compiled = compile(&topology, &attachments, &Compiled::default());
        let forwarder = Forwarder::start(compiled.image(), links)?;
        let (failed, notes) = (BTreeMap::new(), BTreeMap::new());
        let mut agent = Self { topology, host, compiled, attachments, forwarder, failed, notes };
        // Published first: an interface taken over from an agent before never meets empty tables.
        let failed = agent.attach_all();
        let commit = agent.without(failed)?;
        let attached: Vec<NicName> = agent.attachments.keys().cloned().collect();
        let keep: BTreeSet<u32> = agent.attachments.values().map(|interface| interface.ifindex).collect();
        let foreign = agent.forwarder.links_mut().detach_others(|ifindex| keep.contains(&ifindex))?;
        if !foreign.is_empty() {
            tracing::info!(?foreign, "let go of interfaces that belong to no NIC any more");
        }
        Ok((agent, Outcome { commit, attached, detached: Vec::new() }))
    }

    /// Makes `topology` the one in force.
    ///
    /// # Errors
    /// [`AgentError`]: the topology before stays in force.
    pub fn change_topology(&mut self, topology: Topology) -> Result<Outcome, AgentError> {
        self.change(topology, self.host.clone())
    }

    /// Takes in what interfaces there are: attaches those that appeared, lets those go that vanished.
    ///
    /// # Errors
    /// [`AgentError`].
    pub fn change_host(&mut self, host: Host) -> Result<Outcome, AgentError> {
        if host == self.host {
            let commit = Commit { generation: self.forwarder.generation(), entries: 0 };
            return Ok(Outcome { commit, attached: Vec::new(), detached: Vec::new() });
        }
        self.change(self.topology.clone(), host)
    }

    fn change(&mut self, topology: Topology, host: Host) -> Result<Outcome, AgentError> {
        let before = Arc::clone(&self.attachments);
        let wanted = Arc::new(attachment::wanted(&topology, &host));
        let compiled = compile(&topology, &wanted, &self.compiled);
        let first = self.forwarder.commit(compiled.image())?;
        (self.topology, self.host, self.compiled, self.attachments) = (topology, host, compiled, wanted);
        self.failed.clear();
        let topology = &self.topology;
        self.notes.retain(|nic, _| topology.nic(nic).is_some());

        let failed = self.attach_all();
        let second = self.without(failed)?;
        self.detach_unused(&before)?;
        let attached = missing_in(&self.attachments, &before);
        let detached = missing_in(&before, &self.attachments);
        let commit = Commit { generation: second.generation, entries: first.entries + second.entries };
        Ok(Outcome { commit, attached, detached })
    }

    /// Attaches what is not attached yet; the NICs for which that failed.
    fn attach_all(&mut self) -> BTreeMap<NicName, String> {
        let mut failed = BTreeMap::new();
        for (nic, interface) in self.attachments.iter() {
            if let Err(error) = self.forwarder.attach(interface.ifindex) {
                failed.insert(nic.clone(), describe(&error));
            }
        }
        failed
    }

    /// Takes NICs whose interface could not be attached out of the tables: nothing is delivered to an interface whose
    /// own packets nobody checks.
    fn without(&mut self, failed: BTreeMap<NicName, String>) -> Result<Commit, AgentError> {
        if failed.is_empty() {
            return Ok(Commit { generation: self.forwarder.generation(), entries: 0 });
        }
        let mut attachments = (*self.attachments).clone();
        attachments.retain(|nic, _| !failed.contains_key(nic));
        self.attachments = Arc::new(attachments);
        self.failed = failed;
        self.compiled = compile(&self.topology, &self.attachments, &self.compiled);
        Ok(self.forwarder.commit(self.compiled.image())?)
    }

    fn detach_unused(&mut self, before: &Attachments) -> Result<(), AgentError> {
        let in_use: BTreeSet<u32> = self.attachments.values().map(|interface| interface.ifindex).collect();
        for interface in before.values().filter(|interface| !in_use.contains(&interface.ifindex)) {
            self.forwarder.links_mut().detach(interface.ifindex)?;
        }
        Ok(())
    }

    /// Remembers what was done, or could not be done, at the guest's end of a NIC's interface.
    pub fn note(&mut self, nic: &NicName, notes: Vec<String>) {
        self.notes.insert(nic.clone(), notes);
    }

    /// Takes the program off every interface.
    ///
    /// # Errors
    /// [`AgentError::Detach`].
    pub fn detach_all(&mut self) -> Result<(), AgentError> {
        Ok(self.forwarder.links_mut().detach_all()?)
    }

    /// The committed topology.
    #[must_use]
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// The host interface of a NIC, while it is attached.
    #[must_use]
    pub fn interface_of(&self, nic: &NicName) -> Option<String> {
        let (_, found) = self.topology.nic(nic)?;
        self.attachments.contains_key(nic).then(|| attachment::interface_name(found))
    }

    /// Every NIC with its interface.
    #[must_use]
    pub fn status(&self) -> Vec<NicStatus> {
        attachment::status(&self.topology, &self.attachments, &self.notes, &self.failed)
    }

    /// How many NICs are attached, and how many have, or should have, an interface.
    #[must_use]
    pub fn attached(&self) -> (usize, usize) {
        let rows = self.status();
        let wanted = rows.iter().filter(|row| row.state != NicState::Unassigned).count();
        (self.attachments.len(), wanted)
    }

    /// The generation that packets see.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.forwarder.generation()
    }

    /// All counters.
    ///
    /// # Errors
    /// A table could not be read.
    pub fn counters(&self) -> Result<Counters, TableError> {
        self.forwarder.counters()
    }
}

fn missing_in(these: &Attachments, those: &Attachments) -> Vec<NicName> {
    let differs = |(nic, interface): &(&NicName, _)| those.get(*nic) != Some(*interface);
    these.iter().filter(differs).map(|(nic, _)| nic.clone()).collect()
}

/// An error with everything behind it, in one line.
pub(super) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let line = error.to_string();
        if !text.contains(&line) {
            text.push_str(": ");
            text.push_str(&line);
        }
        cause = error.source();
    }
    text
}
