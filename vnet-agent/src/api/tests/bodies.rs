//! Bodies that say something wrong: an error each, which names the property.

use rstest::rstest;
use serde_json::{Value, json};

use super::{Api, N, nic, path, peering, subnet, vnet};

/// `body` with the value at `pointer` replaced.
fn with(mut body: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match body.pointer_mut(parent).unwrap() {
        Value::Object(members) => drop(members.insert(name.to_owned(), value)),
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
        other => panic!("{other}"),
    }
    body
}

fn network() -> Value {
    with(
        vnet(&["10.3.0.0/16"]),
        "/properties/subnets",
        json!([{"name": "s", "properties": {"addressPrefix": "10.3.1.0/24"}}]),
    )
}

#[rstest]
#[case("/properties/adressSpace", json!({}), "property properties.adressSpace is no property here; did you mean addressSpace?")]
#[case("/frobnicate", json!(1), "property frobnicate is no property here")]
#[case("/location", json!(7), "property location must be a string, not a number")]
#[case("/location", Value::Null, "property location is missing")]
#[case("/properties", json!([]), "property properties must be an object, not a list")]
#[case("/properties/addressSpace", Value::Null, "property properties.addressSpace is missing")]
#[case("/properties/addressSpace/addressPrefixes", json!("10.3.0.0/16"), "property properties.addressSpace.addressPrefixes must be a list, not a string")]
#[case("/properties/addressSpace/addressPrefixes/0", json!(true), "property properties.addressSpace.addressPrefixes[0] must be a string, not a boolean")]
#[case("/properties/subnets/0/properties/adressPrefix", json!("10.3.1.0/24"), "property properties.subnets[0].properties.adressPrefix is no property here; did you mean addressPrefix?")]
#[case("/properties/subnets/0/name", Value::Null, "property properties.subnets[0].name is missing")]
#[case("/properties/subnets/0/properties/addressPrefixes", json!(["10.3.2.0/24"]), "property properties.subnets[0].properties.addressPrefix does not go with addressPrefixes, which has others; leave one of the two out")]
#[case("/properties/subnets/0/properties/routeTable", json!({"id": "/x"}), "property properties.subnets[0].properties.routeTable is not supported; leave it out")]
#[case("/properties/enableDdosProtection", json!(true), "property properties.enableDdosProtection is not supported; leave it out")]
#[case("/properties/dhcpOptions", json!({"dnsServers": ["10.0.0.1"]}), "property properties.dhcpOptions is not supported; leave it out")]
#[case("/tags", json!({"owner": "me"}), "property tags is not supported; leave it out")]
#[case("/name", json!("other"), "property name is \"other\", but the path names virtual network late")]
#[case("/id", json!("/subscriptions/x"), "property id is \"/subscriptions/x\", but the path names virtual network late")]
fn a_network_s_mistake_is_named(#[case] pointer: &str, #[case] value: Value, #[case] said: &str) {
    let body = with(network(), pointer, value);
    Api::furnished().refused(
        "PUT",
        &path("virtualNetworks/late"),
        body,
        (400, "InvalidRequestContent", said),
    );
}

#[rstest]
#[case("/properties/addressSpace/addressPrefixes/0", json!("ten"), "InvalidAddressPrefix", "virtual network late: ten is no prefix in CIDR notation, for example 10.0.0.0/16")]
#[case("/properties/subnets/0/name", json!("a/b"), "InvalidResourceName", "subnet name \"a/b\" holds '/'; letters, digits, `.`, `-` and `_` are allowed")]
#[case("/location", json!(""), "InvalidResourceName", "region name \"\" is empty")]
fn a_network_s_mistake_has_the_code_that_it_has_everywhere(
    #[case] pointer: &str,
    #[case] value: Value,
    #[case] code: &str,
    #[case] said: &str,
) {
    let body = with(network(), pointer, value);
    Api::furnished().refused("PUT", &path("virtualNetworks/late"), body, (400, code, said));
}

#[test]
fn what_azure_s_clients_send_along_is_let_pass() {
    let mut body = network();
    for (pointer, value) in [
        ("/tags", json!({})),
        ("/etag", json!("W/\"old\"")),
        ("/type", json!("anything")),
        ("/id", json!(path("VIRTUALNETWORKS/late"))),
        ("/properties/provisioningState", json!("Updating")),
        ("/properties/resourceGuid", json!("0")),
        ("/properties/enableDdosProtection", json!(false)),
        ("/properties/dhcpOptions", json!({"dnsServers": []})),
        ("/properties/bgpCommunities", Value::Null),
        ("/properties/encryption", json!({"enabled": false, "enforcement": "AllowUnencrypted"})),
        ("/properties/subnets/0/properties/privateEndpointNetworkPolicies", json!("Disabled")),
        ("/properties/subnets/0/properties/delegations", json!([])),
        ("/properties/subnets/0/properties/ipConfigurations", json!([{"id": "/whatever"}])),
    ] {
        body = with(body, pointer, value);
    }
    Api::furnished().done("PUT", &path("virtualNetworks/late"), body);
}

