//! The model, rule by rule. `given` has the words in which the tests speak; `random` makes topologies that no one thought of.

mod address;
mod given;
mod life_cycle;
mod name;
mod nic;
mod overlap;
mod peering;
mod plan;
pub(crate) mod random;
mod scope;
mod snapshot;
mod subnet_peering;
mod visible;
mod vnet;

pub(crate) use given::*;
