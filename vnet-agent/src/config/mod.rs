//! The topology file: from a text to a topology, or to everything that is wrong with it.
//!
//! A text becomes a tree with places, the tree becomes declarations, and the model plans them as one transaction. Mistakes of
//! form and refusals come out together, each with line and column, because a file's author wants to see all of them at once.
//! Nothing here touches the disk: the caller reads the file.
//!
//! # The format
//!
//! YAML, one document. Keys at the top: `virtualNetworks` (required, with a value, so that neither an empty file nor one that
//! was cut off means "delete everything"), `nics`, `assertions`, and `subscription` and `resourceGroup` (where everything
//! stands that does not say so itself; `default`). Any other list whose key has no value is empty.
//!
//! * A virtual network: `name`, `region`, `addressSpace` (all required: there is no resource group to take a region from, and
//!   a range that nobody chose would meet the next one), `subnets`, `peerings`, `subscription`, `resourceGroup`.
//! * A subnet: `name`, `addressPrefixes`.
//! * A peering: `name`, `remoteVirtualNetwork` (bare, `SUBSCRIPTION/GROUP/NAME`, or a resource id); with Azure's defaults
//!   `allowVirtualNetworkAccess` (true), `allowForwardedTraffic`, `allowGatewayTransit`, `useRemoteGateways` (false),
//!   `peerCompleteVnets` (true); with `peerCompleteVnets: false` also `localSubnetNames`, `remoteSubnetNames` (both required)
//!   and `enableOnlyIPv6Peering` (false). Of its past, `peeringState` (`Disconnected`) and `remoteAddressSpace`; [`write()`] says
//!   them where they do not follow from the rest.
//! * A NIC: `name`, `subnet` (as `vnet/subnet`), `addresses` (one IPv4, one IPv6, or one of each), `mac` (derived from the
//!   name), `interface` (none: a lab makes a veth pair), `enableIPForwarding` (false), `subscription`, `resourceGroup`.
//! * An assertion: `from`, `to` (NICs, those of the file's own scope by their bare names), `reachable`, and optionally `family`
//!   (`IPv4` or `IPv6`; without it, reachable means over one of the two at least).

mod assertion;
mod blame;
mod file;
mod keys;
mod peering;
mod problem;
mod reader;
mod render;
mod tree;
mod values;
mod write;
mod yaml;

#[cfg(test)]
mod tests;

pub use problem::{Location, Note, Problem, Problems};
pub use write::write;

use crate::model::{Change, Topology, plan_file};
use file::Declarations;
use problem::{Finding, Findings};
use reader::Reader;

/// The most bytes that a file may have.
pub const MAX_FILE_BYTES: usize = 64 << 20;
/// The most lists and mappings within one another; the format itself needs six.
pub const MAX_DEPTH: usize = 32;
/// The most values of a file, with each alias as many as what it repeats.
pub const MAX_VALUES: usize = 5_000_000;
/// The most problems that are reported; more are counted.
pub const MAX_PROBLEMS: usize = 1_000;

/// What a file leads to. Its assertions hold.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The topology.
    pub topology: Topology,
    /// What differs from the current one.
    pub changes: Vec<Change>,
}

/// Reads a topology file and plans what leads from `current` to it.
///
/// # Errors
/// [`Problems`]: every mistake of form, every refusal, or else every assertion that does not hold. Nothing has changed then.
pub fn load(text: &str, current: &Topology) -> Result<Loaded, Problems> {
    let mut findings = Findings::default();
    let loaded = read(text, current, &mut findings);
    match (findings.into_problems(text), loaded) {
        (Some(problems), _) => Err(problems),
        (None, Some(loaded)) => Ok(loaded),
        (None, None) => Err(Problems::only("the file could not be read".to_owned())),
    }
}

fn whole(findings: &mut Findings, message: String) {
    findings.push(Finding { message, ..Finding::default() });
}

/// What the file leads to. Without it, there are findings; with findings, it is not to be used.
fn read(text: &str, current: &Topology, findings: &mut Findings) -> Option<Loaded> {
    if text.len() > MAX_FILE_BYTES {
        whole(findings, format!("the file has {} bytes; {MAX_FILE_BYTES} are the most", text.len()));
        return None;
    }
    let tree = yaml::parse(text, findings)?;
    let Some(root) = tree.root() else {
        let message = "the file is empty; to have no virtual network at all, write `virtualNetworks: []`";
        whole(findings, message.to_owned());
        return None;
    };
    let mut reader = Reader { tree: &tree, findings };
    let file = Declarations::read(&mut reader, root);
    for assertion in &file.assertions {
        assertion.check_names(&mut reader, &file);
    }
    match plan_file(current, &file.desired) {
        Ok((topology, changes)) => {
            if reader.findings.is_empty() {
                assertion::check(&file.assertions, &topology, &mut reader);
            }
            Some(Loaded { topology, changes })
        }
        Err(refusals) => {
            let blame = blame::Blame::new(&tree, &file.desired);
            for located in refusals.iter().filter(|located| !file.may_follow(&located.refusal)) {
                reader.findings.push(blame.finding(located));
            }
            None
        }
    }
}
