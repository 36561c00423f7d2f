//! The directory and the file in it: whose they are, and that a start that was cut off does not stop the next.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use pretty_assertions::assert_eq;
use tempfile::tempdir;

use super::{activity, open, refusal, small};
use crate::model::State;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn directory_and_file_are_their_owners_alone() {
    let place = tempdir().unwrap();
    let directory = place.path().join("vnet");
    let store = open(&directory).store;
    let file = directory.join("state.redb");
    assert_eq!((mode(&directory), mode(&file)), (0o700, 0o600));
    drop(store);
    // A copy that was put there, as `cp` makes it.
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    drop(open(&directory));
    assert_eq!(mode(&file), 0o600);
    let names: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["state.redb"]);
}

#[test]
fn a_directory_that_others_may_write_to_is_refused() {
    let place = tempdir().unwrap();
    fs::set_permissions(place.path(), Permissions::from_mode(0o775)).unwrap();
    assert_eq!(
        refusal(place.path()),
        "the state directory DIR may be written by others (mode 0775): `chmod go-w DIR` closes it"
    );
    fs::set_permissions(place.path(), Permissions::from_mode(0o755)).unwrap();
    drop(open(place.path()));
}

#[test]
fn a_second_store_is_refused_as_long_as_the_first_is_there() {
    let place = tempdir().unwrap();
    let first = open(place.path());
    let sentence = "another vnet-agent has the state directory DIR: end it, or name another directory";
    assert_eq!(refusal(place.path()), sentence);
    drop(first);
    drop(open(place.path()));
}

#[test]
fn a_path_that_is_no_directory_is_refused() {
    let place = tempdir().unwrap();
    let file = place.path().join("file");
    fs::write(&file, "").unwrap();
    assert_eq!(refusal(&file), "DIR cannot be made: File exists (os error 17)");
}

#[test]
fn what_stands_in_the_files_place_and_is_no_file_is_refused_and_left_as_it_is() {
    let place = tempdir().unwrap();
    let (file, elsewhere) = (place.path().join("state.redb"), tempdir().unwrap());
    let refused = |what: &str| {
        let sentence = format!(
            "DIR/state.redb is no state of vnet-agent: {what}. It was left as it is; move it away to begin with an empty state"
        );
        assert_eq!(refusal(place.path()), sentence);
    };
    // A state, even: nobody would expect the agent's at the other end of a link.
    drop(open(elsewhere.path()));
    let target = elsewhere.path().join("state.redb");
    fs::set_permissions(&target, Permissions::from_mode(0o644)).unwrap();
    let content = fs::read(&target).unwrap();
    symlink(&target, &file).unwrap();
    refused("it is a symbolic link");
    assert_eq!((mode(&target), fs::read(&target).unwrap() == content), (0o644, true));
    fs::remove_file(&file).unwrap();
    symlink("nowhere", &file).unwrap();
    refused("it is a symbolic link");
    fs::remove_file(&file).unwrap();

    fs::create_dir(&file).unwrap();
    refused("it is a directory");
    fs::remove_dir(&file).unwrap();
    nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRWXU).unwrap();
    refused("it is no regular file");
    fs::remove_file(&file).unwrap();
    drop(open(place.path()));
}

#[test]
fn a_file_of_another_program_keeps_its_mode() {
    let place = tempdir().unwrap();
    let file = place.path().join("state.redb");
    fs::write(&file, "something that somebody needs").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    assert!(refusal(place.path()).contains("It was left as it is"), "{}", refusal(place.path()));
    assert_eq!(mode(&file), 0o644);
    assert_eq!(fs::read_to_string(&file).unwrap(), "something that somebody needs");
}

#[test]
fn a_file_that_was_never_finished_is_replaced_and_a_finished_one_wins() {
    let place = tempdir().unwrap();
    let (file, unfinished) = (place.path().join("state.redb"), place.path().join("state.redb.new"));
    fs::write(&unfinished, "redb, to begin with").unwrap();
    let mut opened = open(place.path());
    assert_eq!(opened.state, State::default());
    opened.store.commit(&small(), activity("kept")).unwrap();
    drop(opened);
    fs::write(&unfinished, "left behind by a start that lost a race").unwrap();
    assert_eq!(open(place.path()).state, small());
    assert!(file.exists());
}
