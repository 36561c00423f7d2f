//! Runs of many topologies, what each run has to have met, and how a failure is repeated.

use std::ops::Range;

use super::disagreement::Disagreement;
use super::forwarder::Forwarder;
use super::tally::Tally;
use super::trial::Trial;

/// How many topologies a run has.
pub const TOPOLOGIES: u64 = 1_000;

/// How many packets a run sends at least.
pub const PACKETS: u64 = 100_000;

/// Packets for a topology as it was built.
const PACKETS_FIRST: usize = 70;

/// Packets after each change.
const PACKETS_PER_CHANGE: usize = 20;

/// The environment variable that names the first seed.
const SEED: &str = "VNET_TEST_SEED";

/// What a run of [`TOPOLOGIES`] has to have met, and how often at least: about a third of what is usual.
pub const REQUIRED: &[(&str, u64)] = &[
    ("topology", TOPOLOGIES),
    ("packet", PACKETS),
    ("change", 1_500),
    ("operation done", 10_000),
    ("answered: ping of the router, IPv4", 300),
    ("answered: ping of the router, IPv6", 100),
    ("answered: ping of the link-local router", 100),
    ("delivered: within a subnet, IPv4", 2_000),
    ("delivered: within a subnet, IPv6", 2_000),
    ("delivered: to another subnet, IPv4", 1_000),
    ("delivered: to another subnet, IPv6", 1_000),
    ("delivered: over peering, IPv4", 500),
    ("delivered: over peering, IPv6", 300),
    ("delivered: over global peering, IPv4", 500),
    ("delivered: over global peering, IPv6", 300),
    ("delivered: over subnet peering", 100),
    ("delivered: over a peering out of sync", 40),
    ("delivered: forwarded from inside, over a peering", 30),
    ("delivered: forwarded from outside, over a peering", 60),
    ("delivered: forwarded, within the virtual network", 500),
    ("delivered: forwarded in a family that the sender has no address of", 50),
    ("dropped: unknown-port", 500),
    ("dropped: mac-spoofed", 1_000),
    ("dropped: not-unicast", 1_000),
    ("dropped: source-spoofed", 1_000),
    ("dropped: source-not-unicast", 1_000),
    ("dropped: router-unserved", 1_000),
    ("dropped: route-none", 3_000),
    ("dropped: route-internet", 3_000),
    ("dropped: destination-unroutable", 1_000),
    ("dropped: peering-access-denied", 800),
    ("dropped: forwarded-traffic-denied", 100),
    ("dropped: no-endpoint", 1_500),
    ("dropped: endpoint-detached", 700),
    ("dropped: mtu-exceeded", 1_000),
    ("unreachable: not peered", 1_500),
    ("unreachable: a peer's peer", 300),
    ("unreachable: Initiated", 700),
    ("unreachable: Disconnected", 200),
    ("unreachable: Connected, not in force", 150),
    ("unreachable: Connected, outside the taking-part subnets", 800),
    ("refused: VnetAddressSpacesOverlap", 200),
    ("refused: VnetAddressSpaceOverlapsWithAlreadyPeeredVnet", 40),
    ("refused: AnotherPeeringAlreadyReferencesRemoteVnet", 50),
    ("refused: RemotePeeringIsDisconnected", 20),
    ("refused: RemoteVnetHasNoGateways", 50),
    ("refused: VnetAddressSpaceInUse", 50),
    ("refused: InvalidAddressPrefix", 300),
    ("refused: SubnetNotInVnet", 50),
    ("refused: SubnetsOverlap", 300),
    ("refused: AddressReserved", 100),
    ("refused: AddressInUse", 1_000),
    ("refused: ResourceNotFound", 200),
    ("refused: ResourceAlreadyExists", 400),
];

/// How many topologies a run has that looks for leaks.
pub const LEAK_TOPOLOGIES: u64 = 150;

/// What a run of [`LEAK_TOPOLOGIES`] has to have met: packets to addresses in virtual networks that may not be reached,
/// and packets that got through, without which it would look for leaks in a forwarder that drops everything.
pub const REQUIRED_APART: &[(&str, u64)] = &[("apart: kept apart", 10_000), ("apart: let through", 7_000)];

/// A topology on which agent and oracle disagree.
#[derive(Debug, thiserror::Error)]
#[error(
    "topology of seed {seed}, with a forwarder in use since seed {since}; \
     {SEED}={seed} runs this topology first, {SEED}={since} repeats the run\n{disagreement}"
)]
pub struct Failure {
    /// The topology's seed.
    pub seed: u64,
    /// The seed of the first topology that the forwarder held.
    pub since: u64,
    /// On what.
    pub disagreement: Box<Disagreement>,
}

/// The seeds of a run of `count` topologies: from 1 on, or from `VNET_TEST_SEED`.
///
/// # Errors
/// The variable holds no number.
pub fn seeds(count: u64) -> Result<Range<u64>, std::num::ParseIntError> {
    let first = std::env::var(SEED).map_or(Ok(1), |text| text.parse())?;
    Ok(first..first.saturating_add(count))
}

fn each<F: Forwarder>(
    seeds: Range<u64>,
    forwarder: &mut F,
    interfaces: &[u32],
    run: impl Fn(&mut Trial<'_, F>) -> Result<(), Disagreement>,
) -> Result<Tally, Failure> {
    let since = seeds.start;
    let mut tally = Tally::default();
    for seed in seeds {
        let failed = |disagreement| Failure { seed, since, disagreement: Box::new(disagreement) };
        let mut trial = Trial::new(seed, forwarder, interfaces);
        run(&mut trial).map_err(failed)?;
        tally.merge(&trial.tally);
        // The next topology mostly replaces this one in one commit; now and then the tables are emptied between.
        if seed % 8 == 0 {
            trial.clear().map_err(failed)?;
        }
    }
    Ok(tally)
}

/// Compares agent and oracle on the topologies of `seeds`.
///
/// # Errors
/// The first [`Failure`].
pub fn compare<F: Forwarder>(
    seeds: Range<u64>,
    forwarder: &mut F,
    interfaces: &[u32],
) -> Result<Tally, Failure> {
    each(seeds, forwarder, interfaces, |trial| trial.run(PACKETS_FIRST, PACKETS_PER_CHANGE))
}

/// Sends from every NIC to every address on the topologies of `seeds`, and looks for packets that crossed between
/// virtual networks that may not talk.
///
/// # Errors
/// The first [`Failure`].
pub fn look_for_leaks<F: Forwarder>(
    seeds: Range<u64>,
    forwarder: &mut F,
    interfaces: &[u32],
) -> Result<Tally, Failure> {
    each(seeds, forwarder, interfaces, |trial| {
        trial.build()?;
        trial.send_everywhere()?;
        trial.change()?;
        trial.send_everywhere()
    })
}
