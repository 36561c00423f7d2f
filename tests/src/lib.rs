//! The harness of the privileged suites.
//!
//! A suite asks [`requirements::require_root_and_bpf`] for what it needs and fails loudly where that is missing: a skipped
//! suite would count as a passed one. It runs inside [`netns::private`], a network namespace of its own that vanishes with
//! the thread that made it, so that nothing is left behind by a panic either. A [`world::World`] says what is configured,
//! a [`rig::Rig`] brings it into the kernel and pushes single frames through the program, and [`frames`] builds those.
//!
//! The suites of the command line run the built binary ([`program`], [`agent`]) between [`guests`]; those of whole labs run it
//! in a [`lab`] that it built itself.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a harness fails by panicking")]

pub mod agent;
pub mod arm;
pub mod case;
pub mod cast;
pub mod changes;
pub mod console;
pub mod flow;
pub mod frames;
pub mod guests;
pub mod http;
pub mod lab;
pub mod machine;
pub mod mounts;
pub mod netns;
pub mod newer;
pub mod oracle;
pub mod peered;
pub mod pins;
pub mod probe;
pub mod program;
pub mod requirements;
pub mod rig;
pub mod stage;
pub mod versions;
pub mod world;
