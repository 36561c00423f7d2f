//! Building a lab and taking it down.

use super::LabError;
use crate::model::{NicName, Topology};

/// How to build.
#[derive(Clone, Copy, Debug)]
pub struct UpOptions {
    /// The MTU of both ends of every pair, in bytes.
    pub mtu_bytes: u32,
}

impl Default for UpOptions {
    fn default() -> Self {
        Self { mtu_bytes: 1500 }
    }
}

/// A lab that stands.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Rig {
    /// The NICs that it was built for, in the order of their names.
    pub nics: Vec<RigNic>,
}

/// A NIC's part of a lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RigNic {
    /// The NIC.
    pub nic: NicName,
    /// Its namespace, as `ip netns` names it.
    pub namespace: String,
    /// The host end of its veth pair.
    pub interface: String,
    /// The host end's number.
    pub ifindex: u32,
}

/// What was taken down.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Removed {
    /// Host ends of veth pairs.
    pub interfaces: Vec<String>,
    /// Namespaces.
    pub namespaces: Vec<String>,
}

/// Builds a namespace and a veth pair for each NIC without an interface of its own.
///
/// # Errors
/// [`LabError`]; what was made until then is removed again.
pub async fn up(topology: &Topology, options: &UpOptions) -> Result<Rig, LabError> {
    let _ = (topology, options);
    Ok(Rig::default())
}

/// Removes what a lab made for the NICs of `topology`, and nothing else.
///
/// # Errors
/// [`LabError`]; the rest is removed all the same.
pub async fn down(topology: &Topology) -> Result<Removed, LabError> {
    let _ = topology;
    Ok(Removed::default())
}
