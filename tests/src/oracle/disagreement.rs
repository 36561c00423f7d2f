//! What agent and oracle can disagree about.

use vnet_agent::model::{NameError, Operation};

use super::answer::Verdict;
use super::forwarder::ForwarderError;
use super::frame::{FrameError, Packet};
use super::generate::GenerateError;
use super::world::World;

/// Agent and oracle do not agree, or could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum Disagreement {
    /// About whether an operation is refused.
    #[error("{operation:?}\n  agent:  {agent}\n  oracle: {oracle}")]
    Operation {
        /// The operation.
        operation: Box<Operation>,
        /// What the agent did.
        agent: String,
        /// What it had to do.
        oracle: String,
    },
    /// About what stands after an operation.
    #[error("after {operation:?}\n  agent:  {agent}\n  oracle: {oracle}")]
    State {
        /// The operation.
        operation: Box<Operation>,
        /// What stands in the agent's topology.
        agent: String,
        /// What had to stand there.
        oracle: String,
    },
    /// About a packet.
    #[error("{packet:?}\n  forwarder: {seen}\n  oracle:    {verdict:?}\n{world}")]
    Packet {
        /// The packet.
        packet: Box<Packet>,
        /// What the forwarder did.
        seen: String,
        /// What it had to do.
        verdict: Verdict,
        /// What was declared.
        world: Box<World>,
    },
    /// A packet reached a virtual network that it must never reach.
    #[error("{packet:?} of {sender} leaked to {receiver}\n{world}")]
    Leak {
        /// The packet.
        packet: Box<Packet>,
        /// The sending NIC's virtual network.
        sender: String,
        /// The receiving NIC's virtual network.
        receiver: String,
        /// What was declared.
        world: Box<World>,
    },
    /// About a counter.
    #[error("counter of {what}: {moved} more, {expected} expected")]
    Counter {
        /// What it counts.
        what: String,
        /// How far it moved.
        moved: String,
        /// How far it had to move.
        expected: String,
    },
    /// An image that was made from the one before is not the image of the topology.
    #[error("the image made from the one before is not the one made from scratch\n{0}")]
    StaleImage(Box<World>),
    /// Tables still hold something for a topology that is empty.
    #[error("{0} trie nodes are in use for an empty topology")]
    LeftOver(usize),
    /// The forwarder did not work.
    #[error(transparent)]
    Forwarder(#[from] ForwarderError),
    /// The generator made nonsense.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// A name that only the oracle takes.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A frame could not be built.
    #[error(transparent)]
    Frame(#[from] FrameError),
}
