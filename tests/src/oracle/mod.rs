//! An oracle: it says what must become of an operation and of a packet, from what was declared alone.
//!
//! It follows the rules of semantics as they are written down, by looking at plain lists each time. There is no route
//! table in it, no trie, no diff and no cache, and it shares no code with the agent's rules, routes or tables, nor with
//! the forwarding decision: what both sides get wrong in the same way, each has to get wrong on its own. From the agent
//! it takes names, prefixes and operations, which are plain values.
//!
//! [`world`] holds the declarations; [`rules`], [`overlap`] and [`peering`] say which operations are refused and what
//! the others do; [`answer`] says what becomes of a packet. [`generate`] and [`packets`] make random topologies and
//! frames, [`trial`] puts agent and oracle side by side, [`forwarder`] holds the two forwarders that are questioned,
//! and [`tally`] counts what came up, so that a run can fail which never met what it claims to cover.

pub mod answer;
pub mod classify;
pub mod counters;
pub mod disagreement;
pub mod forwarder;
pub mod frame;
pub mod generate;
pub mod namespace;
pub mod overlap;
pub mod packets;
pub mod peering;
pub mod random;
pub mod rules;
pub mod states;
pub mod suite;
pub mod tally;
pub mod trial;
pub mod world;
