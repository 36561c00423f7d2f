//! Which records differ between two states.
//!
//! What two states share by pointer is equal and not looked into: a virtual network, the NICs of one that changed otherwise, an
//! entry of the directory.

use std::cmp::Ordering;
use std::sync::Arc;

use serde::Serialize;

use super::record::{AssignmentRecord, Key, VnetRecord};
use super::tables::Kind;
use crate::model::access::{Directory, Subscription, Token};
use crate::model::{NicSnapshot, PeeringSnapshot, State, SubnetSnapshot, Topology, VirtualNetwork};

/// A record that is written, or taken away where it has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Write {
    pub(super) key: Key,
    pub(super) value: Option<Vec<u8>>,
}

/// What has to be written to come from the records of `before` to those of `after`.
pub(super) fn difference(before: &State, after: &State) -> serde_json::Result<Vec<Write>> {
    let mut writes = Writes(Vec::new());
    writes.topology(&before.topology, &after.topology)?;
    writes.directory(&before.directory, &after.directory)?;
    Ok(writes.0)
}

struct Writes(Vec<Write>);

impl Writes {
    fn put(&mut self, key: Key, value: &impl Serialize) -> serde_json::Result<()> {
        let value = Some(serde_json::to_vec(value)?);
        self.0.push(Write { key, value });
        Ok(())
    }

    fn remove(&mut self, key: Key) {
        self.0.push(Write { key, value: None });
    }

    /// Compares two lists of objects, each in the order of its keys.
    fn lists<T, N: Ord, R: Serialize>(
        &mut self,
        before: impl Iterator<Item = T>,
        after: impl Iterator<Item = T>,
        name: impl Fn(&T) -> N,
        is_same: impl Fn(&T, &T) -> bool,
        key: impl Fn(&T) -> Key,
        record: impl Fn(&T) -> R,
    ) -> serde_json::Result<()> {
        for pair in pairs(before, after, name) {
            match pair {
                (Some(before), Some(after)) if is_same(&before, &after) => {}
                (_, Some(after)) => self.put(key(&after), &record(&after))?,
                (Some(before), None) => self.remove(key(&before)),
                (None, None) => {}
            }
        }
        Ok(())
    }

    fn topology(&mut self, before: &Topology, after: &Topology) -> serde_json::Result<()> {
        for (before, after) in pairs(before.vnets(), after.vnets(), |vnet| vnet.name().clone()) {
            match (before, after) {
                (Some(before), Some(after)) if Arc::ptr_eq(before, after) => {}
                (before, after) => self.vnet(before, after)?,
            }
        }
        Ok(())
    }

    fn vnet(
        &mut self,
        before: Option<&Arc<VirtualNetwork>>,
        after: Option<&Arc<VirtualNetwork>>,
    ) -> serde_json::Result<()> {
        let Some(name) = after.or(before).map(|vnet| vnet.name().as_str()) else { return Ok(()) };
        let (before, after) = (before.into_iter(), after.into_iter());
        self.lists(
            before.clone(),
            after.clone(),
            |_| (),
            |a, b| a.region() == b.region() && a.address_space() == b.address_space(),
            |vnet| Key::new(Kind::Vnet, "", vnet.name().as_str()),
            |vnet| VnetRecord {
                name: vnet.name().clone(),
                region: vnet.region().clone(),
                address_space: vnet.address_space().ranges().to_vec(),
            },
        )?;
        self.lists(
            before.clone().flat_map(|vnet| vnet.subnets()),
            after.clone().flat_map(|vnet| vnet.subnets()),
            |subnet| subnet.name().clone(),
            PartialEq::eq,
            |subnet| Key::new(Kind::Subnet, name, subnet.name().as_str()),
            |subnet| SubnetSnapshot::of(subnet),
        )?;
        self.lists(
            before.clone().flat_map(|vnet| vnet.peerings()),
            after.clone().flat_map(|vnet| vnet.peerings()),
            |peering| peering.name().clone(),
            PartialEq::eq,
            |peering| Key::new(Kind::Peering, name, peering.name().as_str()),
            |peering| PeeringSnapshot::of(peering),
        )?;
        let (old, new) = (before.map(|vnet| vnet.nics()), after.map(|vnet| vnet.nics()));
        if let (Some(old), Some(new)) = (old.clone().next(), new.clone().next())
            && Arc::ptr_eq(old, new)
        {
            return Ok(());
        }
        self.lists(
            old.flat_map(|nics| nics.iter()),
            new.flat_map(|nics| nics.iter()),
            |nic| nic.name().clone(),
            PartialEq::eq,
            |nic| Key::new(Kind::Nic, name, nic.name().as_str()),
            |nic| NicSnapshot::of(nic),
        )
    }

    fn directory(&mut self, before: &Directory, after: &Directory) -> serde_json::Result<()> {
        self.lists(
            before.subscriptions(),
            after.subscriptions(),
            |subscription| subscription.name.clone(),
            |a, b| Arc::ptr_eq(a, b) || a == b,
            |subscription| Key::new(Kind::Subscription, "", subscription.name.as_str()),
            |subscription| Subscription::clone(subscription),
        )?;
        self.lists(
            before.assignments(),
            after.assignments(),
            |assignment| (assignment.scope.clone(), assignment.name.clone()),
            |a, b| Arc::ptr_eq(a, b) || a == b,
            |assignment| Key::new(Kind::Assignment, assignment.scope.to_string(), &assignment.name),
            |assignment| AssignmentRecord::of(assignment),
        )?;
        self.lists(
            before.tokens(),
            after.tokens(),
            |token| token.name.clone(),
            |a, b| Arc::ptr_eq(a, b) || a == b,
            |token| Key::new(Kind::Token, "", &token.name),
            |token| Token::clone(token),
        )
    }
}

/// Puts two lists side by side, each in the order of its names: what has the same name stands together.
fn pairs<T, N: Ord>(
    before: impl Iterator<Item = T>,
    after: impl Iterator<Item = T>,
    name: impl Fn(&T) -> N,
) -> impl Iterator<Item = (Option<T>, Option<T>)> {
    let (mut before, mut after) = (before.peekable(), after.peekable());
    std::iter::from_fn(move || {
        let order = match (before.peek(), after.peek()) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(before), Some(after)) => name(before).cmp(&name(after)),
        };
        let before = if order == Ordering::Greater { None } else { before.next() };
        let after = if order == Ordering::Less { None } else { after.next() };
        Some((before, after))
    })
}
