//! What somebody else has undone, or could not be done at once, and how it is made whole again.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Agent, describe};
use crate::dataplane::kernel::{AttachError, Damage};
use crate::model::NicId;

/// Where something is not as it was set up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// A NIC's interface has lost the program.
    Nic(NicId),
    /// An interface that belongs to no NIC any more has still a link or its pin.
    Link(u32),
    /// Pins are missing.
    Pins,
    /// The tables do not hold what they should.
    Tables,
}

impl Agent {
    /// Finds what somebody else has undone, and mends it: interfaces from which the program was taken, pins that were removed.
    /// What was found, and what became of it, a sentence each; the same ones are not told twice.
    pub fn mend(&mut self) -> Vec<String> {
        let damage = self.forwarder.verify();
        if damage.is_none() && self.drift.is_empty() {
            return Vec::new();
        }
        let before = self.drift.clone();
        let mut told = Vec::new();
        self.reattach(&damage, &mut told);
        self.repin(&damage, &mut told);
        self.let_go_again();
        self.try_again(&mut told);
        let news = self.drift.iter().filter(|(fault, sentence)| before.get(fault) != Some(sentence));
        told.extend(news.map(|(_, sentence)| sentence.clone()));
        told
    }

    /// What is not as it was set up, and could not be mended.
    pub fn drift(&self) -> impl Iterator<Item = &str> {
        self.drift.values().map(String::as_str)
    }

    fn reattach(&mut self, damage: &Damage, told: &mut Vec<String>) {
        for &ifindex in &damage.detached {
            // The interfaces that are gone are told of by events.
            let Some((name, nic)) = self.holder(ifindex) else { continue };
            match self.forwarder.reattach(ifindex) {
                Ok(()) => told.push(format!("{name} had lost the program; it is attached again")),
                // Gone just now: the event is under way.
                Err(AttachError::Gone { .. }) => {}
                Err(error) => {
                    let reason = describe(&error);
                    let sentence =
                        format!("{name} has lost the program, and could not be attached again: {reason}");
                    Arc::make_mut(&mut self.failed).insert(nic.clone(), reason);
                    self.drift.insert(Fault::Nic(nic), sentence);
                }
            }
        }
    }

    fn repin(&mut self, damage: &Damage, told: &mut Vec<String>) {
        self.drift.remove(&Fault::Pins);
        if !damage.directory_gone && !damage.tables_unpinned && damage.unpinned.is_empty() {
            return;
        }
        match self.forwarder.repin() {
            Ok(()) => told.push("pins were removed; they are made again".to_owned()),
            Err(error) => {
                let sentence =
                    format!("pins were removed, and could not be made again: {}", describe(&error));
                self.drift.insert(Fault::Pins, sentence);
            }
        }
    }

    /// Lets go of what could not be let go before, unless it is in use again.
    fn let_go_again(&mut self) {
        let links: Vec<u32> = self.drift.keys().filter_map(Fault::link).collect();
        let in_use: BTreeSet<u32> = self.ifindexes();
        for ifindex in links {
            if in_use.contains(&ifindex) {
                self.drift.remove(&Fault::Link(ifindex));
            } else {
                self.let_go(ifindex);
            }
        }
    }

    /// Tries again what has failed: NICs that have lost the program, and a commit.
    fn try_again(&mut self, told: &mut Vec<String>) {
        if !self.drift.keys().any(|fault| matches!(fault, Fault::Nic(_) | Fault::Tables)) {
            return;
        }
        self.drift.remove(&Fault::Tables);
        if let Err(error) = self.change(self.topology.clone(), Arc::clone(&self.host)) {
            self.drift.insert(Fault::Tables, describe(&error));
        }
        let failed = &self.failed;
        let whole =
            self.drift.extract_if(.., |fault, _| fault.nic().is_some_and(|nic| !failed.contains_key(nic)));
        for nic in whole.filter_map(|(fault, _)| fault.nic().cloned()) {
            // The others have no interface any more, or are no more themselves.
            if self.attachments.contains_key(&nic) {
                told.push(format!("NIC {nic} had lost the program; it is attached again"));
            }
        }
    }

    /// The name of an interface that is there, and the NIC that is attached by it.
    fn holder(&self, ifindex: u32) -> Option<(String, NicId)> {
        let (name, _) = self.host.iter().find(|(_, interface)| interface.ifindex == ifindex)?;
        let (nic, _) = self.attachments.iter().find(|(_, interface)| interface.ifindex == ifindex)?;
        Some((name.clone(), nic.clone()))
    }
}

impl Fault {
    fn nic(&self) -> Option<&NicId> {
        if let Self::Nic(nic) = self { Some(nic) } else { None }
    }

    fn link(&self) -> Option<u32> {
        if let Self::Link(ifindex) = self { Some(*ifindex) } else { None }
    }
}
