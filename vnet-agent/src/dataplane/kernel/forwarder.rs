//! The forwarder: tables, the interfaces attached to their program, and the counters across tables.
//!
//! Tables have a fixed size. When one is full, new and larger ones are loaded with a program of their own and filled,
//! and then every interface changes its program by an atomic link update: a packet runs either by the old program over
//! the old tables or by the new over the new. The same replacement takes over from an agent that was killed or stopped.

mod counting;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::places::{CounterPlaces, Earlier, TablesPlaces};
use super::super::{Commit, CommitError, Publisher};
use super::adoption::{self, Adoption, Before};
use super::{AttachError, Damage, KernelTables, Links, LoadError, PinError, TableError, readers};
use crate::compile::image::Image;
use crate::compile::layout::VnetCounters;
use crate::compile::plan::Capacity;
use crate::compile::takes_away;
use crate::model::{NicId, VnetId};

/// Why the forwarder does not hold what it should. It goes on with the generation before.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// The program could not be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The tables could not take the image.
    #[error(transparent)]
    Commit(#[from] CommitError<TableError>),
    /// A table could not be read.
    #[error(transparent)]
    Read(#[from] TableError),
    /// The tables could not be pinned.
    #[error(transparent)]
    Pin(#[from] PinError),
}

/// The forwarder in the kernel.
#[derive(Debug)]
pub struct Forwarder {
    publisher: Publisher<KernelTables>,
    links: Links,
    /// Tables of agents before, under which some interfaces may still run.
    before: Vec<Before>,
    /// What was counted in tables that have been replaced.
    earlier: Arc<Earlier>,
    /// The places in the tables in use, as of `version`.
    places: Arc<BTreeMap<VnetId, Arc<VnetCounters>>>,
    version: u64,
    /// Nobody stores the places: tables that are replaced need not wait for that.
    is_forgetful: bool,
    /// A commit failed half-way: the tables still forward, but the next commit needs new ones.
    is_spent: bool,
}

impl Forwarder {
    /// Loads the program with tables that hold `image`. No interface is attached yet. Counters start from zero, and nobody is
    /// expected to store their places.
    ///
    /// # Errors
    /// [`ForwardError`].
    pub fn start(image: &Image, links: Links) -> Result<Self, ForwardError> {
        Self::with_capacity(image, links, Capacity::default())
    }

    /// The same with tables of at least this capacity.
    ///
    /// # Errors
    /// [`ForwardError`].
    pub fn with_capacity(image: &Image, links: Links, capacity: Capacity) -> Result<Self, ForwardError> {
        let (mut forwarder, _) = Self::adopt(image, links, &CounterPlaces::default(), capacity)?;
        forwarder.is_forgetful = true;
        forwarder.unpin_all_but(&forwarder.counter_places().tables);
        Ok(forwarder)
    }

    /// Loads the program with tables that hold `image`, at least as large as `capacity`, and goes on with the counters of the
    /// agent before, whose last stored places are `places`.
    ///
    /// No interface is attached yet. What comes then: store [`Self::counter_places`], [attach](Self::attach) every interface,
    /// let the others go, [`Self::finish_adoption`], store again, and say so by [`Self::places_are_stored`].
    ///
    /// # Errors
    /// [`ForwardError`]; what an agent before has left goes on as it was.
    pub fn adopt(
        image: &Image,
        links: Links,
        places: &CounterPlaces,
        capacity: Capacity,
    ) -> Result<(Self, Adoption), ForwardError> {
        let (adoption, before) = adoption::look_up(links.pins(), places)?;
        let publisher = create(image, capacity, 0)?;
        links.pins().pin_tables(publisher.tables())?;
        let earlier = match &adoption.counters {
            adoption::CounterAdoption::Adopted => Arc::clone(&places.earlier),
            adoption::CounterAdoption::StartedAnew { .. } => Arc::default(),
        };
        let mut forwarder = Self {
            publisher,
            links,
            before,
            earlier,
            places: Arc::default(),
            version: places.version,
            is_forgetful: false,
            is_spent: false,
        };
        forwarder.forget_what_is_gone(None);
        forwarder.note_places(true);
        Ok((forwarder, adoption))
    }

    /// Every interface that goes on runs by the program of these tables: reads what was counted in those before, when their last
    /// packet has ended. Without effect where that has been done.
    pub fn finish_adoption(&mut self) {
        self.settle();
        if self.before.is_empty() {
            return;
        }
        readers::wait();
        for before in std::mem::take(&mut self.before) {
            self.take_in(before.read());
        }
        self.forget_what_is_gone(None);
        self.note_places(true);
    }

    /// Makes `image` what packets see, in larger tables where it needs them. Packets under way may still see the image before
    /// until [`Self::settle`] returns: where the commit takes something away, it is done only then.
    ///
    /// # Errors
    /// [`ForwardError`]; packets then go on by the image before.
    pub fn commit(&mut self, image: &Image) -> Result<Commit, ForwardError> {
        self.settle();
        let mut at_least = self.capacity();
        // Where a commit has failed half-way, nobody knows which of two images packets see.
        let mut may_take_away = true;
        if !self.is_spent {
            match self.publisher.commit(image) {
                Ok(commit) => {
                    let planned = self.publisher.layout().planned().to_vec();
                    let has_forgotten = self.forget_what_is_gone(Some(&planned));
                    self.note_places(has_forgotten);
                    return Ok(commit);
                }
                Err(CommitError::Capacity(full)) => {
                    tracing::info!(%full, "loading larger tables");
                    at_least = at_least.grown(full.table).ok_or(CommitError::Capacity(full))?;
                    may_take_away = takes_away(self.publisher.layout().image(), image);
                }
                Err(error) => tracing::warn!(%error, "loading new tables"),
            }
            self.is_spent = true;
        }
        self.replace(image, at_least, may_take_away)
    }

    /// Returns when no packet sees an image before the last one any more. Where that is so already it returns at once.
    pub fn settle(&mut self) {
        if let Err(error) = self.publisher.settle() {
            // Packets see the new image alone; the next commit makes new tables.
            tracing::warn!(%error, "what an earlier image used could not be freed");
            self.is_spent = true;
        }
    }

    /// New tables with `image`, to which all interfaces move. Generations go on from the old ones.
    fn replace(
        &mut self,
        image: &Image,
        at_least: Capacity,
        takes_away: bool,
    ) -> Result<Commit, ForwardError> {
        let next = create(image, at_least, self.generation())?;
        self.links.pins().pin_tables(next.tables())?;
        let old = std::mem::replace(&mut self.publisher, next);
        self.is_spent = false;
        self.links.move_to(self.publisher.tables());
        // Packets that were under way in the old program are counted there.
        readers::wait();
        let places = TablesPlaces { id: old.tables().id(), vnets: Arc::clone(old.layout().counter_places()) };
        self.take_in(old.tables().counters.read(&places));
        self.forget_what_is_gone(None);
        self.note_places(true);
        if self.is_forgetful {
            self.unpin_all_but(&self.counter_places().tables);
        }
        let layout = self.publisher.layout();
        Ok(Commit { generation: layout.generation(), entries: layout.nodes_in_use(), takes_away })
    }

    /// Attaches an interface to the program.
    ///
    /// # Errors
    /// [`AttachError`].
    pub fn attach(&mut self, ifindex: u32) -> Result<(), AttachError> {
        self.links.attach(self.publisher.tables_mut(), ifindex)
    }

    /// What somebody else has undone of links and pins. Two or three system calls an interface.
    #[must_use]
    pub fn verify(&self) -> Damage {
        self.links.verify(self.publisher.tables())
    }

    /// Puts the program back on an interface from which somebody else has taken it.
    ///
    /// # Errors
    /// [`AttachError`]; the interface is then no longer among those attached.
    pub fn reattach(&mut self, ifindex: u32) -> Result<(), AttachError> {
        self.links.reattach(self.publisher.tables_mut(), ifindex)
    }

    /// Pins again what is pinned no more: the directory, the links, the tables.
    ///
    /// # Errors
    /// [`PinError`].
    pub fn repin(&self) -> Result<(), PinError> {
        self.links.repin(self.publisher.tables())
    }

    /// Puts interfaces back to which packets could no longer be sent: they had left the network namespace and are back. How many
    /// were put back.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn restore_devices(&mut self) -> Result<usize, TableError> {
        let devices: Vec<(u32, u32)> = self.publisher.layout().devices().collect();
        self.publisher.tables_mut().restore_devices(devices.into_iter())
    }

    /// The NICs whose interface the tables cannot lead to, because too many have numbers close to its own.
    pub fn crowded_out(&self) -> impl Iterator<Item = &NicId> {
        self.publisher.layout().crowded_out()
    }

    /// The attachments.
    pub fn links_mut(&mut self) -> &mut Links {
        &mut self.links
    }

    /// The generation that packets see.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.publisher.layout().generation()
    }

    /// How large the tables are.
    #[must_use]
    pub fn capacity(&self) -> Capacity {
        self.publisher.layout().capacity()
    }

    /// The tables, to run the program on a frame.
    pub fn tables_mut(&mut self) -> &mut KernelTables {
        self.publisher.tables_mut()
    }
}

fn create(
    image: &Image,
    capacity: Capacity,
    generation: u64,
) -> Result<Publisher<KernelTables>, ForwardError> {
    Publisher::create(image, capacity, generation, |capacity| Ok(KernelTables::load(capacity)?))
}
