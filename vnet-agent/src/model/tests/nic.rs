//! NICs: addresses, MAC addresses and interfaces belong to one at a time.

use pretty_assertions::assert_eq;

use super::{World, nic, nic_name, vnet_name};
use crate::model::*;

fn world() -> World {
    World::default()
        .vnet("a", &["10.0.0.0/16", "fd00:a::/48"])
        .vnet("b", &["10.0.0.0/16"])
        .subnet("a", "s", &["10.0.1.0/24", "fd00:a:0:1::/64"])
        .subnet("a", "t", &["10.0.2.0/24"])
        .subnet("b", "s", &["10.0.1.0/24"])
        .nic("n", "a/s", &["10.0.1.4", "fd00:a:0:1::4"])
}

fn create(spec: NicSpec) -> Operation {
    Operation::CreateNic(spec)
}

#[test]
fn a_nic_is_found_by_name_address_and_mac() {
    let world = world();
    let (vnet, nic) = world.0.nic(&nic_name("n")).unwrap();
    assert_eq!((vnet.name().as_str(), nic.subnet().as_str()), ("a", "s"));
    assert_eq!(nic.mac(), MacAddress::derived(&nic_name("n")));
    let table = world.network("a").nics();
    assert_eq!(table.by_address("fd00:a:0:1::4".parse().unwrap()), Some(nic));
    assert_eq!(table.by_mac(nic.mac()), Some(nic));
    assert_eq!((table.len(), table.address_count(), world.0.nic_count()), (1, 2, 1));
}

#[test]
fn a_nic_names_what_exists_and_has_a_name_of_its_own() {
    let code = RefusalCode::ResourceNotFound;
    world().refuses(create(nic("m", "x/s", &["10.0.1.5"])), code, "virtual network x does not exist");
    world().refuses(create(nic("m", "a/u", &["10.0.1.5"])), code, "subnet a/u does not exist");
    world().refuses(Operation::UpdateNic(nic("m", "a/s", &["10.0.1.5"])), code, "NIC m does not exist");
    world().refuses(Operation::DeleteNic(nic_name("m")), code, "NIC m does not exist");
    // The name is taken in the whole topology, not in one network alone.
    let elsewhere = create(nic("n", "b/s", &["10.0.1.5"]));
    world().refuses(elsewhere, RefusalCode::ResourceAlreadyExists, "NIC n already exists");
}

#[test]
fn a_nic_has_an_address_of_its_subnet() {
    let code = RefusalCode::InvalidAddressPrefix;
    let sentence =
        "NIC m: the address is missing: a NIC needs an IPv4 address, an IPv6 address, or one of each";
    world().refuses(create(nic("m", "a/s", &[])), code, sentence);
    let sentence = "NIC m: 10.0.2.4 lies in no prefix of the subnet";
    world().refuses(create(nic("m", "a/s", &["10.0.2.4"])), code, sentence);
    let sentence = "NIC m: fd00:a:0:1::5 lies in no prefix of the subnet";
    world().refuses(create(nic("m", "a/t", &["10.0.2.4", "fd00:a:0:1::5"])), code, sentence);
}

#[test]
fn an_address_belongs_to_one_nic_of_a_network_and_may_be_used_in_another() {
    let code = RefusalCode::AddressInUse;
    let sentence = "NIC m cannot have address 10.0.1.4: NIC n has it";
    world().refuses(create(nic("m", "a/s", &["10.0.1.4"])), code, sentence);
    let sentence = "NIC m cannot have address fd00:a:0:1::4: NIC n has it";
    world().refuses(create(nic("m", "a/s", &["10.0.1.5", "fd00:a:0:1::4"])), code, sentence);
    let world = world().nic("m", "b/s", &["10.0.1.4"]);
    assert_eq!(world.0.nic_count(), 2);
}

#[test]
fn a_mac_address_belongs_to_one_nic_of_a_network_and_may_be_used_in_another() {
    let mac = MacAddress::derived(&nic_name("n"));
    let spec = |subnet: &str| NicSpec { mac: Some(mac), ..nic("m", subnet, &["10.0.1.5"]) };
    let sentence = format!("NIC m cannot have MAC address {mac}: NIC n has it");
    world().refuses(create(spec("a/s")), RefusalCode::AddressInUse, &sentence);
    let world = world().with(create(spec("b/s")));
    assert_eq!(world.network("b").nics().by_mac(mac).map(Nic::name), Some(&nic_name("m")));
}

