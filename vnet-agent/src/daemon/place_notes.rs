//! The places of the counters in the store: a note for each virtual network, so that a change writes only those that it changes.
//!
//! | key | note |
//! | --- | --- |
//! | `counter-places` | the version, which tables, drops |
//! | `counter-places/tables/TABLES/VNET` | the places of a virtual network in one set of tables |
//! | `counter-places/earlier/VNET` | what was counted for it in tables that are gone |
//!
//! All that one change puts is written in one transaction, so that what is found at a start belongs together.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::dataplane::places::{CounterPlaces, Earlier, TablesId, TablesPlaces};
use crate::model::VnetId;
use crate::store::Store;

const HEAD: &str = "counter-places";
/// Where the keys of all other notes start.
const PARTS: &str = "counter-places/";

/// What belongs to no virtual network.
#[derive(Serialize, Deserialize)]
struct Head {
    version: u64,
    tables: Vec<TablesId>,
    drops: BTreeMap<u32, u64>,
}

/// What stands in the notes.
#[derive(Debug, Default)]
pub struct PlaceNotes {
    noted: CounterPlaces,
}

/// Notes by key; none where one is removed.
type Changes = Vec<(String, Option<Vec<u8>>)>;

impl PlaceNotes {
    /// Reads the notes of a store. Those that cannot be understood are removed, all together.
    pub(super) fn read(store: &mut Store) -> Self {
        let noted = read(store).unwrap_or_else(|error| {
            tracing::warn!(%error, "the places of the counters cannot be read; counters start from zero");
            let parts: Vec<String> = store.notes_under(PARTS).map(|(key, _)| key.to_owned()).collect();
            parts.iter().for_each(|key| store.remove_note(key));
            CounterPlaces::default()
        });
        Self { noted }
    }

    /// The places that are noted; the default where there are none.
    pub(super) fn places(&self) -> &CounterPlaces {
        &self.noted
    }

    /// Notes these places instead. They are on the disk when the store has been written next.
    ///
    /// # Errors
    /// They cannot be written as JSON; the notes are as before.
    pub(super) fn put(&mut self, places: &CounterPlaces, store: &mut Store) -> Result<(), serde_json::Error> {
        for (key, note) in changes(&self.noted, places)? {
            match note {
                Some(note) => store.put_note(&key, &note),
                None => store.remove_note(&key),
            }
        }
        self.noted = places.clone();
        Ok(())
    }
}

fn under_tables(id: TablesId) -> String {
    format!("{PARTS}tables/{id}/")
}

fn under_earlier() -> String {
    format!("{PARTS}earlier/")
}

fn read(store: &Store) -> Result<CounterPlaces, serde_json::Error> {
    let Some(head) = store.note(HEAD) else { return Ok(CounterPlaces::default()) };
    let Head { version, tables, drops } = serde_json::from_slice(head)?;
    let of_tables = |id| Ok(TablesPlaces { id, vnets: Arc::new(read_by_vnet(store, &under_tables(id))?) });
    let tables = tables.into_iter().map(of_tables).collect::<Result<_, serde_json::Error>>()?;
    let earlier = Earlier { vnets: read_by_vnet(store, &under_earlier())?, drops };
    Ok(CounterPlaces { version, tables, earlier: Arc::new(earlier) })
}

fn read_by_vnet<T: DeserializeOwned>(
    store: &Store,
    under: &str,
) -> Result<BTreeMap<VnetId, Arc<T>>, serde_json::Error> {
    let read = |(key, note): (&str, &[u8])| {
        let name = VnetId::new(&key[under.len()..]).map_err(serde::de::Error::custom)?;
        Ok((name, Arc::new(serde_json::from_slice(note)?)))
    };
    store.notes_under(under).map(read).collect()
}

/// The notes that make `now` of `before`.
fn changes(before: &CounterPlaces, now: &CounterPlaces) -> Result<Changes, serde_json::Error> {
    let tables = now.tables.iter().map(|tables| tables.id).collect();
    let head = Head { version: now.version, tables, drops: now.earlier.drops.clone() };
    let mut changes = vec![(HEAD.to_owned(), Some(serde_json::to_vec(&head)?))];
    let none = BTreeMap::new();
    for TablesPlaces { id, vnets } in &now.tables {
        let before =
            before.tables.iter().find(|tables| tables.id == *id).map_or(&none, |tables| &*tables.vnets);
        add_changes(&under_tables(*id), before, vnets, &mut changes)?;
    }
    for TablesPlaces { id, vnets } in &before.tables {
        if now.tables.iter().all(|tables| tables.id != *id) {
            add_changes(&under_tables(*id), vnets, &none, &mut changes)?;
        }
    }
    add_changes(&under_earlier(), &before.earlier.vnets, &now.earlier.vnets, &mut changes)?;
    Ok(changes)
}

