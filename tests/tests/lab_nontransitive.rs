//! A - B - C: peering is not transitive. The example that says so, between real machines.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use pretty_assertions::assert_eq;
use vnet_tests::lab::{Lab, assert_crosses, assert_nothing_crosses};
use vnet_tests::program::repository;

fn example() -> String {
    let file = repository().join("examples/nontransitive.yaml");
    std::fs::read_to_string(file).expect("the example is there")
}

/// The same with ranges for IPv6 too.
fn dual_stack() -> String {
    let mut text = example();
    for (number, letter) in [(1, "alpha"), (2, "bravo"), (3, "charlie")] {
        text = text
            .replace(
                &format!("[10.{number}.0.0/16]"),
                &format!("[10.{number}.0.0/16, \"fd00:{number}::/48\"]"),
            )
            .replace(
                &format!("[10.{number}.1.0/24]"),
                &format!("[10.{number}.1.0/24, \"fd00:{number}:0:1::/64\"]"),
            )
            .replace(&format!("[10.{number}.1.4]"), &format!("[10.{number}.1.4, \"fd00:{number}:0:1::4\"]"));
        assert!(text.contains(&format!("\"fd00:{number}:0:1::4\"")), "{letter} has no IPv6 address: {text}");
    }
    text
}

#[test]
fn alpha_never_reaches_charlie_and_bravo_reaches_both() {
    let lab = Lab::up(&example());
    let running = lab.start();
    let [alpha, bravo, charlie] = ["alpha-1", "bravo-1", "charlie-1"].map(|nic| lab.vm(nic));
    for (from, to) in [(alpha, charlie), (charlie, alpha)] {
        // The row None of 10.0.0.0/8, which every table has.
        assert_nothing_crosses(&running, from, to, "route-none");
    }
    for (from, to) in [(alpha, bravo), (bravo, alpha), (bravo, charlie), (charlie, bravo)] {
        assert_crosses(from, to);
    }
    assert_crosses(alpha, lab.vm("alpha-2"));
}

#[test]
fn over_ipv6_it_is_the_same_and_the_packets_end_at_the_missing_internet() {
    let lab = Lab::up(&dual_stack());
    let running = lab.start();
    let [alpha, bravo, charlie] = ["alpha-1", "bravo-1", "charlie-1"].map(|nic| lab.vm(nic).only_v6());
    for (from, to) in [(&alpha, &charlie), (&charlie, &alpha)] {
        // No row None covers fd00::/8: the next one is ::/0.
        assert_nothing_crosses(&running, from, to, "route-internet");
    }
    for (from, to) in [(&alpha, &bravo), (&bravo, &alpha), (&bravo, &charlie), (&charlie, &bravo)] {
        assert_crosses(from, to);
    }
}

#[test]
fn the_probed_matrix_is_as_expected_in_every_cell() {
    let lab = Lab::up(&example());
    let running = lab.start();
    let matrix = lab.probed_matrix();
    // Four NICs, of which one pair of virtual networks is not peered: alpha's two and charlie's one.
    assert_eq!(matrix.lines().last(), Some("matrix: 12 of 12 as expected"), "{matrix}");
    assert_eq!((matrix.matches("yes/yes").count(), matrix.matches("no/no").count()), (8, 4), "{matrix}");

    let asked = running.ask(&["matrix", "--probe", "-o", "table"]);
    assert_eq!((asked.status, asked.stdout), (Some(0), matrix), "{}", asked.stderr);
}
