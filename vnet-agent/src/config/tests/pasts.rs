//! Peerings that say something of their past, loaded where nothing was and where they exist.

use pretty_assertions::assert_eq;
use rstest::rstest;

use super::*;
use crate::model::tests::{peering_name, vnet_name};
use crate::model::{PeeringState, RefusalCode};

const TWO: &str = "\
virtualNetworks:
- name: a
  region: north
  addressSpace: [10.0.0.0/16]
  peerings:
  - { name: to-b, remoteVirtualNetwork: b }
- name: b
  region: north
  addressSpace: [10.1.0.0/16, 10.2.0.0/16]
  peerings:
  - { name: to-a, remoteVirtualNetwork: a }
";
const ONE_SIDE: &str = "- { name: to-b, remoteVirtualNetwork: b }";
const OTHER_SIDE: &str = "  peerings:\n  - { name: to-a, remoteVirtualNetwork: a }\n";

fn declaring(past: &str) -> String {
    TWO.replace(ONE_SIDE, &format!("- {{ name: to-b, remoteVirtualNetwork: b, {past} }}"))
}

fn of_a(topology: &Topology) -> (PeeringState, Vec<String>) {
    let peering = topology.peering(&vnet_name("a"), &peering_name("to-b")).unwrap();
    (peering.state(), peering.remote_address_space().iter().map(ToString::to_string).collect())
}

#[test]
fn a_declared_space_is_what_the_side_took_over_and_is_not_synced() {
    let text = declaring("remoteAddressSpace: [10.1.0.0/16]");
    let expected = (PeeringState::Connected, vec!["10.1.0.0/16".to_owned()]);
    // Where nothing was, and where both sides are in sync.
    assert_eq!(of_a(&loaded(&text).topology), expected);
    let synced = loaded(TWO).topology;
    let behind = loaded_from(&text, &synced);
    assert_eq!(of_a(&behind.topology), expected);
    let changes: Vec<_> = behind.changes.iter().map(ToString::to_string).collect();
    assert_eq!(changes, ["~ peering a/to-b: remoteAddressSpace 10.1.0.0/16 10.2.0.0/16 -> 10.1.0.0/16"]);
    // Without it, a declaration of both ends brings both up to date.
    assert_eq!(loaded_from(TWO, &behind.topology).topology, synced);
    let none = of_a(&loaded(&declaring("remoteAddressSpace: []")).topology);
    assert_eq!(none, (PeeringState::Connected, vec![]));
}

#[test]
fn a_side_is_declared_to_have_lost_the_other() {
    let text = declaring("peeringState: Disconnected").replace(OTHER_SIDE, "");
    let all = vec!["10.1.0.0/16".to_owned(), "10.2.0.0/16".to_owned()];
    let lost = loaded(&text).topology;
    assert_eq!(of_a(&lost), (PeeringState::Disconnected, all.clone()));
    // One that is Initiated is told that there was another side.
    let initiated = loaded(&TWO.replace(OTHER_SIDE, "")).topology;
    assert_eq!(of_a(&initiated).0, PeeringState::Initiated);
    assert_eq!(loaded_from(&text, &initiated).topology, lost);
    // One that is Connected loses its other side by the same file, and says so or not.
    let connected = loaded(TWO).topology;
    assert_eq!(loaded_from(&text, &connected).topology, lost);
    assert_eq!(loaded_from(&TWO.replace(OTHER_SIDE, ""), &connected).topology, lost);
    // A new flag is no way out while it is declared Disconnected.
    let flag = text.replace("peeringState", "allowForwardedTraffic: true, peeringState");
    assert_eq!(of_a(&loaded_from(&flag, &lost).topology).0, PeeringState::Disconnected);
    let without = flag.replace(", peeringState: Disconnected", "");
    assert_eq!(of_a(&loaded_from(&without, &lost).topology).0, PeeringState::Initiated);
}

#[test]
fn a_lost_remote_need_not_exist_and_may_be_back_with_any_ranges() {
    let text = declaring("peeringState: Disconnected, remoteAddressSpace: [10.7.0.0/16]");
    let (alone, _) = text.split_once("- name: b").unwrap();
    assert_eq!(of_a(&loaded(alone).topology), (PeeringState::Disconnected, vec!["10.7.0.0/16".to_owned()]));
    let undeclared = alone.replace("peeringState: Disconnected, ", "");
    assert_eq!(problems(&undeclared).iter().next().unwrap().code, Some(RefusalCode::ResourceNotFound));
    let in_the_way = text.replace(OTHER_SIDE, "").replace("[10.1.0.0/16, 10.2.0.0/16]", "[10.0.0.0/24]");
    assert_eq!(of_a(&loaded(&in_the_way).topology).0, PeeringState::Disconnected);
}

#[rstest]
#[case::another_state(
    "peeringState: Connected",
    "6:58: `peeringState` may only be said to be Disconnected, not `Connected`"
)]
#[case::no_state("peeringState: ", "6:56: `peeringState` must be a text, but this is nothing")]
#[case::no_space("remoteAddressSpace: ", "6:62: `remoteAddressSpace` must be a list, but this is nothing")]
#[case::a_wrong_prefix(
    "remoteAddressSpace: [10.1.0.1/16]",
    "6:65: InvalidAddressPrefix: peering a/to-b: `10.1.0.1/16` has bits set behind its length; did you mean 10.1.0.0/16?"
)]
#[case::prefixes_that_meet(
    "remoteAddressSpace: [10.1.0.0/16, 10.1.1.0/24]",
    "6:78: InvalidAddressPrefix: peering a/to-b: 10.1.1.0/24 meets 10.1.0.0/16 of the same list"
)]
#[case::lost_while_the_other_side_is_declared(
    "peeringState: Disconnected",
    "6:58: OperationNotAllowed: peering a/to-b cannot be Disconnected while its other side is there: two sides that name each other are Connected"
)]
fn a_past_that_cannot_be_is_refused_at_its_place(#[case] past: &str, #[case] expected: &str) {
    assert_eq!(problems(&declaring(past)).to_string(), expected);
}

#[test]
fn two_sides_that_are_both_declared_to_be_lost_have_one_mistake() {
    let text = declaring("peeringState: Disconnected")
        .replace("remoteVirtualNetwork: a }", "remoteVirtualNetwork: a, peeringState: Disconnected }");
    let problems = problems(&text);
    let [problem] = problems.iter().collect::<Vec<_>>()[..] else { panic!("{problems}") };
    assert_eq!((problem.code, problem.location.unwrap().line), (Some(RefusalCode::OperationNotAllowed), 6));
    let [note] = &problem.notes[..] else { panic!("{problem:?}") };
    assert_eq!((note.message.as_str(), note.location.line), ("its other side is declared here", 11));
}
