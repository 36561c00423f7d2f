//! The interfaces of a network namespace.

use std::collections::HashMap;
use std::net::IpAddr;

use futures::TryStreamExt;
use ipnet::IpNet;
use rtnetlink::Handle;
use rtnetlink::packet_core::Nla;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage, AddressScope};
use rtnetlink::packet_route::link::{InfoData, LinkAttribute, LinkFlags, LinkInfo, LinkMessage};

use super::LinkError;

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The kernel's number of it, within its namespace.
    pub ifindex: u32,
    /// Its name.
    pub name: String,
    /// The longest IP packet that it takes, in bytes.
    pub mtu_bytes: u32,
    /// Whether it is administratively up.
    pub is_up: bool,
    /// Whether it has a carrier: a cable; for a veth pair, another end that is up; for a tap, a machine behind it.
    pub has_carrier: bool,
    /// The driver's kind (`veth`, `tun`, `bridge`); none for hardware and for the loopback.
    pub kind: Option<String>,
    /// The other end of a veth pair.
    pub peer: Option<Peer>,
    /// Whether it is a tap whose machine puts a header before each frame (`IFF_VNET_HDR`), by which it may leave
    /// checksums and segmentation to the host.
    pub has_vnet_header: bool,
    /// Its MAC address, where it has one of six bytes.
    pub mac: Option<[u8; 6]>,
    /// The note that whoever made it left on it (`ip link set alias`).
    pub alias: Option<String>,
    /// An address of global scope that the namespace itself has on it, with its prefix length. Link-local ones, which
    /// every interface gets by itself, do not count.
    pub address: Option<IpNet>,
}

/// The other end of a veth pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its number, in its own namespace.
    pub ifindex: u32,
    /// The number by which this namespace knows the other one; none when both ends stand in the same.
    pub netns_id: Option<i32>,
}

/// The interfaces of the caller's network namespace.
///
/// # Errors
/// [`LinkError`].
pub async fn interfaces() -> Result<Vec<Interface>, LinkError> {
    let (connection, handle, _) = rtnetlink::new_connection()
        .map_err(|source| LinkError::Socket { purpose: "list the interfaces", source })?;
    tokio::spawn(connection);
    interfaces_of(&handle).await
}

/// The interfaces of the namespace that `handle` was opened in.
pub(crate) async fn interfaces_of(handle: &Handle) -> Result<Vec<Interface>, LinkError> {
    let links = handle.link().get().execute().map_ok(|message| Interface::from(&message));
    let mut links: Vec<Interface> =
        links.try_collect().await.map_err(LinkError::request("list the interfaces"))?;
    let addresses =
        handle.address().get().execute().try_filter_map(|message| async move { Ok(global(&message)) });
    let addresses: HashMap<u32, IpNet> =
        addresses.try_collect().await.map_err(LinkError::request("list the interfaces' addresses"))?;
    for link in &mut links {
        link.address = addresses.get(&link.ifindex).copied();
    }
    Ok(links)
}

/// The interface and the address of a message about one of global scope.
fn global(message: &AddressMessage) -> Option<(u32, IpNet)> {
    // On a point-to-point link IFA_ADDRESS is the other side's, and IFA_LOCAL the own one; IPv6 may have the former alone.
    let find = |is_it: fn(&AddressAttribute) -> Option<IpAddr>| message.attributes.iter().find_map(is_it);
    let local = find(|attribute| match attribute {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    });
    let address = local.or_else(|| {
        find(|attribute| match attribute {
            AddressAttribute::Address(address) => Some(*address),
            _ => None,
        })
    });
    let is_global =
        message.header.scope == AddressScope::Universe && !address.is_some_and(|a: IpAddr| a.is_loopback());
    let address = address.filter(|_| is_global)?;
    Some((message.header.index, IpNet::new(address, message.header.prefix_len).ok()?))
}

impl Interface {
    fn take_in(&mut self, infos: &[LinkInfo]) {
        for info in infos {
            match info {
                LinkInfo::Kind(kind) => self.kind = Some(kind.to_string()),
                LinkInfo::Data(InfoData::Tun(attributes)) => {
                    self.has_vnet_header = attributes.iter().any(|attribute| {
                        let mut value = [0];
                        if attribute.kind() == IFLA_TUN_VNET_HDR && attribute.value_len() == value.len() {
                            attribute.emit_value(&mut value);
                        }
                        value != [0]
                    });
                }
                _ => {}
            }
        }
    }
}

/// include/uapi/linux/if_link.h
const IFLA_TUN_VNET_HDR: u16 = 5;

impl From<&LinkMessage> for Interface {
    fn from(message: &LinkMessage) -> Self {
        let mut interface = Self {
            ifindex: message.header.index,
            name: String::new(),
            mtu_bytes: 0,
            is_up: message.header.flags.contains(LinkFlags::Up),
            has_carrier: message.header.flags.contains(LinkFlags::LowerUp),
            kind: None,
            peer: None,
            has_vnet_header: false,
            mac: None,
            alias: None,
            address: None,
        };
        let (mut link, mut netns_id) = (None, None);
        for attribute in &message.attributes {
            match attribute {
                LinkAttribute::IfName(name) => interface.name.clone_from(name),
                LinkAttribute::Mtu(mtu_bytes) => interface.mtu_bytes = *mtu_bytes,
                LinkAttribute::Address(bytes) => interface.mac = bytes.as_slice().try_into().ok(),
                LinkAttribute::IfAlias(alias) => interface.alias = Some(alias.clone()),
                LinkAttribute::Link(ifindex) => link = Some(*ifindex),
                LinkAttribute::LinkNetNsId(id) => netns_id = Some(*id),
                LinkAttribute::LinkInfo(infos) => interface.take_in(infos),
                _ => {}
            }
        }
        // IFLA_LINK names the other end of a veth pair; of other kinds, the interface that they stand on.
        if interface.kind.as_deref() == Some("veth") {
            interface.peer = link.map(|ifindex| Peer { ifindex, netns_id });
        }
        interface
    }
}
