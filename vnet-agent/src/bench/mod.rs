//! The bench: how near the forwarder comes to the limit of XDP, and how far it is from Linux routing.
//!
//! All ways are measured on one rig, over the same two pairs of interfaces, by the same generator and the same sink,
//! in turns, on one pinned CPU. So a figure is a ratio within one run; an absolute rate is a property of the machine. A
//! rate that was not measured cleanly is not reported at all.

mod measure;
mod report;
pub mod rig;
pub mod scenario;
mod ways;

use std::io::{self, Write};
use std::num::NonZero;

use vnet_common::abi::bench::{FRAME4_BYTES, FRAME6_BYTES};

pub use self::measure::{MeasureError, Rounds};
pub use self::report::{Machine, ProgramNs, Ratios, Report, Row};
pub use self::ways::WayError;

use self::measure::Lane;
use self::rig::{Rig, RigError};
use self::scenario::{IpVersion, Scenario, ScenarioError};
use self::ways::{Way, Ways, missing_guest};
use crate::dataplane::kernel::traffic::{BareRedirect, Generator, Sink, TrafficError};
use crate::dataplane::kernel::{TestRunError, XdpVerdict};

/// What is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Rounds of each figure, at least 5 for a figure that is to be shown.
    pub rounds: u32,
    /// Undisturbed runs of 131,072 frames in each round.
    pub runs: u32,
    /// The sizes, each measured with IPv4 and IPv6.
    pub scenarios: Vec<Scenario>,
}

impl Options {
    /// The sizes that the bars are about, under a minute on an idle machine.
    #[must_use]
    pub fn quick() -> Self {
        let scenarios = [1, 1_000, 65_536].map(|destinations| Scenario { peerings: 100, destinations });
        Self { rounds: 5, runs: 3, scenarios: scenarios.into() }
    }

    /// One peering too, and longer rounds.
    #[must_use]
    pub fn full() -> Self {
        let sizes = [(1, 1), (1, 1_000), (1, 32_768), (100, 1), (100, 1_000), (100, 65_536)];
        let scenarios = sizes.map(|(peerings, destinations)| Scenario { peerings, destinations });
        Self { rounds: 7, runs: 5, scenarios: scenarios.into() }
    }
}

