//! What is no state, or a damaged one, is refused by one sentence, and left as it is.

use std::cell::Cell;
use std::fs;
use std::path::Path;

use pretty_assertions::assert_eq;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use redb::{Database, TableDefinition};
use rstest::rstest;
use tempfile::{TempDir, tempdir};

use super::{activity, directory, open, refusal, small};
use crate::model::State;
use crate::store::Store;
use crate::store::tables::{ABOUT, ABOUT_FORMAT, ABOUT_VERSION, Kind};

/// A directory with a state in it, closed.
fn stored() -> TempDir {
    let place = tempdir().unwrap();
    let mut store = open(place.path()).store;
    store.commit(&State { directory: directory(), ..small() }, activity("stored")).unwrap();
    store.close().unwrap();
    place
}

#[rstest]
#[case::empty(b"", "it is empty")]
#[case::text(b"virtualNetworks: []\n", "Not a redb database: magic number mismatch")]
#[case::zeros(&[0; 100_000], "Not a redb database: magic number mismatch")]
fn a_file_of_another_kind_is_refused_and_keeps_every_byte(#[case] content: &[u8], #[case] what: &str) {
    let place = tempdir().unwrap();
    let file = place.path().join("state.redb");
    fs::write(&file, content).unwrap();
    let sentence = format!(
        "DIR/state.redb is no state of vnet-agent: {what}. It was left as it is; move it away to begin with an empty state"
    );
    assert_eq!(refusal(place.path()), sentence);
    assert!(fs::read(&file).unwrap() == content);
}

#[test]
fn a_database_of_another_program_is_refused() {
    let place = tempdir().unwrap();
    let database = Database::create(place.path().join("state.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(TableDefinition::<u64, u64>::new("theirs")).unwrap().insert(1, 2).unwrap();
    transaction.commit().unwrap();
    drop(database);
    assert_eq!(
        refusal(place.path()),
        "DIR/state.redb is no state of vnet-agent: it is a database of another program. It was left as it is; move it away \
         to begin with an empty state"
    );
}

#[test]
fn a_file_that_was_cut_is_refused_wherever_it_ends() {
    let place = stored();
    let file = place.path().join("state.redb");
    let whole = fs::read(&file).unwrap();
    for length in (1..whole.len()).step_by(whole.len() / 40) {
        fs::write(&file, &whole[..length]).unwrap();
        let sentence = refusal(place.path());
        let names_the_file = sentence.contains("DIR/state.redb is no state")
            || sentence.contains("the state DIR/state.redb is damaged");
        assert!(names_the_file, "{length} of {} bytes: {sentence}", whole.len());
    }
    fs::write(&file, &whole).unwrap();
    assert_eq!(open(place.path()).state.topology, small().topology);
}

#[test]
fn a_file_with_a_changed_byte_is_refused_or_holds_what_it_held() {
    let place = stored();
    let file = place.path().join("state.redb");
    let whole = fs::read(&file).unwrap();
    let stored = State { directory: directory(), ..small() };
    let (refused, same) = (Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(ProptestConfig::with_cases(300));
    let result = runner.run(&(0..whole.len(), 1..=u8::MAX), |(spot, bits)| {
        let mut changed = whole.clone();
        changed[spot] ^= bits;
        fs::write(&file, &changed).unwrap();
        match Store::open(place.path()) {
            Err(error) => {
                prop_assert!(error.to_string().contains("state.redb"), "{}", error);
                refused.set(refused.get() + 1);
            }
            Ok(opened) => {
                prop_assert_eq!(&opened.state, &stored);
                same.set(same.get() + 1);
            }
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    let (refused, same) = (refused.get(), same.get());
    assert!(refused > 10 && same > 10, "{refused} were refused, {same} were the same");
}

/// Puts this record where another one stood or none.
fn put(directory: &Path, kind: Kind, key: (&str, &str), value: &str) {
    let database = Database::open(directory.join("state.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(kind.table()).unwrap().insert(key, value.as_bytes()).unwrap();
    transaction.commit().unwrap();
}

#[rstest]
#[case::no_json(
    Kind::Vnet, ("", "hub"), "{",
    "the record of virtual network hub cannot be read: EOF while parsing an object at line 1 column 1"
)]
#[case::a_name_that_breaks_its_rule(
    Kind::Subnet, ("hub", "default"), r#"{"name":"-","addressPrefixes":["10.0.1.0/24"]}"#,
    "the record of subnet default of hub cannot be read: subnet name \"-\" must start with a letter or a digit at line 1 column 11"
)]
#[case::an_unknown_field(
    Kind::Token, ("", "ci"), r#"{"name":"ci","principal":"user:a","sha256":"","until":1}"#,
    "the record of token ci cannot be read: unknown field `until`, expected one of `name`, `principal`, `sha256` at line 1 column 53"
)]
#[case::another_name(
    Kind::Subscription, ("", "blue"), r#"{"name":"red","displayName":"","tenant":""}"#,
    "the record of subscription blue says that it is subscription red"
)]
#[case::another_scope(
    Kind::Assignment, ("/", "x"), r#"{"name":"x","principal":"user:a","role":"Owner","scope":{"subscription":"red"}}"#,
    "the record of role assignment x at / says that it is role assignment x at /subscriptions/red"
)]
#[case::no_network(
    Kind::Subnet, ("gone", "default"), r#"{"name":"default","addressPrefixes":["10.0.1.0/24"]}"#,
    "the record of subnet default of gone stands in a virtual network that is not there"
)]
fn a_record_that_cannot_be_used_is_named(
    #[case] kind: Kind,
    #[case] key: (&str, &str),
    #[case] value: &str,
    #[case] fault: &str,
) {
    let place = stored();
    put(place.path(), kind, key, value);
    let sentence = format!(
        "the state DIR/state.redb is damaged: {fault}. Move the file away and apply the last export, or put a copy of the \
         file in its place"
    );
    assert_eq!(refusal(place.path()), sentence);
}

#[test]
fn records_that_break_a_rule_together_are_refused_by_that_rule() {
    let place = stored();
    let nic = r#"{"name":"twin","subnet":"default","ipv4":"10.0.1.4","ipv6":null,"mac":"02:00:00:00:00:01",
        "interface":null,"enableIPForwarding":false}"#;
    put(place.path(), Kind::Nic, ("hub", "twin"), nic);
    assert_eq!(
        refusal(place.path()),
        "the state DIR/state.redb is damaged: the snapshot breaks a rule, AddressInUse: NIC vm cannot have address 10.0.1.4: \
         NIC twin has it. Move the file away and apply the last export, or put a copy of the file in its place"
    );
}

#[rstest]
#[case(ABOUT_FORMAT)]
#[case(ABOUT_VERSION)]
fn a_file_that_says_nothing_about_itself_is_refused(#[case] key: &str) {
    let place = stored();
    let database = Database::open(place.path().join("state.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(ABOUT).unwrap().remove(key).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let sentence = format!(
        "DIR/state.redb is no state of vnet-agent: it says nothing about its {key}. It was left as it is; move it away to \
         begin with an empty state"
    );
    assert_eq!(refusal(place.path()), sentence);
}
