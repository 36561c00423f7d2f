//! From records to a state. Nothing is taken on trust: each record is checked for itself, and all of them by the rules of the
//! model.

use std::collections::BTreeMap;

use redb::{ReadTransaction, ReadableTable as _};
use serde::de::DeserializeOwned;

use super::StoreError;
use super::place::Place;
use super::record::{AssignmentRecord, Key, VnetRecord};
use super::tables::Kind;
use crate::model::access::{Directory, Subscription, Token};
use crate::model::{
    NicSnapshot, PeeringSnapshot, Snapshot, SnapshotError, State, SubnetSnapshot, Topology, VnetId,
    VnetSnapshot,
};

/// Reads the records of one moment.
pub(super) struct Reader<'a> {
    pub(super) place: &'a Place,
    pub(super) transaction: &'a ReadTransaction,
}

impl Reader<'_> {
    /// The state that the records describe.
    pub(super) fn state(&self) -> Result<State, StoreError> {
        let topology = Topology::restore(self.snapshot()?).map_err(|source| self.rule(source))?;
        Ok(State { topology, directory: self.directory()? })
    }

    fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let mut vnets = BTreeMap::new();
        self.each(Kind::Vnet, |_, record: VnetRecord| {
            let VnetRecord { name, region, address_space } = record;
            let (subnets, nics, peerings) = Default::default();
            let empty = VnetSnapshot { name: name.clone(), region, address_space, subnets, nics, peerings };
            vnets.insert(name.clone(), empty);
            Ok(("".to_owned(), name.to_string()))
        })?;
        self.inside(&mut vnets, Kind::Subnet, |vnet, subnet: SubnetSnapshot| {
            let name = subnet.name.to_string();
            vnet.subnets.push(subnet);
            name
        })?;
        self.inside(&mut vnets, Kind::Nic, |vnet, nic: NicSnapshot| {
            let name = nic.name.to_string();
            vnet.nics.push(nic);
            name
        })?;
        self.inside(&mut vnets, Kind::Peering, |vnet, peering: PeeringSnapshot| {
            let name = peering.name.to_string();
            vnet.peerings.push(peering);
            name
        })?;
        Ok(Snapshot { virtual_networks: vnets.into_values().collect() })
    }

    /// Reads the records of what stands in a virtual network. `take` puts one there and gives its name.
    fn inside<T: DeserializeOwned>(
        &self,
        vnets: &mut BTreeMap<VnetId, VnetSnapshot>,
        kind: Kind,
        take: impl Fn(&mut VnetSnapshot, T) -> String,
    ) -> Result<(), StoreError> {
        self.each(kind, |parent, record| match vnets.get_mut(parent) {
            Some(vnet) => Ok((parent.to_owned(), take(vnet, record))),
            None => Err("stands in a virtual network that is not there".to_owned()),
        })
    }

    fn directory(&self) -> Result<Directory, StoreError> {
        let (mut subscriptions, mut assignments, mut tokens) = (Vec::new(), Vec::new(), Vec::new());
        self.each(Kind::Subscription, |_, subscription: Subscription| {
            let name = subscription.name.to_string();
            subscriptions.push(subscription);
            Ok(("".to_owned(), name))
        })?;
        self.each(Kind::Assignment, |_, record: AssignmentRecord| {
            let assignment = record.into_assignment();
            let key = (assignment.scope.to_string(), assignment.name.clone());
            assignments.push(assignment);
            Ok(key)
        })?;
        self.each(Kind::Token, |_, token: Token| {
            let name = token.name.clone();
            tokens.push(token);
            Ok(("".to_owned(), name))
        })?;
        Directory::restore(subscriptions, assignments, tokens).map_err(|refusal| self.rule(refusal.into()))
    }

    /// Records that break a rule together.
    fn rule(&self, source: SnapshotError) -> StoreError {
        StoreError::Rule { file: self.place.file().to_owned(), source: Box::new(source) }
    }

    /// Reads every record of a kind. `take` gets its parent and content, and gives the key that such a record must have.
    fn each<T: DeserializeOwned>(
        &self,
        kind: Kind,
        mut take: impl FnMut(&str, T) -> Result<(String, String), String>,
    ) -> Result<(), StoreError> {
        let failure = |error: redb::Error| self.place.failure("read", error);
        let table = self.transaction.open_table(kind.table()).map_err(|error| failure(error.into()))?;
        for entry in table.iter().map_err(|error| failure(error.into()))? {
            let (key, value) = entry.map_err(|error| failure(error.into()))?;
            let (parent, name) = key.value();
            let wrong = |fault: String| StoreError::Record {
                file: self.place.file().to_owned(),
                record: Key::new(kind, parent, name).to_string(),
                fault,
            };
            let record = serde_json::from_slice(value.value());
            let record = record.map_err(|error| wrong(format!("cannot be read: {error}")))?;
            let (own_parent, own_name) = take(parent, record).map_err(wrong)?;
            if (own_parent.as_str(), own_name.as_str()) != (parent, name) {
                return Err(wrong(format!("says that it is {}", Key::new(kind, own_parent, own_name))));
            }
        }
        Ok(())
    }
}