/// What is unchanged is shared, and need not be looked into.
fn add_changes<T: Serialize>(
    under: &str,
    before: &BTreeMap<VnetId, Arc<T>>,
    now: &BTreeMap<VnetId, Arc<T>>,
    changes: &mut Changes,
) -> Result<(), serde_json::Error> {
    for (vnet, value) in now {
        if !before.get(vnet).is_some_and(|before| Arc::ptr_eq(before, value)) {
            changes.push((format!("{under}{vnet}"), Some(serde_json::to_vec(&**value)?)));
        }
    }
    let gone = before.keys().filter(|vnet| !now.contains_key(*vnet));
    changes.extend(gone.map(|vnet| (format!("{under}{vnet}"), None)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use pretty_assertions::assert_eq;
    use vnet_common::abi::{PortTraffic, Traffic};
    use vnet_common::verdict::DropReason;

    use super::*;
    use crate::compile::layout::{PeeringPlace, VnetCounters};
    use crate::model::{NicId, PeeringName};

    fn vnet(name: &str) -> VnetId {
        VnetId::new(name).unwrap()
    }

    fn nic() -> NicId {
        NicId::new("vm").unwrap()
    }

    fn peering() -> PeeringName {
        PeeringName::new("out").unwrap()
    }

    /// The places of one NIC and one peering a network.
    fn tables(of: &[(&str, u32)]) -> TablesPlaces {
        let counters = |index| VnetCounters {
            nics: BTreeMap::from([(nic(), index)]),
            peerings: BTreeMap::from([(peering(), PeeringPlace { remote: vnet("elsewhere"), index })]),
        };
        let vnets = of.iter().map(|(name, index)| (vnet(name), Arc::new(counters(*index)))).collect();
        TablesPlaces { id: TablesId::random(), vnets: Arc::new(vnets) }
    }

    fn set(tables: &mut TablesPlaces, name: &str, index: u32) {
        let counters = Arc::make_mut(&mut tables.vnets).get_mut(&vnet(name)).unwrap();
        Arc::make_mut(counters).nics.insert(nic(), index);
    }

    fn counted(places: &mut CounterPlaces, name: &str, packets: u64) {
        let tx = Traffic { packets, bytes: 60 * packets };
        let earlier = Arc::make_mut(&mut places.earlier);
        let of_nic = PortTraffic { tx, answered: 2 * packets, ..PortTraffic::default() };
        earlier.add_nic(&vnet(name), &nic(), of_nic);
        earlier.add_peering(&vnet(name), &peering(), &vnet("elsewhere"), tx);
        earlier.add_drops(DropReason::NoRoute, packets);
    }

    fn open(directory: &Path) -> (Store, PlaceNotes) {
        let mut store = Store::open(directory).unwrap().store;
        let notes = PlaceNotes::read(&mut store);
        (store, notes)
    }

    fn keys(store: &Store) -> Vec<&str> {
        store.notes_under(PARTS).map(|(key, _)| key).collect()
    }

    #[test]
    fn the_next_agent_finds_the_places_that_were_put_last_and_nothing_of_those_before() {
        let place = tempfile::tempdir().unwrap();
        let mut places = CounterPlaces { version: 1, ..CounterPlaces::default() };
        places.tables = vec![tables(&[("hub", 2), ("red/prod/spoke", 3)])];
        let lives: [fn(&mut CounterPlaces); 8] = [
            |_| {},
            |places| set(&mut places.tables[0], "hub", 4),
            |places| counted(places, "hub", 7),
            |places| places.tables.push(tables(&[("hub", 9), ("new", 1)])),
            |places| drop(places.tables.remove(0)),
            |places| counted(places, "red/prod/spoke", 1),
            |places| places.tables.clear(),
            |places| drop(Arc::make_mut(&mut places.earlier).vnets.remove(&vnet("hub"))),
        ];
        for change in lives {
            let (mut store, mut notes) = open(place.path());
            change(&mut places);
            places.version += 1;
            notes.put(&places, &mut store).unwrap();
            store.close().unwrap();
            let (store, notes) = open(place.path());
            assert_eq!(*notes.places(), places);
            let of_tables = places.tables.iter().map(|tables| tables.vnets.len()).sum::<usize>();
            assert_eq!(keys(&store).len(), of_tables + places.earlier.vnets.len(), "{:?}", keys(&store));
        }
    }

    #[test]
    fn only_the_networks_whose_places_have_changed_are_written() {
        let place = tempfile::tempdir().unwrap();
        let (mut store, mut notes) = open(place.path());
        let mut places = CounterPlaces { version: 1, ..CounterPlaces::default() };
        places.tables = vec![tables(&[("hub", 2), ("spoke", 3)])];
        counted(&mut places, "hub", 7);
        counted(&mut places, "spoke", 7);
        notes.put(&places, &mut store).unwrap();
        let all: Vec<String> = keys(&store).into_iter().map(str::to_owned).collect();
        // Whatever is written again is what it was before no more.
        for key in &all {
            store.put_note(key, b"as it was");
        }
        set(&mut places.tables[0], "hub", 4);
        counted(&mut places, "spoke", 1);
        places.version += 1;
        notes.put(&places, &mut store).unwrap();
        let of_tables = under_tables(places.tables[0].id);
        let written = store.notes_under(PARTS).filter(|(_, note)| *note != b"as it was").map(|(key, _)| key);
        assert_eq!(
            written.collect::<Vec<_>>(),
            [format!("{}spoke", under_earlier()), format!("{of_tables}hub")]
        );
    }

    #[test]
    fn notes_that_cannot_be_understood_are_removed_and_counters_start_anew() {
        for damaged in
            [HEAD.to_owned(), format!("{}hub", under_earlier()), format!("{}no/name", under_earlier())]
        {
            let place = tempfile::tempdir().unwrap();
            let (mut store, mut notes) = open(place.path());
            let mut places = CounterPlaces { version: 1, ..CounterPlaces::default() };
            places.tables = vec![tables(&[("hub", 2)])];
            counted(&mut places, "hub", 7);
            notes.put(&places, &mut store).unwrap();
            store.put_note(&damaged, b"[]");
            store.close().unwrap();

            let (mut store, mut notes) = open(place.path());
            assert_eq!(*notes.places(), CounterPlaces::default(), "{damaged}");
            assert_eq!(keys(&store), Vec::<&str>::new());
            let places = CounterPlaces { version: 1, tables: vec![tables(&[])], ..CounterPlaces::default() };
            notes.put(&places, &mut store).unwrap();
            store.close().unwrap();
            assert_eq!(*open(place.path()).1.places(), places);
        }
    }
}
