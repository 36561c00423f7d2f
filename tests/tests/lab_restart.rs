//! Restarts, crashes and upgrades of the daemon cost a flow through it no packet, and the daemon nothing that it was told.
//!
//! A guest sends 50,000 numbered packets a second or more to a peered guest all the while; what arrives, where, and in which order
//! is counted by an XDP program at each guest's end.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use vnet_tests::agent::Site;
use vnet_tests::arm::Arm;
use vnet_tests::newer;
use vnet_tests::peered::{assert_in_order, counted, left_and_right, peering, peering_id, with_flow};
use vnet_tests::program::binary;

const KILLS: u32 = 200;

#[test]
fn sigterm_and_a_new_start_lose_no_packet_and_no_count() {
    with_flow(|site, agent, flow| {
        let mut agent = agent;
        flow.during("five restarts", || {
            for round in 0..5 {
                assert_eq!(agent.end(Signal::SIGTERM), Some(0), "{}", agent.log());
                std::thread::sleep(Duration::from_millis(100));
                agent = site.start();
                assert!(agent.log().contains("counters go on"), "round {round}: {}", agent.log());
                assert_in_order(&site.arm(), "after a restart");
            }
        });
        assert_eq!(counted(&site.arm()), flow.offered());
    });
}

/// The next of a fixed series of numbers below `end`: every run is the same.
fn next(seed: &mut u64, end: u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) % end
}

/// What became of a series of changes.
#[derive(Debug)]
struct Series {
    /// How many were answered as done.
    answered: u64,
    /// Whether one more was sent, and had no answer.
    has_unanswered: bool,
}

/// Peers and parts two networks, both sides at once, until the agent is gone.
fn change_until_killed(arm: &Arm, mut is_peered: bool) -> Series {
    let id = peering_id("left", "right");
    let mut answered = 0;
    loop {
        let answer = if is_peered {
            arm.send("DELETE", &format!("{id}?both=true"), None)
        } else {
            let mut body = peering("right");
            body["remotePeering"] = json!({"name": "to-left"});
            arm.send("PUT", &id, Some(&body))
        };
        match answer {
            Ok(answer) => {
                assert!(matches!(answer.status, 201 | 202), "{} {}", answer.status, answer.body);
                is_peered = !is_peered;
                answered += 1;
            }
            // Nobody was there to take it.
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound) => {
                return Series { answered, has_unanswered: false };
            }
            Err(_) => return Series { answered, has_unanswered: true },
        }
    }
}

fn is_peered(arm: &Arm) -> bool {
    match arm.request("GET", &peering_id("left", "right"), None).status {
        200 => true,
        404 => false,
        other => panic!("GET answers {other}"),
    }
}

/// Starts an agent and kills it after `pause`; whether that was before it was ready.
fn start_and_kill(site: &Site, pause: Duration) -> bool {
    let log = site.file().with_file_name("killed-early");
    let mut command = Command::new(binary());
    command.args(site.run_arguments()).stdin(Stdio::null());
    let said = File::create(&log).unwrap();
    command.stdout(said.try_clone().unwrap()).stderr(said);
    let mut agent = command.spawn().unwrap();
    std::thread::sleep(pause);
    agent.kill().unwrap();
    assert_eq!(agent.wait().unwrap().code(), None, "it was there to be killed");
    !std::fs::read_to_string(&log).unwrap().contains("ready: ")
}

