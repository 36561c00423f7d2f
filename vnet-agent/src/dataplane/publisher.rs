//! Commits: a new image becomes what packets see.
//!
//! A commit has two phases. Published, the new image is what every packet that comes in sees. Settled, every packet that
//! saw the one before has ended, and what it alone used is free. Between the two lies a grace period of milliseconds, for
//! which only those need to wait who have taken something away, and the next commit.

use super::Tables;
use crate::compile::image::Image;
use crate::compile::layout::Layout;
use crate::compile::plan::{Capacity, CapacityExceeded, Plan};
use crate::compile::takes_away;

/// What a commit did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// The generation that packets see now.
    pub generation: u64,
    /// How many table entries were written or cleared. 0: the image was the one that stood already.
    pub entries: usize,
    /// Whether a packet that was delivered before may now be dropped, or go elsewhere. Packets under way may still meet the
    /// state before, until the commit is settled.
    pub takes_away: bool,
}

/// Tables together with the knowledge of what stands where in them.
#[derive(Debug)]
pub struct Publisher<T> {
    tables: T,
    layout: Layout,
    /// What is left to do behind the last commit.
    unsettled: Option<Plan>,
}

/// Why a commit failed. Packets see one whole generation, the one before or the new one, but the publisher can commit no
/// more: what is read from it (counters) is still right.
#[derive(Debug, thiserror::Error)]
pub enum CommitError<E: std::error::Error + 'static> {
    /// A table is too small: make new ones, which [`Publisher::create`] makes large enough.
    #[error(transparent)]
    Capacity(CapacityExceeded),
    /// A table could not be written.
    #[error("a table could not be written")]
    Write(#[source] E),
}

impl<T: Tables> Publisher<T> {
    /// Makes tables that hold `image`, at least as large as `capacity`, and publishes the generation after `generation`.
    ///
    /// `load` makes empty tables of a given capacity; it is called once, when it is known how large they must be.
    ///
    /// # Errors
    /// What `load` says, or [`CommitError`]: [`CommitError::Capacity`] only past [`Capacity::MAX_ENTRIES`].
    pub fn create<E: From<CommitError<T::Error>>>(
        image: &Image,
        capacity: Capacity,
        generation: u64,
        load: impl FnOnce(Capacity) -> Result<T, E>,
    ) -> Result<Self, E> {
        let mut layout = Layout::new(Capacity::LARGEST, generation);
        let plan = layout.plan(image).map_err(CommitError::Capacity)?;
        let capacity = capacity.to_hold(layout.needed());
        layout.set_capacity(capacity);
        let mut tables = load(capacity)?;
        tables.write_and_publish(&plan).map_err(CommitError::Write)?;
        Ok(Self { tables, layout, unsettled: Some(plan.published()) })
    }

    /// Makes `image` what packets see, all of it at once. The commit before is settled first.
    ///
    /// # Errors
    /// [`CommitError`].
    pub fn commit(&mut self, image: &Image) -> Result<Commit, CommitError<T::Error>> {
        self.settle()?;
        let (before, takes_away) = (self.layout.generation(), takes_away(self.layout.image(), image));
        let plan = self.layout.plan(image).map_err(CommitError::Capacity)?;
        let commit = Commit { generation: plan.generation, entries: plan.entries(), takes_away };
        if plan.generation == before {
            self.layout.settle();
        } else {
            self.tables.write_and_publish(&plan).map_err(CommitError::Write)?;
            self.unsettled = Some(plan.published());
        }
        Ok(commit)
    }

    /// Returns when no packet sees an image before the last one any more, and what those alone used is free. Where that is so
    /// already it returns at once.
    ///
    /// # Errors
    /// [`CommitError::Write`]: packets have all ended, only the clearing up behind them failed.
    pub fn settle(&mut self) -> Result<(), CommitError<T::Error>> {
        let Some(plan) = self.unsettled.take() else { return Ok(()) };
        self.tables.wait_for_readers();
        self.tables.clear_up(&plan).map_err(CommitError::Write)?;
        self.layout.settle();
        Ok(())
    }

    /// The tables.
    pub fn tables(&self) -> &T {
        &self.tables
    }

    /// The tables, to attach interfaces to their program.
    pub fn tables_mut(&mut self) -> &mut T {
        &mut self.tables
    }

    /// Where everything stands.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }
}

#[cfg(test)]
mod tests;
