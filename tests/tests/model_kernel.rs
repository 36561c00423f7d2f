//! The program in the kernel, run by `BPF_PROG_TEST_RUN`, against the oracle. Needs root.
//!
//! A commit mostly waits for readers, so several threads share the topologies, each with a program, tables and a network
//! namespace of its own.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy takes a helper of a test file for production code"
)]

use std::ops::Range;
use std::thread;

use vnet_tests::oracle::forwarder::Kernel;
use vnet_tests::oracle::namespace;
use vnet_tests::oracle::suite::{self, Failure, LEAK_TOPOLOGIES, REQUIRED, REQUIRED_APART, TOPOLOGIES};
use vnet_tests::oracle::tally::Tally;

const THREADS: u64 = 4;

/// The most NICs that are attached at a time.
const INTERFACES: usize = 64;

/// What a thread does with its share of the seeds.
type Run = fn(Range<u64>, &mut Kernel, &[u32]) -> Result<Tally, Failure>;

/// Shares `seeds` out among threads and puts together what came up.
fn in_threads(seeds: Range<u64>, run: Run) -> Tally {
    let share = (seeds.end - seeds.start).div_ceil(THREADS);
    let starts = seeds.clone().step_by(usize::try_from(share).unwrap());
    let threads: Vec<_> = starts
        .map(|start| {
            let end = seeds.end.min(start + share);
            thread::spawn(move || {
                let interfaces = namespace::enter(INTERFACES).unwrap();
                let mut kernel = Kernel::new().unwrap();
                run(start..end, &mut kernel, &interfaces).unwrap_or_else(|failure| panic!("{failure}"))
            })
        })
        .collect();
    let mut tally = Tally::default();
    for thread in threads {
        tally.merge(&thread.join().unwrap());
    }
    tally
}

#[test]
fn the_program_in_the_kernel_agrees_with_the_oracle_on_random_topologies() {
    let tally = in_threads(suite::seeds(TOPOLOGIES).unwrap(), suite::compare::<Kernel>);
    println!("{tally}");
    assert_eq!(tally.missing(REQUIRED), Vec::<String>::new());
}

#[test]
fn nothing_leaks_through_the_kernel_between_virtual_networks_that_may_not_talk() {
    let tally = in_threads(suite::seeds(LEAK_TOPOLOGIES).unwrap(), suite::look_for_leaks::<Kernel>);
    println!("{tally}");
    assert_eq!(tally.missing(REQUIRED_APART), Vec::<String>::new());
}
