//! The forwarding decision, run on the host over the tables that commits leave behind, against the oracle.

use vnet_tests::oracle::forwarder::Host;
use vnet_tests::oracle::tally::Tally;
use vnet_tests::oracle::trial::Trial;

#[test]
fn the_host_run_forwarder_agrees_with_the_oracle() {
    let interfaces: Vec<u32> = (2..66).collect();
    let first: u64 = std::env::var("VNET_TEST_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    let mut tally = Tally::default();
    let mut host = Host::new().unwrap();
    for seed in first..first + 1000 {
        let mut trial = Trial::new(seed, &mut host, &interfaces);
        if let Err(e) = trial.run(60, 20) {
            panic!("seed {seed}: {}", e.to_string().chars().take(6000).collect::<String>());
        }
        tally.merge(&trial.tally);
    }
    println!("{tally}");
}
