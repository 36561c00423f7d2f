//! Each kind of resource: what it takes, what it shows, what it leads to.

use pretty_assertions::assert_eq;
use rstest::rstest;
use serde_json::{Value, json};

use super::{Api, N, nic, path, peering, subnet, vnet};

#[rstest]
#[case("virtualNetworks/hub")]
#[case("virtualNetworks/hub/subnets/s")]
#[case("virtualNetworks/hub/virtualNetworkPeerings/there")]
#[case("networkInterfaces/n")]
fn what_was_read_can_be_put_back_and_changes_nothing(#[case] rest: &str) {
    let mut api = Api::furnished();
    let before = api.state.clone();
    let read = api.get(&path(rest));
    let (status, put) = api.ask("PUT", &path(rest), Some(read.clone()));
    assert_eq!((status.as_u16(), &put), (200, &read));
    assert!(api.state == before);
}

#[rstest]
#[case("virtualNetworks/hub")]
#[case("virtualNetworks/hub/virtualNetworkPeerings/there")]
fn what_was_read_creates_the_same_where_it_is_gone(#[case] rest: &str) {
    let mut api = Api::furnished();
    api.done("DELETE", &path("networkInterfaces/n"), None);
    // Without the other side, which would be Disconnected.
    api.done("DELETE", &path("virtualNetworks/spoke/virtualNetworkPeerings/back"), None);
    api.done("DELETE", &path("virtualNetworks/hub/virtualNetworkPeerings/there"), None);
    api.done("PUT", &path("virtualNetworks/hub/virtualNetworkPeerings/there"), peering("spoke"));
    let (before, read) = (api.state.clone(), api.get(&path(rest)));
    api.done("DELETE", &path(rest), None);
    let (status, put) = api.ask("PUT", &path(rest), Some(read.clone()));
    assert_eq!((status.as_u16(), &put), (201, &read));
    assert!(api.state == before);
}

#[test]
fn statuses_tell_what_happened() {
    let mut api = Api::default();
    let hub = path("virtualNetworks/hub");
    let body = || Some(vnet(&["10.0.0.0/16"]));
    assert_eq!(api.ask("PUT", &hub, body()).0.as_u16(), 201);
    assert_eq!(api.ask("PUT", &hub, body()).0.as_u16(), 200);
    assert_eq!(api.ask("DELETE", &hub, None).0.as_u16(), 202);
    assert_eq!(api.ask("DELETE", &hub, None), (axum::http::StatusCode::NO_CONTENT, Value::Null));
    api.refused("GET", &hub, None, (404, "ResourceNotFound", "virtual network hub does not exist"));
}

#[test]
fn a_network_shows_its_subnets_and_peerings_in_azure_s_form() {
    let mut api = Api::furnished();
    let hub = api.get(&path("virtualNetworks/hub"));
    assert_eq!(hub["id"], path("virtualNetworks/hub"));
    assert_eq!(
        (&hub["type"], &hub["location"]),
        (&json!("Microsoft.Network/virtualNetworks"), &json!("westeurope"))
    );
    let properties = &hub["properties"];
    assert_eq!(properties["addressSpace"], json!({"addressPrefixes": ["10.0.0.0/16", "fd00:a::/48"]}));
    assert_eq!(properties["subnets"], json!([api.get(&path("virtualNetworks/hub/subnets/s"))]));
    let there = api.get(&path("virtualNetworks/hub/virtualNetworkPeerings/there"));
    assert_eq!(properties["virtualNetworkPeerings"], json!([there]));
    let configurations = [
        json!({"id": path("networkInterfaces/n/ipConfigurations/ipv4")}),
        json!({"id": path("networkInterfaces/n/ipConfigurations/ipv6")}),
    ];
    assert_eq!(properties["subnets"][0]["properties"]["ipConfigurations"], json!(configurations));
    assert_eq!(there["properties"]["peeringState"], "Connected");
    assert_eq!(there["properties"]["remoteAddressSpace"], json!({"addressPrefixes": ["10.1.0.0/16"]}));
}

