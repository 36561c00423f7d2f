//! The model, rule by rule. `given` has the words in which the tests speak; `random` makes topologies that no one thought of.

//X mod address;
mod given;
//X mod name;
//X mod nic;
//X mod peering;
//X mod plan;
pub(crate) mod random;
//X mod refusal;
mod snapshot;
//X mod subnet_peering;
//X mod sync;
//X mod vnet;

pub(crate) use given::*;
