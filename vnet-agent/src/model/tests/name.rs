//! Names and MAC addresses.

use pretty_assertions::assert_eq;
use rstest::rstest;

use super::nic_name;
use crate::model::*;

#[rstest]
#[case("a")]
#[case("9")]
#[case("a_")]
#[case("a-b.c_d")]
#[case("0--..__")]
fn a_name_starts_with_a_letter_or_digit_and_ends_with_one_or_an_underscore(#[case] name: &str) {
    assert_eq!(PeeringName::new(name).map(|name| name.to_string()), Ok(name.to_owned()));
    assert_eq!(VnetId::new(name).map(|name| name.to_string()), Ok(name.to_owned()));
    assert_eq!(SubnetName::new(name).map(|name| name.to_string()), Ok(name.to_owned()));
    assert_eq!(NicId::new(name).map(|name| name.to_string()), Ok(name.to_owned()));
}

#[rstest]
#[case("", "is empty")]
#[case("_a", "must start with a letter or a digit")]
#[case("-a", "must start with a letter or a digit")]
#[case(".a", "must start with a letter or a digit")]
#[case("a-", "must end with a letter, a digit or `_`")]
#[case("a.", "must end with a letter, a digit or `_`")]
#[case("a b", "holds ' '; letters, digits, `.`, `-` and `_` are allowed")]
#[case("a/b", "holds '/'; letters, digits, `.`, `-` and `_` are allowed")]
#[case("aé", "holds 'é'; letters, digits, `.`, `-` and `_` are allowed")]
#[case("a\n", "holds '\\n'; letters, digits, `.`, `-` and `_` are allowed")]
fn a_name_that_breaks_the_rule_is_refused_with_the_rule(#[case] name: &str, #[case] fault: &str) {
    let error = PeeringName::new(name).unwrap_err();
    assert_eq!(error.to_string(), format!("peering name {name:?} {fault}"));
    let refusal = Refusal::from(error.clone());
    assert_eq!((refusal.code(), refusal.to_string()), (RefusalCode::InvalidResourceName, error.to_string()));
    assert_eq!(VnetId::new(name).unwrap_err().to_string(), format!("virtual network name {name:?} {fault}"));
    assert_eq!(SubnetName::new(name).unwrap_err().to_string(), format!("subnet name {name:?} {fault}"));
    assert_eq!(NicId::new(name).unwrap_err().to_string(), format!("NIC name {name:?} {fault}"));
    assert_eq!(Region::new(name).unwrap_err().to_string(), format!("region name {name:?} {fault}"));
}

#[test]
fn a_name_has_64_or_80_characters_at_most() {
    let name = |length| "a".repeat(length);
    assert!(VnetId::new(&name(64)).is_ok() && Region::new(&name(64)).is_ok());
    assert_eq!(VnetId::new(&name(65)).unwrap_err().fault, NameFault::TooLong { max: 64 });
    assert_eq!(Region::new(&name(65)).unwrap_err().fault, NameFault::TooLong { max: 64 });
    assert!(SubnetName::new(&name(80)).is_ok() && NicId::new(&name(80)).is_ok());
    assert!(PeeringName::new(&name(80)).is_ok());
    assert_eq!(SubnetName::new(&name(81)).unwrap_err().fault, NameFault::TooLong { max: 80 });
    assert_eq!(NicId::new(&name(81)).unwrap_err().fault, NameFault::TooLong { max: 80 });
    let error = PeeringName::new(&name(1000)).unwrap_err();
    assert_eq!(error.to_string(), format!("peering name {:?} is longer than 80 characters", name(100)));
}

#[test]
fn a_region_is_the_same_place_in_capitals() {
    assert_eq!(Region::new("WestEurope"), Region::new("westeurope"));
    assert_eq!(Region::new("WestEurope").unwrap().to_string(), "westeurope");
}

#[rstest]
#[case("hub", "\"hub\" is no subnet; write VNET/SUBNET, for example hub/default")]
#[case("/s", "virtual network name \"\" is empty")]
#[case("hub/", "subnet name \"\" is empty")]
#[case("hub/a/b", "virtual network name \"hub/a\" holds '/'; letters, digits, `.`, `-` and `_` are allowed")]
fn a_subnet_from_outside_is_vnet_slash_subnet(#[case] text: &str, #[case] sentence: &str) {
    assert_eq!(text.parse::<SubnetRef>().unwrap_err().to_string(), sentence);
    assert_eq!("hub/default".parse::<SubnetRef>().unwrap().to_string(), "hub/default");
}

