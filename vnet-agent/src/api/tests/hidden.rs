//! What somebody is told about what he may not read: the same, whether it is there or not.

use pretty_assertions::assert_eq;
use rstest::rstest;
use serde_json::{Value, json};

use super::{Api, subnet, vnet};
use crate::api::query::Query;
use crate::api::resource;
use crate::api::target::Target;
use crate::model::access::Caller;

fn id(subscription: &str, rest: &str) -> String {
    format!("/subscriptions/{subscription}/resourceGroups/prod/providers/Microsoft.Network/{rest}")
}

fn alice() -> Caller {
    Caller::new("user:alice".parse().unwrap(), [])
}

/// Alice is Owner of `red`. In `blue` stands `secret`, with a subnet that a NIC has filled, and a peering.
fn api() -> Api {
    let mut api = Api::default();
    for (subscription, network, range) in
        [("red", "app", "10.1.0.0/16"), ("blue", "secret", "10.2.0.0/16"), ("blue", "other", "10.3.0.0/16")]
    {
        api.done("PUT", &format!("/subscriptions/{subscription}"), json!({}));
        api.done("PUT", &id(subscription, &format!("virtualNetworks/{network}")), vnet(&[range]));
    }
    api.done("PUT", &id("red", "virtualNetworks/app/subnets/s"), subnet(&["10.1.1.0/24"]));
    api.done("PUT", &id("blue", "virtualNetworks/secret/subnets/full"), subnet(&["10.2.1.0/29"]));
    for number in 4..7 {
        let body = nic_in("secret", "full", Some(&format!("10.2.1.{number}")));
        api.done("PUT", &id("blue", &format!("networkInterfaces/n{number}")), body);
    }
    api.done(
        "PUT",
        &id("blue", "virtualNetworks/secret/virtualNetworkPeerings/to-other"),
        peering("blue", "other"),
    );
    let role = "/subscriptions/red/providers/Microsoft.Authorization/roleAssignments/r";
    let owner = json!({"properties": {"principalId": "user:alice", "roleDefinitionName": "Owner"}});
    api.done("PUT", role, owner);
    api.caller = alice();
    api
}

fn peering(subscription: &str, remote: &str) -> Value {
    let remote = id(subscription, &format!("virtualNetworks/{remote}"));
    json!({"properties": {"remoteVirtualNetwork": {"id": remote}}})
}

/// A NIC in a subnet of `blue`.
fn nic_in(network: &str, subnet: &str, address: Option<&str>) -> Value {
    let subnet = json!({"id": id("blue", &format!("virtualNetworks/{network}/subnets/{subnet}"))});
    let configuration = json!({"properties": {"subnet": subnet, "privateIPAddress": address}});
    json!({"properties": {"ipConfigurations": [configuration]}})
}

fn with_location(mut body: Value) -> Value {
    body["location"] = json!("nowhere");
    body
}

fn with_other_side(mut body: Value, name: &str) -> Value {
    body["remotePeering"] = json!({"name": name});
    body
}

const NIC: &str = "networkInterfaces/new";
const PEERING: &str = "virtualNetworks/app/virtualNetworkPeerings/new";

#[rstest]
#[case::region_of_a_network(NIC, ["secret", "absent"].map(|name| (name, with_location(nic_in(name, "full", None)))), "LinkedAuthorizationFailed")]
#[case::room_of_a_subnet(NIC, ["full", "absent"].map(|name| (name, nic_in("secret", name, None))), "LinkedAuthorizationFailed")]
#[case::network(PEERING, ["secret", "absent"].map(|name| (name, peering("blue", name))), "LinkedAuthorizationFailed")]
#[case::other_side(PEERING, ["to-other", "absent"].map(|name| (name, with_other_side(peering("blue", "secret"), name))), "LinkedAuthorizationFailed")]
fn a_put_is_refused_alike_whether_or_not_what_it_names_elsewhere_is_there(
    #[case] rest: &str,
    #[case] bodies: [(&str, Value); 2],
    #[case] code: &str,
) {
    let mut api = api();
    let before = api.state.clone();
    let [one, other] = bodies.map(|(name, body)| {
        let (status, answer) = api.ask("PUT", &id("red", rest), Some(body));
        assert_eq!((status.as_u16(), &answer["error"]["code"]), (403, &json!(code)), "{answer}");
        answer.to_string().replace(name, "X")
    });
    assert_eq!(one, other);
    assert!(api.state == before);
}

