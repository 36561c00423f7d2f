//! `nic create`, `update`, `delete`.

use std::net::IpAddr;

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use super::NicRow;
use crate::cli::agent::At;
use crate::cli::args::switch;
use crate::cli::resource::{self, properties, target};
use crate::cli::scope::Named;
use crate::cli::{CliError, Printer};
use crate::model::{InterfaceError, InterfaceName, MacAddress, NicId, ResourceId, SubnetName, VnetId};

#[derive(Debug, Args)]
pub(in crate::cli) struct Create {
    /// The name of the new NIC
    #[arg(short, long, value_name = "NAME")]
    name: Named<NicId>,
    /// The virtual network
    #[arg(long, value_name = "VNET")]
    vnet_name: Named<VnetId>,
    /// The subnet of that network
    #[arg(long, value_name = "SUBNET")]
    subnet: SubnetName,
    /// An IPv4 address, an IPv6 address, or one of each [default: the lowest free IPv4 address of the subnet]
    #[arg(long, value_name = "IP", num_args = 1..=2)]
    private_ip_address: Vec<IpAddr>,
    /// The families of which the NIC has an address; one that is not given is the lowest free one of the subnet
    #[arg(long, value_name = "FAMILY", num_args = 1..=2)]
    private_ip_address_version: Vec<Family>,
    /// The MAC address [default: derived from the name]
    #[arg(long, value_name = "MAC")]
    mac: Option<MacAddress>,
    /// The Linux interface by which it is attached: the host's end [default: the one that `vnet-agent lab` makes]
    #[arg(long, value_name = "IFACE", value_parser = InterfaceName::new)]
    interface: Option<InterfaceName>,
    /// Let it send packets with other sources than its own, as a router or a firewall does [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", value_parser = switch)]
    ip_forwarding: Option<bool>,
    #[command(flatten)]
    at: At,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Update {
    /// The NIC
    #[arg(short, long, value_name = "NAME")]
    name: Named<NicId>,
    /// The addresses anew: an IPv4 address, an IPv6 address, or one of each
    #[arg(long, value_name = "IP", num_args = 1..=2)]
    private_ip_address: Vec<IpAddr>,
    /// The MAC address
    #[arg(long, value_name = "MAC")]
    mac: Option<MacAddress>,
    /// The Linux interface by which it is attached; an empty text for none
    #[arg(long, value_name = "IFACE", value_parser = interface_or_none)]
    interface: Option<Interface>,
    /// Let it send packets with other sources than its own
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", value_parser = switch)]
    ip_forwarding: Option<bool>,
    #[command(flatten)]
    at: At,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Delete {
    /// The NIC
    #[arg(short, long, value_name = "NAME")]
    name: Named<NicId>,
    #[command(flatten)]
    at: At,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Family {
    /// IPv4
    #[value(name = "IPv4")]
    Ipv4,
    /// IPv6
    #[value(name = "IPv6")]
    Ipv6,
}

/// An interface, or none.
#[derive(Clone, Debug)]
struct Interface(Option<InterfaceName>);

fn interface_or_none(text: &str) -> Result<Interface, InterfaceError> {
    if text.is_empty() {
        Ok(Interface(None))
    } else {
        InterfaceName::new(text).map(|name| Interface(Some(name)))
    }
}

impl Family {
    fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::Ipv4 } else { Self::Ipv6 }
    }

    /// As it stands in a resource.
    fn word(self) -> &'static str {
        match self {
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
        }
    }
}

pub(super) fn create(args: &Create, printer: &mut Printer<'_>) -> Result<(), CliError> {
    let id = ResourceId::Nic(args.name.within(&args.at.scope())?);
    let created = args.at.agent()?.create(&id, &body(args)?)?;
    resource::show::<NicRow>(&created, printer)
}

pub(super) fn update(args: &Update, printer: &mut Printer<'_>) -> Result<(), CliError> {
    let id = ResourceId::Nic(args.name.within(&args.at.scope())?);
    let updated = args.at.agent()?.update(&id, "", |nic| change(args, nic))?;
    resource::show::<NicRow>(&updated, printer)
}

pub(super) fn delete(args: &Delete) -> Result<(), CliError> {
    let id = ResourceId::Nic(args.name.within(&args.at.scope())?);
    args.at.agent()?.delete(&id, "")
}

/// What is asked for, as a resource.
fn body(args: &Create) -> Result<Value, CliError> {
    let vnet = args.vnet_name.within(&args.at.scope())?;
    let subnet = target(&ResourceId::Subnet(vnet, args.subnet.clone()));
    let mut configurations = ip_configurations(&subnet, &args.private_ip_address)?;
    let mut families = args.private_ip_address_version.clone();
    if families.is_empty() && configurations.is_empty() {
        families.push(Family::Ipv4);
    }
    let is_given = |family| args.private_ip_address.iter().any(|address| Family::of(*address) == family);
    for family in families.into_iter().filter(|family| !is_given(*family)) {
        configurations.push(ip_configuration(&subnet, family, None));
    }
    let mut properties = Map::from_iter([("ipConfigurations".to_owned(), json!(configurations))]);
    put_options(
        &mut properties,
        args.mac,
        args.interface.clone().map(|name| Interface(Some(name))),
        args.ip_forwarding,
    );
    Ok(json!({"properties": properties}))
}

