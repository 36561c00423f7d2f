//! Probing who reaches whom, in truth: echo requests from every namespace of a lab.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};

use super::{LabError, echo, namespace};
use crate::link::Namespace;
use crate::model::{NicId, Topology};
use crate::routing::Family;

/// How to probe.
#[derive(Clone, Copy, Debug)]
pub struct ProbeOptions {
    /// How long an answer may take.
    pub timeout: Duration,
    /// How many echo requests are sent before a NIC counts as not reached.
    pub attempts: u32,
    /// How many NICs probe at the same time; one that has both families counts twice.
    pub parallel: usize,
}

impl Default for ProbeOptions {
    /// Two and a half seconds in all, with an attempt every half: a guest that asked for its router in vain, before the
    /// forwarder ran, may have asked its third and last time. What it sends in the second after that is queued, then
    /// thrown away (net/core/neighbour.c, `neigh_timer_handler`), and only what comes later makes it ask again.
    fn default() -> Self {
        Self { timeout: Duration::from_millis(500), attempts: 5, parallel: 16 }
    }
}

/// What one probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeResult {
    /// The sender.
    pub from: NicId,
    /// The receiver.
    pub to: NicId,
    /// By which of the receiver's addresses.
    pub family: Family,
    /// Whether an echo reply came back.
    pub reached: bool,
}

/// Sends echo requests from the namespace of each NIC that a lab was built for to each other NIC's addresses, by the
/// families that both have. A sender asks all its targets at once, and those that did not answer again.
///
/// It takes at most `timeout` times `attempts` for each round of `parallel` senders.
///
/// # Errors
/// [`LabError`]: a namespace is missing, or no socket could be opened in it.
pub async fn probe(topology: &Topology, options: &ProbeOptions) -> Result<Vec<ProbeResult>, LabError> {
    let mut senders = Vec::new();
    for (_, nic) in topology.nics().filter(|(_, nic)| nic.interface().is_none()) {
        for family in Family::ALL {
            let from = nic.name().clone();
            let targets = targets(topology, &from, family);
            senders.push(Sender { namespace: namespace::open(&from)?, from, family, targets });
        }
    }
    let options = *options;
    let asked = stream::iter(senders).map(|sender| async move {
        let what = format!("probe from NIC {}", sender.from);
        let task = tokio::task::spawn_blocking(move || sender.ask(&options));
        task.await.map_err(io::Error::other).flatten().map_err(LabError::system(what))
    });
    let results: Vec<Vec<ProbeResult>> = asked.buffered(options.parallel.max(1)).try_collect().await?;
    Ok(results.into_iter().flatten().collect())
}

/// The other NICs' addresses of a family, where the sender has one too.
fn targets(topology: &Topology, from: &NicId, family: Family) -> Vec<(NicId, IpAddr)> {
    let has_family = topology.nic(from).is_some_and(|(_, nic)| family.address_of(nic).is_some());
    let others = topology.nics().filter(|(_, nic)| has_family && nic.name() != from);
    others.filter_map(|(_, nic)| Some((nic.name().clone(), family.address_of(nic)?))).collect()
}

/// A NIC that asks, over one family.
struct Sender {
    from: NicId,
    namespace: Namespace,
    family: Family,
    targets: Vec<(NicId, IpAddr)>,
}

impl Sender {
    fn ask(self, options: &ProbeOptions) -> io::Result<Vec<ProbeResult>> {
        let Self { from, namespace, family, targets } = self;
        let addresses: Vec<IpAddr> = targets.iter().map(|(_, address)| *address).collect();
        let answered = namespace.enter(|| echo::ask(family, &addresses, options))??;
        let results = targets.into_iter().zip(answered).map(|((to, _), reached)| {
            let from = from.clone();
            ProbeResult { from, to, family, reached }
        });
        Ok(results.collect())
    }
}