#[rstest]
#[case(json!({}), "property properties is missing")]
#[case(json!({"properties": {}}), "property properties.remoteVirtualNetwork is missing")]
#[case(json!({"properties": {"remoteVirtualNetwork": {}}}), "property properties.remoteVirtualNetwork.id is missing")]
#[case(json!({"properties": {"remoteVirtualNetwork": {"id": "hub"}}}), "property properties.remoteVirtualNetwork.id is \"hub\", which is the id of no resource")]
#[case(json!({"properties": {"remoteVirtualNetwork": {"id": "/subscriptions/red"}}}), "property properties.remoteVirtualNetwork.id must be the id of a virtual network, not of subscription red")]
#[case(with(peering("spoke"), "/properties/useRemoteGateways", json!("no")), "property properties.useRemoteGateways must be true or false, not a string")]
#[case(with(peering("spoke"), "/properties/peerCompleteVnets", json!(false)), "property properties.localSubnetNames must be there, because peerCompleteVnets is false; give an empty list where no subnet is to take part")]
#[case(with(peering("spoke"), "/properties/localSubnetNames", json!(["s"])), "property properties.localSubnetNames goes with peerCompleteVnets: false alone")]
#[case(with(peering("spoke"), "/properties/enableOnlyIPv6Peering", json!(true)), "property properties.enableOnlyIPv6Peering goes with peerCompleteVnets: false alone")]
#[case(with(peering("spoke"), "/remotePeering", json!({})), "property remotePeering.name is missing")]
fn a_peering_s_mistake_is_named(#[case] body: Value, #[case] said: &str) {
    let there = path("virtualNetworks/hub/virtualNetworkPeerings/there");
    Api::furnished().refused("PUT", &there, body, (400, "InvalidRequestContent", said));
}

fn configuration(address: &str, more: &Value) -> Value {
    let body = nic("hub", "s", &[address]);
    let pointer = "/properties/ipConfigurations/0/properties";
    let mut properties = body.pointer(pointer).unwrap().clone();
    properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    with(body, pointer, properties)
}

#[rstest]
#[case(json!({"properties": {}}), "property properties.ipConfigurations is missing")]
#[case(json!({"properties": {"ipConfigurations": []}}), "property properties.ipConfigurations is missing")]
#[case(configuration("10.0.1.9", &json!({"privateIPAddressVersion": "IPv6"})), "property properties.ipConfigurations[0].properties.privateIPAddressVersion is of another family than privateIPAddress")]
#[case(configuration("10.0.1.9", &json!({"privateIPAllocationMethod": "Magic"})), "property properties.ipConfigurations[0].properties.privateIPAllocationMethod cannot be taken: it is either Static or Dynamic")]
#[case(configuration("10.0.1.9", &json!({"privateIPAllocationMethod": "Static", "privateIPAddress": null})), "property properties.ipConfigurations[0].properties.privateIPAddress is missing")]
#[case(configuration("10.0.1.9", &json!({"publicIPAddress": {"id": "/x"}})), "property properties.ipConfigurations[0].properties.publicIPAddress is not supported; leave it out")]
#[case(configuration("10.0.1.9", &json!({"subnet": {"id": path("virtualNetworks/hub")}})), "property properties.ipConfigurations[0].properties.subnet.id must be the id of a subnet, not of virtual network hub")]
#[case(nic("hub", "s", &["10.0.1.9", "10.0.1.10"]), "property properties.ipConfigurations[1].properties.privateIPAddressVersion is the second one of its family; a NIC has one address of each at most")]
#[case(with(nic("hub", "s", &["10.0.1.9"]), "/location", json!("northeurope")), "property location is northeurope, and the NIC's virtual network hub stands in westeurope")]
#[case(with(nic("hub", "s", &["10.0.1.9"]), "/properties/hostInterface", json!("a/b")), "property properties.hostInterface cannot be taken: interface \"a/b\" is no name that Linux takes: no `/`, `:`, `%`, white space, control characters, `.` or `..`")]
#[case(with(nic("hub", "s", &["10.0.1.9"]), "/properties/macAddress", json!("01:00:00:00:00:01")), "property properties.macAddress cannot be taken: the MAC address 01:00:00:00:00:01 is a group address; a NIC needs one whose first byte is even")]
fn a_nic_s_mistake_is_named(#[case] body: Value, #[case] said: &str) {
    Api::furnished().refused(
        "PUT",
        &path("networkInterfaces/late"),
        body,
        (400, "InvalidRequestContent", said),
    );
}

#[test]
fn what_is_named_must_be_there() {
    let mut api = Api::furnished();
    let late = path("networkInterfaces/late");
    let said = "subnet hub/nowhere does not exist";
    api.refused("PUT", &late, nic("hub", "nowhere", &["10.0.1.9"]), (404, "ResourceNotFound", said));
    let said = "virtual network nowhere does not exist";
    api.refused("PUT", &late, nic("nowhere", "s", &["10.0.1.9"]), (404, "ResourceNotFound", said));
    let orphan = format!("{N}/virtualNetworks/nowhere/subnets/s");
    api.refused("PUT", &orphan, subnet(&["10.0.0.0/24"]), (404, "ResourceNotFound", said));
    api.refused("PUT", &late, None, (400, "InvalidRequestContent", "the request needs a body"));
}
