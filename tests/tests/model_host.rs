//! The forwarding decision, run on the host over what commits leave in the tables, against the oracle.

use vnet_tests::oracle::forwarder::Host;
use vnet_tests::oracle::suite::{self, LEAK_TOPOLOGIES, REQUIRED, REQUIRED_APART, TOPOLOGIES};

/// Interfaces need not exist where nothing is sent.
fn interfaces() -> Vec<u32> {
    (2..66).collect()
}

#[test]
fn the_forwarding_decision_agrees_with_the_oracle_on_random_topologies() {
    let seeds = suite::seeds(TOPOLOGIES).unwrap();
    let mut host = Host::new().unwrap();
    let tally = suite::compare(seeds, &mut host, &interfaces()).unwrap_or_else(|failure| panic!("{failure}"));
    println!("{tally}");
    assert_eq!(tally.missing(REQUIRED), Vec::<String>::new());
}

#[test]
fn nothing_leaks_between_virtual_networks_that_may_not_talk() {
    let seeds = suite::seeds(LEAK_TOPOLOGIES).unwrap();
    let mut host = Host::new().unwrap();
    let tally =
        suite::look_for_leaks(seeds, &mut host, &interfaces()).unwrap_or_else(|failure| panic!("{failure}"));
    println!("{tally}");
    assert_eq!(tally.missing(REQUIRED_APART), Vec::<String>::new());
}
