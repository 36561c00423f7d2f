//! Subscriptions.

use pretty_assertions::assert_eq;

use super::{ALICE, BOB, House, caller, scope, subscription, vnet_scope};
use crate::model::access::{Action, *};
use crate::model::tests::{nic, vnet, vnet_name};
use crate::model::*;

fn id(name: &str) -> SubscriptionId {
    SubscriptionId::new(name).unwrap()
}

#[test]
fn the_subscription_default_exists_before_anything_else() {
    let directory = Directory::default();
    let default = directory.subscription(&id("default")).unwrap();
    assert_eq!((default.display_name.as_str(), default.tenant.as_str()), ("default", "default"));
    assert_eq!(directory.subscription(&id("red")), None);
    assert_eq!(directory.every_subscription(), [default]);
    assert_eq!(directory.subscriptions().len(), 0);
}

#[test]
fn subscriptions_are_created_and_changed() {
    let state = House::new().0;
    let names = |state: &State| -> Vec<String> {
        state.directory.every_subscription().iter().map(|s| s.name.to_string()).collect()
    };
    assert_eq!(names(&state), ["blue", "default", "red"]);
    let renamed = Subscription { display_name: "Rosso".to_owned(), ..subscription("red") };
    let state = state.put_subscription(renamed.clone()).unwrap();
    assert_eq!(*state.directory.subscription(&id("red")).unwrap(), renamed);
    let default = Subscription { tenant: "fabrikam".to_owned(), ..subscription("default") };
    let state = state.put_subscription(default.clone()).unwrap();
    assert_eq!(*state.directory.subscription(&id("default")).unwrap(), default);
    assert_eq!(names(&state), ["blue", "default", "red"]);
}

#[test]
fn to_say_of_default_what_is_so_anyway_is_no_change() {
    let other = Subscription { tenant: "fabrikam".to_owned(), ..Subscription::default() };
    let state = State::default().put_subscription(other).unwrap();
    assert_eq!(state.directory.subscriptions().len(), 1);
    assert_eq!(state.put_subscription(Subscription::default()).unwrap(), State::default());
}

#[test]
fn operation_not_allowed_for_the_deletion_of_default() {
    let refusal = State::default().delete_subscription(&id("default")).unwrap_err();
    assert_eq!(refusal.code(), RefusalCode::OperationNotAllowed);
    assert_eq!(
        refusal.to_string(),
        "subscription default cannot be deleted: it has all that names no other subscription"
    );
}

#[test]
fn a_subscription_is_deleted_when_empty_and_the_roles_in_it_go_with_it() {
    let house = House::new()
        .give(ALICE, Role::Owner, "/subscriptions/red")
        .give(ALICE, Role::Owner, "/subscriptions/red/resourceGroups/g")
        .give(ALICE, Role::Reader, "/subscriptions/blue");
    let in_use = |state: &State| {
        let refusal = state.delete_subscription(&id("red")).unwrap_err();
        assert_eq!(refusal.code(), RefusalCode::VnetAddressSpaceInUse);
        refusal.to_string()
    };
    assert_eq!(
        in_use(&house.0),
        "subscription red cannot be taken away: virtual network red/g/a depends on it"
    );
    let house = house
        .root_does(Operation::DeleteNic(NicId::new("red/g/n").unwrap()))
        .root_does(Operation::DeleteVnet(vnet_name("red/g/a")));
    let state = house.0.delete_subscription(&id("red")).unwrap();
    assert_eq!(state.directory.subscription(&id("red")), None);
    let again = state.put_subscription(subscription("red")).unwrap();
    let may = |at: &str| again.directory.allows(&caller(ALICE), Action::VnetRead, &scope(at));
    assert!(!may("/subscriptions/red"));
    assert!(!may("/subscriptions/red/resourceGroups/g"));
    assert!(may("/subscriptions/blue"));
}

