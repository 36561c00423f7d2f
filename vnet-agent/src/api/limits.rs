//! How much of everything one may ask for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::config::MAX_FILE_BYTES;

/// The most bytes of a body.
pub(super) const MAX_BODY_BYTES: usize = 4 << 20;
/// The most bytes of a request line with its headers.
pub(super) const MAX_HEADER_BYTES: usize = 16 << 10;
/// The most headers.
pub(super) const MAX_HEADERS: usize = 64;
/// How long headers may take to come in, and how long a connection may rest between two requests.
pub(super) const HEADER_TIME: Duration = Duration::from_secs(30);
/// How long a body may take to come in.
pub(super) const BODY_TIME: Duration = Duration::from_secs(30);
/// How long an answer may wait to be read.
pub(super) const ANSWER_TIME: Duration = Duration::from_secs(30);
/// How long a connection that the agent ends is read on, so that the other side gets to the answer.
pub(super) const LINGER_TIME: Duration = Duration::from_secs(2);
/// The most bytes that the bodies of all requests under way take together.
pub(super) const MAX_BODIES_BYTES: usize = 3 * MAX_BODIES_BYTES_OF_ONE;
/// The most bytes that those of one user take: of one topology file, or of several smaller bodies. All of TCP count as one.
pub(super) const MAX_BODIES_BYTES_OF_ONE: usize = MAX_FILE_BYTES;
/// What a byte of JSON counts for among these: the values that are read from a text take that much more room than the text.
pub(super) const JSON_WEIGHT: usize = 8;
/// The most connections.
pub(super) const MAX_CONNECTIONS: usize = 256;
/// The most connections of one user; all of TCP count as one.
pub(super) const MAX_CONNECTIONS_OF_ONE: usize = 64;

/// Whose connection it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Holder {
    /// A local user's.
    User(u32),
    /// That of somebody who comes by TCP.
    Tcp,
}

/// What there is of something that everybody shares, and how much of it is held: connections, or the memory of bodies.
///
/// Root has the last of one user's share to himself: others cannot lock him out.
#[derive(Clone, Debug)]
pub(super) struct Shares {
    /// What there is.
    all: usize,
    /// The most that one holder may have.
    of_one: usize,
    held: Arc<Mutex<HashMap<Holder, usize>>>,
}

/// A share that is held until this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    shares: Shares,
    holder: Holder,
    amount: usize,
}

impl Shares {
    /// The connections that may be open.
    pub(super) fn of_connections() -> Self {
        Self::new(MAX_CONNECTIONS, MAX_CONNECTIONS_OF_ONE)
    }

    /// The bytes that bodies may take.
    pub(super) fn of_bodies() -> Self {
        Self::new(MAX_BODIES_BYTES, MAX_BODIES_BYTES_OF_ONE)
    }

    fn new(all: usize, of_one: usize) -> Self {
        Self { all, of_one, held: Arc::default() }
    }

    /// Takes a share; none where too much is held already.
    pub(super) fn take(&self, holder: Holder, amount: usize) -> Option<Share> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let is_root = |holder: &Holder| *holder == Holder::User(0);
        let others: usize = held.iter().filter(|(holder, _)| !is_root(holder)).map(|(_, held)| held).sum();
        let own = held.get(&holder).copied().unwrap_or_default();
        let is_full = !is_root(&holder) && others + amount > self.all - self.of_one;
        if is_full || own + amount > self.of_one {
            return None;
        }
        held.insert(holder, own + amount);
        Some(Share { shares: self.clone(), holder, amount })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.shares.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(amount) = held.get_mut(&self.holder) {
            *amount -= self.amount;
            if *amount == 0 {
                held.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(connections: &Shares, holder: Holder, count: usize) -> Vec<Share> {
        (0..count).map_while(|_| connections.take(holder, 1)).collect()
    }

    #[test]
    fn one_user_has_so_many_connections_and_gets_back_what_he_closes() {
        let connections = Shares::of_connections();
        let mut held = take(&connections, Holder::User(1000), 100);
        assert_eq!(held.len(), MAX_CONNECTIONS_OF_ONE);
        assert!(connections.take(Holder::User(1001), 1).is_some());
        held.pop();
        assert!(connections.take(Holder::User(1000), 1).is_some());
    }

    #[test]
    fn all_users_together_leave_root_his_share() {
        let connections = Shares::of_connections();
        let held: Vec<Share> = (1..=10).flat_map(|uid| take(&connections, Holder::User(uid), 60)).collect();
        assert_eq!(held.len(), MAX_CONNECTIONS - MAX_CONNECTIONS_OF_ONE);
        assert!(connections.take(Holder::Tcp, 1).is_none());
        assert_eq!(take(&connections, Holder::User(0), 100).len(), MAX_CONNECTIONS_OF_ONE);
    }

    #[test]
    fn nothing_is_remembered_of_those_who_have_gone() {
        let connections = Shares::of_connections();
        drop(take(&connections, Holder::User(7), 3));
        assert!(connections.held.lock().unwrap().is_empty());
    }

    #[test]
    fn a_share_counts_by_its_amount() {
        let bodies = Shares::of_bodies();
        let half = bodies.take(Holder::Tcp, MAX_BODIES_BYTES_OF_ONE / 2);
        assert!(half.is_some());
        assert!(bodies.take(Holder::Tcp, MAX_BODIES_BYTES_OF_ONE / 2 + 1).is_none());
        assert!(bodies.take(Holder::User(1), MAX_BODIES_BYTES_OF_ONE).is_some());
        assert!(bodies.take(Holder::Tcp, MAX_BODIES_BYTES_OF_ONE / 2).is_some());
    }
}
