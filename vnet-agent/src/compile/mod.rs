//! From a topology and its effective routes to the contents of the tables.
//!
//! Two steps, both pure. [`image`] says what should hold, in the words of the topology: which NICs, which ranges,
//! which routes. [`layout`] gives every thing its place in the tables and answers a new image with a [`plan::Plan`]:
//! exactly the entries that differ. What did not change between two images is shared (`Arc`) and skipped by pointer,
//! so that a commit costs what changed.

mod build;
pub mod image;
pub mod layout;
pub mod plan;
mod pool;
mod route_table;
mod takes_away;
mod trie;

pub use build::{Attachments, Compiled, compile, first_address};
pub use takes_away::takes_away;