#[test]
fn an_interface_belongs_to_one_nic_of_all() {
    let interface = InterfaceName::new("veth0").unwrap();
    let spec = |name: &str, subnet: &str| NicSpec {
        interface: Some(interface.clone()),
        ..nic(name, subnet, &["10.0.1.5"])
    };
    let world = world().with(create(spec("m", "a/s")));
    let sentence = "NIC o cannot have interface veth0: NIC m has it";
    world.refuses(create(spec("o", "b/s")), RefusalCode::AddressInUse, sentence);
    assert_eq!(world.0.nic_by_interface(&interface).map(|(_, nic)| nic.name()), Some(&nic_name("m")));
    // Given up, it is free.
    let world = world.with(Operation::DeleteNic(nic_name("m"))).with(create(spec("o", "b/s")));
    assert_eq!(world.0.nic_by_interface(&interface).map(|(_, nic)| nic.name()), Some(&nic_name("o")));
}

#[test]
fn an_updated_nic_may_keep_what_it_has_and_move_to_another_subnet_or_network() {
    let world = world().with(Operation::UpdateNic(nic("n", "a/s", &["10.0.1.4"])));
    assert_eq!(world.network("a").nics().address_count(), 1);
    let world = world.with(Operation::UpdateNic(nic("n", "a/t", &["10.0.2.4"])));
    assert_eq!(world.network("a").nics().by_address("10.0.1.4".parse().unwrap()), None);
    let world = world.with(Operation::UpdateNic(nic("n", "b/s", &["10.0.1.4"])));
    assert!(world.network("a").nics().is_empty());
    assert_eq!(world.0.nic(&nic_name("n")).map(|(vnet, _)| vnet.name()), Some(&vnet_name("b")));
    assert_eq!(world.0.nics().count(), 1);
}

#[test]
fn a_network_has_65536_addresses_at_most() {
    let mut world = World::default().vnet("a", &["10.0.0.0/8", "fd00:a::/48"]).subnet(
        "a",
        "s",
        &["10.0.0.0/8", "fd00:a:0:1::/64"],
    );
    let spec = |number: u32| {
        let v4 = std::net::Ipv4Addr::from(0x0a00_0010 + number);
        let v6 = std::net::Ipv6Addr::from(0xfd00_000a_0000_0001_0000_0000_0000_0010 + u128::from(number));
        NicSpec { ipv4: Some(v4), ipv6: Some(v6), ..nic(&format!("n{number}"), "a/s", &[]) }
    };
    for number in 0..32_768 {
        world.0.apply_in_place(create(spec(number))).unwrap();
    }
    assert_eq!(world.network("a").nics().address_count(), VirtualNetwork::MAX_ADDRESSES);
    let sentence = "virtual network a cannot have more than 65536 addresses";
    let one_more = NicSpec { ipv6: None, ..spec(40_000) };
    world.refuses(create(one_more.clone()), RefusalCode::QuotaExceeded, sentence);
    // A full network still lets a NIC change, and takes a new one for one that is gone.
    let world = world.with(Operation::UpdateNic(NicSpec { ipv6: None, ..spec(7) }));
    let world = world.with(create(one_more));
    assert_eq!(world.network("a").nics().address_count(), VirtualNetwork::MAX_ADDRESSES);
}

#[test]
fn a_nic_and_its_network_belong_to_one_subscription_and_to_any_resource_groups() {
    let world =
        World::default().vnet("red/net/v", &["10.0.0.0/16"]).subnet("red/net/v", "s", &["10.0.1.0/24"]);
    let sentence = "NIC blue/net/n of subscription blue cannot stand in virtual network red/net/v of subscription red: \
                    a NIC and its virtual network belong to one subscription";
    let foreign = nic("blue/net/n", "red/net/v/s", &["10.0.1.4"]);
    world.refuses(Operation::CreateNic(foreign), RefusalCode::InvalidResourceReference, sentence);
    let world = world.nic("red/machines/n", "red/net/v/s", &["10.0.1.4"]);
    // Nor does a NIC move to a network of another subscription.
    let world = world.vnet("v", &["10.0.0.0/16"]).subnet("v", "s", &["10.0.1.0/24"]);
    let moved = nic("red/machines/n", "v/s", &["10.0.1.4"]);
    assert_eq!(world.refusal(Operation::UpdateNic(moved)).code(), RefusalCode::InvalidResourceReference);
}
