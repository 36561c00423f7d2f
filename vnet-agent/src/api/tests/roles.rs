//! What somebody with few roles is told.

use serde_json::{Value, json};

use super::{Api, path, peering, vnet};
use crate::api::query::Query;
use crate::api::resource;
use crate::api::target::Target;
use crate::model::access::Caller;

fn alice() -> Caller {
    Caller::new("user:alice".parse().unwrap(), [])
}

/// The names in a list.
fn list(api: &Api, target: &str) -> Result<Vec<String>, String> {
    let Ok(Target::List(collection)) = Target::parse(target) else { panic!("{target} is no list") };
    let page = resource::list(&api.state, &api.caller, &collection, &Query::default())
        .map_err(|error| error.word().to_owned())?;
    let list: Value = serde_json::from_str(&page.json("")).unwrap();
    let name = |item: &Value| item["name"].as_str().or(item["subscriptionId"].as_str()).unwrap().to_owned();
    Ok(list["value"].as_array().unwrap().iter().map(name).collect())
}

/// Alice is Reader of one network, and nothing else.
fn api() -> Api {
    let mut api = Api::furnished();
    let role = format!("{}/providers/Microsoft.Authorization/roleAssignments/r", path("virtualNetworks/hub"));
    api.done(
        "PUT",
        &role,
        json!({"properties": {"principalId": "user:alice", "roleDefinitionName": "Reader"}}),
    );
    api.caller = alice();
    api
}

#[test]
fn lists_have_what_one_may_read() {
    let mut api = api();
    assert_eq!(list(&api, &path("virtualNetworks")).unwrap(), ["hub"]);
    assert_eq!(
        list(&api, "/subscriptions/default/providers/Microsoft.Network/virtualNetworks").unwrap(),
        ["hub"]
    );
    assert_eq!(list(&api, &path("networkInterfaces")).unwrap(), [""; 0]);
    // The subscription of that network, for without it nobody finds the network.
    assert_eq!(list(&api, "/subscriptions").unwrap(), ["default"]);
    assert_eq!(list(&api, &path("virtualNetworks/hub/subnets")).unwrap(), ["s"]);
    assert_eq!(list(&api, &path("virtualNetworks/hub/virtualNetworkPeerings")).unwrap(), ["there"]);
    for closed in
        [path("virtualNetworks/spoke/subnets"), path("virtualNetworks/nowhere/subnets"), "/tokens".to_owned()]
    {
        assert_eq!(list(&api, &closed).unwrap_err(), "AuthorizationFailed", "{closed}");
    }
    api.caller = Caller::root();
    assert_eq!(list(&api, &path("virtualNetworks")).unwrap(), ["hub", "spoke"]);
    assert_eq!(list(&api, &path("networkInterfaces")).unwrap(), ["n"]);
    assert_eq!(list(&api, "/subscriptions").unwrap(), ["default"]);
    assert_eq!(
        list(&api, "/subscriptions/nowhere/providers/Microsoft.Network/virtualNetworks").unwrap_err(),
        "ResourceNotFound"
    );
}

#[test]
fn what_one_may_not_read_reads_the_same_whether_it_exists_or_not() {
    let mut api = api();
    api.get(&path("virtualNetworks/hub"));
    for name in ["spoke", "nowhere"] {
        let target = path(&format!("virtualNetworks/{name}"));
        for (method, body) in [("GET", None), ("DELETE", None), ("PUT", Some(vnet(&["10.1.0.0/16"])))] {
            let (status, answer) = api.ask(method, &target, body);
            assert_eq!(
                (status.as_u16(), &answer["error"]["code"]),
                (403, &json!("AuthorizationFailed")),
                "{method} {name}"
            );
        }
    }
}

#[test]
fn a_put_that_would_change_nothing_needs_the_role_all_the_same() {
    let mut api = api();
    let hub = api.get(&path("virtualNetworks/hub"));
    let (status, answer) = api.ask("PUT", &path("virtualNetworks/hub"), Some(hub));
    assert_eq!((status.as_u16(), &answer["error"]["code"]), (403, &json!("AuthorizationFailed")));
}

#[test]
fn whoever_peers_needs_a_role_on_the_other_network_too() {
    let mut api = api();
    api.caller = Caller::root();
    api.done("DELETE", &path("virtualNetworks/hub/virtualNetworkPeerings/there?both=true"), None);
    let role = format!("{}/providers/Microsoft.Authorization/roleAssignments/w", path("virtualNetworks/hub"));
    let body =
        json!({"properties": {"principalId": "user:alice", "roleDefinitionName": "Network Contributor"}});
    api.done("PUT", &role, body.clone());
    api.caller = alice();
    let there = path("virtualNetworks/hub/virtualNetworkPeerings/there");
    let (status, answer) = api.ask("PUT", &there, Some(peering("spoke")));
    assert_eq!((status.as_u16(), &answer["error"]["code"]), (403, &json!("LinkedAuthorizationFailed")));
    api.caller = Caller::root();
    api.done("PUT", &role.replace("hub", "spoke"), body);
    api.caller = alice();
    assert_eq!(api.done("PUT", &there, peering("spoke"))["properties"]["peeringState"], "Initiated");
}
