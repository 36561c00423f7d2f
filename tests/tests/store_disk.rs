//! The store on disks that are full, read-only or somebody else's, and under an agent that is killed at any moment.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::unistd::{Uid, setfsuid};
use pretty_assertions::assert_eq;
use vnet_agent::store::{Opened, Store};
use vnet_tests::mounts::with_small_disk;
use vnet_tests::oracle::random::Random;
use vnet_tests::versions::{activity, state};

const MIB: usize = 1 << 20;

/// One test at a time: a process that one of them starts holds the files, and so the locks, of the others for a moment.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The sentence of an error, the directory in it replaced by `DIR`.
fn sentence(directory: &Path, error: &impl ToString) -> String {
    error.to_string().replace(&directory.display().to_string(), "DIR")
}

#[track_caller]
fn refusal(directory: &Path) -> String {
    sentence(directory, &Store::open(directory).expect_err("the directory is refused"))
}

/// Fills the disk to its last byte by a file beside the state.
fn fill(directory: &Path) {
    let mut file = fs::File::create(directory.join("filler")).unwrap();
    for block in [1 << 16, 1 << 12, 1] {
        loop {
            match file.write_all(&vec![1; block]) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

#[test]
fn on_a_full_disk_a_commit_is_refused_and_when_there_is_room_again_the_next_one_succeeds() {
    let _alone = alone();
    with_small_disk(4 * MIB, |disk| {
        let directory = disk.path();
        let mut store = Store::open(directory).unwrap().store;
        store.commit(&state(1), activity(1)).unwrap();
        fill(directory);
        // What the file has room for still goes in.
        let mut version = 1;
        let refused = loop {
            match store.commit(&state(version + 1), activity(version + 1)) {
                Ok(next) => version = next,
                Err(error) => break error,
            }
            assert!(version < 10_000, "the disk does not become full");
        };
        let full = "DIR/state.redb cannot be written: No space left on device (os error 28). Nothing was changed; make room \
                    on the disk and try again";
        assert_eq!(sentence(directory, &refused), full);
        assert_eq!(store.version(), version);
        for _ in 0..3 {
            assert!(store.commit(&state(version + 1), activity(version + 1)).is_err());
        }
        fs::remove_file(directory.join("filler")).unwrap();
        version = store.commit(&state(version + 1), activity(version + 1)).expect("there is room again");
        drop(store);
        assert_version(directory, version..=version);
    });
}

#[test]
fn an_agent_that_ended_on_a_full_disk_starts_on_it_and_commits_when_there_is_room() {
    let _alone = alone();
    with_small_disk(4 * MIB, |disk| {
        let directory = disk.path();
        let mut store = Store::open(directory).unwrap().store;
        store.commit(&state(1), activity(1)).unwrap();
        fill(directory);
        let mut version = 1;
        while let Ok(next) = store.commit(&state(version + 1), activity(version + 1)) {
            version = next;
        }
        drop(store);
        assert_version(directory, version..=version);
        fs::remove_file(directory.join("filler")).unwrap();
        let mut store = Store::open(directory).unwrap().store;
        version = store.commit(&state(version + 1), activity(version + 1)).expect("there is room again");
        drop(store);
        assert_version(directory, version..=version);
    });
}

#[test]
fn a_full_disk_refuses_a_first_start_with_a_sentence_and_leaves_nothing() {
    let _alone = alone();
    with_small_disk(MIB, |disk| {
        fill(disk.path());
        let full = "DIR/state.redb cannot be made: No space left on device (os error 28). Nothing was changed; make room on \
                    the disk and try again";
        assert_eq!(refusal(disk.path()), full);
        let names: Vec<_> =
            fs::read_dir(disk.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["filler"]);
        fs::remove_file(disk.path().join("filler")).unwrap();
        assert_version(disk.path(), 0..=0);
    });
}

#[test]
fn a_read_only_file_system_is_refused_with_a_sentence() {
    let _alone = alone();
    with_small_disk(4 * MIB, |disk| {
        disk.remount(4 * MIB, true);
        let advice = "Read-only file system (os error 30). Mount the file system for writing, or name another directory";
        assert_eq!(refusal(disk.path()), format!("DIR/state.redb cannot be made: {advice}"));
        assert_eq!(
            refusal(&disk.path().join("vnet")).replace("DIR", "DIR/vnet"),
            format!("DIR/vnet cannot be made: {advice}")
        );
        disk.remount(4 * MIB, false);
        let mut store = Store::open(disk.path()).unwrap().store;
        store.commit(&state(1), activity(1)).unwrap();
        drop(store);
        disk.remount(4 * MIB, true);
        assert_eq!(refusal(disk.path()), format!("DIR/state.redb cannot be opened: {advice}"));
        disk.remount(4 * MIB, false);
        assert_version(disk.path(), 1..=1);
    });
}

#[test]
fn another_users_directory_or_file_is_refused_with_a_sentence() {
    let _alone = alone();
    with_small_disk(4 * MIB, |disk| {
        drop(Store::open(disk.path()).unwrap());
        let advice = "Permission denied (os error 13). Start vnet-agent as the user who owns it, or name another directory";
        let open = |sentence: &str| {
            // The thread alone, for files alone: the capabilities that pass over permissions go with it.
            setfsuid(Uid::from_raw(65_534));
            let found = refusal(disk.path());
            setfsuid(Uid::from_raw(0));
            assert_eq!(found, format!("{sentence}: {advice}"));
        };
        // The directories above it must let nobody pass for this.
        open("DIR cannot be opened");
        fs::set_permissions(disk.path(), fs::Permissions::from_mode(0o755)).unwrap();
        open("DIR/state.redb cannot be opened");
    });
}

#[test]
fn what_belongs_to_a_user_who_is_neither_the_agents_nor_root_is_refused_and_left_as_it_is() {
    let _alone = alone();
    let place = tempfile::tempdir().unwrap();
    let (directory, file) = (place.path(), place.path().join("state.redb"));
    let sentence = |path: &str| {
        format!(
            "{path} belongs to another user (uid 54321), and not to the one that vnet-agent runs as or to root: `chown 0 {path}` \
             gives it over, or start vnet-agent as that user, or name another directory"
        )
    };
    chown(directory, Some(54_321), None).unwrap();
    assert_eq!(refusal(directory), sentence("DIR"));
    assert!(!file.exists(), "nothing was made in it");
    chown(directory, Some(0), None).unwrap();
    drop(Store::open(directory).unwrap());
    chown(&file, Some(54_321), None).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(refusal(directory), sentence("DIR/state.redb"));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o644);
    chown(&file, Some(0), None).unwrap();
    assert_version(directory, 0..=0);
}

/// Opens the store and sees to it that all of it is of one of these versions.
#[track_caller]
fn assert_version(directory: &Path, versions: std::ops::RangeInclusive<u64>) -> u64 {
    let Opened { mut store, state: found, version, .. } =
        Store::open(directory).unwrap_or_else(|error| panic!("{error}"));
    assert!(versions.contains(&version), "version {version} is none of {versions:?}");
    assert!(found == state(version), "the state is not that of version {version}");
    let newest = store.log().and_then(|log| log.newest(1, |_| true)).unwrap();
    let newest = newest.first().and_then(|entry| entry.version);
    assert_eq!(newest, (version > 0).then_some(version), "the log is not that of version {version}");
    version
}

fn start(directory: &Path) -> Child {
    let mut writer = Command::new(env!("CARGO_BIN_EXE_store_writer"));
    writer.arg(directory).stdin(Stdio::null()).stdout(Stdio::piped());
    writer.spawn().expect("the writer can be started")
}

/// How long a writer takes here to its first answer from an empty directory.
fn time_to_first_answer() -> Duration {
    let place = tempfile::tempdir().unwrap();
    let started = Instant::now();
    let mut writer = start(place.path());
    let mut line = String::new();
    BufReader::new(writer.stdout.as_mut().expect("it was piped")).read_line(&mut line).unwrap();
    let elapsed = started.elapsed();
    assert_eq!(line, "1\n");
    kill(writer, Duration::ZERO);
    elapsed
}

/// Kills the writer after a time, and gives the last version that it called committed.
fn kill(mut writer: Child, after: Duration) -> Option<u64> {
    std::thread::sleep(after);
    writer.kill().expect("the writer is there");
    let mut said = String::new();
    writer.stdout.take().expect("it was piped").read_to_string(&mut said).expect("it prints numbers");
    let status = writer.wait().expect("a child can be waited for");
    assert_eq!(status.signal(), Some(9), "the writer ended before");
    // A line is written at once: the last one is whole.
    said.lines().last().map(|line| line.parse().expect("a number"))
}

/// A moment from the start of a writer up to so many times what it takes to its first answer.
fn moment(random: &mut Random, first_answer: Duration, times: usize) -> Duration {
    first_answer * u32::try_from(random.between(0, 1_000 * times)).unwrap() / 1_000
}

#[test]
fn killed_at_any_moment_the_store_holds_what_was_answered_or_the_commit_in_flight() {
    let _alone = alone();
    let place = tempfile::tempdir().unwrap();
    let (mut random, first_answer) = (Random::new(0x5eed), time_to_first_answer());
    let (mut version, mut in_flight, mut before_an_answer) = (0, 0, 0);
    for _ in 0..120 {
        let answered = kill(start(place.path()), moment(&mut random, first_answer, 2));
        before_an_answer += usize::from(answered.is_none());
        let answered = answered.unwrap_or(version);
        version = assert_version(place.path(), answered..=answered + 1);
        in_flight += usize::from(version > answered);
    }
    println!("{version} versions, {in_flight} found in flight, {before_an_answer} killed before an answer");
    assert!(version > 30, "only {version} commits were made");
    assert!((1..120).contains(&before_an_answer), "{before_an_answer} of 120 kills came before an answer");
}

#[test]
fn killed_while_the_file_is_made_the_next_start_finds_an_empty_or_a_begun_state() {
    let _alone = alone();
    let (mut random, first_answer) = (Random::new(0xf11e), time_to_first_answer());
    let (mut without, mut unfinished) = (0, 0);
    for _ in 0..120 {
        let place = tempfile::tempdir().unwrap();
        let answered = kill(start(place.path()), moment(&mut random, first_answer, 2));
        without += usize::from(!place.path().join("state.redb").exists());
        unfinished += usize::from(place.path().join("state.redb.new").exists());
        let answered = answered.unwrap_or(0);
        assert_version(place.path(), answered..=answered + 1);
    }
    println!("{without} without a file, {unfinished} with one that was being made");
    assert!((1..120).contains(&without), "{without} of 120 kills came before the file");
    assert!(unfinished > 0, "no kill met the making of the file");
}
