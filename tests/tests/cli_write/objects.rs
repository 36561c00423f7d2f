//! Virtual networks, subnets and NICs.

use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use vnet_tests::agent::Site;

use crate::site::{ask, done, everything, hub_and_spoke, json, refused, shown};

#[test]
fn a_network_is_created_shown_changed_and_deleted() {
    let site = Site::stored();
    let agent = site.start();
    shown!(
        &agent,
        "vnet create -n hub --address-prefixes 10.0.0.0/16 fd00::/48 --location west --subnet-name default --subnet-prefixes 10.0.1.0/24 -o json"
    );
    shown!(&agent, "vnet create -n spoke -l north --address-prefixes 10.1.0.0/16 -o table");
    shown!(&agent, "vnet show -n hub -o table");
    shown!(&agent, "vnet show -n hub -o yaml");
    shown!(&agent, "vnet list -o table");
    shown!(&agent, "vnet list -o tsv");
    shown!(
        &agent,
        "vnet update -n hub --add-address-prefix 10.8.0.0/16 --remove-address-prefix fd00::/48 -o table"
    );
    assert_eq!(done(&agent, "vnet delete -n hub"), "");
    refused(&agent, "vnet show -n hub", "ResourceNotFound");
    assert_eq!(json(&agent, "vnet list -o json").as_array().unwrap().len(), 1);
}

#[test]
fn a_subnet_is_created_shown_changed_and_deleted() {
    let site = Site::stored();
    let agent = hub_and_spoke(&site);
    shown!(
        &agent,
        "vnet subnet create -n jobs --vnet-name hub --address-prefixes 10.0.2.0/24 fd00:0:0:2::/64 -o json"
    );
    shown!(&agent, "vnet subnet update -n jobs --vnet-name hub --address-prefixes 10.0.3.0/24 -o table");
    shown!(&agent, "vnet subnet list --vnet-name hub -o table");
    shown!(&agent, "vnet subnet show -n default --vnet-name hub -o table");
    assert_eq!(done(&agent, "vnet subnet delete -n jobs --vnet-name hub"), "");
    let names = json(&agent, "vnet subnet list --vnet-name hub -o json");
    assert_eq!(names.as_array().unwrap().iter().map(|one| &one["name"]).collect::<Vec<_>>(), ["default"]);
}

#[test]
fn a_nic_is_created_shown_changed_and_deleted() {
    let site = Site::stored();
    let agent = hub_and_spoke(&site);
    shown!(&agent, "nic create -n a --vnet-name hub --subnet default -o json");
    shown!(
        &agent,
        "nic create -n b --vnet-name hub --subnet default --private-ip-address 10.0.1.9 fd00:0:0:1::9 --mac 02:00:00:00:00:09 --interface vnet-none --ip-forwarding -o table"
    );
    shown!(
        &agent,
        "nic create -n c --vnet-name hub --subnet default --private-ip-address-version IPv4 IPv6 -o table"
    );
    shown!(&agent, "nic list -o table");
    shown!(&agent, "nic show -n b -o json");
    shown!(&agent, "nic show-effective-route-table -n a -o table");
    shown!(&agent, "next-hop --nic a --dest-ip 10.0.1.9 -o json");
    assert_eq!(done(&agent, "nic delete -n a"), "");
    refused(&agent, "nic show -n a", "ResourceNotFound");
}

/// What is left of a NIC's resource once what an update of it changes anyway is gone.
fn without_etag(mut nic: Value) -> Value {
    nic.as_object_mut().unwrap().remove("etag");
    nic
}

#[test]
fn an_update_changes_what_is_given_and_keeps_the_rest() {
    let site = Site::stored();
    let agent = hub_and_spoke(&site);
    done(
        &agent,
        "nic create -n b --vnet-name hub --subnet default --private-ip-address 10.0.1.9 fd00:0:0:1::9 --mac 02:00:00:00:00:09 --interface vnet-none --ip-forwarding",
    );
    let before = without_etag(json(&agent, "nic show -n b -o json"));
    let mut expected = before.clone();
    done(&agent, "nic update -n b --ip-forwarding false");
    expected["properties"]["enableIPForwarding"] = json!(false);
    assert_eq!(without_etag(json(&agent, "nic show -n b -o json")), expected);
    done(&agent, "nic update -n b --private-ip-address 10.0.1.10 fd00:0:0:1::9");
    expected["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"] = json!("10.0.1.10");
    assert_eq!(without_etag(json(&agent, "nic show -n b -o json")), expected);
    let untouched = everything(&agent);
    done(&agent, "nic update -n b");
    assert_eq!(everything(&agent), untouched);
    let spoke = json(&agent, "vnet show -n spoke -o json");
    done(&agent, "vnet update -n hub --add-address-prefix 10.9.0.0/16");
    assert_eq!(json(&agent, "vnet show -n spoke -o json"), spoke);
    let hub = json(&agent, "vnet show -n hub -o json");
    assert_eq!(hub["properties"]["subnets"][0]["name"], "default");
    assert_eq!(
        hub["properties"]["addressSpace"]["addressPrefixes"],
        json!(["10.0.0.0/16", "10.9.0.0/16", "fd00::/48"])
    );
}

#[test]
fn updates_of_one_network_at_once_all_come_true() {
    let site = Site::stored();
    let agent = hub_and_spoke(&site);
    let ranges: Vec<String> = (1..=4).map(|number| format!("172.16.{number}.0/24")).collect();
    std::thread::scope(|scope| {
        for range in &ranges {
            let agent = &agent;
            scope.spawn(move || done(agent, &format!("vnet update -n hub --add-address-prefix {range}")));
        }
    });
    let hub = json(&agent, "vnet show -n hub -o json");
    let has = hub["properties"]["addressSpace"]["addressPrefixes"].as_array().unwrap();
    assert!(ranges.iter().all(|range| has.contains(&json!(range))), "{has:?}");
}

