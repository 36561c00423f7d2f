//! What an agent has in force and sees at one moment.
//!
//! Every change needs the agent to itself. So whoever wants to tell of it takes this, which copies pointers, and puts it into words when
//! others have the agent again: with 100,000 NICs that takes longer than a change.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::attachment::{self, Host, NicStatus};
use crate::compile::Attachments;
use crate::model::{NicId, Topology};

/// An agent at one moment.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The committed topology.
    pub topology: Topology,
    /// The generation that packets see.
    pub generation: u64,
    /// What is not as it was set up, and could not be mended.
    pub drift: Vec<String>,
    pub(super) host: Arc<Host>,
    pub(super) attachments: Arc<Attachments>,
    pub(super) notes: Arc<BTreeMap<NicId, Vec<String>>>,
    pub(super) failed: Arc<BTreeMap<NicId, String>>,
}

impl Observed {
    /// Every NIC with its interface.
    #[must_use]
    pub fn nics(&self) -> Vec<NicStatus> {
        let nics = self.topology.nics();
        attachment::status(nics, &self.host, &self.attachments, &self.notes, &self.failed)
    }
}
