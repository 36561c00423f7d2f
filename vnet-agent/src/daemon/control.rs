//! What may change the agent, one change at a time: the socket, the topology file, and the interfaces that come and go.
//!
//! A change is decided on the committed state, written to the store, and then brought into the kernel; only then is it answered. A
//! crash in between leaves a store that is ahead of the tables, and the next start brings the tables there. Where the kernel
//! refuses, the store goes back.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::sync::mpsc;

use super::journal::{Attempt, Journal};
use super::{Agent, AgentError, Host, NicStatus, Outcome, describe, guests};
use crate::dataplane::kernel::TableError;
use crate::link::{Interface, interfaces};
use crate::model::{NicId, Refusal, State};
use crate::store::StoreError;

/// A committed state and its number.
#[derive(Clone, Debug, Default)]
pub struct Committed {
    /// The state.
    pub state: State,
    /// How many changes led there; 0 where nothing is stored.
    pub version: u64,
}

/// Why a change was not to be.
pub trait Rejection: Error {
    /// The code, such as `ResourceNotFound`.
    fn code(&self) -> String;
}

impl Rejection for Refusal {
    fn code(&self) -> String {
        Self::code(self).to_string()
    }
}

/// A change that did not happen. The state before it stays.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError<E: Error> {
    /// It was not to be.
    #[error(transparent)]
    Rejected(E),
    /// The state comes from a topology file.
    #[error(
        "this agent takes its state from a topology file: change the file, then send the agent SIGHUP; `run --state DIR` takes changes by commands"
    )]
    ReadOnly,
    /// It could not be written to disk.
    #[error("the change could not be stored: {0}")]
    Store(StoreError),
    /// The kernel did not take it.
    #[error("the kernel did not take the change: {0}")]
    DataPath(String),
    /// The task that carried it out died.
    #[error("the change broke off: {0}")]
    Died(String),
}

/// A change that happened.
#[derive(Clone, Debug)]
pub struct Changed<T> {
    /// What its maker wanted to know.
    pub answer: T,
    /// The number of the state that it led to.
    pub version: u64,
}

/// What happened to interfaces.
#[derive(Debug)]
pub enum Notice {
    /// Interfaces came, went, or could not be attached.
    Interfaces {
        /// What was done.
        outcome: Outcome,
        /// The NICs concerned.
        nics: Vec<NicStatus>,
    },
    /// What is said about the guest's end of a NIC's interface has changed.
    Guest {
        /// The NIC.
        nic: NicId,
        /// What there is to say now.
        notes: Vec<String>,
    },
    /// Something failed; the state before it stays.
    Failed {
        /// What was to be done.
        what: &'static str,
        /// Why it was not.
        reason: String,
    },
}

/// Whose guests' ends are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent<'a> {
    /// Of interfaces that are not as they were.
    Changed,
    /// Of those, and of these NICs.
    With(&'a [NicId]),
    /// Of all.
    Everything,
}

#[derive(Debug)]
struct Writer {
    agent: Agent,
    journal: Journal,
}

/// A running agent with its committed state.
#[derive(Debug)]
pub struct Control {
    writer: Mutex<Writer>,
    committed: RwLock<Arc<Committed>>,
    interfaces: Mutex<Vec<Interface>>,
    notices: mpsc::UnboundedSender<Notice>,
}

impl Control {
    /// A control of an agent that holds the committed topology.
    #[must_use]
    pub fn new(
        agent: Agent,
        journal: Journal,
        committed: Committed,
        interfaces: Vec<Interface>,
    ) -> (Arc<Self>, mpsc::UnboundedReceiver<Notice>) {
        let (notices, told) = mpsc::unbounded_channel();
        let control = Self {
            writer: Mutex::new(Writer { agent, journal }),
            committed: RwLock::new(Arc::new(committed)),
            interfaces: Mutex::new(interfaces),
            notices,
        };
        (Arc::new(control), told)
    }