#[test]
fn a_list_in_a_network_s_body_is_the_whole_list_and_none_leaves_what_there_is() {
    let mut api = Api::furnished();
    let hub = path("virtualNetworks/hub");
    let before = api.get(&hub);
    api.done("PUT", &hub, vnet(&["10.0.0.0/16", "fd00:a::/48"]));
    assert_eq!(api.get(&hub), before);
    let mut body = vnet(&["10.0.0.0/16", "10.5.0.0/16", "fd00:a::/48"]);
    body["properties"]["subnets"] = json!([
        before["properties"]["subnets"][0],
        {"name": "u", "properties": {"addressPrefix": "10.5.1.0/24"}},
    ]);
    body["properties"]["virtualNetworkPeerings"] = json!([]);
    let after = api.done("PUT", &hub, body.clone());
    let names: Vec<_> =
        after["properties"]["subnets"].as_array().unwrap().iter().map(|s| &s["name"]).collect();
    assert_eq!(names, ["s", "u"]);
    assert_eq!(after["properties"]["virtualNetworkPeerings"], json!([]));
    let back = api.get(&path("virtualNetworks/spoke/virtualNetworkPeerings/back"));
    assert_eq!(back["properties"]["peeringState"], "Disconnected");
    body["properties"]["subnets"] = json!([]);
    let said = "subnet hub/s cannot be taken away: NIC n depends on it";
    api.refused("PUT", &hub, body, (409, "VnetAddressSpaceInUse", said));
}

#[test]
fn a_network_put_back_leaves_a_disconnected_peering_alone_and_a_peering_put_back_takes_it_up_again() {
    let mut api = Api::furnished();
    let side = path("virtualNetworks/hub/virtualNetworkPeerings/there");
    api.done("DELETE", &path("virtualNetworks/spoke/virtualNetworkPeerings/back"), None);
    let state = |api: &mut Api| api.get(&side)["properties"]["peeringState"].as_str().unwrap().to_owned();
    let hub = api.get(&path("virtualNetworks/hub"));
    api.done("PUT", &path("virtualNetworks/hub"), hub);
    assert_eq!(state(&mut api), "Disconnected");
    let read = api.get(&side);
    api.done("PUT", &side, read);
    assert_eq!(state(&mut api), "Initiated");
}

#[test]
fn both_sides_of_a_peering_come_and_go_in_one_request() {
    let mut api = Api::furnished();
    let (there, back) = (
        path("virtualNetworks/hub/virtualNetworkPeerings/there"),
        path("virtualNetworks/spoke/virtualNetworkPeerings/back"),
    );
    api.done("DELETE", &format!("{there}?both=true"), None);
    for gone in [&there, &back] {
        assert_eq!(api.ask("GET", gone, None).0.as_u16(), 404, "{gone}");
    }
    let mut body = peering("spoke");
    body["remotePeering"] = json!({"name": "back", "properties": {"allowForwardedTraffic": true}});
    assert_eq!(api.done("PUT", &there, body.clone())["properties"]["peeringState"], "Connected");
    let other = api.get(&back);
    assert_eq!(other["properties"]["peeringState"], "Connected");
    assert_eq!(other["properties"]["allowForwardedTraffic"], true);
    assert_eq!(other["properties"]["remoteVirtualNetwork"]["id"], path("virtualNetworks/hub"));
    // One side lost: both in one step is a way back.
    api.done("DELETE", &there, None);
    assert_eq!(api.done("PUT", &there, body)["properties"]["peeringState"], "Connected");
}

#[test]
fn the_other_side_names_this_network_and_no_other() {
    let mut api = Api::furnished();
    let mut body = peering("spoke");
    body["remotePeering"] = json!({"name": "back", "properties": peering("spoke")["properties"]});
    let said = format!(
        "property remotePeering.properties.remoteVirtualNetwork.id is \"{N}/virtualNetworks/spoke\", but the path names virtual network hub"
    );
    api.refused(
        "PUT",
        &path("virtualNetworks/hub/virtualNetworkPeerings/there"),
        body,
        (400, "InvalidRequestContent", &said),
    );
}

