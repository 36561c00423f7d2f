//! The committed state on disk, and the log of what was done.
//!
//! One file, `state.redb` in the state directory, is an embedded database. A [`Store::commit`] is one transaction of it, on the
//! disk when it returns: whatever happens to the process or the machine, the next start finds a state that was committed, or
//! the one whose commit was under way, and always the whole of it. Only what differs is written, so the time that a commit
//! takes follows the size of the change.
//!
//! What was refused is logged without a wait for the disk: a user who may do nothing must not be able to keep the disk busy, or
//! fill it. Entries wait in memory for the next commit ([`Store::record`]), and the log has a bound, one for what was done
//! ([`MAX_ACTIVITIES`]) and another for what was not ([`MAX_REFUSALS`]): however often somebody is refused, what was done stays.
//!
//! An embedded database was preferred to a file of JSON that is replaced whole (a hundred thousand NICs would be written for
//! each change) and to a journal of operations (which would have to mean the same to every later version).

mod activity;
mod difference;
mod error;
#[cfg(test)]
mod faults;
mod load;
mod migrate;
mod opened;
mod place;
mod record;
mod tables;
mod transaction;

#[cfg(test)]
mod tests;

pub use activity::{Activity, ActivityLog, ActivityStatus, MAX_ACTIVITIES, MAX_REFUSALS};
pub use error::StoreError;
pub use opened::{MAX_WAITING, Opened, Store};
