//! What a starting forwarder finds of the one before, and what it can go on with.
//!
//! Tables are always built anew, from what is committed: so that store and tables agree by construction, and tables of another
//! build are never misread. What is taken over are the links, which change their program without losing a packet, and the
//! counts, where the places are those of the very tables that are pinned.

use std::fmt;

use vnet_common::abi::ABI_VERSION;

use super::super::places::{CounterPlaces, Earlier, TablesPlaces};
use super::counter_maps::CounterMaps;
use super::table_pins::PinnedTables;
use super::{PinDirectory, PinError, TableError};

/// What a forwarder found at its start.
#[derive(Debug)]
pub struct Adoption {
    /// The interfaces that an agent before has left attached.
    pub links: Vec<u32>,
    /// What became of the counters.
    pub counters: CounterAdoption,
    /// The version of the tables that were pinned.
    pub found_abi: Option<u32>,
}

/// What became of the counters of an agent before.
#[derive(Debug)]
pub enum CounterAdoption {
    /// They go on.
    Adopted,
    /// They start from zero.
    StartedAnew {
        /// Why.
        why: AnewReason,
    },
}

/// Why counters start from zero.
#[derive(Debug)]
pub enum AnewReason {
    /// Nobody has remembered places: this is the first start, or the agent before kept none.
    NoPlaces,
    /// The tables of the places are not pinned: the host was started anew, or somebody removed the pins.
    NotPinned,
    /// What is pinned are tables of another version.
    OtherAbi {
        /// Their version.
        found: u32,
    },
    /// The counters could not be opened: something else is pinned under their name.
    Unreadable(TableError),
}

impl fmt::Display for AnewReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPlaces => f.write_str("no agent before has left any"),
            Self::NotPinned => f.write_str("the tables that held them are gone"),
            Self::OtherAbi { found } => {
                write!(
                    f,
                    "the tables that held them are of version {found}, and this agent's of {ABI_VERSION}"
                )
            }
            Self::Unreadable(error) => write!(f, "the tables that held them cannot be read: {error}"),
        }
    }
}

impl Adoption {
    /// Whether there was nothing to take over: no agent has been here before.
    #[must_use]
    pub fn is_of_nothing(&self) -> bool {
        let has_no_places =
            matches!(self.counters, CounterAdoption::StartedAnew { why: AnewReason::NoPlaces });
        self.links.is_empty() && self.found_abi.is_none() && has_no_places
    }
}

impl fmt::Display for Adoption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.links.len() {
            0 => f.write_str("no interface was attached")?,
            1 => f.write_str("took over 1 attached interface")?,
            links => write!(f, "took over {links} attached interfaces")?,
        }
        match &self.counters {
            CounterAdoption::Adopted => f.write_str("; counters go on"),
            CounterAdoption::StartedAnew { why } => write!(f, "; counters start from zero: {why}"),
        }
    }
}

/// Tables before those in use that hold counts which are not among the earlier ones yet.
#[derive(Debug)]
pub(super) struct Before {
    pub(super) places: TablesPlaces,
    maps: CounterMaps,
}

impl Before {
    pub(super) fn read(&self) -> Result<Earlier, TableError> {
        self.maps.read(&self.places)
    }
}

/// What is pinned, and the tables of the stored places: all of them, or none.
pub(super) fn look_up(
    pins: &PinDirectory,
    places: &CounterPlaces,
) -> Result<(Adoption, Vec<Before>), PinError> {
    let links = pins.pinned()?;
    let found = pins.tables()?;
    // What is of this version, where there are several: an agent was killed between making its own and removing the others.
    let own = found.iter().find(|tables| tables.abi == ABI_VERSION);
    let found_abi = own.or(found.first()).map(|tables| tables.abi);
    let (counters, before) = match open(pins, &found, places) {
        Ok(before) => (CounterAdoption::Adopted, before),
        Err(why) => (CounterAdoption::StartedAnew { why }, Vec::new()),
    };
    Ok((Adoption { links, counters, found_abi }, before))
}

fn open(
    pins: &PinDirectory,
    found: &[PinnedTables],
    places: &CounterPlaces,
) -> Result<Vec<Before>, AnewReason> {
    if places.version == 0 {
        return Err(AnewReason::NoPlaces);
    }
    let open_one = |places: &TablesPlaces| {
        let tables = found.iter().find(|tables| tables.id == places.id).ok_or(AnewReason::NotPinned)?;
        if tables.abi != ABI_VERSION {
            return Err(AnewReason::OtherAbi { found: tables.abi });
        }
        let maps = CounterMaps::open(&pins.tables_path(tables)).map_err(AnewReason::Unreadable)?;
        Ok(Before { places: places.clone(), maps })
    };
    places.tables.iter().map(open_one).collect()
}