#[test]
fn a_peering_is_synchronized_by_itself_or_with_a_change() {
    let mut api = Api::furnished();
    let there = path("virtualNetworks/hub/virtualNetworkPeerings/there");
    let sync = format!("{there}?syncRemoteAddressSpace=true");
    api.done("PUT", &path("virtualNetworks/spoke"), vnet(&["10.1.0.0/16", "10.7.0.0/16"]));
    let read = api.get(&there);
    assert_eq!(read["properties"]["peeringSyncLevel"], "RemoteNotInSync");
    assert_eq!(
        read["properties"]["remoteVirtualNetworkAddressSpace"]["addressPrefixes"],
        json!(["10.1.0.0/16", "10.7.0.0/16"])
    );
    let mut without_body = api.clone();
    let mut with_change = api.clone();
    let mut changed = read.clone();
    changed["properties"]["allowForwardedTraffic"] = json!(true);
    for (api, body) in [(&mut api, Some(read)), (&mut without_body, None), (&mut with_change, Some(changed))]
    {
        let synchronized = api.done("PUT", &sync, body);
        assert_eq!(synchronized["properties"]["peeringSyncLevel"], "FullyInSync");
        assert_eq!(
            synchronized["properties"]["remoteAddressSpace"]["addressPrefixes"],
            json!(["10.1.0.0/16", "10.7.0.0/16"])
        );
    }
    assert_eq!(with_change.get(&there)["properties"]["allowForwardedTraffic"], true);
    let unknown = path("virtualNetworks/hub/virtualNetworkPeerings/none?syncRemoteAddressSpace=true");
    api.refused("PUT", &unknown, None, (404, "ResourceNotFound", "peering hub/none does not exist"));
}

#[test]
fn a_peering_in_which_no_subnet_takes_part_is_changed_and_synchronized_as_it_was_read() {
    let mut api = Api::furnished();
    let hub = path("virtualNetworks/hub");
    let there = format!("{hub}/virtualNetworkPeerings/there");
    api.done("DELETE", &format!("{there}?both=true"), None);
    let mut body = peering("spoke");
    body["properties"]["peerCompleteVnets"] = json!(false);
    body["properties"]["localSubnetNames"] = json!([]);
    body["properties"]["remoteSubnetNames"] = json!(["t"]);
    let made = api.done("PUT", &there, body);
    assert_eq!(made["properties"]["localSubnetNames"], json!([]));
    let mut changed = made.clone();
    changed["properties"]["allowForwardedTraffic"] = json!(true);
    assert_eq!(api.done("PUT", &there, changed)["properties"]["allowForwardedTraffic"], true);
    let read = api.get(&there);
    assert_eq!(api.done("PUT", &format!("{there}?syncRemoteAddressSpace=true"), read.clone()), read);
    let network = api.get(&hub);
    assert_eq!(api.done("PUT", &hub, network.clone()), network);
}