#[test]
fn resource_not_found_for_a_subscription_that_does_not_exist() {
    let not_found = |refusal: Refusal| {
        assert_eq!(refusal.code(), RefusalCode::ResourceNotFound);
        assert_eq!(refusal.to_string(), "subscription green does not exist");
    };
    let house = House::new();
    not_found(house.0.delete_subscription(&id("green")).unwrap_err());
    not_found(house.0.check_subscription(&id("green")).unwrap_err());
    for operation in [
        Operation::CreateVnet(vnet("green/g/v", &["10.9.0.0/16"])),
        Operation::CreateNic(nic("green/g/n", "red/g/a/s", &["10.1.0.9"])),
    ] {
        not_found(house.0.apply(&Caller::root(), [operation]).unwrap_err());
    }
    assert_eq!(house.0.check_subscription(&id("red")), Ok(()));
    assert_eq!(house.0.check_subscription(&id("default")), Ok(()));
}

#[test]
fn invalid_resource_name_for_a_tenant_or_a_display_name() {
    let refused = |subscription: Subscription| {
        let refusal = State::default().put_subscription(subscription).unwrap_err();
        assert_eq!(refusal.code(), RefusalCode::InvalidResourceName);
        refusal.to_string()
    };
    let with_name = |name: &str| Subscription { display_name: name.to_owned(), ..subscription("red") };
    assert_eq!(refused(with_name(" ")), "display name \" \" is empty");
    assert_eq!(refused(with_name("a\nb")), "display name \"a\\nb\" holds the control character '\\n'");
    assert!(refused(with_name(&"x".repeat(129))).ends_with("is longer than 128 characters"));
    assert!(State::default().put_subscription(with_name(&"ü".repeat(128))).is_ok());
    let tenant = Subscription { tenant: String::new(), ..subscription("red") };
    assert_eq!(refused(tenant), "tenant name \"\" is empty");
}

#[test]
fn quota_exceeded_at_1000_subscriptions() {
    let all = (0..Directory::MAX_SUBSCRIPTIONS).map(|number| subscription(&format!("s{number}"))).collect();
    let state =
        State { directory: Directory::restore(all, Vec::new(), Vec::new()).unwrap(), ..State::default() };
    let refusal = state.put_subscription(subscription("one-more")).unwrap_err();
    assert_eq!(refusal.code(), RefusalCode::QuotaExceeded);
    assert_eq!(refusal.to_string(), "the scope / cannot have more than 1000 subscriptions");
    assert!(state.put_subscription(subscription("s0")).is_ok());
}

#[test]
fn a_subscription_is_read_by_whoever_has_a_role_on_any_part_of_it() {
    let readable = |scope: &str| {
        let directory = House::new().give(ALICE, Role::Reader, scope).0.directory;
        let read_by = |who: &Caller| -> Vec<String> {
            let listed = directory.subscriptions_read_by(who);
            let listed: Vec<String> = listed.iter().map(|one| one.name.to_string()).collect();
            let all = directory.every_subscription();
            let shown = all.iter().filter(|one| {
                let scope = AccessScope::Subscription(one.name.clone());
                directory.authorize(who, Action::SubscriptionRead, &scope).is_ok()
            });
            assert_eq!(shown.map(|one| one.name.to_string()).collect::<Vec<_>>(), listed);
            listed
        };
        assert_eq!(read_by(&Caller::root()), ["blue", "default", "red"]);
        assert_eq!(read_by(&caller(BOB)), [""; 0]);
        read_by(&caller(ALICE))
    };
    assert_eq!(readable(&vnet_scope("red/g/a")), ["red"]);
    assert_eq!(readable("/subscriptions/red/resourceGroups/g"), ["red"]);
    assert_eq!(readable("/subscriptions/default"), ["default"]);
    assert_eq!(readable("/"), ["blue", "default", "red"]);
}

#[test]
fn who_reads_a_subscription_for_a_part_of_it_reads_nothing_else_of_it() {
    let directory = House::new().give(ALICE, Role::Owner, &vnet_scope("red/g/a")).0.directory;
    let red = scope("/subscriptions/red");
    for action in Action::ALL {
        let may = directory.allows(&caller(ALICE), *action, &red);
        assert_eq!(may, *action == Action::SubscriptionRead, "{action}");
        assert!(!directory.allows(&caller(ALICE), *action, &AccessScope::Root), "{action}");
    }
}