#[test]
fn who_may_name_the_remote_is_still_refused_its_side_alike_whatever_peerings_it_has() {
    let mut api = api();
    api.caller = Caller::root();
    api.done("PUT", &id("red", PEERING), peering("blue", "secret"));
    api.caller = alice();
    let told = ["to-other", "absent"].map(|name| {
        let body = with_other_side(peering("blue", "secret"), name);
        let (status, answer) = api.ask("PUT", &id("red", PEERING), Some(body));
        assert_eq!(
            (status.as_u16(), &answer["error"]["code"]),
            (403, &json!("AuthorizationFailed")),
            "{answer}"
        );
        answer
    });
    assert_eq!(told[0], told[1]);
}

#[rstest]
#[case("subscriptions/X/providers/Microsoft.Network/virtualNetworks")]
#[case("subscriptions/X/providers/Microsoft.Network/networkInterfaces")]
#[case("subscriptions/X/resourceGroups/prod/providers/Microsoft.Network/virtualNetworks")]
#[case("subscriptions/X/resourceGroups/prod/providers/Microsoft.Network/networkInterfaces")]
fn a_list_is_empty_for_one_without_a_role_whether_or_not_the_subscription_exists(#[case] list: &str) {
    let api = api();
    let asked = |caller: &Caller, subscription: &str| {
        let target = format!("/{}", list.replace('X', subscription));
        let Ok(Target::List(collection)) = Target::parse(&target) else { panic!("{target} is no list") };
        resource::list(&api.state, caller, &collection, &Query::default())
            .map(|page| page.json(""))
            .map_err(|error| error.word())
    };
    for subscription in ["blue", "absent"] {
        assert_eq!(asked(&alice(), subscription), Ok(r#"{"value":[]}"#.to_owned()), "{subscription}");
    }
    assert_eq!(asked(&Caller::root(), "absent"), Err("ResourceNotFound"));
}

/// `remoteVirtualNetworkAddressSpace` of Alice's peering with `secret`.
fn remote_space(api: &mut Api) -> Value {
    let read = api.get(&id("red", PEERING));
    let network = api.get(&id("red", "virtualNetworks/app"));
    assert_eq!(network["properties"]["virtualNetworkPeerings"][0], read);
    read["properties"]["remoteVirtualNetworkAddressSpace"]["addressPrefixes"].clone()
}

#[test]
fn what_the_remote_has_now_is_shown_while_connected_and_to_who_may_read_it() {
    let secret = id("blue", "virtualNetworks/secret");
    let mut api = api();
    let as_root = |api: &mut Api, method: &str, target: &str, body: Option<Value>| {
        api.caller = Caller::root();
        api.done(method, target, body);
        api.caller = alice();
    };
    as_root(&mut api, "PUT", &id("red", PEERING), Some(peering("blue", "secret")));
    let mut root = Api { caller: Caller::root(), ..api.clone() };
    assert_eq!(remote_space(&mut root), json!(["10.2.0.0/16"]));
    assert_eq!(remote_space(&mut api), Value::Null, "Initiated");
    as_root(&mut api, "PUT", &format!("{secret}/virtualNetworkPeerings/back"), Some(peering("red", "app")));
    as_root(&mut api, "PUT", &secret, Some(vnet(&["10.2.0.0/16", "10.7.0.0/16"])));
    assert_eq!(remote_space(&mut api), json!(["10.2.0.0/16", "10.7.0.0/16"]), "Connected");
    as_root(&mut api, "DELETE", &format!("{secret}/virtualNetworkPeerings/back"), None);
    assert_eq!(remote_space(&mut api), Value::Null, "Disconnected");
    let role = format!("{secret}/providers/Microsoft.Authorization/roleAssignments/r");
    let reader = json!({"properties": {"principalId": "user:alice", "roleDefinitionName": "Reader"}});
    as_root(&mut api, "PUT", &role, Some(reader));
    assert_eq!(
        remote_space(&mut api),
        json!(["10.2.0.0/16", "10.7.0.0/16"]),
        "Disconnected, and a Reader there"
    );
}
