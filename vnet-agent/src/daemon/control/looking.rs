//! The interfaces of the host: taken in as they come and go, their guests' ends seen to, and what became of it told.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::super::{Host, Outcome, describe, guests};
use super::{Control, Notice, ReplaceError, Writer};
use crate::link::{Interface, LinkError, interfaces};
use crate::model::NicId;

/// Whose guests' ends are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Of interfaces that are not as they were.
    Changed,
    /// Of all.
    Everything,
}

/// What became of a change or a look that concerns interfaces.
#[derive(Debug)]
pub(super) struct Looked<T> {
    pub(super) changed: T,
    /// The interfaces as they were seen before.
    pub(super) before: Vec<Interface>,
}

impl Control {
    /// The interfaces there are now. Listed while the writer is held: an older list never comes after a newer one.
    pub(super) fn list(&self) -> Result<Looked<Host>, LinkError> {
        let now = Handle::current().block_on(interfaces())?;
        let changed = guests::host(&now);
        let before = std::mem::replace(&mut *self.interfaces(), now);
        Ok(Looked { changed, before })
    }

    /// Takes in what interfaces there are now, and sees to their guests' ends.
    pub async fn look(self: &Arc<Self>, extent: Extent) {
        let control = Arc::clone(self);
        let looked = match tokio::task::spawn_blocking(move || control.look_now()).await {
            Ok(Ok(looked)) => looked,
            Ok(Err(error)) => return self.tell_failed("take in the interfaces", describe(&error)),
            Err(error) => return self.tell_failed("take in the interfaces", error.to_string()),
        };
        let Looked { changed: outcome, before } = looked;
        // Before it is told: whoever reads "attached" may count on packets to cross.
        let guests = match extent {
            Extent::Everything => self.prepare(|_, _| true).await,
            Extent::Changed => self.see_to_changed(before, &outcome).await,
        };
        self.tell(outcome).await;
        self.tell_guests(guests);
    }

    fn look_now(&self) -> Result<Looked<Outcome>, ReplaceError> {
        let Writer { agent, journal } = &mut *self.writer();
        let Looked { changed: host, before } = self.list()?;
        let changed = agent.change_host(host)?;
        agent.keep_places(journal);
        Ok(Looked { changed, before })
    }

    /// Sees to the guests' ends of interfaces that are not as they were before, and of those that were attached.
    pub(super) async fn see_to_changed(
        self: &Arc<Self>,
        before: Vec<Interface>,
        outcome: &Outcome,
    ) -> BTreeMap<NicId, Vec<String>> {
        let before: HashMap<u32, Interface> = before.into_iter().map(|one| (one.ifindex, one)).collect();
        let attached = outcome.attached.clone();
        let is_new = move |nic: &NicId, interface: &Interface| {
            attached.contains(nic) || before.get(&interface.ifindex) != Some(interface)
        };
        self.prepare(is_new).await
    }

    /// Finds and mends what somebody else has undone. How long that took, apart from waiting for its turn.
    pub(in crate::daemon) async fn mend(self: &Arc<Self>) -> Duration {
        let mended = self.with(|agent, journal| {
            let begun = Instant::now();
            let mended = agent.mend();
            agent.keep_places(journal);
            (mended, begun.elapsed())
        });
        match mended.await {
            Ok((sentences, took)) => {
                sentences.into_iter().for_each(|sentence| self.send(Notice::Mended { sentence }));
                took
            }
            Err(error) => {
                self.tell_failed("look after what is attached", error.to_string());
                Duration::ZERO
            }
        }
    }

    fn interfaces(&self) -> MutexGuard<'_, Vec<Interface>> {
        self.interfaces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees to the guests' ends for which `wanted` holds; the NICs about which there is something else to say now.
    pub(in crate::daemon) async fn prepare(
        self: &Arc<Self>,
        wanted: impl Fn(&NicId, &Interface) -> bool + Send + 'static,
    ) -> BTreeMap<NicId, Vec<String>> {
        let interfaces = self.interfaces().clone();
        let these = self.with(move |agent, _| guests::attached(agent, &interfaces, wanted));
        let news = guests::prepare(these.await.unwrap_or_default()).await;
        let noted = self.with(move |agent, _| {
            news.into_iter().filter(|(nic, notes)| agent.note(nic, notes.clone())).collect()
        });
        noted.await.unwrap_or_default()
    }

    /// Tells what became of interfaces, where anything did.
    pub(in crate::daemon) async fn tell(self: &Arc<Self>, outcome: Outcome) {
        if outcome.attached.is_empty() && outcome.detached.is_empty() && outcome.failed.is_empty() {
            return;
        }
        let told = self.with(move |agent, _| {
            let concerned = outcome.attached.iter().chain(&outcome.detached).chain(&outcome.failed);
            let nics = agent.status_of(concerned);
            Notice::Interfaces { outcome, nics }
        });
        match told.await {
            Ok(notice) => self.send(notice),
            Err(error) => self.tell_failed("tell what became of interfaces", error.to_string()),
        }
    }

    pub(in crate::daemon) fn tell_guests(&self, guests: BTreeMap<NicId, Vec<String>>) {
        for (nic, notes) in guests {
            self.send(Notice::Guest { nic, notes });
        }
    }
}
