//! The event loop of a running agent.
//!
//! Order at the start: everything that can refuse comes first (file, process, kernel, locks), then tables, then
//! attachments. So a start that fails has touched no interface, and an attached interface never meets empty tables. At the
//! end the program comes off last, after the socket has gone.
//!
//! Once the program is off an interface, what its guest sends reaches the host's own stack, as on any interface. Whoever
//! wants guests kept in while no agent runs ends the agent with `--detach-on-exit=false`: the last generation then goes on
//! in the kernel, and the next agent adopts it.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::signals::{Asked, Signals};
use super::{Agent, Event, Outcome, ServeError, describe, guests, preflight};
use crate::api::{self, Served, Shared};
use crate::config::{self, Problems};
use crate::dataplane::kernel::{AttachMode, Links, PinDirectory, mount_where_missing};
use crate::input::{self, InputError};
use crate::link::{Interface, Watch, interfaces};
use crate::model::{Change, NicId, Topology};

/// How long link events are let gather: a pair that is made, renamed and set up is looked at once.
const GATHER: Duration = Duration::from_millis(20);

/// How often everything is looked at anew: a guest that changes an offload at its own end, or an address that the host
/// takes off an interface, makes no event here.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// How long a failed watch rests before it is started again.
const RETRY: Duration = Duration::from_secs(1);

/// How an agent runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// The topology file.
    pub file: PathBuf,
    /// The socket to answer on.
    pub socket: PathBuf,
    /// The directory of the pins, on a BPF file system.
    pub pin_directory: PathBuf,
    /// How the program runs.
    pub mode: AttachMode,
    /// Whether the program comes off the interfaces when the agent ends.
    pub detach_on_exit: bool,
}

/// Where events go.
type Report<'a> = &'a mut dyn FnMut(Event<'_>);

/// Runs an agent until a signal ends it.
///
/// # Errors
/// [`ServeError`]: it did not start, or could not take the program off at its end.
pub async fn serve(options: &Options, report: Report<'_>) -> Result<(), ServeError> {
    let mut signals = Signals::catch()?;
    let topology = first_topology(&options.file)?;
    preflight::check()?;
    if options.mode == AttachMode::Generic {
        report(Event::GenericMode);
    }
    if mount_where_missing(&options.pin_directory)? {
        report(Event::BpffsMounted);
    }
    let socket = api::listen(&options.socket)?;
    let pins = PinDirectory::open(&options.pin_directory)?;
    let ended = attend(options, topology, socket, &pins, &mut signals, report).await;
    // Empty, after a detach or a start that failed.
    pins.remove();
    ended
}

/// Starts the agent and attends to it until a signal ends it.
async fn attend(
    options: &Options,
    topology: Topology,
    mut socket: Served,
    pins: &PinDirectory,
    signals: &mut Signals,
    report: Report<'_>,
) -> Result<(), ServeError> {
    // Watched before they are listed: no event falls between.
    let mut watch = Watch::start()?;
    let interfaces = interfaces().await?;
    let links = Links::new(pins.clone(), options.mode);
    let host = guests::host(&interfaces);
    let (agent, _) = tokio::task::spawn_blocking(move || Agent::start(topology, host, links)).await??;
    let mut daemon = Daemon { file: &options.file, agent: Arc::new(Mutex::new(agent)), interfaces };
    let server = socket.listener.take().map(|listener| {
        let router = api::router(Arc::clone(&daemon.agent));
        tokio::spawn(async move { axum::serve(listener, router).await })
    });
    daemon.prepare(|_| true).await;
    daemon.report_ready(&options.socket, report);

    let mut look_again = tokio::time::interval_at(Instant::now() + LOOK_AGAIN, LOOK_AGAIN);
    loop {
        tokio::select! {
            _ = look_again.tick() => daemon.take_in_links(Scope::Everything, report).await?,
            asked = signals.next() => match asked {
                Asked::Stop => break,
                Asked::Reload => daemon.reload(report).await?,
            },
            changed = watch.changed() => {
                // What is attached goes on without a watch: no reason to end.
                if let Err(error) = changed {
                    report(Event::Failed { what: "watch the interfaces", reason: describe(&error) });
                    tokio::time::sleep(RETRY).await;
                    watch = Watch::start().unwrap_or(watch);
                }
                tokio::time::sleep(GATHER).await;
                daemon.take_in_links(Scope::Changed, report).await?;
            }
        }
    }
    report(Event::Stopping { is_detaching: options.detach_on_exit });
    if let Some(server) = server {
        server.abort();
    }
    drop(socket);
    if options.detach_on_exit {
        daemon.with(Agent::detach_all).await??;
    }
    Ok(())
}

fn first_topology(file: &Path) -> Result<Topology, ServeError> {
    let text = input::read_regular(file)
        .map_err(|source| ServeError::Unreadable { path: file.to_owned(), source })?;
    match config::load(&text, &Topology::default()) {
        Ok(loaded) => Ok(loaded.topology),
        Err(problems) => Err(ServeError::Refused { path: file.to_owned(), text, problems }),
    }
}

/// What the loop holds.
struct Daemon<'a> {
    file: &'a Path,
    agent: Shared,
    interfaces: Vec<Interface>,
}

