//! The agent's state, and the only ways to change it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::attachment::{self, Host, NicStatus};
use super::describe;
use crate::compile::plan::Capacity;
use crate::compile::{Attachments, Compiled, compile};
use crate::dataplane::Commit;
use crate::dataplane::counters::Counters;
use crate::dataplane::kernel::{Adoption, AttachError, ForwardError, Forwarder, Links, TableError};
use crate::dataplane::places::CounterPlaces;
use crate::model::{NicId, Topology, VirtualNetwork};

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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The commit.
    pub commit: Commit,
    /// NICs whose interface is attached now and was not before.
    pub attached: Vec<NicId>,
    /// NICs whose interface was attached before and is not now.
    pub detached: Vec<NicId>,
    /// NICs whose interface is there and could not be attached.
    pub failed: Vec<NicId>,
}

/// A committed topology in the kernel.
#[derive(Debug)]
pub struct Agent {
    topology: Topology,
    host: Host,
    compiled: Compiled,
    attachments: Arc<Attachments>,
    forwarder: Forwarder,
    failed: BTreeMap<NicId, String>,
    notes: BTreeMap<NicId, Vec<String>>,
    /// The version of the counters' places that are kept.
    kept_places: u64,
    drift: Vec<String>,
}

/// Where the places of counters are kept from one agent to the next.
pub trait KeepPlaces {
    /// Those that the agent before has left; the default where it has left none.
    fn places(&self) -> CounterPlaces;

    /// Keeps them. Whether they are on the disk.
    fn keep(&mut self, places: &CounterPlaces) -> bool;
}

impl Agent {
    /// Loads the program, publishes `topology`, then attaches the interfaces of `host` that belong to its NICs.
    ///
    /// Interfaces that an agent before left attached change over without losing a packet; those that belong to no NIC
    /// are let go. Counters go on where `keeper` has their places.
    ///
    /// # Errors
    /// [`AgentError`]. What was attached before is still attached then, and nothing else.
    pub fn start(
        topology: Topology,
        host: Host,
        links: Links,
        keeper: &mut impl KeepPlaces,
    ) -> Result<(Self, Adoption), AgentError> {
        let left: BTreeSet<u32> = links.pinned()?.into_iter().collect();
        let attachments = Arc::new(attachment::wanted(&topology, &host));
        let compiled = compile(&topology, &attachments, &Compiled::default());
        let places = keeper.places();
        let (forwarder, adoption) = Forwarder::adopt(compiled.image(), links, &places, Capacity::default())?;
        let (failed, notes) = (BTreeMap::new(), BTreeMap::new());
        let mut agent = Self {
            topology,
            host,
            compiled,
            attachments,
            forwarder,
            failed,
            notes,
            kept_places: places.version,
            drift: Vec::new(),
        };
        agent.keep_places(keeper);
        match agent.attach_first() {
            Ok(()) => {
                agent.forwarder.finish_adoption();
                agent.keep_places(keeper);
                Ok((agent, adoption))
            }
            Err(error) => {
                agent.forwarder.links_mut().detach_others(|ifindex| left.contains(&ifindex))?;
                Err(error)
            }
        }
    }

    /// Attaches once the tables are published: an interface taken over from an agent before never meets empty ones.
    fn attach_first(&mut self) -> Result<(), AgentError> {
        let failed = self.attach_all();
        self.without(failed)?;
        let keep = self.ifindexes();
        let foreign = self.forwarder.links_mut().detach_others(|ifindex| keep.contains(&ifindex))?;
        if !foreign.is_empty() {
            tracing::info!(?foreign, "let go of interfaces that belong to no NIC any more");
        }
        Ok(())
    }

    /// Has the places of the counters kept where they have changed. To be called after every change: a counter that one change
    /// takes back, the next may give to another.
    pub fn keep_places(&mut self, keeper: &mut impl KeepPlaces) {
        let places = self.forwarder.counter_places();
        if places.version != self.kept_places && keeper.keep(&places) {
            self.kept_places = places.version;
            self.forwarder.places_are_stored(places.version);
        }
    }

    /// Makes `topology` the one in force.
    ///
    /// # Errors
    /// [`AgentError`]: the topology before stays in force.
    pub fn change_topology(&mut self, topology: Topology) -> Result<Outcome, AgentError> {
        self.change(topology, self.host.clone())
    }

    /// Takes in what interfaces there are: attaches those that appeared, lets those go that vanished, and tries those
    /// again that could not be attached.
    ///
    /// # Errors
    /// [`AgentError`].
    pub fn change_host(&mut self, host: Host) -> Result<Outcome, AgentError> {
        let outcome = if attachment::is_same_to_tables(&host, &self.host) && self.failed.is_empty() {
            self.host = host;
            Outcome { commit: self.no_commit(), ..Outcome::default() }
        } else {
            self.change(self.topology.clone(), host)?
        };
        // An interface may have gone and come back between two looks.
        let restored = self.forwarder.restore_devices(None).map_err(ForwardError::from)?;
        if restored > 0 {
            tracing::info!(restored, "interfaces went away and came back");
        }
        Ok(outcome)
    }

