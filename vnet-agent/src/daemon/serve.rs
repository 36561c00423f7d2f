//! The event loop of a running agent.
//!
//! Order at the start: everything that can refuse comes first (process, kernel, file, locks), then tables, then
//! attachments. So a start that fails has touched no interface, and an interface that an agent before has left attached never
//! meets tables without its entries. At the end the program comes off last, after the socket has gone.
//!
//! Once the program is off an interface, what its guest sends reaches the host's own stack, as on any interface. Whoever
//! wants guests kept in while no agent runs has the agent end without a detach: the last generation then goes on in the
//! kernel, and the next agent adopts it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use super::control::{Committed, Control, Extent, Notice};
use super::journal::Journal;
use super::signals::{Asked, Signals};
use super::tokens::ApiTokens;
use super::{Agent, Event, Outcome, ServeError, describe, guests};
use crate::api::{self, App, Served, SocketAccess};
use crate::config::{self, Problems};
use crate::dataplane::kernel::{AttachMode, Links, PinDirectory};
use crate::input::{self, InputError};
use crate::link::{Watch, interfaces};
use crate::model::access::directory_changes;
use crate::model::{Change, State, Topology};
use crate::store::{Opened, Store};

/// How long link events are let gather: a pair that is made, renamed and set up is looked at once.
const GATHER: Duration = Duration::from_millis(20);

/// How often everything is looked at anew: a guest that changes an offload at its own end, or an address that the host
/// takes off an interface, makes no event here.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// How often what is attached and pinned is looked after: no event tells when somebody else takes the program off an interface,
/// or removes a pin. With very many interfaces it is less often, so that it takes a twentieth of one CPU at most.
const LOOK_AFTER: Duration = Duration::from_millis(900);

/// How long a failed watch rests before it is started again.
const RETRY: Duration = Duration::from_secs(1);

/// Where an agent has its state from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A topology file, which SIGHUP takes in again. Commands change nothing.
    File(PathBuf),
    /// A directory with a store, which commands change.
    Store(PathBuf),
}

/// How an agent runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where its state is from.
    pub source: Source,
    /// The socket to answer on.
    pub socket: PathBuf,
    /// The loopback address to answer on by TCP, where it is asked for.
    pub listen: Option<SocketAddr>,
    /// The directory of the pins, on a BPF file system.
    pub pin_directory: PathBuf,
    /// How the program runs.
    pub mode: AttachMode,
    /// Whether the program comes off the interfaces when the agent ends.
    pub detach_on_exit: bool,
}

