//! What a user may not read stays hidden from him: he is told the same whether it is there or not.

use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use vnet_tests::agent::Site;
use vnet_tests::arm::provider;

use super::stage::{BLUE, BLUE_SIDE, NOBODY, RED, RED_SIDE, Stage, ask_tcp};

/// Red's network as it is, with what stands in its lists besides.
fn file(peerings: &str, nics: &str, assertions: &str) -> String {
    format!(
        "virtualNetworks:
  - name: app
    region: west
    addressSpace: [10.1.0.0/16, 10.2.128.0/17]
    subnets: [{{ name: s, addressPrefixes: [10.1.1.0/24] }}]
    peerings: [{peerings}]
nics: [{{ name: vm, subnet: app/s, addresses: [10.1.1.4] }}{nics}]
assertions: [{assertions}]
"
    )
}

#[test]
fn a_file_about_ones_own_subscription_tells_nothing_of_another() {
    let site = Site::stored();
    let stage = Stage::with_networks(&site);
    stage.root("nic create -n db --subscription blue --vnet-name data --subnet s --interface absent0");
    let cases = [
        (file("{ name: p, remoteVirtualNetwork: blue/default/NAME }", "", ""), ["data", "nothing"]),
        (
            file("", ", { name: x, subnet: blue/default/NAME/s, addresses: [10.2.1.9] }", ""),
            ["data", "nothing"],
        ),
        (
            file("", ", { name: x, subnet: app/s, addresses: [10.1.1.5], interface: NAME }", ""),
            ["absent0", "absent1"],
        ),
        (file("", "", "{ from: blue/default/NAME, to: vm, reachable: true }"), ["db", "nobody"]),
        (file("", "", "{ from: vm, to: blue/default/NAME, reachable: false }"), ["db", "nobody"]),
    ];
    let before = stage.everything();
    for (text, names) in cases {
        let told = names.map(|name| {
            site.write(&text.replace("NAME", name));
            let apply = format!("apply {} --subscription red", site.file().display());
            let [dry, wet] =
                [format!("{apply} --dry-run"), apply].map(|command| stage.ask(RED, &command).transcript());
            assert_eq!(dry, wet);
            assert!(wet.contains("AuthorizationFailed]: ") && wet.contains("topology.yaml:"), "{wet}");
            // The line that marks the place is as long as the name.
            let lines = wet.lines().filter(|line| !line.contains("^^"));
            lines.collect::<Vec<_>>().join("\n").replace(name, "NAME")
        });
        assert_eq!(told[0], told[1]);
    }
    assert_eq!(stage.everything(), before);
    // What is wrong with one's own is told as ever.
    site.write(&file("", "", "{ from: vm, to: vm, reachable: false }"));
    let apply = format!("apply {} --subscription red", site.file().display());
    let ended = stage.ask(RED, &apply);
    assert!(ended.stderr.contains("this assertion does not hold"), "{}", ended.transcript());
}

#[test]
fn both_sides_of_a_peering_are_refused_alike_whatever_peerings_the_other_network_has() {
    let site = Site::stored();
    let stage = Stage::with_networks(&site);
    stage.done(BLUE, "vnet create -n more --subscription blue -l west --address-prefixes 10.3.0.0/16");
    stage.done(
        BLUE,
        "vnet peering create -n to-more --vnet-name data --subscription blue --remote-vnet blue/default/more",
    );
    let told = ["to-more", "to-nothing"].map(|name| {
        let command = format!("{RED_SIDE} --both --remote-name {name}");
        stage.refused(RED, &command, "LinkedAuthorizationFailed")
    });
    assert_eq!(told[0], told[1]);
}

#[test]
fn a_nic_is_refused_alike_whatever_the_network_is_that_it_is_to_stand_in() {
    let site = Site::stored();
    let stage = Stage::with(&site, &["--listen", "127.0.0.1:0"]);
    stage.make_networks();
    let token = stage.token(RED);
    let address = stage.address();
    let told = ["data", "nothing"].map(|name| {
        let subnet = format!("{}/virtualNetworks/{name}/subnets/s", provider("blue", "default"));
        let configuration = json!({"properties": {"subnet": {"id": subnet}}});
        let body = json!({"location": "nowhere", "properties": {"ipConfigurations": [configuration]}});
        let nic = format!("{}/networkInterfaces/x", provider("red", "default"));
        let answer = ask_tcp(&address, &token, "PUT", &nic, &body.to_string());
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        body.replace(name, "NAME")
    });
    assert_eq!(told[0], told[1]);
}

