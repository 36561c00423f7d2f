//! Where changes are kept: in the store, or nowhere, for an agent that takes its state from a topology file.

use std::time::SystemTime;

use super::agent::KeepPlaces;
use super::describe;
use super::place_notes::PlaceNotes;
use crate::dataplane::places::CounterPlaces;
use crate::model::State;
use crate::model::access::Caller;
use crate::store::{Activity, ActivityLog, ActivityStatus, Store, StoreError};

/// The code of a change that the kernel did not take.
pub const DATA_PATH_FAILED: &str = "DataPathFailed";

/// Who tries to do what to which resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Who.
    pub caller: Caller,
    /// The action, as Azure names it: `Microsoft.Network/virtualNetworks/write`.
    pub operation: String,
    /// The resource's id, as Azure Resource Manager writes it.
    pub resource: String,
}

impl Attempt {
    fn succeeded(&self) -> Activity {
        Activity {
            time: SystemTime::now(),
            caller: self.caller.to_string(),
            operation: self.operation.clone(),
            resource: self.resource.clone(),
            status: ActivityStatus::Succeeded,
            code: None,
            message: String::new(),
            version: None,
        }
    }

    fn failed(&self, code: &str, message: String) -> Activity {
        Activity { status: ActivityStatus::Failed, code: Some(code.to_owned()), message, ..self.succeeded() }
    }
}

/// Where changes are kept.
#[derive(Debug)]
pub enum Journal {
    /// Nowhere: a topology file says what is to be.
    File,
    /// In a store.
    Store {
        /// The store.
        store: Box<Store>,
        /// The notes in it that have the places of the counters.
        places: PlaceNotes,
    },
}

impl Journal {
    /// Changes are kept in this store.
    pub(super) fn of(mut store: Store) -> Self {
        let places = PlaceNotes::read(&mut store);
        Self::Store { store: Box::new(store), places }
    }

    /// Whether changes are kept, and so can be made.
    pub(super) fn keeps(&self) -> bool {
        matches!(self, Self::Store { .. })
    }

    /// The activity log as it is now; none where nothing is kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn log(&mut self) -> Result<Option<ActivityLog>, StoreError> {
        match self {
            Self::File => Ok(None),
            Self::Store { store, .. } => store.log().map(Some),
        }
    }

    /// Writes a state to the disk; its version.
    ///
    /// # Errors
    /// [`StoreError`]: what was kept before is kept still.
    pub(super) fn commit(&mut self, state: &State, attempt: &Attempt) -> Result<u64, StoreError> {
        let Self::Store { store, .. } = self else { return Ok(0) };
        let committed = store.commit(state, attempt.succeeded());
        if let Err(error) = &committed {
            self.failed(attempt, "StoreFailed", describe(error));
        }
        committed
    }

    /// Goes back to a state after the tables could not follow; its version.
    ///
    /// # Errors
    /// [`StoreError`]: the disk holds what the tables do not.
    pub(super) fn take_back(
        &mut self,
        state: &State,
        attempt: &Attempt,
        reason: String,
    ) -> Result<u64, StoreError> {
        let Self::Store { store, .. } = self else { return Ok(0) };
        store.commit(state, attempt.failed(DATA_PATH_FAILED, reason))
    }

    /// Notes an attempt that changed nothing.
    pub fn failed(&mut self, attempt: &Attempt, code: &str, message: String) {
        let Attempt { caller, operation, resource } = attempt;
        tracing::info!(%caller, operation, resource, code, message, "refused");
        let Self::Store { store, .. } = self else { return };
        if let Err(error) = store.record(attempt.failed(code, message)) {
            let error = describe(&error);
            tracing::warn!(%error, "the activity log lost entries");
        }
    }

    /// Ends: what waits is written.
    ///
    /// # Errors
    /// [`StoreError`]. What was committed is on the disk all the same.
    pub(super) fn close(self) -> Result<(), StoreError> {
        match self {
            Self::File => Ok(()),
            Self::Store { store, .. } => store.close(),
        }
    }
}

impl KeepPlaces for Journal {
    fn places(&self) -> CounterPlaces {
        match self {
            Self::File => CounterPlaces::default(),
            Self::Store { places, .. } => places.places().clone(),
        }
    }

    fn keep(&mut self, places: &CounterPlaces) -> bool {
        // Without a store nobody will ask for them.
        let Self::Store { store, places: notes } = self else { return true };
        let put = notes.put(places, store).map_err(|error| error.to_string());
        let kept = put.and_then(|()| store.flush().map_err(|error| describe(&error)));
        if let Err(error) = &kept {
            tracing::warn!(
                error,
                "the places of the counters were not written; they are with the next change"
            );
        }
        kept.is_ok()
    }
}
