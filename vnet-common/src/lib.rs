//! What the kernel program and user space share: the layouts of the maps, the reasons for a drop, packet parsing,
//! the trie walk and the forwarding decision.
//!
//! Nothing here allocates, panics or touches a kernel. The decision is generic over where the tables and the frame
//! live ([`forward::Tables`], [`forward::Frame`]), so that the code which runs in the kernel also runs in a plain
//! `cargo test`.
#![no_std]

#[cfg(test)]
extern crate std;

pub mod abi;
pub mod fib;
pub mod forward;
pub mod net;
pub mod verdict;
