//! How much of everything one may ask for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

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
/// The most connections. Root has the last of one user's share to himself: others cannot lock him out.
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

/// Counts connections.
#[derive(Clone, Debug, Default)]
pub(super) struct Connections {
    held: Arc<Mutex<HashMap<Holder, usize>>>,
}

/// A connection that counts until it is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    connections: Connections,
    holder: Holder,
}

impl Connections {
    /// Lets a connection pass; none where there are too many.
    pub(super) fn admit(&self, holder: Holder) -> Option<Permit> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let is_root = |holder: &Holder| *holder == Holder::User(0);
        let others: usize = held.iter().filter(|(holder, _)| !is_root(holder)).map(|(_, count)| count).sum();
        let own = held.get(&holder).copied().unwrap_or_default();
        let is_full = !is_root(&holder) && others >= MAX_CONNECTIONS - MAX_CONNECTIONS_OF_ONE;
        if is_full || own >= MAX_CONNECTIONS_OF_ONE {
            return None;
        }
        held.insert(holder, own + 1);
        Some(Permit { connections: self.clone(), holder })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut held = self.connections.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.holder) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(connections: &Connections, holder: Holder, count: usize) -> Vec<Permit> {
        (0..count).map_while(|_| connections.admit(holder)).collect()
    }

    #[test]
    fn one_user_has_so_many_connections_and_gets_back_what_he_closes() {
        let connections = Connections::default();
        let mut held = take(&connections, Holder::User(1000), 100);
        assert_eq!(held.len(), MAX_CONNECTIONS_OF_ONE);
        assert!(connections.admit(Holder::User(1001)).is_some());
        held.pop();
        assert!(connections.admit(Holder::User(1000)).is_some());
    }

    #[test]
    fn all_users_together_leave_root_his_share() {
        let connections = Connections::default();
        let held: Vec<Permit> = (1..=10).flat_map(|uid| take(&connections, Holder::User(uid), 60)).collect();
        assert_eq!(held.len(), MAX_CONNECTIONS - MAX_CONNECTIONS_OF_ONE);
        assert!(connections.admit(Holder::Tcp).is_none());
        assert_eq!(take(&connections, Holder::User(0), 100).len(), MAX_CONNECTIONS_OF_ONE);
    }

    #[test]
    fn nothing_is_remembered_of_those_who_have_gone() {
        let connections = Connections::default();
        drop(take(&connections, Holder::User(7), 3));
        assert!(connections.held.lock().unwrap().is_empty());
    }
}
