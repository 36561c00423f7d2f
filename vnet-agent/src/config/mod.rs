//! The topology file: from a text to a topology, or to everything that is wrong with it.
//!
//! A text becomes a tree with places, the tree becomes declarations, and the model plans them as one transaction. Mistakes of
//! form and refusals come out together, each with line and column, because a file's author wants to see all of them at once.
//! Nothing here touches the disk: the caller reads the file.
//!
//! # The format
//!
//! YAML, one document. Keys at the top: `virtualNetworks` (required, with a value, so that neither an empty file nor one that
//! was cut off means "delete everything"), `nics`, `assertions`, `subscriptions` and `roleAssignments` (both with a value too:
//! with the key, the file is the whole truth about them, without it they stay as they are), and `subscription` and
//! `resourceGroup` (where everything stands that does not say so itself; `default`). Any other list whose key has no value is
//! empty.
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
//! * A subscription: `name`, `displayName` (its name), `tenant` (`default`), `roleAssignments`.
//! * A role assignment: `principal` (`user:NAME`, `group:NAME`), `role`, optionally `name` (the one that it has, or a GUID that
//!   follows from the rest), and, of a subscription, optionally `scope` (a resource group `GROUP`, or a virtual network
//!   `GROUP/NAME`). At the top, the roles hold everywhere.
//! * An assertion: `from`, `to` (NICs, those of the file's own scope by their bare names), `reachable`, and optionally `family`
//!   (`IPv4` or `IPv6`; without it, reachable means over one of the two at least).

mod access;
mod assertion;
mod authorize;
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
pub use write::{write, write_state};

use crate::model::access::{Caller, Directory, directory_changes};
use crate::model::{Change, State, SubscriptionId, Topology, plan_file};
use authorize::Asker;
use blame::Blame;
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
    /// Who may do what with it.
    pub directory: Directory,
    /// What differs from the current ones; of the directory, where there is a current one.
    pub changes: Vec<Change>,
}

/// Reads a topology file and plans what leads from `current` to it. The file stands alone: what it does not say about who may do
/// what is not so, and the subscriptions exist that it names.
///
/// # Errors
/// [`Problems`]: every mistake of form, every refusal, or else every assertion that does not hold. Nothing has changed then.
pub fn load(text: &str, current: &Topology) -> Result<Loaded, Problems> {
    load_any(text, current, None, None)
}

/// As [`load`], for a state that has subscriptions and roles already: without its keys for them, a file leaves them as they are,
/// and what it declares stands in subscriptions that there are. `caller` wants it in force: he needs the roles for what it
/// declares otherwise than it is, and must be able to read the NICs of its assertions.
///
/// # Errors
/// As [`load`]. What `caller` lacks a role for is found first; the file is then not planned, for what stands in its way may be
/// what he may not read.
pub fn load_state(text: &str, current: &State, caller: &Caller) -> Result<Loaded, Problems> {
    load_any(text, &current.topology, Some(Asker { caller, directory: &current.directory }), None)
}

/// As [`load_state`], for a file that is the truth about one subscription alone: everything in others stays as it is, and the file
/// may declare nothing there.
///
/// # Errors
/// As [`load_state`].
pub fn load_within(
    text: &str,
    current: &State,
    caller: &Caller,
    within: &SubscriptionId,
) -> Result<Loaded, Problems> {
    load_any(text, &current.topology, Some(Asker { caller, directory: &current.directory }), Some(within))
}

fn load_any(
    text: &str,
    current: &Topology,
    asker: Option<Asker<'_>>,
    within: Option<&SubscriptionId>,
) -> Result<Loaded, Problems> {
    let mut findings = Findings::default();
    let loaded = read(text, current, asker, within, &mut findings);
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
fn read(
    text: &str,
    current: &Topology,
    asker: Option<Asker<'_>>,
    within: Option<&SubscriptionId>,
    findings: &mut Findings,
) -> Option<Loaded> {
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
    let mut file = Declarations::read(&mut reader, root, current, within);
    if let Some(asker) = asker {
        asker.check(&file, current, &mut reader).ok()?;
        asker.keep_spaces(&mut file.desired, current);
    }
    for assertion in &file.assertions {
        assertion.check_names(&mut reader, &file);
    }
    let directory = asker.map(|asker| asker.directory);
    let (planned, next_directory) = (plan_file(current, &file.desired), file.directory(directory));
    let refusals = planned.as_ref().err().into_iter().chain(next_directory.as_ref().err()).flatten();
    let blame = Blame::new(&tree, &file.desired, &file.access.desired);
    for located in refusals.filter(|located| !file.may_follow(&located.refusal)) {
        reader.findings.push(blame.finding(located));
    }
    let ((topology, topology_changes), next_directory) = (planned.ok()?, next_directory.ok()?);
    if reader.findings.is_empty() {
        assertion::check(&file.assertions, &topology, &mut reader);
    }
    let mut changes =
        directory.map(|current| directory_changes(current, &next_directory)).unwrap_or_default();
    changes.extend(topology_changes);
    Some(Loaded { topology, directory: next_directory, changes })
}
