//! Files about one subscription, from somebody who has no role outside it.

use pretty_assertions::assert_eq;
use rstest::rstest;

use crate::config::{Loaded, Problems, load_state, load_within};
use crate::model::access::Caller;
use crate::model::{Operation, RefusalCode, State, SubscriptionId, VnetId, VnetSpec};

/// Alice is Owner of `red`. Whatever `blue` has is none of her business, but for the network that she may peer with.
const BOTH: &str = "
subscriptions:
  - { name: red, roleAssignments: [{ principal: user:alice, role: Owner }] }
  - name: blue
    roleAssignments: [{ principal: user:alice, role: Network Contributor, scope: prod/open }]
virtualNetworks:
  - name: app
    subscription: red
    resourceGroup: prod
    region: west
    addressSpace: [10.1.0.0/16]
    subnets: [{ name: s, addressPrefixes: [10.1.1.0/24] }]
    peerings: [{ name: to-open, remoteVirtualNetwork: blue/prod/open }]
  - name: secret
    subscription: blue
    resourceGroup: prod
    region: north
    addressSpace: [10.77.0.0/16]
    subnets: [{ name: payroll, addressPrefixes: [10.77.1.0/24] }]
  - { name: open, subscription: blue, resourceGroup: prod, region: north, addressSpace: [10.2.0.0/16] }
nics:
  - { name: vm, subscription: red, resourceGroup: prod, subnet: app/s, addresses: [10.1.1.4] }
  - { name: db, subscription: blue, resourceGroup: prod, subnet: secret/payroll, addresses: [10.77.1.4], interface: ens7 }
";

fn both() -> State {
    let loaded = load_state(BOTH, &State::default(), &Caller::root()).unwrap();
    State { topology: loaded.topology, directory: loaded.directory }
}

fn id(name: &str) -> VnetId {
    VnetId::new(name).unwrap()
}

/// What Alice comes to with a file about `red`.
fn load_as_alice(state: &State, text: &str) -> Result<Loaded, Problems> {
    let alice = Caller::new("user:alice".parse().unwrap(), []);
    load_within(text, state, &alice, &SubscriptionId::new("red").unwrap())
}

/// `app` as it is, with what `peering` and `more` say besides.
fn file(peering: &str, nic: &str, more: &str) -> String {
    format!(
        "resourceGroup: prod
virtualNetworks:
  - name: app
    region: west
    addressSpace: [10.1.0.0/16, 10.77.128.0/17]
    subnets: [{{ name: s, addressPrefixes: [10.1.1.0/24] }}]
    peerings:
      - {{ name: to-open, remoteVirtualNetwork: blue/prod/open }}
{peering}nics:
  - {{ name: vm, subnet: app/s, addresses: [10.1.1.4] }}
{nic}{more}"
    )
}

fn with_peering(rest: &str) -> String {
    file(&format!("      - {{ name: p, {rest} }}\n"), "", "")
}

fn with_nic(rest: &str) -> String {
    file("", &format!("  - {{ name: new, {rest} }}\n"), "")
}

fn with_assertion(assertion: &str) -> String {
    file("", "", &format!("assertions: [{{ {assertion} }}]\n"))
}

#[rstest]
#[case::network(with_peering("remoteVirtualNetwork: blue/prod/X"), ["secret", "absent"], "LinkedAuthorizationFailed")]
#[case::remote_subnet(
    with_peering("remoteVirtualNetwork: blue/prod/secret, peerCompleteVnets: false, localSubnetNames: [], remoteSubnetNames: [X]"),
    ["payroll", "absent"],
    "LinkedAuthorizationFailed"
)]
#[case::subnet(with_nic("subnet: blue/prod/X/payroll, addresses: [10.77.1.4]"), ["secret", "absent"], "LinkedAuthorizationFailed")]
#[case::interface(with_nic("subnet: app/s, addresses: [10.1.1.5], interface: X"), ["ens7", "ens8"], "AuthorizationFailed")]
#[case::nic_that_is_reached(with_assertion("from: vm, to: blue/prod/X, reachable: true"), ["db", "nobody"], "AuthorizationFailed")]
#[case::nic_that_reaches(with_assertion("from: blue/prod/X, to: vm, reachable: false"), ["db", "nobody"], "AuthorizationFailed")]
fn without_a_role_there_a_file_is_told_the_same_whether_or_not_something_is_there(
    #[case] file: String,
    #[case] names: [&str; 2],
    #[case] code: &str,
) {
    let state = both();
    let told = names.map(|name| {
        let problems = load_as_alice(&state, &file.replace('X', name)).unwrap_err();
        let codes: Vec<_> = problems.iter().map(|problem| problem.code.map(RefusalCode::as_str)).collect();
        assert_eq!(codes, [Some(code)], "{problems}");
        problems.iter().map(|problem| problem.message.replace(name, "X")).collect::<Vec<_>>()
    });
    assert_eq!(told[0], told[1]);
}

