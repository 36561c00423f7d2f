//! The agent's state, and the only ways to change it.

mod mending;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use self::mending::Fault;
use super::attachment::{self, Host, NicStatus};
use super::{Observed, describe};
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
    /// The pin directory could not be read, or an interface not be let go at the start or the end.
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
    host: Arc<Host>,
    compiled: Compiled,
    attachments: Arc<Attachments>,
    forwarder: Forwarder,
    failed: Arc<BTreeMap<NicId, String>>,
    notes: Arc<BTreeMap<NicId, Vec<String>>>,
    /// The version of the counters' places that are kept.
    kept_places: u64,
    /// What is not as it was set up, and could not be mended yet.
    drift: BTreeMap<Fault, String>,
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
        // Those come first whose packets are under way already: they must meet their own entries.
        let mut adopted = attachment::wanted(&topology, &host);
        adopted.retain(|_, interface| left.contains(&interface.ifindex));
        let attachments = Arc::new(adopted);
        let compiled = compile(&topology, &attachments, &Compiled::default());
        let places = keeper.places();
        let (forwarder, adoption) = Forwarder::adopt(compiled.image(), links, &places, Capacity::default())?;
        let mut agent = Self {
            topology,
            host: Arc::new(host),
            compiled,
            attachments,
            forwarder,
            failed: Arc::default(),
            notes: Arc::default(),
            kept_places: places.version,
            drift: BTreeMap::new(),
        };
        agent.keep_places(keeper);
        match agent.take_over() {
            Ok(()) => {
                agent.keep_places(keeper);
                Ok((agent, adoption))
            }
            Err(error) => {
                agent.forwarder.links_mut().detach_others(|ifindex| left.contains(&ifindex))?;
                Err(error)
            }
        }
    }

    /// Puts the program of the published tables under what an agent before has left, lets go of what belongs to no NIC, and then
    /// attaches the rest.
    fn take_over(&mut self) -> Result<(), AgentError> {
        for (nic, interface) in self.attachments.iter() {
            if let Err(error) = self.forwarder.attach(interface.ifindex) {
                // It is tried once more with the rest, and what comes of that is told.
                tracing::debug!(%nic, error = describe(&error), "could not be taken over");
            }
        }
        let keep = self.ifindexes();
        let foreign = self.forwarder.links_mut().detach_others(|ifindex| keep.contains(&ifindex))?;
        if !foreign.is_empty() {
            tracing::info!(?foreign, "let go of interfaces that belong to no NIC any more");
        }
        self.forwarder.finish_adoption();
        self.change(self.topology.clone(), Arc::clone(&self.host))?;
        Ok(())
    }

    /// Has the places of the counters kept where they have changed. To be called after every change: a counter that one change
    /// takes back, the next may give to another.
    pub fn keep_places(&mut self, keeper: &mut impl KeepPlaces) {
        let places = self.forwarder.counter_places();
        if places.version != self.kept_places && keeper.keep(&places) {
            self.kept_places = places.version;
            self.forwarder.places_are_stored(&places);
        }
    }

    /// Makes `topology` the one in force, whose NICs are the [very ones](Self::has_same_nics) that are in force: to look at each
    /// would take most of the time.
    ///
    /// # Errors
    /// As for [`Self::change`].
    pub fn change_around_nics(&mut self, topology: Topology) -> Result<Outcome, AgentError> {
        let commit = self.commit(topology, Arc::clone(&self.host), Arc::clone(&self.attachments))?;
        // Who only adds need not wait until the last packet that saw less has ended.
        if commit.takes_away {
            self.settle();
        }
        Ok(Outcome { commit, ..Outcome::default() })
    }

    /// Takes in what interfaces there are: attaches those that appeared, lets those go that vanished, and tries those
    /// again that could not be attached.
    ///
    /// # Errors
    /// [`AgentError`].
    pub fn change_host(&mut self, host: Host) -> Result<Outcome, AgentError> {
        let outcome = if attachment::is_same_to_tables(&host, &self.host) && self.failed.is_empty() {
            self.host = Arc::new(host);
            Outcome { commit: self.no_commit(), ..Outcome::default() }
        } else {
            self.change(self.topology.clone(), host)?
        };
        // An interface may have gone and come back between two looks.
        let restored = self.forwarder.restore_devices().map_err(ForwardError::from)?;
        if restored > 0 {
            tracing::info!(restored, "interfaces went away and came back");
        }
        Ok(outcome)
    }

    /// Makes `topology` the one in force, with the interfaces of `host`.
    ///
    /// It attaches what is to be attached, then makes all that is attached, and nothing else, what packets see, then lets the
    /// rest go. So nothing is delivered to an interface whose own packets nobody checks, and no interface runs free while
    /// packets still come to it. What comes from one that has no entries yet is dropped, as from an unknown port.
    ///
    /// # Errors
    /// [`AgentError`]: the topology before stays in force.
    pub fn change(&mut self, topology: Topology, host: impl Into<Arc<Host>>) -> Result<Outcome, AgentError> {
        let host = host.into();
        let (attached_before, failed_before) = (Arc::clone(&self.attachments), Arc::clone(&self.failed));
        // One may have come back under another number, with the program still on it.
        self.let_go_unless(&host.values().map(|interface| interface.ifindex).collect());
        let Attempted { attached, new, failed } = self.attach(&topology, &host);
        let first = match self.commit(topology, host, Arc::new(attached)) {
            Ok(commit) => commit,
            Err(error) => {
                new.into_iter().for_each(|ifindex| self.let_go(ifindex));
                return Err(error);
            }
        };
        self.failed = Arc::new(failed);
        self.settle();
        let second = self.leave_out_the_crowded();
        self.let_go_unless(&self.ifindexes());
        let topology = &self.topology;
        let notes = Arc::make_mut(&mut self.notes);
        notes.retain(|nic, _| topology.nic(nic).is_some());
        let attached = missing_in(&self.attachments, &attached_before);
        let detached = missing_in(&attached_before, &self.attachments);
        for nic in &detached {
            notes.remove(nic);
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

    /// Attaches the interfaces of a topology's NICs that are not attached yet.
    fn attach(&mut self, topology: &Topology, host: &Host) -> Attempted {
        let mut attempted =
            Attempted { attached: attachment::wanted(topology, host), ..Attempted::default() };
        attempted.attached.retain(|nic, interface| {
            let ifindex = interface.ifindex;
            if self.forwarder.links_mut().contains(ifindex) {
                return true;
            }
            // What an agent before has attached stays: to let it go would hand its guest's frames to the host.
            let is_left = self.forwarder.links_mut().holds(ifindex);
            let refusal = if is_left { None } else { refusal(topology, host, nic) };
            let attached = match refusal {
                Some(refusal) => Err(refusal),
                None => self.forwarder.attach(ifindex).map_err(|error| describe(&error)),
            };
            match attached {
                Ok(()) => attempted.new.push(ifindex),
                Err(reason) => _ = attempted.failed.insert(nic.clone(), reason),
            }
            !attempted.failed.contains_key(nic)
        });
        attempted
    }

    /// Makes this what packets see.
    fn commit(
        &mut self,
        topology: Topology,
        host: Arc<Host>,
        attachments: Arc<Attachments>,
    ) -> Result<Commit, AgentError> {
        let compiled = compile(&topology, &attachments, &self.compiled);
        let commit = self.forwarder.commit(compiled.image())?;
        (self.topology, self.host, self.compiled, self.attachments) = (topology, host, compiled, attachments);
        Ok(commit)
    }

    /// Takes NICs out to whose interface the tables cannot lead.
    fn leave_out_the_crowded(&mut self) -> Commit {
        let crowded: Vec<NicId> = self.forwarder.crowded_out().cloned().collect();
        if crowded.is_empty() {
            return self.no_commit();
        }
        let mut attachments = (*self.attachments).clone();
        for nic in crowded {
            attachments.remove(&nic);
            let reason =
                "the numbers of too many interfaces are close to its own; make it anew for another number";
            Arc::make_mut(&mut self.failed).insert(nic, reason.to_owned());
        }
        match self.commit(self.topology.clone(), Arc::clone(&self.host), Arc::new(attachments)) {
            Ok(commit) => {
                self.settle();
                commit
            }
            Err(error) => {
                self.drift.insert(Fault::Tables, describe(&error));
                self.no_commit()
            }
        }
    }

    fn no_commit(&self) -> Commit {
        Commit { generation: self.forwarder.generation(), entries: 0, takes_away: false }
    }

    fn ifindexes(&self) -> BTreeSet<u32> {
        self.attachments.values().map(|interface| interface.ifindex).collect()
    }

    /// Takes the program off interfaces that are not among these.
    fn let_go_unless(&mut self, in_use: &BTreeSet<u32>) {
        let unused: Vec<u32> =
            self.forwarder.links_mut().attached().filter(|ifindex| !in_use.contains(ifindex)).collect();
        unused.into_iter().for_each(|ifindex| self.let_go(ifindex));
    }

    /// Takes the program off an interface. Where that fails it is tried again later.
    fn let_go(&mut self, ifindex: u32) {
        match self.forwarder.links_mut().detach(ifindex) {
            Ok(()) => _ = self.drift.remove(&Fault::Link(ifindex)),
            Err(error) => {
                let sentence =
                    format!("the link of interface {ifindex} could not be removed: {}", describe(&error));
                self.drift.insert(Fault::Link(ifindex), sentence);
            }
        }
    }

    /// Returns when no packet sees a state before the last change any more.
    pub fn settle(&mut self) {
        self.forwarder.settle();
    }

    /// Remembers what is wrong at the guest's end of a NIC's interface. Whether that is news.
    pub fn note(&mut self, nic: &NicId, notes: Vec<String>) -> bool {
        let news = if notes.is_empty() { None } else { Some(notes) };
        if self.notes.get(nic) == news.as_ref() {
            return false;
        }
        let noted = Arc::make_mut(&mut self.notes);
        match news {
            Some(notes) => noted.insert(nic.clone(), notes),
            None => noted.remove(nic),
        };
        true
    }

    /// Takes the program off every interface.
    ///
    /// # Errors
    /// [`AgentError::Detach`].
    pub fn detach_all(&mut self, keeper: &mut impl KeepPlaces) -> Result<(), AgentError> {
        let places = self.forwarder.stop()?;
        if keeper.keep(&places) {
            self.forwarder.places_are_stored(&places);
        }
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

    /// What there is to tell of this moment.
    #[must_use]
    pub fn observe(&self) -> Observed {
        Observed {
            topology: self.topology.clone(),
            generation: self.forwarder.generation(),
            drift: self.drift().map(str::to_owned).collect(),
            host: Arc::clone(&self.host),
            attachments: Arc::clone(&self.attachments),
            notes: Arc::clone(&self.notes),
            failed: Arc::clone(&self.failed),
        }
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

    /// All counters.
    ///
    /// # Errors
    /// A table could not be read.
    pub fn counters(&self) -> Result<Counters, TableError> {
        self.forwarder.counters()
    }
}

/// What came of attaching.
#[derive(Debug, Default)]
struct Attempted {
    /// All that is attached now.
    attached: Attachments,
    /// The interfaces of it that were not before.
    new: Vec<u32>,
    /// Why others could not be.
    failed: BTreeMap<NicId, String>,
}

/// Why the interface of a NIC must not be attached, where it must not.
fn refusal(topology: &Topology, host: &Host, nic: &NicId) -> Option<String> {
    let name = attachment::interface_name(topology.nic(nic)?.1);
    host.get(&name)?.refusal(&name)
}

/// The NICs of `these` that `those` do not have by the same interface. Another MTU is no other interface.
fn missing_in(these: &Attachments, those: &Attachments) -> Vec<NicId> {
    let ifindex = |nic: &NicId| those.get(nic).map(|interface| interface.ifindex);
    let missing = these.iter().filter(|(nic, interface)| ifindex(nic) != Some(interface.ifindex));
    missing.map(|(nic, _)| nic.clone()).collect()
}