    fn change(&mut self, topology: Topology, host: Host) -> Result<Outcome, AgentError> {
        let before = Arc::clone(&self.attachments);
        let failed_before = std::mem::take(&mut self.failed);
        // To look at every NIC would take most of the time of a change that concerns none.
        let is_same = failed_before.is_empty()
            && self.has_same_nics(&topology)
            && attachment::is_same_to_tables(&host, &self.host);
        let wanted =
            if is_same { Arc::clone(&before) } else { Arc::new(attachment::wanted(&topology, &host)) };
        let compiled = compile(&topology, &wanted, &self.compiled);
        let first = match self.forwarder.commit(compiled.image()) {
            Ok(commit) => {
                self.forwarder.settle();
                commit
            }
            Err(error) => {
                self.failed = failed_before;
                return Err(error.into());
            }
        };
        (self.topology, self.host, self.compiled, self.attachments) = (topology, host, compiled, wanted);
        if is_same {
            // Who only adds need not wait until the last packet that saw less has ended.
            if first.takes_away {
                self.settle();
            }
            return Ok(Outcome { commit: first, ..Outcome::default() });
        }
        self.settle();
        let topology = &self.topology;
        self.notes.retain(|nic, _| topology.nic(nic).is_some());

        // First those that go: one may have come back under another number, with the program still on it.
        let let_go = self.detach_unused();
        let failed = self.attach_all();
        let second = self.without(failed)?;
        let_go?;
        let attached = missing_in(&self.attachments, &before);
        let detached = missing_in(&before, &self.attachments);
        for nic in &detached {
            self.notes.remove(nic);
        }
        // A failure that was told already is not news.
        let failed = self.failed.iter().filter(|(nic, why)| failed_before.get(*nic) != Some(*why));
        let failed = failed.map(|(nic, _)| nic.clone()).collect();
        let commit = Commit {
            generation: second.generation,
            entries: first.entries + second.entries,
            takes_away: first.takes_away || second.takes_away,
        };
        Ok(Outcome { commit, attached, detached, failed })
    }

    /// Attaches what is not attached yet; the NICs for which that failed.
    fn attach_all(&mut self) -> BTreeMap<NicId, String> {
        let crowded_out = self.forwarder.crowded_out().map(|nic| {
            let reason =
                "the numbers of too many interfaces are close to its own; make it anew for another number";
            (nic.clone(), reason.to_owned())
        });
        let mut failed: BTreeMap<NicId, String> = crowded_out.collect();
        for (nic, interface) in self.attachments.iter() {
            if failed.contains_key(nic) {
                continue;
            }
            // What is attached already stays: to let it go would hand its guest's frames to the host.
            let is_held = self.forwarder.links_mut().holds(interface.ifindex);
            let refusal = if is_held { None } else { self.refusal(nic) };
            let attached = match refusal {
                Some(refusal) => Err(refusal),
                None => self.forwarder.attach(interface.ifindex).map_err(|error| describe(&error)),
            };
            if let Err(reason) = attached {
                failed.insert(nic.clone(), reason);
            }
        }
        failed
    }

    /// Why the interface of a NIC must not be attached, where it must not.
    fn refusal(&self, nic: &NicId) -> Option<String> {
        let name = attachment::interface_name(self.topology.nic(nic)?.1);
        self.host.get(&name)?.refusal(&name)
    }

    /// Takes NICs whose interface could not be attached out of the tables: nothing is delivered to an interface whose
    /// own packets nobody checks.
    fn without(&mut self, failed: BTreeMap<NicId, String>) -> Result<Commit, AgentError> {
        if failed.is_empty() {
            return Ok(self.no_commit());
        }
        let mut attachments = (*self.attachments).clone();
        attachments.retain(|nic, _| !failed.contains_key(nic));
        self.attachments = Arc::new(attachments);
        self.failed = failed;
        self.compiled = compile(&self.topology, &self.attachments, &self.compiled);
        let commit = self.forwarder.commit(self.compiled.image())?;
        self.forwarder.settle();
        Ok(commit)
    }

    fn no_commit(&self) -> Commit {
        Commit { generation: self.forwarder.generation(), entries: 0, takes_away: false }
    }

    fn ifindexes(&self) -> BTreeSet<u32> {
        self.attachments.values().map(|interface| interface.ifindex).collect()
    }

    /// Takes the program off interfaces that no NIC is attached by: those of this change, and what a change before, that
    /// failed half-way, has left.
    fn detach_unused(&mut self) -> Result<(), AgentError> {
        let in_use = self.ifindexes();
        let links = self.forwarder.links_mut();
        let unused: Vec<u32> = links.attached().filter(|ifindex| !in_use.contains(ifindex)).collect();
        for ifindex in unused {
            links.detach(ifindex)?;
        }
        Ok(())
    }

    /// Returns when no packet sees a state before the last change any more.
    pub fn settle(&mut self) {
        self.forwarder.settle();
    }