#[test]
fn a_nic_gets_the_lowest_free_address_and_keeps_it() {
    let mut api = Api::furnished();
    let id = path("networkInterfaces/free");
    let configuration = |version| json!({"properties": {"subnet": {"id": path("virtualNetworks/hub/subnets/s")}, "privateIPAddressVersion": version}});
    let body = json!({"properties": {"ipConfigurations": [configuration("IPv4"), configuration("IPv6")]}});
    let addresses = |nic: &Value| -> Vec<String> {
        let configurations = nic["properties"]["ipConfigurations"].as_array().unwrap();
        configurations
            .iter()
            .map(|c| c["properties"]["privateIPAddress"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(addresses(&api.done("PUT", &id, body.clone())), ["10.0.1.5", "fd00:a:0:1::5"]);
    api.done("DELETE", &path("networkInterfaces/n"), None);
    assert_eq!(addresses(&api.done("PUT", &id, body)), ["10.0.1.5", "fd00:a:0:1::5"]);
}

#[test]
fn a_full_subnet_says_so() {
    let mut api = Api::furnished();
    api.done("PUT", &path("virtualNetworks/hub/subnets/small"), subnet(&["10.0.2.0/29"]));
    let configuration = json!({"properties": {"subnet": {"id": path("virtualNetworks/hub/subnets/small")}}});
    let body = json!({"properties": {"ipConfigurations": [configuration]}});
    for nic in ["a", "b", "c"] {
        api.done("PUT", &path(&format!("networkInterfaces/{nic}")), body.clone());
    }
    let said = (400, "SubnetIsFull", "no address of subnet hub/small is free for a NIC");
    api.refused("PUT", &path("networkInterfaces/d"), body, said);
}

#[test]
fn what_a_client_does_not_know_of_a_nic_stays_and_null_takes_it_away() {
    let mut api = Api::furnished();
    let id = path("networkInterfaces/n");
    let mut body = nic("hub", "s", &["10.0.1.4"]);
    body["properties"]["macAddress"] = json!("02-00-00-00-00-07");
    body["properties"]["hostInterface"] = json!("veth7");
    let full = api.done("PUT", &id, body);
    assert_eq!(
        (&full["properties"]["macAddress"], &full["properties"]["hostInterface"]),
        (&json!("02:00:00:00:00:07"), &json!("veth7"))
    );
    assert_eq!(full["properties"]["ipConfigurations"].as_array().unwrap().len(), 1);
    let kept = api.done("PUT", &id, nic("hub", "s", &["10.0.1.4"]));
    assert_eq!(kept, full);
    let mut body = nic("hub", "s", &["10.0.1.4"]);
    body["properties"]["macAddress"] = Value::Null;
    body["properties"]["hostInterface"] = Value::Null;
    let bare = api.done("PUT", &id, body);
    assert_eq!(bare["properties"].get("hostInterface"), None);
    assert_ne!(bare["properties"]["macAddress"], full["properties"]["macAddress"]);
}

#[test]
fn a_subscription_is_created_changed_in_part_and_deleted() {
    let mut api = Api::default();
    let red = "/subscriptions/red";
    let said = (404, "ResourceNotFound", "subscription red does not exist");
    let network = "/subscriptions/red/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v";
    api.refused("PUT", network, vnet(&["10.0.0.0/16"]), said);
    let created = api.done("PUT", red, json!({"displayName": "Red team"}));
    let etag = created["etag"].clone();
    let expected = json!({"id": red, "subscriptionId": "red", "displayName": "Red team", "tenantId": "default", "state": "Enabled", "etag": etag});
    assert_eq!(created, expected);
    let changed = api.done("PUT", red, json!({"tenantId": "contoso"}));
    assert_eq!((&changed["displayName"], &changed["tenantId"]), (&json!("Red team"), &json!("contoso")));
    assert_eq!(api.done("PUT", red, changed.clone()), changed);
    api.done("PUT", network, vnet(&["10.0.0.0/16"]));
    let said = "subscription red cannot be taken away: virtual network red/g/v depends on it";
    api.refused("DELETE", red, None, (409, "VnetAddressSpaceInUse", said));
    api.done("DELETE", network, None);
    let (status, shown) = api.ask("DELETE", red, None);
    assert_eq!((status.as_u16(), shown), (200, changed));
}

#[test]
fn a_role_is_given_by_name_or_by_azure_s_guid_and_taken_away() {
    let mut api = Api::furnished();
    let id = format!("{}/providers/Microsoft.Authorization/roleAssignments/r", path("virtualNetworks/hub"));
    let body =
        json!({"properties": {"principalId": "user:alice", "roleDefinitionName": "Network Contributor"}});
    let given = api.done("PUT", &id, body);
    let properties = &given["properties"];
    assert_eq!(
        (&properties["scope"], &properties["principalType"]),
        (&json!(path("virtualNetworks/hub")), &json!("User"))
    );
    let role = "/providers/Microsoft.Authorization/roleDefinitions/4d97b98b-1d4f-4787-a291-c67834d212e7";
    assert_eq!(properties["roleDefinitionId"], role);
    assert_eq!(api.done("PUT", &id, given.clone()), given);
    let by_id = json!({"properties": {"principalId": "user:alice", "roleDefinitionId": role}});
    assert_eq!(api.done("PUT", &id, by_id), given);
    let both = json!({"properties": {"principalId": "user:bob", "roleDefinitionId": role, "roleDefinitionName": "Reader"}});
    let said = "property properties.roleDefinitionName is Reader, and roleDefinitionId is that of Network Contributor";
    api.refused("PUT", &id, both, (400, "InvalidRequestContent", said));
    assert_eq!(api.ask("DELETE", &id, None), (axum::http::StatusCode::OK, given));
}

#[test]
fn a_token_is_shown_once() {
    let mut api = Api::default();
    let made = api.done("PUT", "/tokens/ci", json!({"principalId": "user:alice"}));
    assert_eq!(made["token"].as_str().unwrap().len(), 64);
    let read = api.get("/tokens/ci");
    assert_eq!(read.get("token"), None);
    assert_eq!((&read["principalId"], &read["etag"]), (&json!("user:alice"), &made["etag"]));
    let again = api.done("PUT", "/tokens/ci", json!({"principalId": "user:alice"}));
    assert_ne!(again["token"], made["token"]);
    assert_ne!(again["etag"], made["etag"]);
    assert!(!format!("{:?}", api.state).contains(again["token"].as_str().unwrap()));
}
