//! Labs: a network namespace and a veth pair for each NIC whose declaration names no interface.
//!
//! A lab's namespace is what a guest is elsewhere: it holds the NIC's MAC, addresses and routes, and an `eth0` whose
//! offloads are as the forwarder needs them.

mod cpus;
mod down;
mod echo;
mod error;
mod exec;
mod guest;
mod host;
mod name;
mod namespace;
mod probe;
mod rig;
mod sysctl;

pub use down::{Removed, down};
pub use error::LabError;
pub use exec::exec;
pub use name::{interface_name, namespace_name};
pub use probe::{ProbeOptions, ProbeResult, probe};
pub use rig::{Rig, RigNic, UpOptions, up, up_unless};

use guest::GUEST_INTERFACE;
