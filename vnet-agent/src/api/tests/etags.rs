//! An etag tells one state of a resource from the next.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Api, nic, path, peering, subnet, vnet};

/// Every resource that some step below touches.
const RESOURCES: [&str; 9] = [
    "virtualNetworks/hub",
    "virtualNetworks/hub/subnets/s",
    "virtualNetworks/hub/virtualNetworkPeerings/there",
    "virtualNetworks/spoke",
    "virtualNetworks/spoke/subnets/t",
    "virtualNetworks/spoke/virtualNetworkPeerings/back",
    "networkInterfaces/n",
    "networkInterfaces/m",
    "virtualNetworks/far",
];

/// Each resource that is there: its etag, and all else that there is to read of it.
fn read(api: &mut Api) -> BTreeMap<&'static str, (Value, Value)> {
    let mut found = BTreeMap::new();
    for rest in RESOURCES {
        let (status, mut resource) = api.ask("GET", &path(rest), None);
        if status.is_success() {
            let etag = resource.as_object_mut().unwrap().remove("etag").unwrap();
            found.insert(rest, (etag, resource));
        }
    }
    found
}

#[test]
fn an_etag_changes_when_and_only_when_the_resource_does() {
    let mut api = Api::furnished();
    let mut forwarding = nic("hub", "s", &["10.0.1.4", "fd00:a:0:1::4"]);
    forwarding["properties"]["enableIPForwarding"] = json!(true);
    let steps = [
        ("PUT", "networkInterfaces/m", Some(nic("spoke", "t", &["10.1.1.9"]))),
        ("PUT", "networkInterfaces/n", Some(forwarding)),
        ("PUT", "virtualNetworks/spoke", Some(vnet(&["10.1.0.0/16", "10.7.0.0/16"]))),
        ("PUT", "virtualNetworks/hub/virtualNetworkPeerings/there?syncRemoteAddressSpace=true", None),
        (
            "PUT",
            "virtualNetworks/hub/subnets/s",
            Some(subnet(&["10.0.1.0/24", "10.0.9.0/24", "fd00:a:0:1::/64"])),
        ),
        ("PUT", "virtualNetworks/far", Some(vnet(&["10.99.0.0/16"]))),
        ("DELETE", "virtualNetworks/spoke/virtualNetworkPeerings/back", None),
        ("PUT", "virtualNetworks/hub/virtualNetworkPeerings/there", Some(peering("spoke"))),
        ("DELETE", "networkInterfaces/m", None),
    ];
    let mut before = read(&mut api);
    let (mut changed, mut stayed) = (0, 0);
    for (method, target, body) in steps {
        api.done(method, &path(target), body);
        let after = read(&mut api);
        assert_ne!(before, after, "{method} {target} changed nothing");
        for (rest, (etag, resource)) in &after {
            let Some((old_etag, old)) = before.get(rest) else { continue };
            assert_eq!(old_etag == etag, old == resource, "{rest} after {method} {target}");
            *if old == resource { &mut stayed } else { &mut changed } += 1;
        }
        before = after;
    }
    assert!(changed >= 10 && stayed >= 20, "{changed} changed, {stayed} stayed");
}

#[test]
fn two_resources_with_the_same_properties_have_different_etags() {
    let mut api = Api::default();
    let one = api.done("PUT", &path("virtualNetworks/a"), vnet(&["10.0.0.0/16"]));
    let other = api.done("PUT", &path("virtualNetworks/b"), vnet(&["10.0.0.0/16"]));
    assert_ne!(one["etag"], other["etag"]);
}