    /// The committed state. It does not wait for a change that is under way.
    #[must_use]
    pub fn committed(&self) -> Arc<Committed> {
        Arc::clone(&self.committed.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A panic elsewhere while it was held has not left it half-changed: every change ends with one assignment.
    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the agent that may take its time, or have to wait for a change.
    ///
    /// # Errors
    /// The task died.
    pub async fn with<T: Send + 'static>(
        self: &Arc<Self>,
        act: impl FnOnce(&mut Agent) -> T + Send + 'static,
    ) -> Result<T, tokio::task::JoinError> {
        let control = Arc::clone(self);
        tokio::task::spawn_blocking(move || act(&mut control.writer().agent)).await
    }

    /// Does something with the journal.
    ///
    /// # Errors
    /// The task died.
    pub async fn with_journal<T: Send + 'static>(
        self: &Arc<Self>,
        act: impl FnOnce(&mut Journal) -> T + Send + 'static,
    ) -> Result<T, tokio::task::JoinError> {
        let control = Arc::clone(self);
        tokio::task::spawn_blocking(move || act(&mut control.writer().journal)).await
    }

    /// Makes the state that `decide` leads to from the committed one the committed one: on disk, and in what packets see. One that
    /// is the same makes no new version.
    ///
    /// # Errors
    /// [`ChangeError`]: the state before stays. The attempt is in the activity log all the same.
    pub async fn change<T, E>(
        self: &Arc<Self>,
        attempt: Attempt,
        decide: impl FnOnce(&Committed) -> Result<(State, T), E> + Send + 'static,
    ) -> Result<Changed<T>, ChangeError<E>>
    where
        T: Send + 'static,
        E: Rejection + Send + 'static,
    {
        let control = Arc::clone(self);
        let task = tokio::task::spawn_blocking(move || control.change_now(&attempt, decide));
        let (changed, outcome) = task.await.map_err(|error| ChangeError::Died(error.to_string()))??;
        // Off the way of the answer: a change that only adds has left that to do.
        let control = Arc::clone(self);
        tokio::task::spawn_blocking(move || control.writer().agent.settle());
        if let Some(outcome) = outcome {
            // An interface may have appeared that no event has told of yet.
            self.look(Extent::With(&outcome.attached)).await;
            self.tell(outcome);
        }
        Ok(changed)
    }

    /// The change, and what became of interfaces where it concerns any.
    fn change_now<T, E: Rejection>(
        &self,
        attempt: &Attempt,
        decide: impl FnOnce(&Committed) -> Result<(State, T), E>,
    ) -> Result<(Changed<T>, Option<Outcome>), ChangeError<E>> {
        let mut writer = self.writer();
        let Writer { agent, journal } = &mut *writer;
        if journal.store().is_none() {
            return Err(ChangeError::ReadOnly);
        }
        let before = self.committed();
        let (state, answer) = match decide(&before) {
            Ok(decided) => decided,
            Err(rejection) => {
                journal.failed(attempt, &rejection.code(), rejection.to_string());
                return Err(ChangeError::Rejected(rejection));
            }
        };
        if state == before.state {
            return Ok((Changed { answer, version: before.version }, None));
        }
        let version = journal.commit(&state, attempt).map_err(ChangeError::Store)?;
        let concerns_nics = !agent.has_same_nics(&state.topology);
        let outcome = match agent.change_topology(state.topology.clone()) {
            Ok(outcome) => outcome,
            Err(error) => return Err(self.take_back(journal, attempt, &before, &error)),
        };
        let Attempt { caller, operation, resource } = attempt;
        tracing::info!(%caller, operation, resource, version, "done");
        self.publish(Committed { state, version });
        Ok((Changed { answer, version }, concerns_nics.then_some(outcome)))
    }

    /// Brings the store back to where the tables are.
    fn take_back<E: Error>(
        &self,
        journal: &mut Journal,
        attempt: &Attempt,
        before: &Committed,
        error: &AgentError,
    ) -> ChangeError<E> {
        let reason = describe(error);
        match journal.take_back(&before.state, attempt, reason.clone()) {
            Ok(version) => self.publish(Committed { state: before.state.clone(), version }),
            Err(error) => {
                let error = describe(&error);
                tracing::error!(%error, "the store holds a change that the kernel refused; the next change or start mends that");
            }
        }
        ChangeError::DataPath(reason)
    }

