//! Where virtual networks and NICs are named.

use pretty_assertions::assert_eq;

use crate::model::*;

#[test]
fn a_bare_name_stands_in_the_default_scope_and_is_written_bare() {
    let id = VnetId::new("hub").unwrap();
    assert_eq!((id.subscription(), id.resource_group(), id.name()), ("default", "default", "hub"));
    assert_eq!(VnetId::new("default/default/hub").unwrap(), id);
    assert_eq!(id.to_string(), "hub");
    assert!(id.scope().is_default());
}

#[test]
fn two_tenants_may_each_have_a_network_of_one_name() {
    let id = VnetId::new("red/prod/hub").unwrap();
    assert_eq!((id.subscription(), id.resource_group(), id.name()), ("red", "prod", "hub"));
    assert_ne!(id, VnetId::new("blue/prod/hub").unwrap());
    assert_ne!(id, VnetId::new("red/test/hub").unwrap());
    assert_eq!(VnetId::in_scope(&id.scope(), &VnetName::new("hub").unwrap()), id);
    assert_eq!(VnetId::within(&id.scope(), "hub").unwrap(), id);
    assert_eq!(VnetId::within(&id.scope(), "blue/prod/hub").unwrap().subscription(), "blue");
    assert_eq!(
        NicId::new("red/prod/vm").unwrap().arm_id(),
        "/subscriptions/red/resourceGroups/prod/providers/Microsoft.Network/networkInterfaces/vm"
    );
}

#[test]
fn each_of_the_three_names_obeys_its_rule() {
    let fault = |text: &str| VnetId::new(text).unwrap_err().to_string();
    assert_eq!(fault("/g/n"), "subscription name \"\" is empty");
    assert_eq!(fault("s/g-/n"), "resource group name \"g-\" must end with a letter, a digit or `_`");
    assert_eq!(fault("s/g/"), "virtual network name \"\" is empty");
    assert!(fault("s/n").starts_with("virtual network name \"s/n\" holds '/'"));
    assert!(fault("s/g/n/x").starts_with("virtual network name \"s/g/n/x\" holds '/'"));
    assert_eq!("red/prod/hub/default".parse::<SubnetRef>().unwrap().vnet.subscription(), "red");
}
