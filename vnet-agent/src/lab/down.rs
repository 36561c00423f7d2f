//! Taking a lab down.
//!
//! Only what carries the lab's mark is removed, and what is gone already is as good: after a crash, or after somebody has
//! deleted half of it by hand, this is the way to a clean machine.

use std::collections::BTreeMap;

use rtnetlink::Handle;

use super::host::{delete_link, handle, links_by_name, maker_of_link};
use super::namespace::{self, Maker};
use super::{LabError, interface_name, namespace_name};
use crate::link::Interface;
use crate::model::{NicId, Topology};

/// What was taken down.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Removed {
    /// Host ends of veth pairs.
    pub interfaces: Vec<String>,
    /// Namespaces.
    pub namespaces: Vec<String>,
    /// Interfaces and namespaces that have a lab's names, and that no lab made. They stay.
    pub left: Vec<String>,
}

/// Removes what a lab made for the NICs of `topology`, and nothing else. What is gone already is no error.
///
/// NICs that name an interface by now are looked at too: the file may have changed since the lab was built. What was
/// built for a NIC that is no longer in it stays.
///
/// # Errors
/// The first [`LabError`]; the rest is removed all the same.
pub async fn down(topology: &Topology) -> Result<Removed, LabError> {
    let host = handle()?;
    let links = links_by_name(&host).await?;
    let mut removed = Removed::default();
    let mut first_error = None;
    for (_, nic) in topology.nics() {
        if let Err(error) = remove(nic.name(), &links, &host, &mut removed).await {
            first_error.get_or_insert(error);
        }
    }
    first_error.map_or(Ok(removed), Err)
}

async fn remove(
    nic: &NicId,
    links: &BTreeMap<String, Interface>,
    host: &Handle,
    removed: &mut Removed,
) -> Result<(), LabError> {
    let interface = interface_name(nic);
    let link = links.get(&interface);
    let link_result = match (maker_of_link(nic, link), link) {
        (Maker::Lab, Some(link)) => {
            let deleted = delete_link(link.ifindex, host).await;
            deleted.map(|()| removed.interfaces.push(interface))
        }
        (Maker::Other, _) => {
            removed.left.push(format!("interface {interface}"));
            Ok(())
        }
        _ => Ok(()),
    };
    match namespace::maker(nic).await? {
        Maker::Nobody => {}
        Maker::Lab => {
            namespace::unbind(nic)?;
            removed.namespaces.push(namespace_name(nic));
        }
        Maker::Other => removed.left.push(format!("namespace {}", namespace_name(nic))),
    }
    link_result
}