    /// Remembers what is wrong at the guest's end of a NIC's interface. Whether that is news.
    pub fn note(&mut self, nic: &NicId, notes: Vec<String>) -> bool {
        if notes.is_empty() {
            return self.notes.remove(nic).is_some();
        }
        let before = self.notes.insert(nic.clone(), notes);
        before.as_ref() != self.notes.get(nic)
    }

    /// Finds what somebody else has undone, and mends it: interfaces from which the program was taken, pins that were removed.
    /// What was found, and what became of it, a sentence each; the same ones are not told twice.
    pub fn mend(&mut self) -> Vec<String> {
        let damage = self.forwarder.verify();
        if damage.is_none() {
            // An interface that was lost is not held any more, and so nothing of it is found damaged.
            if self.failed.is_empty() {
                self.drift.clear();
            }
            return Vec::new();
        }
        let mut told = Vec::new();
        let mut drift = Vec::new();
        for ifindex in damage.detached {
            // The interfaces that are gone are told of by events.
            let Some((name, nic)) = self.holder(ifindex) else { continue };
            match self.forwarder.reattach(ifindex) {
                Ok(()) => told.push(format!("{name} had lost the program; it is attached again")),
                // Gone just now: the event is under way.
                Err(AttachError::Gone { .. }) => {}
                Err(error) => {
                    self.failed.insert(nic, describe(&error));
                    drift.push(format!(
                        "{name} has lost the program, and could not be attached again: {}",
                        describe(&error)
                    ));
                }
            }
        }
        if damage.directory_gone || damage.tables_unpinned || !damage.unpinned.is_empty() {
            match self.forwarder.repin() {
                Ok(()) => told.push("pins were removed; they are made again".to_owned()),
                Err(error) => drift
                    .push(format!("pins were removed, and could not be made again: {}", describe(&error))),
            }
        }
        if !self.failed.is_empty()
            && let Err(error) = self.change(self.topology.clone(), self.host.clone())
        {
            drift.push(describe(&error));
        }
        told.extend(drift.iter().filter(|sentence| !self.drift.contains(sentence)).cloned());
        self.drift = drift;
        told
    }

    /// What is not as it was set up, and could not be mended.
    #[must_use]
    pub fn drift(&self) -> &[String] {
        &self.drift
    }

    /// The name of an interface that is there, and the NIC that is attached by it.
    fn holder(&self, ifindex: u32) -> Option<(String, NicId)> {
        let (name, _) = self.host.iter().find(|(_, interface)| interface.ifindex == ifindex)?;
        let (nic, _) = self.attachments.iter().find(|(_, interface)| interface.ifindex == ifindex)?;
        Some((name.clone(), nic.clone()))
    }

    /// Takes the program off every interface.
    ///
    /// # Errors
    /// [`AgentError::Detach`].
    pub fn detach_all(&mut self, keeper: &mut impl KeepPlaces) -> Result<(), AgentError> {
        let places = self.forwarder.stop()?;
        keeper.keep(&places);
        Ok(())
    }

    /// The committed topology.
    #[must_use]
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// The attached NICs, each with the name of its interface.
    #[must_use]
    pub fn interfaces(&self) -> Vec<(NicId, String)> {
        let attached = self.topology.nics().filter(|(_, nic)| self.attachments.contains_key(nic.name()));
        attached.map(|(_, nic)| (nic.name().clone(), attachment::interface_name(nic))).collect()
    }

    /// Every NIC with its interface.
    #[must_use]
    pub fn status(&self) -> Vec<NicStatus> {
        attachment::status(self.topology.nics(), &self.host, &self.attachments, &self.notes, &self.failed)
    }

    /// These NICs with their interfaces.
    #[must_use]
    pub fn status_of<'a>(&self, nics: impl Iterator<Item = &'a NicId>) -> Vec<NicStatus> {
        let nics: BTreeSet<&NicId> = nics.collect();
        let rows = nics.iter().filter_map(|nic| self.topology.nic(nic));
        attachment::status(rows, &self.host, &self.attachments, &self.notes, &self.failed)
    }

    /// Whether the NICs of a topology are the very ones that are in force.
    #[must_use]
    pub fn has_same_nics(&self, topology: &Topology) -> bool {
        let is_same = |vnet: &Arc<VirtualNetwork>| {
            self.topology
                .vnet(vnet.name())
                .map_or(vnet.nics().is_empty(), |old| Arc::ptr_eq(old.nics(), vnet.nics()))
        };
        topology.nic_count() == self.topology.nic_count() && topology.vnets().all(is_same)
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

/// The NICs of `these` that `those` do not have by the same interface. Another MTU is no other interface.
fn missing_in(these: &Attachments, those: &Attachments) -> Vec<NicId> {
    let ifindex = |nic: &NicId| those.get(nic).map(|interface| interface.ifindex);
    let missing = these.iter().filter(|(nic, interface)| ifindex(nic) != Some(interface.ifindex));
    missing.map(|(nic, _)| nic.clone()).collect()
}
