//! The guest's end of a lab's veth pair: what makes a namespace behave as a machine in a virtual network.
//!
//! As in Azure, the address has its subnet's prefix length and the default route leads to the subnet's first address; the
//! IPv6 router is fe80::1234:5678:9abc, told to the guest as a static route. Traffic within a subnet is routed too, so the
//! guest gets no on-link route for the subnet and asks for no neighbour but its router. With one, it would work as well
//! (the virtual router answers ARP for every address), but the kernel keeps the neighbours of all namespaces in one table of
//! 1,024 entries: fifty guests of one subnet that talk to each other would need 2,450.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use futures::TryStreamExt;
use ipnet::IpNet;
use rtnetlink::packet_route::address::{AddressAttribute, AddressFlags};
use rtnetlink::{Handle, LinkUnspec, RouteMessageBuilder};
use tokio::time::{Instant, sleep};

use super::{LabError, sysctl};
use crate::link::{self, LinkError, Namespace, Offloads, interfaces_of};
use crate::model::{Nic, NicId, Subnet, VirtualNetwork};

/// The name of the guest's end. Only labs can rely on it.
pub(super) const GUEST_INTERFACE: &str = "eth0";
/// The virtual router's link-local address, as Azure's.
const ROUTER_LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0x1234, 0x5678, 0x9abc);
/// Duplicate address detection takes one to two seconds (RFC 4862, section 5.4).
const DETECTION_AT_MOST: Duration = Duration::from_secs(10);
const DETECTION_POLL: Duration = Duration::from_millis(50);

/// A NIC's address with the prefix of its subnet.
pub(super) struct Placed {
    address: IpAddr,
    prefix: IpNet,
}

/// The NIC's addresses, each with its subnet's prefix.
pub(super) fn placed(vnet: &VirtualNetwork, nic: &Nic) -> Vec<Placed> {
    let prefixes = vnet.subnet(nic.subnet()).map(Subnet::address_prefixes).unwrap_or_default();
    let place = |address| {
        let prefix = prefixes.iter().find(|prefix| prefix.contains(&address))?;
        Some(Placed { address, prefix: *prefix })
    };
    nic.addresses().filter_map(place).collect()
}

/// Sets up the guest's end: parameters, offloads, addresses, routes.
pub(super) async fn set_up(
    nic: &Nic,
    placed: &[Placed],
    namespace: &Namespace,
    handle: &Handle,
) -> Result<(), LabError> {
    let ifindex = interfaces_of(handle).await?.into_iter().find(|link| link.name == GUEST_INTERFACE);
    let ifindex = ifindex
        .map(|link| link.ifindex)
        .ok_or_else(|| LinkError::Answer { what: "make a veth pair".into(), fault: "no peer".into() })?;
    sysctl::prepare_guest(namespace, nic)?;
    let entering = LabError::system(format!("enter the namespace of NIC {}", nic.name()));
    let (_, offloads) = namespace.enter(|| link::prepare(ifindex)).map_err(entering)??;
    if offloads != Offloads::NEEDED {
        return Err(LabError::Offloads { nic: nic.name().clone() });
    }
    for Placed { address, prefix } in placed {
        let mut request = handle.address().add(ifindex, *address, prefix.prefix_len());
        let no_route = AddressAttribute::Flags(AddressFlags::Noprefixroute);
        request.message_mut().attributes.push(no_route);
        let what = format!("give {address} to NIC {}", nic.name());
        request.execute().await.map_err(LinkError::request(what))?;
    }
    let up = LinkUnspec::new_with_index(ifindex).up().build();
    let what = format!("bring up the guest's end of NIC {}", nic.name());
    handle.link().set(up).execute().await.map_err(LinkError::request(what))?;
    for Placed { prefix, .. } in placed {
        add_default_route(nic, *prefix, ifindex, handle).await?;
    }
    Ok(())
}

async fn add_default_route(nic: &Nic, prefix: IpNet, ifindex: u32, handle: &Handle) -> Result<(), LinkError> {
    let route = match prefix {
        IpNet::V4(prefix) => {
            let router = Ipv4Addr::from(u32::from(prefix.network()).wrapping_add(1));
            RouteMessageBuilder::<Ipv4Addr>::new().gateway(router).onlink().output_interface(ifindex).build()
        }
        IpNet::V6(_) => RouteMessageBuilder::<Ipv6Addr>::new()
            .gateway(ROUTER_LINK_LOCAL)
            .output_interface(ifindex)
            .build(),
    };
    let what = format!("add a default route for NIC {}", nic.name());
    handle.route().add(route).execute().await.map_err(LinkError::request(what))
}

/// Waits until duplicate address detection is over: until then a guest neither sends from its IPv6 addresses nor answers
/// for them.
pub(super) async fn await_addresses(nic: &NicId, handle: &Handle) -> Result<(), LabError> {
    let deadline = Instant::now() + DETECTION_AT_MOST;
    let outcome = |outcome| LabError::Tentative { nic: nic.clone(), outcome };
    loop {
        let addresses = handle.address().get().execute().try_collect::<Vec<_>>().await;
        let addresses = addresses.map_err(LinkError::request("list addresses"))?;
        let flags =
            addresses.iter().flat_map(|address| &address.attributes).filter_map(
                |attribute| match attribute {
                    AddressAttribute::Flags(flags) => Some(*flags),
                    _ => None,
                },
            );
        let flags = flags.fold(AddressFlags::empty(), |all, flags| all | flags);
        if flags.contains(AddressFlags::Dadfailed) {
            return Err(outcome("found another holder"));
        }
        if !flags.contains(AddressFlags::Tentative) {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(outcome("did not end in time"));
        }
        sleep(DETECTION_POLL).await;
    }
}
