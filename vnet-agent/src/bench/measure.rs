//! Measuring: how many frames a second reach the sink, and whether a figure is worth reporting.
//!
//! A round is the median of short runs. A run during which the kernel let something else have the CPU is not counted, by the
//! kernel's own account of the time that the thread waited, never by how fast it was. What counts is the frames that
//! reached the sink: in a run that is counted, all of them.

use std::fs;
use std::io;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use vnet_common::abi::bench::Flow;

use super::rig::{Guest, Rig, RigError};
use crate::dataplane::kernel::traffic::{Generator, Sink, TrafficError};

/// How many frames a run has: some tens of milliseconds.
const RUN_FRAMES: u32 = 131_072;
/// How many frames are sent before the receiving side gets its turn.
const BATCH: u32 = 64;
/// The part of a run's time that its thread may have waited for the CPU.
const MAX_WAITED_SHARE: f64 = 0.01;
/// How many runs are tried for each that is needed, before the machine counts as too busy.
const MAX_TRIES: u32 = 20;
/// How long frames may still be under way when the generator has ended.
const SETTLE: Duration = Duration::from_millis(200);

/// A measurement was not clean.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// Frames did not arrive, or not on the CPU that is measured.
    #[error("{what}: {sent} frames were sent and {arrived} arrived, {elsewhere} of them on another CPU")]
    Missing {
        /// What was measured.
        what: &'static str,
        /// Frames that the generator made.
        sent: u64,
        /// Those that the sink saw.
        arrived: u64,
        /// Those of them that another CPU handled.
        elsewhere: u64,
    },
    /// The machine is too busy.
    #[error(
        "{what}: another load on the CPU disturbed {disturbed} of {runs} runs; stop it, or measure elsewhere"
    )]
    Busy {
        /// What was measured.
        what: &'static str,
        /// Runs that were disturbed.
        disturbed: u32,
        /// Runs.
        runs: u32,
    },
    /// The rounds differ too much.
    #[error(
        "{what}: the rounds differ by {percent:.0} %, over {limit_percent:.0} %; measure on a calmer machine"
    )]
    Spread {
        /// What was measured.
        what: &'static str,
        /// (most - least) / median.
        percent: f64,
        /// What is allowed.
        limit_percent: f64,
    },
    /// The time that the thread waited for the CPU cannot be read.
    #[error("/proc/thread-self/schedstat cannot be read; the kernel needs CONFIG_SCHED_INFO")]
    Account(#[source] io::Error),
    /// The rig failed.
    #[error(transparent)]
    Rig(#[from] RigError),
    /// A program of the bench failed.
    #[error(transparent)]
    Traffic(#[from] TrafficError),
}

/// The generator at the sender, the sink at the receiver, and the rig between.
pub(super) struct Lane<'a> {
    pub(super) rig: &'a Rig,
    pub(super) cpu: usize,
    pub(super) sender: &'a Guest,
    pub(super) generator: &'a mut Generator,
    pub(super) sink: &'a mut Sink,
    pub(super) disturbed_runs: u32,
}

/// A round: its rate, in frames a second.
pub(super) type Rate = f64;

impl Lane<'_> {
    /// Measures one round of at least `runs` undisturbed runs.
    pub(super) fn round(&mut self, what: &'static str, flow: &Flow, runs: u32) -> Result<Rate, MeasureError> {
        let mut rates = Vec::new();
        let mut tried = 0;
        loop {
            let counted = u32::try_from(rates.len()).unwrap_or(u32::MAX);
            if counted >= runs {
                self.disturbed_runs += tried - counted;
                return Ok(median(&rates));
            }
            if tried >= runs * MAX_TRIES {
                return Err(MeasureError::Busy { what, disturbed: tried - counted, runs: tried });
            }
            tried += 1;
            self.sink.reset()?;
            let Self { rig, sender, generator, .. } = self;
            let (frame_ns, waited_share) =
                rig.inside(sender, || timed_run(generator, flow, sender.ifindex))??;
            let outcome = self.check_complete(what);
            if waited_share <= MAX_WAITED_SHARE {
                outcome?;
                rates.push(1e9 / frame_ns);
            }
        }
    }

    /// Whether all frames of a run reached the sink, on the one CPU.
    fn check_complete(&self, what: &'static str) -> Result<(), MeasureError> {
        let sent = u64::from(RUN_FRAMES);
        let start = Instant::now();
        loop {
            let by_cpu = self.sink.arrived_by_cpu()?;
            let here = by_cpu.get(self.cpu).map_or(0, |arrived| arrived.signed);
            if here == sent {
                return Ok(());
            }
            if start.elapsed() > SETTLE {
                let arrived: u64 = by_cpu.iter().map(|arrived| arrived.signed).sum();
                let elsewhere = arrived - here;
                return Err(MeasureError::Missing { what, sent, arrived, elsewhere });
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Sends one run; how many nanoseconds a frame took, and which part of the run the thread waited for the CPU.
fn timed_run(generator: &mut Generator, flow: &Flow, ifindex: u32) -> Result<(f64, f64), MeasureError> {
    generator.aim(flow, ifindex)?;
    let waited_before = waited()?;
    let frame_ns = generator.send(RUN_FRAMES, BATCH)?;
    let waited = waited()?.saturating_sub(waited_before);
    // The kernel cuts the average down to whole nanoseconds.
    let frame_ns = frame_ns as f64 + 0.5;
    Ok((frame_ns, waited.as_secs_f64() * 1e9 / (frame_ns * f64::from(RUN_FRAMES))))
}

/// How long this thread has waited for a CPU so far, ready to run.
fn waited() -> Result<Duration, MeasureError> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").map_err(MeasureError::Account)?;
    let waited_ns = text.split_whitespace().nth(1).and_then(|field| field.parse().ok());
    let missing = || MeasureError::Account(io::Error::from(io::ErrorKind::InvalidData));
    waited_ns.map(Duration::from_nanos).ok_or_else(missing)
}

/// The rounds of one thing that was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rounds {
    /// Each round, in frames a second.
    pub frames_per_second: Vec<f64>,
    /// The median of them.
    pub median: f64,
    /// (most - least) / median.
    pub spread: f64,
}

impl Rounds {
    pub(super) fn new(frames_per_second: Vec<f64>) -> Self {
        let middle = median(&frames_per_second);
        let most = frames_per_second.iter().copied().fold(f64::MIN, f64::max);
        let least = frames_per_second.iter().copied().fold(f64::MAX, f64::min);
        let spread = if middle > 0.0 { (most - least) / middle } else { 0.0 };
        Self { frames_per_second, median: middle, spread }
    }

    /// The median of this one's rounds over those of another one, each pair measured one after the other: what slows the
    /// machine down for a while then slows both.
    pub(super) fn over(&self, other: &Self) -> f64 {
        let pairs = self.frames_per_second.iter().zip(&other.frames_per_second);
        median(&pairs.map(|(one, other)| one / other).collect::<Vec<_>>())
    }

    pub(super) fn check_spread(&self, what: &'static str, limit: f64) -> Result<(), MeasureError> {
        if self.spread <= limit {
            return Ok(());
        }
        Err(MeasureError::Spread { what, percent: self.spread * 100.0, limit_percent: limit * 100.0 })
    }
}

/// The value in the middle, of an even number the higher of the two; 0 of none.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_the_distance_of_the_extremes_over_the_median() {
        let rounds = Rounds::new(vec![90.0, 100.0, 110.0, 95.0, 105.0]);
        assert_eq!((rounds.median, rounds.spread), (100.0, 0.2));
        assert!(rounds.check_spread("R", 0.2).is_ok());
        let error = rounds.check_spread("R", 0.1).unwrap_err();
        assert_eq!(error.to_string(), "R: the rounds differ by 20 %, over 10 %; measure on a calmer machine");
    }

    #[test]
    fn a_ratio_compares_rounds_that_were_measured_one_after_the_other() {
        // The machine was at half its speed in the third round, for both.
        let redirect = Rounds::new(vec![100.0, 100.0, 50.0]);
        let forwarder = Rounds::new(vec![90.0, 90.0, 45.0]);
        assert_eq!(forwarder.over(&redirect), 0.9);
    }
}
