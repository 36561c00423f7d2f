//! The bench measures on a rig of its own, and leaves nothing behind.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use vnet_agent::bench::scenario::{IpVersion, Scenario};
use vnet_agent::bench::{Options, Progress, run};

/// One round of one run each: enough to see that every frame arrives by every way, not for a figure.
#[test]
fn every_way_brings_every_frame_to_the_sink_and_the_report_tells_all_of_them() {
    let links = || fs::read_dir("/sys/class/net").unwrap().count();
    let links_before = links();
    let scenario = Scenario { peerings: 3, destinations: 30 };
    let options = Options { rounds: 1, runs: 1, scenarios: vec![scenario] };
    let (mut printed, mut last) = (Vec::new(), None);
    let report = run(&options, &mut printed, &mut |progress| last = Some(progress)).unwrap();

    assert_eq!(last, Some(Progress { done: 6, total: 6 }));
    let sizes: Vec<_> = report.rows.iter().map(|row| (row.scenario, row.version, row.frame_bytes)).collect();
    assert_eq!(sizes, [(scenario, IpVersion::V4, 60), (scenario, IpVersion::V6, 78)]);
    for row in &report.rows {
        // Not a bar, which a busy machine might miss: the order of the ways, which no machine turns round.
        let (r, f, k) = (row.redirect.median, row.forwarder.median, row.linux_routing.median);
        assert!(k < f && f < r * 1.5, "{:?}: R {r:.0}, F {f:.0}, K {k:.0} frames a second", row.version);
    }
    assert!(report.program_ns.iter().all(|ns| 0 < ns.redirect && ns.redirect < ns.forwarder));
    let printed = String::from_utf8(printed).unwrap();
    assert!(printed.contains("R redirect") && printed.contains("IPv6"), "{printed}");
    assert_eq!(links(), links_before);
}
