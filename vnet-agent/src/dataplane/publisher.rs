//! Commits: a new image becomes what packets see.

use crate::compile::image::Image;
use crate::compile::layout::Layout;
use crate::compile::plan::{Capacity, CapacityExceeded};

use super::Tables;

/// What a commit did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Why a commit failed. The generation before it stands; the publisher is of no further use.
#[derive(Debug, thiserror::Error)]
pub enum CommitError<E: std::error::Error + 'static> {
    /// A table is too small: load anew with a larger one.
    #[error(transparent)]
    Capacity(CapacityExceeded),
    /// A table could not be written.
    #[error("a table could not be written")]
    Write(#[source] E),
}

impl<T: Tables> Publisher<T> {
    /// Takes over `tables`, which are empty and of this capacity.
    pub fn new(tables: T, capacity: Capacity) -> Self {
        Self { tables, layout: Layout::new(capacity) }
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
