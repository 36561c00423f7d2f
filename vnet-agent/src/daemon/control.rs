//! What may change the agent, one change at a time: the socket, the topology file, and the interfaces that come and go.
//!
//! A change is decided on the committed state, written to the store, and then brought into the kernel; only then is it answered. A
//! crash in between leaves a store that is ahead of the tables, and the next start brings the tables there. Where the kernel
//! refuses, the store goes back.

mod looking;

use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::sync::mpsc;

pub use self::looking::Extent;
use self::looking::Looked;
use super::journal::{Attempt, DATA_PATH_FAILED, Journal};
use super::{Agent, AgentError, NicStatus, Outcome, describe};
use crate::dataplane::kernel::TableError;
use crate::link::{Interface, LinkError};
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

/// Something was not taken in. The state before it stays.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReplaceError {
    /// The interfaces cannot be listed.
    #[error(transparent)]
    Links(#[from] LinkError),
    /// The kernel did not take it.
    #[error(transparent)]
    Agent(#[from] AgentError),
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
    /// Somebody else had undone something.
    Mended {
        /// What, and what became of it.
        sentence: String,
    },
    /// Something failed; the state before it stays.
    Failed {
        /// What was to be done.
        what: &'static str,
        /// Why it was not.
        reason: String,
    },
}

/// A change, and what became of interfaces where it concerned any.
type Done<T> = (Changed<T>, Option<Looked<Outcome>>);

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

    /// Does something with agent and journal that may take its time, or have to wait for a change.
    ///
    /// # Errors
    /// The task died.
    pub async fn with<T: Send + 'static>(
        self: &Arc<Self>,
        act: impl FnOnce(&mut Agent, &mut Journal) -> T + Send + 'static,
    ) -> Result<T, tokio::task::JoinError> {
        let control = Arc::clone(self);
        let task = move || {
            let Writer { agent, journal } = &mut *control.writer();
            act(agent, journal)
        };
        tokio::task::spawn_blocking(task).await
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
        let (changed, looked) = task.await.map_err(|error| ChangeError::Died(error.to_string()))??;
        // Off the way of the answer: a change that only adds has left that to do.
        let control = Arc::clone(self);
        tokio::task::spawn_blocking(move || control.writer().agent.settle());
        if let Some(Looked { changed: outcome, before }) = looked {
            // Before it is answered: who asked for a NIC may count on packets to cross.
            let guests = self.see_to_changed(before, &outcome).await;
            self.tell(outcome).await;
            self.tell_guests(guests);
        }
        Ok(changed)
    }

    /// The change, and what became of interfaces where it concerns any.
    fn change_now<T, E: Rejection>(
        &self,
        attempt: &Attempt,
        decide: impl FnOnce(&Committed) -> Result<(State, T), E>,
    ) -> Result<Done<T>, ChangeError<E>> {
        let mut writer = self.writer();
        let Writer { agent, journal } = &mut *writer;
        if !journal.keeps() {
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
        let looked = match agent.has_same_nics(&state.topology) {
            true => None,
            false => match self.list() {
                Ok(looked) => Some(looked),
                Err(error) => return Err(Self::not_listed(journal, attempt, &error)),
            },
        };
        let version = journal.commit(&state, attempt).map_err(ChangeError::Store)?;
        let topology = state.topology.clone();
        let changed = match looked {
            None => agent.change_around_nics(topology).map(|_| None),
            Some(Looked { changed: host, before }) => {
                agent.change(topology, host).map(|changed| Some(Looked { changed, before }))
            }
        };
        let looked = match changed {
            Ok(looked) => looked,
            Err(error) => return Err(self.take_back(journal, attempt, &before, &error)),
        };
        agent.keep_places(journal);
        let Attempt { caller, operation, resource } = attempt;
        tracing::info!(%caller, operation, resource, version, "done");
        self.publish(Committed { state, version });
        Ok((Changed { answer, version }, looked))
    }

    fn not_listed<E: Error>(journal: &mut Journal, attempt: &Attempt, error: &LinkError) -> ChangeError<E> {
        let reason = format!("the interfaces cannot be listed: {}", describe(error));
        journal.failed(attempt, DATA_PATH_FAILED, reason.clone());
        ChangeError::DataPath(reason)
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
    /// [`ReplaceError`]: the state before stays.
    pub(super) fn replace(&self, state: State) -> Result<Outcome, ReplaceError> {
        let Writer { agent, journal } = &mut *self.writer();
        let Looked { changed: host, .. } = self.list()?;
        let outcome = agent.change(state.topology.clone(), host)?;
        agent.keep_places(journal);
        self.publish(Committed { state, version: 0 });
        Ok(outcome)
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
        self.with(|agent, _| agent.counters()).await
    }

    /// Ends: what the journal has waiting is written.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) fn close(&self) -> Result<(), StoreError> {
        std::mem::replace(&mut self.writer().journal, Journal::File).close()
    }
}
