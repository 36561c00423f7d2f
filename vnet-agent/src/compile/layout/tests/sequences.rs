//! Random series of commits. What each must be like is asserted by `watched` and `world`.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::world::{CAPACITY, Committed, Usage, usage};
use crate::compile::image::Interface;
use crate::model::Topology;
use crate::model::tests::{nic_name, random};

/// One roll of the dice: an operation, or an interface that comes, goes, or passes to another NIC.
fn roll(committed: &mut Committed, dice: random::Dice) {
    let [kind, who, number, mtu, _, _] = dice;
    if kind % 24 < 21 {
        random::step(&mut committed.topology, dice);
        return;
    }
    let nic = nic_name(&format!("n{}", who % 8));
    let before = committed.attachments.remove(&nic);
    // Numbers that differ by 65,536 share their slots; these are dense, and yet there is room for all.
    let ifindex = 5 + 2 * u32::from(number % 6) + 65_536 * u32::from(number >> 7);
    if number & 0x20 != 0 {
        let holder = committed.attachments.iter().find(|(_, interface)| interface.ifindex == ifindex);
        if let Some(holder) = holder.map(|(nic, _)| nic.clone()) {
            committed.attachments.remove(&holder);
            committed.attachments.extend(before.map(|interface| (holder, interface)));
        }
        committed.attachments.insert(nic, Interface { ifindex, mtu_bytes: 1500 + u32::from(mtu & 1) });
    }
}

fn attach_all(committed: &mut Committed) {
    for number in 0..6u32 {
        let interface = Interface { ifindex: 5 + number, mtu_bytes: 1500 };
        committed.attachments.insert(nic_name(&format!("n{number}")), interface);
    }
}

fn series() -> impl Strategy<Value = Vec<Vec<random::Dice>>> {
    prop::collection::vec(random::dice(7), 1..10)
}

#[test]
fn every_commit_of_a_random_series_shows_packets_one_whole_image_and_leaks_nothing() {
    let mut runner = TestRunner::new(Config { cases: 150, failure_persistence: None, ..Config::default() });
    let reached = std::cell::Cell::new((0, 0, 0, 0));
    let outcome = runner.run(&(series(), any::<bool>()), |(series, is_lazy)| {
        let mut committed = Committed::new(CAPACITY);
        committed.is_lazy = is_lazy;
        committed.topology = random::furnished();
        attach_all(&mut committed);
        committed.commit();
        let mut changed = 0;
        for step in series {
            for dice in step {
                roll(&mut committed, dice);
            }
            changed += usize::from(committed.commit().entries > 0);
            prop_assert_eq!(committed.commit().entries, 0);
        }
        committed.topology = Topology::default();
        committed.attachments.clear();
        committed.commit();
        committed.publisher.settle().unwrap();
        prop_assert_eq!(usage(committed.publisher.layout()), Usage::default());
        let ((compared, delivered), so_far) = (committed.publisher.tables().compared, reached.get());
        let harmless = so_far.3 + committed.harmless;
        reached.set((so_far.0 + compared, so_far.1 + delivered, so_far.2 + changed, harmless));
        Ok(())
    });
    outcome.unwrap();
    let (compared, delivered, changed, harmless) = reached.get();
    assert!(compared > 100_000 && delivered > compared / 50 && changed > 300, "{:?}", reached.get());
    assert!(harmless > 30 && harmless < changed, "{:?}", reached.get());
}

#[test]
fn a_write_that_fails_anywhere_in_a_commit_leaves_one_whole_image() {
    let mut runner = TestRunner::new(Config { cases: 150, failure_persistence: None, ..Config::default() });
    let failures = std::cell::Cell::new(0);
    let outcome = runner.run(&(series(), 0u32..40), |(series, fails_after)| {
        let mut committed = Committed::new(CAPACITY);
        committed.topology = random::furnished();
        attach_all(&mut committed);
        committed.commit();
        for dice in series.into_iter().flatten() {
            roll(&mut committed, dice);
        }
        committed.publisher.tables_mut().fails_after = Some(fails_after);
        failures.set(failures.get() + u32::from(committed.try_commit().is_err()));
        Ok(())
    });
    outcome.unwrap();
    assert!(failures.get() > 50, "only {} commits failed", failures.get());
}