/// Whose guests' ends are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// Of interfaces that are not as they were.
    Changed,
    /// Of all.
    Everything,
}

/// What became of a changed file.
enum Reload {
    Done(Vec<Change>, Outcome),
    Refused(String, Problems),
    Failed(String),
}

impl Daemon<'_> {
    /// The agent, for moments.
    fn agent(&self) -> MutexGuard<'_, Agent> {
        self.agent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the agent that may take its time.
    async fn with<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Agent) -> T + Send + 'static,
    ) -> Result<T, tokio::task::JoinError> {
        let agent = Arc::clone(&self.agent);
        tokio::task::spawn_blocking(move || act(&mut agent.lock().unwrap_or_else(PoisonError::into_inner)))
            .await
    }

    fn report_ready(&self, socket: &Path, report: Report<'_>) {
        let (topology, nics, generation) = {
            let agent = self.agent();
            (agent.topology().clone(), agent.status(), agent.generation())
        };
        report(Event::Ready { topology: &topology, nics: &nics, generation, socket });
    }

    /// Takes in the file as it is now, and looks at every guest's end again.
    async fn reload(&mut self, report: Report<'_>) -> Result<(), ServeError> {
        let file = self.file.to_owned();
        // Read before the agent is taken: a slow disk does not make those wait who ask it something.
        let text = tokio::task::spawn_blocking(move || input::read_regular(&file)).await?;
        let file = self.file.to_owned();
        let reload = self.with(move |agent| take_in(agent, &file, text)).await?;
        let guests = self.prepare(|_| true).await;
        match reload {
            Reload::Done(changes, outcome) => {
                report(Event::Reloaded { changes: &changes, outcome: &outcome });
                self.report_interfaces(&outcome, report);
            }
            Reload::Refused(text, problems) => {
                report(Event::Refused { path: self.file, text: &text, problems: &problems });
            }
            Reload::Failed(reason) => report(Event::Failed { what: "take in the file", reason }),
        }
        report_guests(&guests, report);
        Ok(())
    }

    /// Takes in what interfaces there are now.
    async fn take_in_links(&mut self, scope: Scope, report: Report<'_>) -> Result<(), ServeError> {
        let now = match interfaces().await {
            Ok(now) => now,
            Err(error) => {
                report(Event::Failed { what: "list the interfaces", reason: describe(&error) });
                return Ok(());
            }
        };
        let before = std::mem::replace(&mut self.interfaces, now);
        let host = guests::host(&self.interfaces);
        let changed = self.with(|agent| agent.change_host(host)).await?;
        let before: HashMap<u32, Interface> = before.into_iter().map(|one| (one.ifindex, one)).collect();
        // Before the report: whoever reads "attached" may count on packets to cross.
        let is_new = |interface: &Interface| {
            scope == Scope::Everything || before.get(&interface.ifindex) != Some(interface)
        };
        let guests = self.prepare(is_new).await;
        match changed {
            Ok(outcome) => self.report_interfaces(&outcome, report),
            Err(error) => report(Event::Failed { what: "take in the interfaces", reason: describe(&error) }),
        }
        report_guests(&guests, report);
        Ok(())
    }

    fn report_interfaces(&self, outcome: &Outcome, report: Report<'_>) {
        if outcome.attached.is_empty() && outcome.detached.is_empty() && outcome.failed.is_empty() {
            return;
        }
        let all = outcome.attached.iter().chain(&outcome.detached).chain(&outcome.failed);
        let concerned: HashSet<&str> = all.map(NicId::as_str).collect();
        let mut nics = self.agent().status();
        nics.retain(|nic| concerned.contains(nic.name.as_str()));
        report(Event::Interfaces { outcome, nics: &nics });
    }

    /// Sees to the guests' ends for which `wanted` holds; the NICs about which there is something else to say now.
    async fn prepare(&self, wanted: impl Fn(&Interface) -> bool) -> Vec<(NicId, Vec<String>)> {
        let these = guests::attached(&self.agent(), &self.interfaces, wanted);
        let mut news = guests::prepare(these).await;
        let mut agent = self.agent();
        news.retain(|(nic, notes)| agent.note(nic, notes.clone()));
        news
    }
}

fn report_guests(guests: &[(NicId, Vec<String>)], report: Report<'_>) {
    for (nic, notes) in guests {
        report(Event::Guest { nic, notes });
    }
}

fn take_in(agent: &mut Agent, file: &Path, text: Result<String, InputError>) -> Reload {
    let text = match text {
        Ok(text) => text,
        Err(error) => return Reload::Failed(format!("{} cannot be read: {error}", file.display())),
    };
    let loaded = match config::load(&text, agent.topology()) {
        Ok(loaded) => loaded,
        Err(problems) => return Reload::Refused(text, problems),
    };
    match agent.change_topology(loaded.topology) {
        Ok(outcome) => Reload::Done(loaded.changes, outcome),
        Err(error) => Reload::Failed(describe(&error)),
    }
}
