//! The host's side of a lab: its links, and who made them.

use std::collections::BTreeMap;

use rtnetlink::Handle;

use super::LabError;
use super::namespace::{Maker, mark};
use crate::link::{Interface, LinkError, interfaces_of};
use crate::model::NicId;

/// An rtnetlink socket in the caller's namespace.
pub(super) fn handle() -> Result<Handle, LabError> {
    let (connection, handle, _) =
        rtnetlink::new_connection().map_err(|source| LinkError::Socket { purpose: "build a lab", source })?;
    tokio::spawn(connection);
    Ok(handle)
}

/// The interfaces of the host.
pub(super) async fn links_by_name(host: &Handle) -> Result<BTreeMap<String, Interface>, LinkError> {
    Ok(interfaces_of(host).await?.into_iter().map(|link| (link.name.clone(), link)).collect())
}

/// Who made the interface with the name of the host's end for a NIC.
pub(super) fn maker_of_link(nic: &NicId, link: Option<&Interface>) -> Maker {
    match link {
        None => Maker::Nobody,
        Some(link) if link.alias.as_deref() == Some(mark(nic).as_str()) => Maker::Lab,
        Some(_) => Maker::Other,
    }
}

/// Deletes a link; one that is gone already is as good.
pub(super) async fn delete_link(ifindex: u32, host: &Handle) -> Result<(), LabError> {
    let what = format!("delete interface {ifindex}");
    match host.link().del(ifindex).execute().await.map_err(LinkError::request(what)) {
        Err(error) if error.os_code() == Some(libc::ENODEV) => Ok(()),
        deleted => Ok(deleted?),
    }
}