fn change(args: &Update, nic: &mut Value) -> Result<(), CliError> {
    let properties = properties(nic)?;
    if !args.private_ip_address.is_empty() {
        let subnet =
            properties.get("ipConfigurations").and_then(|all| all.get(0)?.pointer("/properties/subnet/id"));
        let subnet = subnet.and_then(Value::as_str).unwrap_or_default().to_owned();
        let configurations = ip_configurations(&subnet, &args.private_ip_address)?;
        properties.insert("ipConfigurations".to_owned(), json!(configurations));
    }
    put_options(properties, args.mac, args.interface.clone(), args.ip_forwarding);
    Ok(())
}

fn put_options(
    properties: &mut Map<String, Value>,
    mac: Option<MacAddress>,
    interface: Option<Interface>,
    ip_forwarding: Option<bool>,
) {
    if let Some(mac) = mac {
        properties.insert("macAddress".to_owned(), json!(mac));
    }
    if let Some(Interface(interface)) = interface {
        properties.insert("hostInterface".to_owned(), json!(interface));
    }
    if let Some(ip_forwarding) = ip_forwarding {
        properties.insert("enableIPForwarding".to_owned(), json!(ip_forwarding));
    }
}

fn ip_configurations(subnet: &str, addresses: &[IpAddr]) -> Result<Vec<Value>, CliError> {
    if let [one, other] = addresses
        && one.is_ipv4() == other.is_ipv4()
    {
        return Err(CliError::Usage(format!(
            "--private-ip-address takes one address of each family, and {one} and {other} are of the same one"
        )));
    }
    let configuration = |address: &IpAddr| ip_configuration(subnet, Family::of(*address), Some(*address));
    Ok(addresses.iter().map(configuration).collect())
}

fn ip_configuration(subnet: &str, family: Family, address: Option<IpAddr>) -> Value {
    let mut properties = json!({
        "subnet": {"id": subnet},
        "privateIPAddressVersion": family.word(),
        "privateIPAllocationMethod": if address.is_some() { "Static" } else { "Dynamic" },
    });
    if let Some(address) = address {
        properties["privateIPAddress"] = json!(address);
    }
    json!({"name": family.word().to_ascii_lowercase(), "properties": properties})
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::cli::args::parsed;

    const SUBNET: &str = "/subscriptions/default/resourceGroups/default/providers/Microsoft.Network/virtualNetworks/hub/subnets/default";

    fn asked(flags: &str) -> Value {
        body(&parsed(&format!("-n a --vnet-name hub --subnet default {flags}")).unwrap()).unwrap()
    }

    fn configuration(version: &str, address: Option<&str>) -> Value {
        let name = version.to_lowercase();
        match address {
            Some(address) => json!({"name": name, "properties": {
                "subnet": {"id": SUBNET}, "privateIPAddressVersion": version,
                "privateIPAllocationMethod": "Static", "privateIPAddress": address,
            }}),
            None => json!({"name": name, "properties": {
                "subnet": {"id": SUBNET}, "privateIPAddressVersion": version, "privateIPAllocationMethod": "Dynamic",
            }}),
        }
    }

    #[rstest]
    #[case("", vec![configuration("IPv4", None)])]
    #[case("--private-ip-address 10.0.1.4", vec![configuration("IPv4", Some("10.0.1.4"))])]
    #[case("--private-ip-address fd00::4 10.0.1.4", vec![configuration("IPv6", Some("fd00::4")), configuration("IPv4", Some("10.0.1.4"))])]
    #[case("--private-ip-address-version IPv6", vec![configuration("IPv6", None)])]
    #[case(
        "--private-ip-address 10.0.1.4 --private-ip-address-version IPv4 IPv6",
        vec![configuration("IPv4", Some("10.0.1.4")), configuration("IPv6", None)]
    )]
    fn a_nic_has_the_addresses_that_are_given_and_free_ones_for_the_other_families_asked_for(
        #[case] flags: &str,
        #[case] configurations: Vec<Value>,
    ) {
        assert_eq!(asked(flags), json!({"properties": {"ipConfigurations": configurations}}));
    }

    #[test]
    fn two_addresses_of_one_family_are_wrong_usage() {
        let args = parsed("-n a --vnet-name hub --subnet default --private-ip-address 10.0.1.4 10.0.1.5");
        assert!(matches!(body(&args.unwrap()), Err(CliError::Usage(_))));
    }

    #[test]
    fn options_that_are_given_are_asked_for() {
        let properties =
            asked("--mac 02:00:00:00:00:01 --interface veth1 --ip-forwarding")["properties"].take();
        assert_eq!(properties["macAddress"], json!("02:00:00:00:00:01"));
        assert_eq!(properties["hostInterface"], json!("veth1"));
        assert_eq!(properties["enableIPForwarding"], json!(true));
    }

    #[test]
    fn an_update_keeps_what_is_not_given() {
        let mut nic = asked("--private-ip-address 10.0.1.4 --interface veth1 --ip-forwarding");
        change(&parsed("-n a --private-ip-address 10.0.1.9").unwrap(), &mut nic).unwrap();
        assert_eq!(nic, asked("--private-ip-address 10.0.1.9 --interface veth1 --ip-forwarding"));
        let mut args: Update = parsed("-n a --interface x --ip-forwarding false").unwrap();
        args.interface = Some(interface_or_none("").unwrap());
        change(&args, &mut nic).unwrap();
        let properties = &nic["properties"];
        assert_eq!(
            (&properties["hostInterface"], &properties["enableIPForwarding"]),
            (&Value::Null, &json!(false))
        );
    }
}
