//! Who may do what, by commands that real users of this machine run.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod hidden;
mod stage;

use pretty_assertions::assert_eq;
use serde_json::Value;
use stage::{BLUE, BLUE_SIDE, MEMBERS, NOBODY, RED, RED_SIDE, Stage, ask_tcp};
use vnet_tests::agent::Site;

#[test]
fn an_owner_makes_networks_in_his_own_subscription_and_in_no_other() {
    let site = Site::stored();
    let stage = Stage::with_networks(&site);
    for (user, other) in [(RED, "blue"), (BLUE, "red"), (RED, "default")] {
        let told = stage.refused(
            user,
            &format!("vnet create -n x --subscription {other} -l west --address-prefixes 10.9.0.0/16"),
            "AuthorizationFailed",
        );
        assert!(told.contains("Microsoft.Network/virtualNetworks/write"), "{told}");
        assert!(told.contains(&format!("/subscriptions/{other}/")), "{told}");
        assert!(told.contains(&format!("user:#{user}")), "{told}");
    }
    assert_eq!(stage.names(RED, "vnet list"), ["app"]);
    assert_eq!(stage.names(BLUE, "vnet list"), ["data"]);
}

#[test]
fn two_tenants_peer_once_each_has_a_role_on_the_network_of_the_other() {
    let site = Site::stored();
    let stage = Stage::with_networks(&site);
    for (user, command, other) in [(RED, RED_SIDE, "blue"), (BLUE, BLUE_SIDE, "red")] {
        let told = stage.refused(user, command, "LinkedAuthorizationFailed");
        assert!(told.contains("Microsoft.Network/virtualNetworks/peer/action"), "{told}");
        assert!(told.contains(&format!("/subscriptions/{other}/")), "{told}");
    }
    stage.trust_each_other();
    stage.done(RED, RED_SIDE);
    assert_eq!(stage.state(RED, "app", "red", "to-blue"), "Initiated");
    stage.done(BLUE, BLUE_SIDE);
    assert_eq!(stage.state(RED, "app", "red", "to-blue"), "Connected");
    assert_eq!(stage.state(BLUE, "data", "blue", "to-red"), "Connected");
}

#[test]
fn a_reader_lists_and_shows_and_writes_nothing() {
    let site = Site::stored();
    let stage = Stage::with_networks(&site);
    stage.done(RED, "role assignment create --assignee user:#70002 --role Reader --subscription red");
    assert_eq!(stage.names(BLUE, "vnet list --subscription red"), ["app"]);
    stage.done(BLUE, "vnet show -n app --subscription red");
    for command in [
        "vnet update -n app --subscription red --add-address-prefix 10.8.0.0/16",
        "vnet delete -n app --subscription red",
        "vnet subnet create -n t --vnet-name app --subscription red --address-prefixes 10.1.2.0/24",
        "nic create -n vm --subscription red --vnet-name app --subnet s",
    ] {
        stage.refused(BLUE, command, "AuthorizationFailed");
    }
    // To read is not to peer.
    stage.refused(BLUE, BLUE_SIDE, "LinkedAuthorizationFailed");
}

#[test]
fn one_without_a_role_sees_empty_lists_and_reads_nothing_by_name() {
    let site = Site::stored();
    let stage = Stage::with_networks(&site);
    stage.done(RED, "nic create -n vm --subscription red --vnet-name app --subnet s");
    for list in ["vnet list", "nic list", "subscription list", "role assignment list", "activity-log list"] {
        assert_eq!(stage.ask(NOBODY, &format!("{list} -o json")).json(), serde_json::json!([]), "{list}");
    }
    for command in [
        "vnet show -n app --subscription red",
        // Nor does he learn what is there.
        "vnet show -n absent --subscription red",
        "nic show -n vm --subscription red",
        "subscription show -n red",
    ] {
        stage.refused(NOBODY, command, "AuthorizationFailed");
    }
}

#[test]
fn a_list_of_everything_has_what_a_role_on_a_part_of_a_subscription_lets_one_read() {
    let site = Site::stored();
    let stage = Stage::with_networks(&site);
    stage.done(RED, "vnet create -n more --subscription red -g prod -l west --address-prefixes 10.3.0.0/16");
    stage.done(RED, "nic create -n vm --subscription red --vnet-name app --subnet s");
    let reader = format!("role assignment create --assignee user:#{NOBODY} --role Reader --subscription red");
    let subscriptions = || {
        let listed = stage.ask(NOBODY, "subscription list -o json").json();
        listed.as_array().unwrap().iter().map(|one| one["subscriptionId"].clone()).collect::<Vec<_>>()
    };
    stage.done(RED, &format!("{reader} --vnet-name app"));
    assert_eq!(stage.names(NOBODY, "vnet list"), ["app"]);
    assert_eq!(stage.names(NOBODY, "nic list"), [""; 0]);
    assert_eq!(subscriptions(), ["red"]);
    stage.done(NOBODY, "subscription show -n red");
    stage.refused(NOBODY, "subscription show -n blue", "AuthorizationFailed");
    stage.done(RED, &format!("{reader} -g default"));
    assert_eq!(stage.names(NOBODY, "nic list"), ["vm"]);
    assert_eq!(stage.names(NOBODY, "vnet list"), ["app"]);
    // What concerns the subscription as a whole is not read by a part of it.
    stage.refused(NOBODY, "activity-log list --subscription red", "AuthorizationFailed");
}