#[test]
fn names_stand_in_the_group_that_flags_or_the_name_itself_say() {
    let site = Site::stored();
    let agent = site.start();
    done(&agent, "subscription create -n red");
    let rest = "-l west --address-prefixes 10.0.0.0/16";
    done(&agent, &format!("vnet create -n hub {rest}"));
    done(&agent, &format!("vnet create -n hub -g prod {rest}"));
    done(&agent, &format!("vnet create -n hub -g prod --subscription red {rest}"));
    done(&agent, &format!("vnet create -n red/dev/hub {rest}"));
    shown!(&agent, "vnet list -o table");
    shown!(&agent, "vnet list --subscription red -o tsv");
    shown!(&agent, "vnet list -g prod -o tsv");
    shown!(&agent, "vnet list -g prod --subscription red -o tsv");
    let id = "/subscriptions/red/resourceGroups/dev/providers/Microsoft.Network/virtualNetworks/hub";
    assert_eq!(json(&agent, &format!("vnet show -n {id} -o json"))["id"], id);
    assert_eq!(json(&agent, "vnet show -n hub -g dev --subscription red -o json")["id"], id);
    refused(&agent, "vnet show -n hub -g dev", "ResourceNotFound");
    refused(&agent, "vnet list --subscription blue", "ResourceNotFound");
}

#[test]
fn what_cannot_be_is_refused_by_its_code_and_changes_nothing() {
    let site = Site::stored();
    let agent = hub_and_spoke(&site);
    done(&agent, "nic create -n a --vnet-name hub --subnet default --private-ip-address 10.0.1.4");
    let before = everything(&agent);
    for (command, code) in [
        ("vnet create -n hub -l west --address-prefixes 10.7.0.0/16", "ResourceAlreadyExists"),
        ("vnet create -n x -l west --address-prefixes 169.254.0.0/16", "InvalidAddressPrefix"),
        (
            "vnet create -n x -l west --address-prefixes 10.7.0.0/16 --subnet-name s --subnet-prefixes 10.8.0.0/24",
            "SubnetNotInVnet",
        ),
        ("vnet update -n hub --remove-address-prefix 10.7.0.0/16", "InvalidAddressPrefix"),
        ("vnet update -n hub --remove-address-prefix 10.0.0.0/16", "VnetAddressSpaceInUse"),
        ("vnet update -n nowhere --add-address-prefix 10.7.0.0/16", "ResourceNotFound"),
        ("vnet delete -n hub", "VnetAddressSpaceInUse"),
        (
            "vnet subnet create -n default --vnet-name hub --address-prefixes 10.0.2.0/24",
            "ResourceAlreadyExists",
        ),
        ("vnet subnet create -n other --vnet-name hub --address-prefixes 10.0.1.128/25", "SubnetsOverlap"),
        ("vnet subnet delete -n default --vnet-name hub", "VnetAddressSpaceInUse"),
        ("nic create -n a --vnet-name hub --subnet default", "ResourceAlreadyExists"),
        ("nic create -n b --vnet-name hub --subnet default --private-ip-address 10.0.1.4", "AddressInUse"),
        ("nic create -n b --vnet-name hub --subnet default --private-ip-address 10.0.1.1", "AddressReserved"),
        ("nic create -n b --vnet-name hub --subnet nowhere", "ResourceNotFound"),
        (
            "nic create -n b --vnet-name spoke --subnet default --private-ip-address-version IPv6",
            "SubnetIsFull",
        ),
        ("nic update -n nobody --ip-forwarding", "ResourceNotFound"),
        (
            "vnet create -n x -g prod --subscription blue -l west --address-prefixes 10.7.0.0/16",
            "ResourceNotFound",
        ),
    ] {
        let told = refused(&agent, command, code);
        assert_eq!(told.lines().count(), 1, "{command}: {told}");
    }
    assert_eq!(everything(&agent), before);
}

#[test]
fn deleting_what_is_not_there_is_a_note_and_no_failure() {
    let site = Site::stored();
    let agent = hub_and_spoke(&site);
    let before = everything(&agent);
    for (command, what) in [
        ("vnet delete -n nowhere", "virtual network nowhere"),
        ("vnet subnet delete -n nowhere --vnet-name hub", "subnet hub/nowhere"),
        ("vnet peering delete -n nowhere --vnet-name hub", "peering hub/nowhere"),
        ("nic delete -n nobody", "NIC nobody"),
        ("nic delete -n nobody -g prod", "NIC default/prod/nobody"),
    ] {
        let ended = ask(&agent, command);
        assert_eq!((ended.status, ended.stdout.as_str()), (Some(0), ""), "{command}");
        assert_eq!(ended.stderr, format!("note: {what} does not exist; nothing to delete\n"), "{command}");
    }
    assert_eq!(everything(&agent), before);
}

#[test]
fn an_agent_that_runs_from_a_file_takes_no_changes_and_says_how_to_make_them() {
    let site = Site::new("virtualNetworks: []\n");
    let agent = site.start();
    let told = refused(&agent, "vnet create -n hub -l west --address-prefixes 10.0.0.0/16", "ReadOnly");
    assert!(told.contains("SIGHUP") && told.contains("run --state DIR"), "{told}");
    assert_eq!(json(&agent, "vnet list -o json"), json!([]));
}