#[test]
fn a_list_of_a_subscription_is_empty_for_one_without_a_role_whether_or_not_it_exists() {
    let site = Site::stored();
    let stage = Stage::with_networks(&site);
    for noun in ["vnet", "nic"] {
        for subscription in ["red", "absent"] {
            let command = format!("{noun} list --subscription {subscription} -o json");
            assert_eq!(stage.ask(NOBODY, &command).json(), json!([]), "{command}");
        }
    }
    let ended = stage.agent.ask(&["vnet", "list", "--subscription", "absent"]);
    assert!(ended.stderr.starts_with("error[ResourceNotFound]: "), "{}", ended.transcript());
}

#[test]
fn a_peering_shows_nothing_of_a_network_that_took_the_others_place() {
    let site = Site::stored();
    let stage = Stage::with(&site, &["--listen", "127.0.0.1:0"]);
    stage.make_networks();
    stage.trust_each_other();
    stage.done(RED, RED_SIDE);
    stage.done(BLUE, BLUE_SIDE);
    let (address, token) = (stage.address(), stage.token(RED));
    let seen = || {
        let show = "vnet peering show -n to-blue --vnet-name app --subscription red -o json";
        let shown = stage.ask(RED, show).json();
        let answer = ask_tcp(&address, &token, "GET", "/topology", "");
        let (_, topology) = answer.split_once("\r\n\r\n").unwrap();
        let topology: Value = serde_json::from_str(topology).unwrap();
        (shown["properties"]["remoteVirtualNetworkAddressSpace"].clone(), topology["virtualNetworks"].clone())
    };
    let names = |networks: &Value| -> Vec<Value> {
        networks.as_array().unwrap().iter().map(|network| network["name"].clone()).collect()
    };
    let (space, networks) = seen();
    assert_eq!(space, json!({"addressPrefixes": ["10.2.0.0/16"]}));
    assert_eq!(names(&networks), ["blue/default/data", "red/default/app"]);
    // Red's role on the network goes with it.
    stage.done(BLUE, "vnet delete -n data --subscription blue");
    let gone = seen();
    assert_eq!((&gone.0, names(&gone.1)), (&Value::Null, vec![json!("red/default/app")]));
    stage.done(
        BLUE,
        "vnet create -n data --subscription blue -l west --address-prefixes 10.7.0.0/16 --subnet-name payroll --subnet-prefixes 10.7.1.0/24",
    );
    assert_eq!(stage.state(RED, "app", "red", "to-blue"), "Disconnected");
    stage.refused(RED, "vnet show -n data --subscription blue", "AuthorizationFailed");
    assert_eq!(seen(), gone);
}

#[test]
fn a_peering_of_no_subnet_that_a_file_declares_is_updated_and_synchronized() {
    let site = Site::stored();
    let stage = Stage::with_networks(&site);
    stage.trust_each_other();
    let peering = "{ name: to-blue, remoteVirtualNetwork: blue/default/data, peerCompleteVnets: false, localSubnetNames: [], remoteSubnetNames: [s] }";
    site.write(&file(peering, "", "").replace(", 10.2.128.0/17", ""));
    stage.done(RED, &format!("apply {} --subscription red", site.file().display()));
    let of = "-n to-blue --vnet-name app --subscription red";
    stage.done(RED, &format!("vnet peering update {of} --allow-forwarded-traffic"));
    stage.done(RED, &format!("vnet peering sync {of}"));
    let shown = stage.ask(RED, &format!("vnet peering show {of} -o json")).json();
    let properties = &shown["properties"];
    assert_eq!(
        (&properties["localSubnetNames"], &properties["allowForwardedTraffic"]),
        (&json!([]), &json!(true))
    );
}