/// There are no figures to report.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The rig could not be built.
    #[error(transparent)]
    Rig(#[from] RigError),
    /// What was to be measured could not be set up.
    #[error(transparent)]
    Way(#[from] WayError),
    /// The tables could not be made.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// A program of the bench failed.
    #[error(transparent)]
    Traffic(#[from] TrafficError),
    /// A measurement was not clean.
    #[error(transparent)]
    Measure(#[from] MeasureError),
    /// The program could not be run by itself.
    #[error(transparent)]
    TestRun(#[from] TestRunError),
    /// The program did not deliver the frame that its time is measured with.
    #[error("the forwarder answered {verdict:?} to the frame that it was to deliver")]
    NotDelivered {
        /// What it answered.
        verdict: XdpVerdict,
    },
    /// The table could not be printed.
    #[error("the report could not be printed")]
    Print(#[from] io::Error),
}

/// What has been measured so far, for who watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Rounds done.
    pub done: u32,
    /// Rounds in all.
    pub total: u32,
}

/// The most that the rounds of one figure may differ.
const MAX_SPREAD: f64 = 0.2;
/// How often a figure is measured anew before its spread refuses the report.
const ATTEMPTS: u32 = 3;
/// How often the program runs to measure its time alone.
const REPEAT: u32 = 1_000_000;

/// Measures, prints the table to `out`, and returns everything. `progress` hears of every round.
///
/// Needs root, iproute2 and ethtool. All that is made goes with the thread that measures.
///
/// # Errors
/// [`BenchError`]: nothing was printed then, except where printing failed.
pub fn run(
    options: &Options,
    out: &mut dyn Write,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Report, BenchError> {
    let cpus = std::thread::available_parallelism().map_or(1, NonZero::get);
    // Interrupts tend to be on the first.
    let cpu = cpus - 1;
    let report = rig::in_private(Some(cpu), || measure_all(options, cpus, cpu, progress))??;
    report.print(out)?;
    Ok(report)
}

fn measure_all(
    options: &Options,
    cpus: usize,
    cpu: usize,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, BenchError> {
    let rig = Rig::build(2, cpus)?;
    let [sender, receiver, ..] = rig.guests() else { return Err(missing_guest().into()) };
    let mut sink = rig.inside(receiver, || Sink::attach(receiver.ifindex))??;
    let mut generator = Generator::load()?;
    let mut lane =
        Lane { rig: &rig, cpu, sender, generator: &mut generator, sink: &mut sink, disturbed_runs: 0 };
    rig::take_precedence();
    let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let total = options.rounds * count(options.scenarios.len() * 2 * Way::ALL.len());
    let mut done = 0;
    let mut tick = || {
        done += 1;
        progress(Progress { done, total });
    };
    let mut rows = Vec::new();
    for scenario in &options.scenarios {
        let mut ways = Ways::new(&rig, *scenario)?;
        for version in [IpVersion::V4, IpVersion::V6] {
            rows.push(measure_row(&mut lane, &mut ways, options, *scenario, version, &mut tick)?);
        }
    }
    let disturbed_runs = lane.disturbed_runs;
    let program_ns = [IpVersion::V4, IpVersion::V6].map(|version| program_ns(&rig, version));
    let program_ns = program_ns.into_iter().collect::<Result<_, _>>()?;
    let ratios = Ratios::of(&rows);
    Ok(Report { machine: Machine::here(cpus), rows, program_ns, disturbed_runs, ratios })
}

fn measure_row(
    lane: &mut Lane<'_>,
    ways: &mut Ways,
    options: &Options,
    scenario: Scenario,
    version: IpVersion,
    tick: &mut dyn FnMut(),
) -> Result<Row, BenchError> {
    let mut attempt = 1;
    loop {
        let [redirect, forwarder, linux_routing] =
            measure_ways(lane, ways, options, scenario, version, tick)?;
        let spread = [&redirect, &forwarder, &linux_routing]
            .into_iter()
            .zip(Way::ALL)
            .try_for_each(|(rounds, way)| rounds.check_spread(way.name(), MAX_SPREAD));
        match spread {
            Err(error) if attempt == ATTEMPTS => return Err(error.into()),
            Err(error) => tracing::warn!(%error, ?scenario, ?version, "measuring anew"),
            Ok(()) => {
                let (f_over_r, f_over_k) = (forwarder.over(&redirect), forwarder.over(&linux_routing));
                let frame_bytes = if version == IpVersion::V4 { FRAME4_BYTES } else { FRAME6_BYTES };
                return Ok(Row {
                    scenario,
                    version,
                    frame_bytes,
                    redirect,
                    forwarder,
                    linux_routing,
                    f_over_r,
                    f_over_k,
                });
            }
        }
        attempt += 1;
    }
}

/// One figure a way, measured in turns.
fn measure_ways(
    lane: &mut Lane<'_>,
    ways: &mut Ways,
    options: &Options,
    scenario: Scenario,
    version: IpVersion,
    tick: &mut dyn FnMut(),
) -> Result<[Rounds; 3], BenchError> {
    let flow = scenario.flow(version);
    let mut rates = [const { Vec::new() }; 3];
    for _ in 0..options.rounds {
        for (way, rates) in Way::ALL.into_iter().zip(&mut rates) {
            ways.open(way)?;
            let rate = lane.round(way.name(), &flow, options.runs);
            ways.close()?;
            rates.push(rate?);
            tick();
        }
    }
    Ok(rates.map(Rounds::new))
}

/// The time that a packet takes in the programs alone, the least of some rounds. The buffer is not reset between the
/// runs, so the frame must be one that the forwarder takes again as it left it.
fn program_ns(rig: &Rig, version: IpVersion) -> Result<ProgramNs, BenchError> {
    let [sender, receiver, ..] = rig.guests() else { return Err(missing_guest().into()) };
    let scenario = Scenario { peerings: 1, destinations: 1 };
    let mut tables = scenario.tables_for_repeats(sender.host_ifindex, receiver.host_ifindex)?;
    let frame = scenario.repeatable_frame(version);
    let mut bare = BareRedirect::load()?;
    let mut least = ProgramNs { version, redirect: u64::MAX, forwarder: u64::MAX };
    for _ in 0..20 {
        least.redirect = least.redirect.min(bare.duration_ns(&frame, REPEAT)?);
        let run = tables.test_run(&frame, sender.host_ifindex, REPEAT)?;
        if run.verdict != XdpVerdict::Redirect {
            return Err(BenchError::NotDelivered { verdict: run.verdict });
        }
        least.forwarder = least.forwarder.min(run.duration_ns);
    }
    Ok(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_that_is_measured_is_a_valid_topology_with_as_many_destinations() {
        let mut scenarios = [Options::quick().scenarios, Options::full().scenarios].concat();
        scenarios.dedup();
        for scenario in scenarios {
            let topology = scenario.topology().unwrap();
            assert!(topology.nic_count() > scenario.destinations as usize, "{scenario:?}");
            assert_eq!(topology.vnets().len(), 1 + scenario.peerings as usize, "{scenario:?}");
        }
    }
}
