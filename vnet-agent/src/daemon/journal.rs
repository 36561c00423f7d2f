//! Where changes are kept: in the store, or nowhere, for an agent that takes its state from a topology file.

use super::Agent;
use crate::model::State;
use crate::model::access::Caller;

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

/// A change could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {}

/// Where changes are kept.
#[derive(Debug)]
pub enum Journal {
    /// Nowhere: a topology file says what is to be.
    File,
    /// In memory.
    Memory(u64),
}

impl Journal {
    /// Whether commands may change nothing.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        matches!(self, Self::File)
    }

    pub(super) fn commit(
        &mut self,
        _before: &State,
        _after: &State,
        _attempt: &Attempt,
    ) -> Result<u64, JournalError> {
        match self {
            Self::File => Ok(0),
            Self::Memory(version) => {
                *version += 1;
                Ok(*version)
            }
        }
    }

    pub(super) fn take_back(
        &mut self,
        _stored: &State,
        _before: &State,
        _attempt: &Attempt,
        _reason: &str,
    ) -> Result<u64, JournalError> {
        Ok(0)
    }

    pub(super) fn refused(&mut self, _attempt: &Attempt, _code: &str, _message: &str) {}

    pub(super) fn unchanged(&mut self, _attempt: &Attempt) {}

    pub(super) fn keep_places(&mut self, _agent: &Agent) {}
}
