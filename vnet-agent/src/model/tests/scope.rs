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

#[test]
fn a_resource_id_names_what_its_text_names_in_any_case_of_its_fixed_parts() {
    let arm = "/subscriptions/Red/resourceGroups/Prod/providers/Microsoft.Network/virtualNetworks/Hub";
    let id = VnetId::from_arm_id(arm).unwrap();
    assert_eq!((id.as_str(), id.arm_id().as_str()), ("Red/Prod/Hub", arm));
    let shouted = "/SUBSCRIPTIONS/Red/RESOURCEGROUPS/Prod/PROVIDERS/MICROSOFT.NETWORK/VIRTUALNETWORKS/Hub";
    assert_eq!(VnetId::from_arm_id(shouted), Ok(id));
    let nic = NicId::new("vm").unwrap();
    assert_eq!(NicId::from_arm_id(&nic.arm_id()), Ok(nic));
}

#[test]
fn what_is_no_resource_id_of_the_kind_is_refused_with_the_form_that_it_should_have() {
    let good = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v";
    assert!(VnetId::from_arm_id(good).is_ok());
    let form = |text: &str| matches!(VnetId::from_arm_id(text), Err(ArmIdError::Form { .. }));
    let cut = good.rsplit_once('/').unwrap().0;
    let others = [
        "",
        "v",
        "s/g/v",
        cut,
        &good[1..],
        &format!("{good}/subnets/s"),
        &good.replace("Network/", "Compute/"),
    ];
    for other in others {
        assert!(form(other), "{other}");
    }
    assert!(matches!(NicId::from_arm_id(good), Err(ArmIdError::Form { .. })));
    let sentence = VnetId::from_arm_id("v").unwrap_err().to_string();
    assert_eq!(
        sentence,
        "\"v\" is no resource id; write \
         /subscriptions/SUBSCRIPTION/resourceGroups/GROUP/providers/Microsoft.Network/virtualNetworks/NAME"
    );
    let named = VnetId::from_arm_id(&good.replace("/g/", "/g-/")).unwrap_err().to_string();
    assert_eq!(named, "resource group name \"g-\" must end with a letter, a digit or `_`");
}

#[test]
fn a_subnet_is_named_within_a_scope_or_in_full() {
    let scope = VnetId::new("red/prod/x").unwrap().scope();
    let within = |text: &str| SubnetRef::within(&scope, text).map(|subnet| subnet.to_string());
    assert_eq!(within("hub/default"), Ok("red/prod/hub/default".into()));
    assert_eq!(within("blue/dev/hub/default"), Ok("blue/dev/hub/default".into()));
    assert_eq!(within("default/default/hub/default"), Ok("hub/default".into()));
    assert_eq!(within("default"), Err(SubnetRefError::Form("default".into())));
    assert!(matches!(within("blue/hub/default"), Err(SubnetRefError::Name(_))));
}

#[test]
fn the_full_text_of_a_name_has_all_three_parts_in_the_default_scope_too() {
    assert_eq!(VnetId::new("hub").unwrap().full(), "default/default/hub");
    assert_eq!(VnetId::new("red/prod/hub").unwrap().full(), "red/prod/hub");
}
