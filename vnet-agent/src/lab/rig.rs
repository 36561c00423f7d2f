//! Building a lab.
//!
//! A lab is built whole or not at all: what was made until something failed is removed again, also where the caller drops
//! the future half-way. What exists is refused rather than taken over, so that a lab always is what this file says.

use std::collections::BTreeMap;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use futures::TryStreamExt;
use rtnetlink::packet_route::link::{InfoData, InfoVeth, LinkAttribute, LinkMessage};
use rtnetlink::{Handle, LinkMessageBuilder, LinkUnspec, LinkVeth};

use super::guest::{self, GUEST_INTERFACE};
use super::host::{delete_link, handle, links_by_name, maker_of_link};
use super::namespace::{self, Maker, mark};
use super::{LabError, cpus, interface_name, namespace_name, sysctl};
use crate::link::{Interface, LinkError, Namespace};
use crate::model::{Nic, NicId, Topology, VirtualNetwork};

/// How to build.
#[derive(Clone, Copy, Debug)]
pub struct UpOptions {
    /// The MTU of both ends of every pair, in bytes.
    pub mtu_bytes: u32,
}

impl Default for UpOptions {
    fn default() -> Self {
        Self { mtu_bytes: 1500 }
    }
}

/// A lab that stands.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Rig {
    /// The NICs that it was built for, in the order of the virtual networks' names, then of their own.
    pub nics: Vec<RigNic>,
}

/// A NIC's part of a lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RigNic {
    /// The NIC.
    pub nic: NicId,
    /// Its namespace, as `ip netns` names it.
    pub namespace: String,
    /// The host end of its veth pair.
    pub interface: String,
    /// The host end's number.
    pub ifindex: u32,
}

/// Builds a namespace and a veth pair for each NIC without an interface of its own.
///
/// # Errors
/// [`LabError`]; what was made until then is removed again.
pub async fn up(topology: &Topology, options: &UpOptions) -> Result<Rig, LabError> {
    up_unless(topology, options, std::future::pending()).await
}

/// The same, given up as soon as `interrupted` ends: unlike dropping the future, this has removed everything when it
/// returns, so that a lab can be built again at once.
///
/// # Errors
/// [`LabError`]; what was made until then is removed again.
pub async fn up_unless(
    topology: &Topology,
    options: &UpOptions,
    interrupted: impl Future<Output = ()>,
) -> Result<Rig, LabError> {
    let nics: Vec<_> = topology.nics().filter(|(_, nic)| nic.interface().is_none()).collect();
    check_names(topology)?;
    let host = handle()?;
    let links = links_by_name(&host).await?;
    for (_, nic) in &nics {
        refuse_existing(nic.name(), &links).await?;
    }
    let queues = cpus::online()?;
    let mut built = Unfinished::default();
    let built_all = tokio::select! {
        built_all = build_all(&nics, options, queues, &host, &mut built) => built_all,
        () = interrupted => Err(LabError::Interrupted),
    };
    match built_all {
        Ok(rig) => {
            built.names.clear();
            Ok(rig)
        }
        Err(error) => {
            built.remove_links(&host).await;
            Err(error)
        }
    }
}

async fn build_all(
    nics: &[(&Arc<VirtualNetwork>, &Nic)],
    options: &UpOptions,
    queues: u32,
    host: &Handle,
    built: &mut Unfinished,
) -> Result<Rig, LabError> {
    let mut rig = Rig::default();
    let mut guests = Vec::new();
    for (vnet, nic) in nics {
        let (guest, part) = build(vnet, nic, options, queues, host, built).await?;
        guests.push((nic.name(), guest));
        rig.nics.push(part);
    }
    // Together: detection takes as long for fifty as for one.
    for (nic, guest) in &guests {
        guest::await_addresses(nic, guest).await?;
    }
    Ok(rig)
}

async fn build(
    vnet: &VirtualNetwork,
    nic: &Nic,
    options: &UpOptions,
    queues: u32,
    host: &Handle,
    built: &mut Unfinished,
) -> Result<(Handle, RigNic), LabError> {
    let (name, interface) = (nic.name(), interface_name(nic.name()));
    let (namespace, inside) = namespace::create(name).await?;
    namespace::bind(name, &namespace)?;
    built.names.push(name.clone());
    let pair = veth(nic, &interface, &namespace, options.mtu_bytes, queues);
    let what = format!("make the veth pair {interface} for NIC {name}");
    host.link().add(pair).execute().await.map_err(LinkError::request(what))?;
    let ifindex = mark_host_end(name, &interface, host).await?;
    guest::set_up(nic, &guest::placed(vnet, nic), &namespace, &inside).await?;
    let up = LinkUnspec::new_with_index(ifindex).up().build();
    let what = format!("bring up {interface}");
    host.link().set(up).execute().await.map_err(LinkError::request(what))?;
    let namespace = namespace_name(name);
    Ok((inside, RigNic { nic: name.clone(), namespace, interface, ifindex }))
}

