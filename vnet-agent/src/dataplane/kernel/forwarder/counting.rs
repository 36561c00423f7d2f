//! How counters go on from tables to tables, and from agent to agent.
//!
//! The owner keeps [`Forwarder::counter_places`] in its store, and tells when it has. Tables stay pinned until it has stored a
//! value that no longer names them. So a kill at any moment loses nothing and counts nothing twice, but this: what was
//! counted under numbers that were given out since the last value was stored.

use std::sync::Arc;

use super::super::super::counters::Counters;
use super::super::super::places::{CounterPlaces, Earlier, TablesPlaces};
use super::super::table_pins::PinnedTables;
use super::super::{AttachError, TableError, readers};
use super::Forwarder;
use crate::model::{NicId, PeeringName, VnetId};

impl Forwarder {
    /// Adds what was counted in tables that nobody uses any more.
    pub(super) fn take_in(&mut self, counted: Result<Earlier, TableError>) {
        match counted {
            Ok(counted) => Arc::make_mut(&mut self.earlier).add(&counted),
            // Packets see the image: counts may be lost, but nothing has failed for that.
            Err(error) => tracing::warn!(%error, "what was counted in the tables before is lost"),
        }
    }

    /// Forgets the counts of NICs and peerings that are no more, in `these` virtual networks or in all. Whether there were any.
    pub(super) fn forget_what_is_gone(&mut self, these: Option<&[VnetId]>) -> bool {
        let layout = self.publisher.layout();
        let is_known = |vnet: &&VnetId| self.earlier.vnets.contains_key(*vnet);
        let concerned: Vec<VnetId> = match these {
            Some(these) => these.iter().filter(is_known).cloned().collect(),
            None => self.earlier.vnets.keys().cloned().collect(),
        };
        let mut has_forgotten = false;
        for vnet in concerned {
            let (image, places) = (layout.image().vnets.get(&vnet), layout.counter_places().get(&vnet));
            let is_nic = |nic: &NicId| image.is_some_and(|image| image.nics.contains_key(nic));
            let is_peering = |peering: &PeeringName, remote: &VnetId| {
                let place = places.and_then(|places| places.peerings.get(peering));
                place.is_some_and(|place| place.remote == *remote)
            };
            // First a look: who holds the value that was stored last holds it whole.
            if self.earlier.has_others(&vnet, is_nic, is_peering) {
                Arc::make_mut(&mut self.earlier).retain(&vnet, is_nic, is_peering);
                has_forgotten = true;
            }
        }
        has_forgotten
    }

    /// Gives the places another version where they, or what else belongs to them, have changed.
    pub(super) fn note_places(&mut self, has_changed: bool) {
        let now = self.publisher.layout().counter_places();
        if has_changed || !Arc::ptr_eq(now, &self.places) {
            self.places = Arc::clone(now);
            self.version += 1;
        }
    }

    /// What has to be stored so that the counters go on with the next agent. Costs next to nothing; the version tells whether it
    /// has changed, which it does where a counter is given out or taken back. It must be on the disk before the next
    /// [`Self::commit`]: a counter that is taken back in one may be given to another in the next.
    #[must_use]
    pub fn counter_places(&self) -> CounterPlaces {
        let mut tables: Vec<TablesPlaces> = self.before.iter().map(|before| before.places.clone()).collect();
        tables.push(TablesPlaces { id: self.publisher.tables().id(), vnets: Arc::clone(&self.places) });
        CounterPlaces { version: self.version, tables, earlier: Arc::clone(&self.earlier) }
    }

    /// These places are on the disk. Tables that they do not name are let go, where they are the last places.
    pub fn places_are_stored(&mut self, places: &CounterPlaces) {
        if places.version == self.version {
            self.unpin_all_but(&places.tables);
        }
    }

    pub(super) fn unpin_all_but(&self, needed: &[TablesPlaces]) {
        let is_needed = |tables: &PinnedTables| needed.iter().any(|places| places.id == tables.id);
        if let Err(error) = self.links.pins().unpin_tables(is_needed) {
            tracing::warn!(%error, "tables that nobody needs any more stay pinned");
        }
    }

    /// Takes the program off every interface. Gives the last places, with all that was counted in them: once they are
    /// [stored](Self::places_are_stored), no tables are pinned any more.
    ///
    /// # Errors
    /// [`AttachError`]: an interface could not be let go.
    pub fn stop(&mut self) -> Result<CounterPlaces, AttachError> {
        self.links.detach_links()?;
        self.finish_adoption();
        readers::wait();
        self.version += 1;
        let mut places = self.counter_places();
        // What cannot be read stays named, and pinned.
        if let Some(own) = places.tables.last()
            && let Ok(counted) = self.publisher.tables().counters.read(own)
        {
            places.tables.clear();
            Arc::make_mut(&mut places.earlier).add(&counted);
        }
        Ok(places)
    }

    /// All counters, those of agents before included where they were adopted.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn counters(&self) -> Result<Counters, TableError> {
        let layout = self.publisher.layout();
        let mut counters = Counters::read(layout, self.publisher.tables())?;
        counters.add_earlier(&self.earlier);
        for before in &self.before {
            counters.add_earlier(&before.read()?);
        }
        Ok(counters)
    }
}