#[test]
fn two_hundred_kills_at_random_moments_lose_no_packet_and_nothing_that_was_answered() {
    with_flow(|site, agent, flow| {
        let mut agent = agent;
        let arm = site.arm();
        let probe = left_and_right(flow);
        let version = || arm.get("/status")["version"].as_u64().unwrap();
        let (mut seed, mut under_way, mut answered, mut early) = (1, 0, 0, 0);
        flow.during("200 kills", || {
            let (mut kills, mut start_took) = (0, Duration::ZERO);
            while kills < KILLS {
                let (before, was_peered) = (version(), is_peered(&arm));
                let pause = Duration::from_micros(next(&mut seed, 60_000));
                let series = std::thread::scope(|scope| {
                    let changer = scope.spawn(|| change_until_killed(&arm, was_peered));
                    std::thread::sleep(pause);
                    assert_eq!(agent.end(Signal::SIGKILL), None);
                    changer.join().unwrap()
                });
                kills += 1;
                // One time in three, its successor is killed while it takes over what the killed one has left.
                if kills % 4 == 3 {
                    let pause = start_took * u32::try_from(next(&mut seed, 1_000)).unwrap() / 1_000;
                    early += u32::from(start_and_kill(site, pause));
                    kills += 1;
                }
                let started = Instant::now();
                agent = site.start();
                start_took = started.elapsed();
                let done = version() - before;
                let most = series.answered + u64::from(series.has_unanswered);
                let when = format!("kill {kills}: {series:?}, and {done} are found");
                assert!((series.answered..=most).contains(&done), "{when}");
                assert_eq!(is_peered(&arm), was_peered ^ (done % 2 == 1), "{when}");
                probe.check(&arm, is_peered(&arm), &when);
                under_way += u32::from(series.has_unanswered);
                answered += series.answered;
            }
        });
        assert_in_order(&arm, "after all kills");
        println!(
            "{answered} changes answered; of {KILLS} kills {under_way} met one under way, {early} a start"
        );
        assert!(under_way > KILLS / 4 && answered > u64::from(KILLS / 2), "{under_way}, {answered}");
        assert!(early > KILLS / 8, "only {early} were killed before they were ready");
        // The flow's counters were given out long before the first kill.
        assert_eq!(counted(&arm), flow.offered());
    });
}

/// The pinned links, and the kernel's tag of the program on the flow's first interface: a hash of its instructions.
fn links_and_program(site: &Site) -> (Vec<String>, String) {
    let names = std::fs::read_dir(&site.pins).unwrap().map(|entry| entry.unwrap().file_name());
    let mut links: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    links.retain(|name| name.starts_with("link-"));
    links.sort();
    let shown = Command::new("ip").args(["-j", "link", "show", "guest0"]).output().unwrap();
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    (links, shown[0]["xdp"]["prog"]["tag"].as_str().unwrap().to_owned())
}

#[test]
fn another_build_takes_over_by_an_exchange_of_the_program_under_the_same_links() {
    with_flow(|site, agent, flow| {
        let mut agent = agent;
        let newer = site.file().with_file_name("newer-build");
        newer::build(binary(), &newer);
        flow.during("an upgrade and the way back", || {
            for (build, signal) in [(&*newer, Signal::SIGTERM), (binary(), Signal::SIGKILL)] {
                let (links, program) = links_and_program(site);
                agent.end(signal);
                let mut command = Command::new(build);
                command.args(site.run_arguments());
                agent = site.start_command(command);
                let (links_now, program_now) = links_and_program(site);
                assert_eq!(links_now, links, "{signal}");
                assert_ne!(program_now, program, "{signal}");
                assert_in_order(&site.arm(), "after an upgrade");
            }
        });
        assert_eq!(counted(&site.arm()), flow.offered());
    });
}

/// The directory of the pinned tables.
fn tables(pins: &Path) -> PathBuf {
    let mut entries = std::fs::read_dir(pins).unwrap().map(|entry| entry.unwrap().path());
    entries.find(|path| path.file_name().unwrap().to_string_lossy().starts_with("abi-")).unwrap()
}

#[test]
fn tables_of_another_layout_are_built_anew_and_that_is_said() {
    with_flow(|site, agent, flow| {
        let mut agent = agent;
        flow.during("another layout", || {
            agent.end(Signal::SIGTERM);
            let found = tables(&site.pins);
            let name = found.file_name().unwrap().to_string_lossy().replacen("abi-1-", "abi-0-", 1);
            std::fs::rename(&found, site.pins.join(name)).unwrap();
            agent = site.start();
            let said = "the tables had layout 0; they are built anew with layout 1";
            assert!(agent.log().contains(said), "{}", agent.log());
            assert!(agent.log().contains("counters start from zero"), "{}", agent.log());
            assert!(tables(&site.pins).file_name().unwrap().to_string_lossy().starts_with("abi-1-"));
        });
        assert_in_order(&site.arm(), "with new tables");
    });
}