#[test]
fn a_role_that_is_taken_away_is_gone_at_once() {
    let site = Site::stored();
    let stage = Stage::with_networks(&site);
    stage.trust_each_other();
    assert_eq!(stage.names(BLUE, "vnet list"), ["data", "app"]);
    stage.done(BLUE, "vnet update -n app --subscription red --add-address-prefix 10.8.0.0/16");
    stage.done(
        RED,
        "role assignment delete --assignee user:#70002 --role NetworkContributor --vnet-name app --subscription red",
    );
    stage.refused(
        BLUE,
        "vnet update -n app --subscription red --add-address-prefix 10.7.0.0/16",
        "AuthorizationFailed",
    );
    stage.refused(BLUE, BLUE_SIDE, "LinkedAuthorizationFailed");
    assert_eq!(stage.names(BLUE, "vnet list"), ["data"]);
}

#[test]
fn nobody_gives_himself_a_role_or_a_token() {
    let site = Site::stored();
    let stage = Stage::with_networks(&site);
    stage.trust_each_other();
    for (user, scope) in [
        (NOBODY, "--subscription red"),
        (RED, "--subscription blue"),
        (RED, "--scope /"),
        // Network Contributor there, and not Owner.
        (BLUE, "--vnet-name app --subscription red"),
    ] {
        let command = format!("role assignment create --assignee user:#{user} --role Owner {scope}");
        let told = stage.refused(user, &command, "AuthorizationFailed");
        assert!(told.contains("Microsoft.Authorization/roleAssignments/write"), "{told}");
    }
    stage.refused(RED, "token create -n mine --assignee root", "AuthorizationFailed");
    stage.refused(RED, "token create -n mine --assignee user:#70002", "AuthorizationFailed");
}

#[test]
fn an_interface_of_the_machine_is_given_to_a_nic_by_root_alone() {
    let site = Site::stored();
    let stage = Stage::with_networks(&site);
    let command = "nic create -n vm --subscription red --vnet-name app --subnet s";
    stage.refused(RED, &format!("{command} --interface absent0"), "AuthorizationFailed");
    stage.done(RED, command);
    stage.refused(RED, "nic update -n vm --subscription red --interface absent0", "AuthorizationFailed");
    stage.root("nic update -n vm --subscription red --interface absent0");
}

#[test]
fn a_role_of_a_group_is_held_by_its_members_alone() {
    let site = Site::stored();
    let stage = Stage::with_networks(&site);
    stage.done(RED, "role assignment create --assignee group:#70011 --role Contributor --subscription red");
    let grow = "vnet update -n app --subscription red --add-address-prefix 10.8.0.0/16";
    stage.refused(NOBODY, grow, "AuthorizationFailed");
    let ended = stage.ask_in(NOBODY, MEMBERS + 1, grow);
    assert!(ended.stderr.starts_with("error[AuthorizationFailed]: "), "{}", ended.transcript());
    let ended = stage.ask_in(NOBODY, MEMBERS, grow);
    assert_eq!(ended.status, Some(0), "{}", ended.transcript());
}

#[test]
fn the_log_names_who_did_or_was_refused_what_to_those_who_may_read_it() {
    let site = Site::stored();
    let stage = Stage::with_networks(&site);
    stage.refused(BLUE, "vnet delete -n app --subscription red", "AuthorizationFailed");
    let told = |user: Option<u32>| {
        let command = "activity-log list -o json";
        let events: Value = match user {
            Some(user) => stage.ask(user, command).json(),
            None => serde_json::from_str(&stage.root(command)).unwrap(),
        };
        let word =
            |event: &Value, pointer: &str| event.pointer(pointer).unwrap().as_str().unwrap().to_owned();
        let networks = events.as_array().unwrap().iter().map(|event| {
            ["/caller", "/operationName/value", "/status/value", "/subStatus/value"]
                .map(|pointer| word(event, pointer))
                .join(" ")
        });
        networks.filter(|line| line.contains("Microsoft.Network/")).collect::<Vec<_>>()
    };
    let refusal =
        "user:#70002 Microsoft.Network/virtualNetworks/delete Failed AuthorizationFailed".to_owned();
    let red = "user:#70001 Microsoft.Network/virtualNetworks/write Succeeded ".to_owned();
    let blue = "user:#70002 Microsoft.Network/virtualNetworks/write Succeeded ".to_owned();
    assert_eq!(told(None), [refusal.clone(), blue.clone(), red.clone()]);
    assert_eq!(told(Some(RED)), [refusal, red]);
    assert_eq!(told(Some(BLUE)), [blue]);
    assert!(told(Some(NOBODY)).is_empty());
    stage.refused(BLUE, "activity-log list --subscription red", "AuthorizationFailed");
}

#[test]
fn a_token_for_a_user_is_that_user_by_tcp_until_it_is_deleted() {
    let site = Site::stored();
    let stage = Stage::with(&site, &["--listen", "127.0.0.1:0"]);
    stage.make_networks();
    let address = stage.address();
    let made = stage.root("token create -n ci --assignee user:#70001 -o json");
    let made: Value = serde_json::from_str(&made).unwrap();
    let token = made["token"].as_str().unwrap();
    let network = |subscription: &str, name: &str| {
        format!("{}/virtualNetworks/{name}", vnet_tests::arm::provider(subscription, "default"))
    };
    let answer = ask_tcp(&address, token, "GET", &network("red", "app"), "");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let answer = ask_tcp(&address, token, "GET", &network("blue", "data"), "");
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("user:#70001"), "{answer}");
    stage.root("token delete -n ci");
    let answer = ask_tcp(&address, token, "GET", &network("red", "app"), "");
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
}
