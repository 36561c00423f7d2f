//! What a file about one subscription does to the peerings of others: what operations on its own objects would do, and no more.

use std::cell::Cell;
use std::sync::Arc;

use pretty_assertions::assert_eq;

use crate::config::{Loaded, Problems, load_state, load_within, write};
use crate::model::access::{Caller, Subscription};
use crate::model::tests::random;
use crate::model::{Peering, PeeringState, State, SubscriptionId, Topology, VirtualNetwork};

/// red's network, and three of blue's; further entries of the peerings of red's hub, and of blue's x.
fn file(hub: &str, x: &str, x_range: &str) -> String {
    format!(
        "subscription: blue\nvirtualNetworks:\n\
         - {{name: hub, subscription: red, region: r, addressSpace: [10.1.0.0/16], peerings: [{hub}], \
            subnets: [{{name: s, addressPrefixes: [10.1.1.0/24]}}]}}\n\
         - {{name: x, region: r, addressSpace: [{x_range}], peerings: [{x}]}}\n\
         - {{name: y, region: r, addressSpace: [10.3.0.0/16], peerings: []}}\n"
    )
}

const HUB_TO_X: &str = "{name: p, remoteVirtualNetwork: blue/default/x}";
const X_TO_HUB: &str = "{name: q, remoteVirtualNetwork: red/default/hub}";

fn state(text: &str) -> State {
    let loaded = load_state(
        &format!("subscriptions: [{{name: red}}, {{name: blue}}]\n{text}"),
        &State::default(),
        &Caller::root(),
    );
    let loaded = loaded.unwrap_or_else(|problems| panic!("{problems}"));
    State { topology: loaded.topology, directory: loaded.directory }
}

/// The file of red: its hub with these peerings and ranges.
fn red(state: &State, hub: &str, ranges: &str) -> Result<Loaded, Problems> {
    let text = format!(
        "virtualNetworks:\n- {{name: hub, region: r, addressSpace: [{ranges}], peerings: [{hub}], \
         subnets: [{{name: s, addressPrefixes: [10.1.1.0/24]}}]}}\n"
    );
    load_within(&text, state, &Caller::root(), &SubscriptionId::new("red").unwrap())
}

fn side(topology: &Topology, of: &str, name: &str) -> (PeeringState, Vec<String>) {
    let peering = topology.peering(&of.parse().unwrap(), &name.parse().unwrap()).unwrap();
    (peering.state(), peering.remote_address_space().iter().map(ToString::to_string).collect())
}

#[test]
fn a_disconnected_peering_of_others_stands_whatever_its_remote_has_become() {
    // y's peering with x is Disconnected, and x is there again with y's own range.
    let lost = "peerings: [{name: to-x, remoteVirtualNetwork: x, peeringState: Disconnected, remoteAddressSpace: [10.2.0.0/16]}]";
    let text = file("", "", "10.3.0.0/17").replace(
        "addressSpace: [10.3.0.0/16], peerings: []",
        &format!("addressSpace: [10.3.0.0/16], {lost}"),
    );
    let before = state(&text);
    let after = red(&before, "", "10.1.0.0/16, 10.7.0.0/16").unwrap_or_else(|problems| panic!("{problems}"));
    let y = |topology: &Topology| Arc::clone(topology.vnet(&"blue/default/y".parse().unwrap()).unwrap());
    assert!(Arc::ptr_eq(&y(&after.topology), &y(&before.topology)));
}

#[test]
fn a_side_that_waits_takes_over_what_is_there_when_it_is_answered() {
    let before = state(&file("", X_TO_HUB, "10.2.0.0/16"));
    let grown = red(&before, "", "10.1.0.0/16, 10.7.0.0/16").unwrap().topology;
    assert_eq!(
        side(&grown, "blue/default/x", "q"),
        (PeeringState::Initiated, vec!["10.1.0.0/16".to_owned()])
    );
    let grown = before.with_topology(grown);
    let both = red(&grown, HUB_TO_X, "10.1.0.0/16, 10.7.0.0/16").unwrap().topology;
    let now = vec!["10.1.0.0/16".to_owned(), "10.7.0.0/16".to_owned()];
    assert_eq!(side(&both, "blue/default/x", "q"), (PeeringState::Connected, now));
}

#[test]
fn a_side_that_was_lost_is_not_answered() {
    let before = state(&file(HUB_TO_X, X_TO_HUB, "10.2.0.0/16"));
    let lost = before.with_topology(red(&before, "", "10.1.0.0/16").unwrap().topology);
    assert_eq!(side(&lost.topology, "blue/default/x", "q").0, PeeringState::Disconnected);
    let problems = red(&lost, HUB_TO_X, "10.1.0.0/16").unwrap_err().to_string();
    assert!(
        problems.contains("RemotePeeringIsDisconnected: peering blue/default/x/q is Disconnected"),
        "{problems}"
    );
}

/// The steps of `random` lead to topologies in two subscriptions.
#[test]
fn a_plan_about_one_subscription_leaves_every_other_object_alone() {
    let subscription = SubscriptionId::default();
    let is_other = |vnet: &VirtualNetwork| vnet.name().subscription() != subscription.as_str();
    let other = Subscription { name: SubscriptionId::new("red").unwrap(), ..Subscription::default() };
    let two = State::default().put_subscription(other).unwrap();
    let (loads, noticed) = (Cell::new(0), Cell::new(0));
    super::random::run(400, &(random::dice(60), random::dice(30)), |(first, then)| {
        let mut topology = random::furnished();
        first.into_iter().for_each(|dice| _ = random::step(&mut topology, dice));
        let from = topology.clone();
        then.into_iter().for_each(|dice| _ = random::step(&mut topology, dice));
        // The part of the file that is about the one subscription.
        let only = topology.visible_to(|name| name.subscription() == subscription.as_str());
        let mut snapshot = only.snapshot();
        snapshot.virtual_networks.retain(|vnet| vnet.name.subscription() == subscription.as_str());
        for peering in snapshot.virtual_networks.iter_mut().flat_map(|vnet| &mut vnet.peerings) {
            // Restored without the others, a peering with one of them is Disconnected. The file does not say so.
            if peering.remote_virtual_network.subscription() != subscription.as_str() {
                peering.peering_state = PeeringState::Disconnected;
            }
        }
        let text = write(&Topology::restore(snapshot).unwrap());
        let text = text
            .replace(", peeringState: Disconnected", "")
            .replace("        peeringState: Disconnected\n", "");
        let current = two.with_topology(from.clone());
        let Ok(loaded) = load_within(&text, &current, &Caller::root(), &subscription) else { return };
        loads.set(loads.get() + 1);
        assert_eq!(Topology::restore(loaded.topology.snapshot()), Ok(loaded.topology.clone()), "{text}");
        for old in from.vnets().filter(|vnet| is_other(vnet)) {
            let new = loaded.topology.vnet(old.name()).unwrap();
            assert!(Arc::ptr_eq(new.nics(), old.nics()));
            let specs = |vnet: &VirtualNetwork| vnet.peerings().map(Peering::spec).collect::<Vec<_>>();
            assert_eq!(specs(new), specs(old));
            if new == old {
                assert!(Arc::ptr_eq(new, old));
            } else {
                noticed.set(noticed.get() + 1);
            }
        }
        let next = two.with_topology(loaded.topology);
        let again = load_within(&text, &next, &Caller::root(), &subscription)
            .unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        assert_eq!(again.topology, next.topology, "{text}");
    });
    assert!(loads.get() > 50 && noticed.get() > 10, "{} loads, {} noticed", loads.get(), noticed.get());
}
