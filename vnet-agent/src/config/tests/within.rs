//! Files about a whole state, and about one subscription alone.

use std::sync::Arc;

use pretty_assertions::assert_eq;

use crate::config::{load_state, load_within, write_state};
use crate::model::access::Caller;
use crate::model::{PeeringState, State, SubscriptionId, VnetId};

const BOTH: &str = "
subscriptions:
  - name: red
    displayName: \"Red: the team's\"
    tenant: contoso
    roleAssignments:
      - { principal: user:alice, role: Owner }
      - { principal: group:netops, role: Network Contributor, scope: prod }
      - { principal: user:bob, role: Reader, scope: prod/hub }
  - name: blue
    tenant: fabrikam
    roleAssignments: [{ principal: user:carol, role: Contributor }]
roleAssignments: [{ principal: user:dora, role: Reader }]
virtualNetworks:
  - name: hub
    subscription: red
    resourceGroup: prod
    region: westeurope
    addressSpace: [10.1.0.0/16]
    subnets: [{ name: s, addressPrefixes: [10.1.1.0/24] }]
    peerings: [{ name: to-blue, remoteVirtualNetwork: blue/prod/hub }]
  - name: hub
    subscription: blue
    resourceGroup: prod
    region: northeurope
    addressSpace: [10.2.0.0/16]
    subnets: [{ name: s, addressPrefixes: [10.2.1.0/24] }]
    peerings: [{ name: to-red, remoteVirtualNetwork: red/prod/hub }]
nics:
  - { name: vm, subscription: red, resourceGroup: prod, subnet: hub/s, addresses: [10.1.1.4] }
  - { name: vm, subscription: blue, resourceGroup: prod, subnet: hub/s, addresses: [10.2.1.4], interface: eth7 }
";

/// Red alone, with a range more.
const RED: &str = "
resourceGroup: prod
virtualNetworks:
  - name: hub
    region: westeurope
    addressSpace: [10.1.0.0/16, 10.9.0.0/16]
    subnets: [{ name: s, addressPrefixes: [10.1.1.0/24] }]
    peerings: [{ name: to-blue, remoteVirtualNetwork: blue/prod/hub }]
nics: [{ name: vm, subnet: hub/s, addresses: [10.1.1.5] }]
";

fn both() -> State {
    let loaded = load_state(BOTH, &State::default(), &Caller::root()).unwrap();
    State { topology: loaded.topology, directory: loaded.directory }
}

fn red() -> SubscriptionId {
    SubscriptionId::new("red").unwrap()
}

fn id(name: &str) -> VnetId {
    VnetId::new(name).unwrap()
}

#[test]
fn a_whole_state_that_was_written_leads_an_empty_one_to_the_same() {
    let state = both();
    let text = write_state(&state);
    let again = load_state(&text, &State::default(), &Caller::root()).unwrap();
    assert_eq!(again.topology, state.topology, "{text}");
    assert_eq!(again.directory, state.directory, "{text}");
    let same = load_state(&text, &state, &Caller::root()).unwrap();
    assert_eq!(same.changes, [], "{text}");
}

#[test]
fn an_empty_state_is_written_as_one_that_has_nothing() {
    let text = write_state(&State::default());
    let loaded = load_state(&text, &both(), &Caller::root()).unwrap();
    assert_eq!((loaded.topology.vnets().len(), loaded.directory.assignments().len()), (0, 0), "{text}");
}

#[test]
fn a_file_about_one_subscription_leaves_the_others_as_they_are() {
    let state = both();
    let loaded = load_within(RED, &state, &Caller::root(), &red()).unwrap();
    let blue = |state: &crate::model::Topology| Arc::clone(state.vnet(&id("blue/prod/hub")).unwrap());
    assert!(Arc::ptr_eq(&blue(&loaded.topology), &blue(&state.topology)), "blue is not the same any more");
    assert_eq!(loaded.directory, state.directory);
    let hub = loaded.topology.vnet(&id("red/prod/hub")).unwrap();
    assert_eq!(hub.address_space().ranges().len(), 2);
    // Blue has not taken the new range over: that is for blue to say.
    let to_red = blue(&loaded.topology);
    let to_red = to_red.peerings().next().unwrap();
    assert_eq!(to_red.remote_address_space().len(), 1);
    assert_eq!(to_red.state(), PeeringState::Connected);
}

#[test]
fn what_a_subscription_s_file_leaves_out_is_gone_and_the_other_side_is_disconnected() {
    let state = both();
    let loaded = load_within("virtualNetworks: []", &state, &Caller::root(), &red()).unwrap();
    let names: Vec<&str> = loaded.topology.vnets().map(|vnet| vnet.name().as_str()).collect();
    assert_eq!(names, ["blue/prod/hub"]);
    let blue = loaded.topology.vnet(&id("blue/prod/hub")).unwrap();
    assert_eq!(blue.peerings().next().unwrap().state(), PeeringState::Disconnected);
    assert_eq!(loaded.topology.nic_count(), 1);
}

#[test]
fn a_file_about_one_subscription_declares_nothing_in_another() {
    let text = "
virtualNetworks:
  - { name: hub, subscription: blue, resourceGroup: prod, region: r, addressSpace: [10.2.0.0/16] }
nics: [{ name: vm, subscription: blue, resourceGroup: prod, subnet: hub/s, addresses: [10.2.1.4] }]
";
    let problems = load_within(text, &both(), &Caller::root(), &red()).unwrap_err();
    let said: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
    let end = "stands in subscription blue, but this file is to be applied to subscription red alone";
    assert_eq!(said, [format!("virtual network blue/prod/hub {end}"), format!("NIC blue/prod/vm {end}")]);
}

#[test]
fn what_stands_in_another_subscription_stands_in_the_way_as_always() {
    let text = "
resourceGroup: prod
virtualNetworks:
  - name: hub
    region: westeurope
    addressSpace: [10.2.128.0/17]
    peerings: [{ name: to-blue, remoteVirtualNetwork: blue/prod/hub }]
";
    let problems = load_within(text, &both(), &Caller::root(), &red()).unwrap_err();
    let said: Vec<String> = problems.iter().map(|problem| problem.message.clone()).collect();
    assert!(said.iter().any(|message| message.contains("10.2.0.0/16 of blue/prod/hub")), "{said:?}");
}