#[rstest]
#[case("", "an interface name is empty")]
#[case("abcdefghijklmnop", "interface \"abcdefghijklmnop\" has more than 15 bytes")]
#[case("lo", "interface \"lo\" is the host's own loopback, behind which no guest stands")]
#[case("éééééééé", "interface \"éééééééé\" has more than 15 bytes")]
fn an_interface_name_has_1_to_15_bytes_and_is_not_the_loopback_s(#[case] name: &str, #[case] sentence: &str) {
    assert_eq!(InterfaceName::new(name).unwrap_err().to_string(), sentence);
}

#[test]
fn an_interface_name_is_one_that_linux_takes() {
    for wrong in [".", "..", "a/b", "a:1", "a b", "eth%d", "a\t", "a\u{7f}"] {
        assert_eq!(InterfaceName::new(wrong), Err(InterfaceError::Character(wrong.to_owned())));
    }
    for right in ["eth0", "veth-hub-vm", "a.b", "...", "abcdefghijklmno", "é"] {
        assert_eq!(InterfaceName::new(right).map(|name| name.to_string()), Ok(right.to_owned()));
    }
}

#[rstest]
#[case("02:00:00:00:00:01", [2, 0, 0, 0, 0, 1])]
#[case("02-AB-cd-00-00-ff", [2, 0xab, 0xcd, 0, 0, 0xff])]
#[case("00:00:00:00:00:01", [0, 0, 0, 0, 0, 1])]
fn a_mac_address_is_six_pairs_of_digits(#[case] text: &str, #[case] bytes: [u8; 6]) {
    assert_eq!(text.parse::<MacAddress>().map(MacAddress::octets), Ok(bytes));
    let printed = MacAddress::new(bytes).unwrap().to_string();
    assert_eq!(printed, text.to_lowercase().replace('-', ":"));
}

#[rstest]
#[case("")]
#[case("02:00:00:00:00")]
#[case("02:00:00:00:00:01:02")]
#[case("2:0:0:0:0:1")]
#[case("02:00:00:00:00:0g")]
#[case("02:00-00:00:00:01")]
#[case("020000000001")]
#[case("+2:00:00:00:00:01")]
fn anything_else_is_no_mac_address(#[case] text: &str) {
    assert_eq!(text.parse::<MacAddress>(), Err(MacError::Form(text.to_owned())));
}

#[test]
fn zero_group_addresses_and_the_routers_own_are_nobodys_mac_address() {
    assert_eq!(MacAddress::new([0; 6]), Err(MacError::Zero));
    assert_eq!(MacAddress::new([0xff; 6]), Err(MacError::Group([0xff; 6])));
    let error = "01:00:5e:00:00:01".parse::<MacAddress>().unwrap_err().to_string();
    let sentence =
        "the MAC address 01:00:5e:00:00:01 is a group address; a NIC needs one whose first byte is even";
    assert_eq!(error, sentence);
    let error = "12:34:56:78:9a:bc".parse::<MacAddress>().unwrap_err().to_string();
    assert_eq!(error, "the MAC address 12:34:56:78:9a:bc belongs to the virtual router");
}

#[test]
fn a_derived_mac_address_is_stable_local_unicast_and_differs_by_name() {
    let derived = |number: u32| MacAddress::derived(&nic_name(&format!("vm-{number}")));
    // FNV-1a of "vm-0", folded: worked out apart from the program.
    assert_eq!(derived(0), fnv_folded("vm-0"));
    let all: std::collections::BTreeSet<MacAddress> = (0..20_000).map(derived).collect();
    assert_eq!(all.len(), 20_000);
    for mac in all {
        assert_eq!(mac.octets()[0] & 3, 2, "{mac} is local and unicast");
        assert_eq!(MacAddress::new(mac.octets()), Ok(mac));
    }
}

/// By 128-bit arithmetic and shifts, not as the program does it.
fn fnv_folded(name: &str) -> MacAddress {
    let modulus = 1u128 << 64;
    let hash = name.bytes().fold(14_695_981_039_346_656_037u128, |hash, byte| {
        (hash ^ u128::from(byte)) * 1_099_511_628_211 % modulus
    });
    let folded = (hash & 0xffff_ffff_ffff) ^ (hash >> 48);
    let local = (folded & !(3 << 40)) | (2 << 40);
    MacAddress::new(std::array::from_fn(|n| (local >> (40 - 8 * n)) as u8)).unwrap()
}
