//! Commits: a new image becomes what packets see.

use super::Tables;
use crate::compile::image::Image;
use crate::compile::layout::Layout;
use crate::compile::plan::{Capacity, CapacityExceeded};

/// What a commit did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// The generation that packets see now.
    pub generation: u64,
    /// How many table entries were written or cleared. 0: the image was the one that stood already.
    pub entries: usize,
}

/// Tables together with the knowledge of what stands where in them.
#[derive(Debug)]
pub struct Publisher<T> {
    tables: T,
    layout: Layout,
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
        mut capacity: Capacity,
        generation: u64,
        load: impl FnOnce(Capacity) -> Result<T, E>,
    ) -> Result<Self, E> {
        let (mut layout, plan) = loop {
            let mut layout = Layout::new(capacity, generation);
            match layout.plan(image) {
                Ok(plan) => break (layout, plan),
                Err(full) => {
                    capacity = capacity.grown(full.table).ok_or(CommitError::Capacity(full))?;
                }
            }
        };
        let mut tables = load(capacity)?;
        tables.execute(&plan).map_err(CommitError::Write)?;
        layout.settle();
        Ok(Self { tables, layout })
    }

    /// Makes `image` what packets see, all of it at once.
    ///
    /// # Errors
    /// [`CommitError`].
    pub fn commit(&mut self, image: &Image) -> Result<Commit, CommitError<T::Error>> {
        let before = self.layout.generation();
        let plan = self.layout.plan(image).map_err(CommitError::Capacity)?;
        if plan.generation != before {
            self.tables.execute(&plan).map_err(CommitError::Write)?;
        }
        self.layout.settle();
        Ok(Commit { generation: plan.generation, entries: plan.entries() })
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