    fn publish(&self, committed: Committed) {
        *self.committed.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(committed);
    }

    /// Makes a state that comes from a topology file the one in force.
    ///
    /// # Errors
    /// [`AgentError`]: the state before stays.
    pub(super) fn replace(&self, state: State) -> Result<Outcome, AgentError> {
        let outcome = self.writer().agent.change_topology(state.topology.clone())?;
        self.publish(Committed { state, version: 0 });
        Ok(outcome)
    }

    /// Takes in what interfaces there are now, and sees to their guests' ends.
    pub async fn look(self: &Arc<Self>, extent: Extent<'_>) {
        let now = match interfaces().await {
            Ok(now) => now,
            Err(error) => return self.tell_failed("list the interfaces", describe(&error)),
        };
        let host = guests::host(&now);
        let before = std::mem::replace(&mut *self.interfaces(), now);
        let changed = self.with(move |agent| agent.change_host(host)).await;
        let before: HashMap<u32, Interface> = before.into_iter().map(|one| (one.ifindex, one)).collect();
        // Before it is told: whoever reads "attached" may count on packets to cross.
        let is_new = |nic: &NicId, interface: &Interface| match extent {
            Extent::Everything => true,
            Extent::With(nics) if nics.contains(nic) => true,
            _ => before.get(&interface.ifindex) != Some(interface),
        };
        let guests = self.prepare(is_new).await;
        match changed {
            Ok(Ok(outcome)) => self.tell(outcome),
            Ok(Err(error)) => self.tell_failed("take in the interfaces", describe(&error)),
            Err(error) => self.tell_failed("take in the interfaces", error.to_string()),
        }
        self.tell_guests(guests);
    }

    fn interfaces(&self) -> MutexGuard<'_, Vec<Interface>> {
        self.interfaces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees to the guests' ends for which `wanted` holds; the NICs about which there is something else to say now.
    pub(super) async fn prepare(
        &self,
        wanted: impl Fn(&NicId, &Interface) -> bool,
    ) -> BTreeMap<NicId, Vec<String>> {
        let these = {
            let interfaces = self.interfaces();
            guests::attached(&self.writer().agent, &interfaces, wanted)
        };
        let news = guests::prepare(these).await;
        let agent = &mut self.writer().agent;
        news.into_iter().filter(|(nic, notes)| agent.note(nic, notes.clone())).collect()
    }

    /// Tells what became of interfaces, where anything did.
    pub(super) fn tell(&self, outcome: Outcome) {
        if outcome.attached.is_empty() && outcome.detached.is_empty() && outcome.failed.is_empty() {
            return;
        }
        let concerned = outcome.attached.iter().chain(&outcome.detached).chain(&outcome.failed);
        let nics = self.writer().agent.status_of(concerned);
        self.send(Notice::Interfaces { outcome, nics });
    }

    pub(super) fn tell_guests(&self, guests: BTreeMap<NicId, Vec<String>>) {
        for (nic, notes) in guests {
            self.send(Notice::Guest { nic, notes });
        }
    }

    fn tell_failed(&self, what: &'static str, reason: String) {
        self.send(Notice::Failed { what, reason });
    }

    fn send(&self, notice: Notice) {
        if self.notices.send(notice).is_err() {
            tracing::debug!("nobody is told any more: the agent ends");
        }
    }

    /// All counters.
    ///
    /// # Errors
    /// A table could not be read, or the task died.
    pub async fn counters(
        self: &Arc<Self>,
    ) -> Result<Result<crate::dataplane::counters::Counters, TableError>, tokio::task::JoinError> {
        self.with(|agent| agent.counters()).await
    }

    /// Ends: what the journal has waiting is written.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) fn close(&self) -> Result<(), StoreError> {
        std::mem::replace(&mut self.writer().journal, Journal::File).close()
    }

    /// The host's interfaces as they were seen last.
    #[must_use]
    pub fn host(&self) -> Host {
        guests::host(&self.interfaces())
    }
}