#[test]
fn each_thing_that_needs_a_role_is_shown_at_its_place_and_mistakes_of_form_with_it() {
    let text = "resourceGroup: prod
virtualNetworks:
  - name: app
    region: west
    addressSpace: [10.1.0.0/16]
    subnetz: []
    peerings:
      - name: p
        remoteVirtualNetwork: blue/prod/secret
nics:
  - name: vm
    addresses: [10.77.1.4]
    interface: ens7
    subnet: app/s
  - name: two
    addresses: [10.77.1.4]
    subnet: blue/prod/secret/payroll
assertions:
  - { from: vm, to: blue/prod/db, reachable: true }
";
    let problems = load_as_alice(&both(), text).unwrap_err();
    let told: Vec<_> = problems
        .iter()
        .map(|problem| {
            let at = problem.location.unwrap();
            (at.line, at.column, problem.code.map_or("form", RefusalCode::as_str))
        })
        .collect();
    assert_eq!(
        told,
        [
            (6, 5, "form"),
            (9, 31, "LinkedAuthorizationFailed"),
            (13, 16, "AuthorizationFailed"),
            (17, 13, "LinkedAuthorizationFailed"),
            (19, 21, "AuthorizationFailed"),
        ],
        "{problems}"
    );
}

#[test]
fn what_is_as_it_was_needs_no_role_and_assertions_about_own_nics_none_elsewhere() {
    let again = file("", "", "assertions: [{ from: vm, to: vm2, reachable: true }]\n")
        .replace(", 10.77.128.0/17", "")
        .replace("assertions", "  - { name: vm2, subnet: app/s, addresses: [10.1.1.5] }\nassertions");
    let loaded = load_as_alice(&both(), &again).unwrap_or_else(|problems| panic!("{problems}"));
    let changes: Vec<String> = loaded.changes.iter().map(|change| change.resource.to_string()).collect();
    assert_eq!(changes, ["NIC red/prod/vm2"]);
}

#[rstest]
#[case::who_may_not_peer(false, &["10.2.0.0/16"])]
#[case::who_may_peer(true, &["10.2.0.0/16", "10.9.0.0/16"])]
fn a_peering_that_stays_takes_over_new_ranges_for_one_who_may_peer_alone(
    #[case] may_peer: bool,
    #[case] space: &[&str],
) {
    let mut state = both();
    let grown = VnetSpec {
        name: id("blue/prod/open"),
        region: state.topology.vnet(&id("blue/prod/open")).unwrap().region().clone(),
        address_space: ["10.2.0.0/16", "10.9.0.0/16"].map(|range| range.parse().unwrap()).to_vec(),
    };
    state = state.apply(&Caller::root(), [Operation::UpdateVnet(grown)]).unwrap();
    if !may_peer {
        let given =
            state.directory.assignments().find(|one| one.scope.to_string().ends_with("/open")).unwrap();
        let (scope, name) = (given.scope.clone(), given.name.clone());
        state = state.delete_role_assignment(&scope, &name).unwrap();
    }
    let text = file("", "", "").replace(", 10.77.128.0/17", "");
    let loaded = load_as_alice(&state, &text).unwrap_or_else(|problems| panic!("{problems}"));
    let peering = loaded.topology.vnet(&id("red/prod/app")).unwrap().peerings().next().unwrap();
    let taken: Vec<String> = peering.remote_address_space().iter().map(ToString::to_string).collect();
    assert_eq!(taken, space);
    let next = State { topology: loaded.topology.clone(), directory: loaded.directory };
    let alice = Caller::new("user:alice".parse().unwrap(), []);
    assert_eq!(state.authorize(&alice, &next), Ok(()));
}