/// Where events go.
type Report<'a> = &'a mut dyn FnMut(Event<'_>);

/// Runs an agent until a signal ends it, in a process that [`super::prepare`] has made fit for it.
///
/// # Errors
/// [`ServeError`]: it did not start, or could not take the program off at its end.
pub async fn serve(options: &Options, report: Report<'_>) -> Result<(), ServeError> {
    let mut signals = Signals::catch()?;
    let (journal, committed) = open(&options.source)?;
    if options.mode == AttachMode::Generic {
        report(Event::GenericMode);
    }
    let socket = api::listen(&options.socket, access_to(&options.source))?;
    let tcp = open_tcp(options).await?;
    let pins = PinDirectory::open(&options.pin_directory)?;
    let ended = attend(options, journal, committed, (socket, tcp), &pins, &mut signals, report).await;
    // As it is after a detach, or a start that failed.
    pins.remove_where_empty();
    ended
}

/// Who may open the socket. Roles say what one may do; with a topology file there are none.
fn access_to(source: &Source) -> SocketAccess {
    match source {
        Source::File(_) => SocketAccess::Owner,
        Source::Store(_) => SocketAccess::Everybody,
    }
}

/// A listener for TCP, and those who may come by it.
type Tcp = (TcpListener, ApiTokens);

/// What is needed to answer by TCP, where that is asked for.
async fn open_tcp(options: &Options) -> Result<Option<Tcp>, ServeError> {
    let (Some(address), Source::Store(directory)) = (options.listen, &options.source) else {
        return Ok(None);
    };
    Ok(Some((api::listen_tcp(address).await?, ApiTokens::open(directory)?)))
}

/// The state that an agent starts with.
fn open(source: &Source) -> Result<(Journal, Committed), ServeError> {
    match source {
        Source::File(file) => Ok((Journal::File, Committed { state: first_state(file)?, version: 0 })),
        Source::Store(directory) => {
            let Opened { store, state, version, migrated_from } = Store::open(directory)?;
            if let Some(format) = migrated_from {
                tracing::info!(format, "brought the state to the present format");
            }
            Ok((Journal::of(store), Committed { state, version }))
        }
    }
}

/// Starts the agent and attends to it until a signal ends it.
async fn attend(
    options: &Options,
    journal: Journal,
    committed: Committed,
    (mut socket, tcp): (Served, Option<Tcp>),
    pins: &PinDirectory,
    signals: &mut Signals,
    report: Report<'_>,
) -> Result<(), ServeError> {
    // Watched before they are listed: no event falls between.
    let mut watch = Watch::start()?;
    let interfaces = interfaces().await?;
    let links = Links::new(pins.clone(), options.mode);
    let host = guests::host(&interfaces);
    let topology = committed.state.topology.clone();
    let start = move || {
        let mut journal = journal;
        Agent::start(topology, host, links, &mut journal).map(|(agent, adoption)| (agent, adoption, journal))
    };
    let (agent, adoption, journal) = tokio::task::spawn_blocking(start).await??;
    report(Event::Adopted { adoption: &adoption });
    let (control, mut notices) = Control::new(agent, journal, committed, interfaces);
    let listening = match &tcp {
        Some((listener, _)) => listener.local_addr().ok(),
        None => None,
    };
    let (tcp, tokens) = tcp.unzip();
    let app = App::new(Arc::clone(&control), access_to(&options.source), tokens);
    let server = socket.listener.take().map(|listener| tokio::spawn(api::serve(app, listener, tcp)));
    control.prepare(|_, _| true).await;
    if let Some(address) = listening {
        report(Event::Listening { address });
    }
    report_ready(&control, &options.socket, report).await?;

    let mut look_again = tokio::time::interval_at(Instant::now() + LOOK_AGAIN, LOOK_AGAIN);
    let mut look_after = Instant::now() + LOOK_AFTER;
    loop {
        tokio::select! {
            _ = look_again.tick() => control.look(Extent::Everything).await,
            asked = signals.next() => match asked {
                Asked::Stop => break,
                Asked::Reload => reload(&control, &options.source, report).await?,
            },
            changed = watch.changed() => {
                // What is attached goes on without a watch: no reason to end.
                if let Err(error) = changed {
                    report(Event::Failed { what: "watch the interfaces", reason: describe(&error) });
                    tokio::time::sleep(RETRY).await;
                    watch = Watch::start().unwrap_or(watch);
                }
                tokio::time::sleep(GATHER).await;
                control.look(Extent::Changed).await;
            }
            () = tokio::time::sleep_until(look_after) => {
                let took = control.mend().await;
                look_after = Instant::now() + LOOK_AFTER.max(took * 20);
            }
            Some(notice) = notices.recv() => report_notice(notice, report),
        }
        report_notices(&mut notices, report);
    }
    report(Event::Stopping { is_detaching: options.detach_on_exit });
    if let Some(server) = server {
        server.abort();
    }
    drop(socket);
    if options.detach_on_exit {
        control.with(Agent::detach_all).await??;
    }
    Ok(control.close()?)
}

fn first_state(file: &Path) -> Result<State, ServeError> {
    let text = input::read_regular(file)
        .map_err(|source| ServeError::Unreadable { path: file.to_owned(), source })?;
    match config::load(&text, &Topology::default()) {
        Ok(loaded) => Ok(State { topology: loaded.topology, directory: loaded.directory }),
        Err(problems) => Err(ServeError::Refused { path: file.to_owned(), text, problems }),
    }
}

async fn report_ready(control: &Arc<Control>, socket: &Path, report: Report<'_>) -> Result<(), ServeError> {
    let observed = control.with(|agent, _| agent.observe()).await?;
    let (topology, generation) = (&observed.topology, observed.generation);
    report(Event::Ready { topology, nics: &observed.nics(), generation, socket });
    Ok(())
}

/// Reports what has been told so far.
fn report_notices(notices: &mut UnboundedReceiver<Notice>, report: Report<'_>) {
    while let Ok(notice) = notices.try_recv() {
        report_notice(notice, report);
    }
}

fn report_notice(notice: Notice, report: Report<'_>) {
    match notice {
        Notice::Interfaces { outcome, nics } => report(Event::Interfaces { outcome: &outcome, nics: &nics }),
        Notice::Mended { sentence } => report(Event::Mended { sentence: &sentence }),
        Notice::Guest { nic, notes } => report(Event::Guest { nic: &nic, notes: &notes }),
        Notice::Failed { what, reason } => report(Event::Failed { what, reason }),
    }
}

/// What became of a changed file.
enum Reload {
    Done(Vec<Change>, Outcome),
    Refused(String, Problems),
    Failed(String),
}

/// Takes in the topology file as it is now, where there is one, and looks at every guest's end again.
async fn reload(control: &Arc<Control>, source: &Source, report: Report<'_>) -> Result<(), ServeError> {
    let Source::File(file) = source else {
        control.look(Extent::Everything).await;
        return Ok(());
    };
    let (taker, path) = (Arc::clone(control), file.clone());
    let reload = tokio::task::spawn_blocking(move || take_in(&taker, &path)).await?;
    let guests = control.prepare(|_, _| true).await;
    match reload {
        Reload::Done(changes, outcome) => {
            report(Event::Reloaded { changes: &changes, outcome: &outcome });
            control.tell(outcome).await;
        }
        Reload::Refused(text, problems) => {
            report(Event::Refused { path: file, text: &text, problems: &problems });
        }
        Reload::Failed(reason) => report(Event::Failed { what: "take in the file", reason }),
    }
    control.tell_guests(guests);
    Ok(())
}

fn take_in(control: &Control, file: &Path) -> Reload {
    // Read before the agent is taken: a slow disk does not make those wait who ask it something.
    let text = match input::read_regular(file) {
        Ok(text) => text,
        Err(error) => return Reload::Failed(unreadable(file, &error)),
    };
    let committed = control.committed();
    let loaded = match config::load(&text, &committed.state.topology) {
        Ok(loaded) => loaded,
        Err(problems) => return Reload::Refused(text, problems),
    };
    let mut changes = directory_changes(&committed.state.directory, &loaded.directory);
    changes.extend(loaded.changes);
    let state = State { topology: loaded.topology, directory: loaded.directory };
    match control.replace(state) {
        Ok(outcome) => Reload::Done(changes, outcome),
        Err(error) => Reload::Failed(describe(&error)),
    }
}

fn unreadable(file: &Path, error: &InputError) -> String {
    format!("{} cannot be read: {error}", file.display())
}
