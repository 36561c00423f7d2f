//! All that is committed: the topology, and who may do what with it.

use super::Topology;
use super::access::Directory;

/// The committed state, one value. A clone copies pointers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Virtual networks and all that stands in them.
    pub topology: Topology,
    /// Subscriptions, role assignments, tokens.
    pub directory: Directory,
}
