//! Numbers for table entries: given out lowest first, taken back only when no packet can read them any more.

use std::collections::BTreeSet;

use super::plan::{CapacityExceeded, Table};

/// The free and used entries of one table.
#[derive(Debug)]
pub(super) struct Pool {
    table: Table,
    next: u32,
    end: u32,
    free: BTreeSet<u32>,
    retired: Vec<u32>,
}

impl Pool {
    /// Entries `first..end` of `table`.
    pub(super) fn new(table: Table, first: u32, end: u32) -> Self {
        Self { table, next: first, end, free: BTreeSet::new(), retired: Vec::new() }
    }

    /// An entry that nobody uses.
    pub(super) fn take(&mut self) -> Result<u32, CapacityExceeded> {
        if let Some(index) = self.free.pop_first() {
            return Ok(index);
        }
        if self.next >= self.end {
            return Err(CapacityExceeded { table: self.table, capacity: self.end });
        }
        self.next += 1;
        Ok(self.next - 1)
    }

    /// Gives an entry back. Packets may read it until [`Self::settle`].
    pub(super) fn retire(&mut self, index: u32) {
        self.retired.push(index);
    }

    /// What was given back is free from now on: every packet that could read it has ended.
    pub(super) fn settle(&mut self) {
        self.free.extend(self.retired.drain(..));
    }

    /// The entries given back since the last [`Self::settle`].
    pub(super) fn retired(&self) -> &[u32] {
        &self.retired
    }

    /// The table ends here from now on. Never before an entry that was given out.
    pub(super) fn end_at(&mut self, end: u32) {
        self.end = end.max(self.next);
    }

    /// How many entries a table must have that holds all of those ever given out.
    pub(super) fn needed(&self) -> u32 {
        self.next
    }

    /// How many entries are in use, those given back included.
    #[cfg(test)]
    pub(super) fn in_use(&self, first: u32) -> u32 {
        self.next - first - u32::try_from(self.free.len()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_given_back_is_not_given_out_before_its_readers_have_ended() {
        let mut pool = Pool::new(Table::Ports, 2, 10);
        assert_eq!((pool.take(), pool.take()), (Ok(2), Ok(3)));
        pool.retire(2);
        assert_eq!(pool.take(), Ok(4));
        pool.settle();
        assert_eq!(pool.take(), Ok(2));
        assert_eq!(pool.in_use(2), 3);
    }

    #[test]
    fn a_full_table_says_which_it_is() {
        let mut pool = Pool::new(Table::Ports, 2, 3);
        assert_eq!(pool.take(), Ok(2));
        assert_eq!(pool.take(), Err(CapacityExceeded { table: Table::Ports, capacity: 3 }));
    }
}