/// A pair whose guest end is born inside the namespace: it is never seen on the host, where its name may be taken.
fn veth(nic: &Nic, interface: &str, namespace: &Namespace, mtu_bytes: u32, queues: u32) -> LinkMessage {
    // As many queues as CPUs, on both ends: attaching fails where the host's end receives by fewer queues than the
    // guest's end sends by.
    let queues = [LinkAttribute::NumTxQueues(queues), LinkAttribute::NumRxQueues(queues)];
    let mut guest = LinkUnspec::new_with_name(GUEST_INTERFACE)
        .address(nic.mac().octets().to_vec())
        .mtu(mtu_bytes)
        .setns_by_fd(namespace.as_raw_fd())
        .build();
    guest.attributes.extend(queues.clone());
    let mut pair = LinkMessageBuilder::<LinkVeth>::new(interface, GUEST_INTERFACE)
        .set_info_data(InfoData::Veth(InfoVeth::Peer(guest)))
        .mtu(mtu_bytes)
        .build();
    pair.attributes.extend(queues);
    pair
}

/// Marks the host's end as a lab's and keeps the host's stack off it.
async fn mark_host_end(nic: &NicId, interface: &str, host: &Handle) -> Result<u32, LabError> {
    let what = format!("mark {interface}");
    let marked = LinkUnspec::new_with_name(interface)
        .append_extra_attribute(LinkAttribute::IfAlias(mark(nic)))
        .build();
    host.link().set(marked).execute().await.map_err(LinkError::request(&what))?;
    sysctl::silence_host(interface)?;
    let mut links = Box::pin(host.link().get().match_name(interface).execute());
    let found = links.try_next().await.map_err(LinkError::request(&what))?.map(|link| link.header.index);
    Ok(found.ok_or_else(|| LinkError::Answer { what, fault: "it vanished".into() })?)
}

/// Refuses two NICs whose interfaces would have the same name.
fn check_names(topology: &Topology) -> Result<(), LabError> {
    let mut names: BTreeMap<String, &NicId> = BTreeMap::new();
    for (_, nic) in topology.nics() {
        let interface =
            nic.interface().map_or_else(|| interface_name(nic.name()), |name| name.as_str().to_owned());
        if let Some(first) = names.insert(interface.clone(), nic.name()) {
            let (first, second) = (first.clone(), nic.name().clone());
            return Err(LabError::SameInterface { first, second, interface });
        }
    }
    Ok(())
}

async fn refuse_existing(nic: &NicId, links: &BTreeMap<String, Interface>) -> Result<(), LabError> {
    let interface = interface_name(nic);
    let is_there = [
        (
            maker_of_link(nic, links.get(&interface)),
            format!("interface {interface}"),
            format!("ip link delete {interface}"),
        ),
        (
            namespace::maker(nic).await?,
            format!("namespace {}", namespace_name(nic)),
            format!("ip netns delete {}", namespace_name(nic)),
        ),
    ];
    for (maker, what, command) in is_there {
        let nic = nic.clone();
        match maker {
            Maker::Nobody => {}
            Maker::Lab => return Err(LabError::AlreadyUp { nic, what }),
            Maker::Other => return Err(LabError::Taken { nic, what, command }),
        }
    }
    Ok(())
}

/// The NICs of a lab under way. Dropped with names in it, it takes the names from the namespaces, with which they end, and
/// the pairs with them.
#[derive(Default)]
struct Unfinished {
    names: Vec<NicId>,
}

impl Unfinished {
    /// Deletes the pairs first, because a namespace ends some time after its name: a lab that is built at once again would
    /// meet them.
    async fn remove_links(&self, host: &Handle) {
        let Ok(links) = links_by_name(host).await else { return };
        for nic in &self.names {
            if let Some(link) = links.get(&interface_name(nic))
                && let Err(error) = delete_link(link.ifindex, host).await
            {
                tracing::warn!(%nic, %error, "the interface of an unfinished lab stays");
            }
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        for nic in self.names.drain(..).rev() {
            if let Err(error) = namespace::unbind(&nic) {
                tracing::warn!(%nic, %error, "the namespace of an unfinished lab stays");
            }
        }
    }
}
