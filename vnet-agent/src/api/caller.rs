//! Who asks.

use axum::http::request::Parts;

use super::error::ApiError;
use super::limits::Holder;
use crate::model::access::{Caller, Principal};

/// The other end of a connection.
#[derive(Clone, Debug)]
pub(super) enum Peer {
    /// A local user, as the kernel tells him.
    Local {
        /// The user.
        uid: u32,
    },
}

impl Peer {
    /// Whose share of connections this one is of.
    pub(super) fn holder(&self) -> Holder {
        match self {
            Self::Local { uid } => Holder::User(*uid),
        }
    }

    /// Who asks.
    pub(super) fn caller(&self, _request: &Parts) -> Result<Caller, ApiError> {
        match self {
            Self::Local { uid: 0 } => Ok(Caller::root()),
            Self::Local { uid } => {
                let principal = format!("user:#{uid}").parse::<Principal>();
                let principal = principal.map_err(|error| ApiError::Internal(error.to_string()))?;
                Ok(Caller::new(principal, []))
            }
        }
    }
}
