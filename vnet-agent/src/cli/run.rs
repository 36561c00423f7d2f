//! `run`: the agent in the foreground, and what it reports.

use std::fs::File;
use std::io::{LineWriter, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use sd_notify::NotifyState;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};

use vnet_common::abi::ABI_VERSION;

use super::source::block_on;
use super::validate::{notes, summary};
use super::{CliError, CliResult, Outcome, Printer, Table};
use crate::api::DEFAULT_SOCKET;
use crate::daemon::{
    EnterNamespaces, Event, NicState, NicStatus, Options, ServeError, Source, prepare, serve,
};
use crate::dataplane::kernel::AttachMode;
use crate::model::Topology;

/// The state directory where no other is named.
const DEFAULT_STATE_DIRECTORY: &str = "/var/lib/vnet";

/// The pin directory where no other is named.
pub(super) const DEFAULT_PIN_DIRECTORY: &str = "/sys/fs/bpf/vnet";

/// Up to how many NICs each is reported at the start; of more, only those that something is to be said about.
const MAX_LISTED: usize = 64;

#[derive(Debug, Args)]
#[command(after_long_help = "Signals:
  SIGHUP           with --file, take in the changed file; a refused one is reported, and the state before it stays.
                   With --state, look at the guests' ends again
  SIGINT, SIGTERM  end. With --state the interfaces stay attached and go on forwarding; with --file the program comes
                   off every interface, and the pins go too. --detach-on-exit chooses otherwise
  SIGKILL          (or a crash) leaves everything attached and forwarding

The next `run` with the same pin directory adopts what is attached without losing a packet; `vnet-agent detach` takes the
program off where no agent is to follow.

Isolation: while the program is on an interface, nothing that its guest sends reaches the host's own stack. Once it is
off, because the NIC left the topology or the agent ended with a detach (--file, --detach-on-exit, `vnet-agent detach`),
the host's stack sees the guest's frames as on any interface. Take the interface down first where that matters.")]
pub(super) struct RunArgs {
    /// Where the state is kept, which commands change
    #[arg(long, value_name = "DIR", default_value = DEFAULT_STATE_DIRECTORY)]
    state: PathBuf,
    /// Take the state from a topology file instead, and take it in again at SIGHUP
    #[arg(long, value_name = "FILE", conflicts_with_all = ["state", "listen"])]
    file: Option<PathBuf>,
    /// Answer on this loopback address by TCP, too, to whoever has a token
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = loopback)]
    listen: Option<SocketAddr>,
    /// The socket to answer on
    #[arg(long, value_name = "PATH", default_value = DEFAULT_SOCKET)]
    socket: PathBuf,
    /// Where the attachments are pinned, directly on a BPF file system
    #[arg(long, value_name = "DIR", default_value = DEFAULT_PIN_DIRECTORY)]
    pin_dir: PathBuf,
    /// How the kernel runs the program
    #[arg(long, value_name = "MODE", default_value = "native")]
    xdp_mode: XdpMode,
    /// Take the program off the interfaces at SIGINT and SIGTERM [default: true with --file, else false]; what is left
    /// on goes on forwarding, for the next `run` to adopt
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    detach_on_exit: Option<bool>,
    /// Enter the namespaces of guests to set the offloads at their ends of veth pairs, and keep CAP_SYS_ADMIN for that
    /// [default: false; with --file, where the agent has it]; without it, what to set stands in the NICs' notes
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    enter_namespaces: Option<bool>,
}

impl RunArgs {
    /// A service is told what it may do beyond the least. A run in the foreground, of a file, is there to make guests work.
    fn enters(&self) -> EnterNamespaces {
        match (self.enter_namespaces, &self.file) {
            (Some(true), _) => EnterNamespaces::Always,
            (None, Some(_)) => EnterNamespaces::WherePossible,
            (Some(false), _) | (None, None) => EnterNamespaces::Never,
        }
    }
}

/// An address that only this host reaches.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr =
        text.parse().map_err(|_| "write ADDRESS:PORT, for example 127.0.0.1:8443".to_owned())?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err(format!(
            "{} is not a loopback address: whoever reaches the agent there could read its tokens on the wire; \
                     use 127.0.0.1 or [::1]",
            address.ip()
        ))
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum XdpMode {
    /// In the driver: fast
    Native,
    /// In the network stack: for drivers without XDP, several times slower
    Generic,
}

pub(super) fn run(args: &RunArgs, printer: &mut Printer<'_>) -> CliResult {
    let options = Options {
        source: args.file.clone().map_or_else(|| Source::Store(args.state.clone()), Source::File),
        listen: args.listen,
        socket: args.socket.clone(),
        pin_directory: args.pin_dir.clone(),
        mode: match args.xdp_mode {
            XdpMode::Native => AttachMode::Native,
            XdpMode::Generic => AttachMode::Generic,
        },
        detach_on_exit: args.detach_on_exit.unwrap_or(args.file.is_some()),
    };
    // Before there are threads, which would keep what this one gives up.
    let mut early = |event: Event<'_>| {
        told(print(&event, printer, &mut std::io::stderr()).and_then(|()| printer.flush()));
    };
    prepare(&options.pin_directory, args.enters(), &mut early).map_err(CliError::failed)?;
    let error_color = printer.error_color();
    let (out, _flush_out) = never_stalled(std::io::stdout().as_fd())?;
    let (errors, _flush_errors) = never_stalled(std::io::stderr().as_fd())?;
    let log = tracing_subscriber::fmt().with_writer(errors.clone()).with_max_level(tracing::Level::INFO);
    log.with_ansi(error_color).init();
    let mut printer = Printer::new(LineWriter::new(out), None, false, error_color);
    let mut complaints = LineWriter::new(errors);
    let mut report = |event: Event<'_>| {
        tell_service_manager(&event);
        told(print(&event, &mut printer, &mut complaints).and_then(|()| printer.flush()));
    };
    match block_on(serve(&options, &mut report))? {
        Ok(()) => Ok(Outcome::Done),
        Err(ServeError::Refused { path, text, problems }) => {
            Err(CliError::Problems(problems.render(&path.display().to_string(), &text, error_color)))
        }
        Err(error) => Err(CliError::failed(error)),
    }
}

/// Forwarding does not end because nobody reads the report any more.
fn told(printed: Result<(), CliError>) {
    if let Err(error) = printed {
        tracing::debug!(%error, "an event was not printed");
    }
}

/// How many lines wait for a reader that has stopped; more are lost.
const MAX_WAITING_LINES: usize = 10_000;

/// A writer that a stopped reader (a full pipe) does not stall: an agent must go on, and end when it is told to.
fn never_stalled(output: BorrowedFd<'_>) -> Result<(NonBlocking, WorkerGuard), CliError> {
    let file = File::from(output.try_clone_to_owned()?);
    Ok(NonBlockingBuilder::default().buffered_lines_limit(MAX_WAITING_LINES).finish(file))
}

/// Tells systemd, or whoever else started this process and listens, how far the agent is (sd_notify(3)).
fn tell_service_manager(event: &Event<'_>) {
    let told = match event {
        Event::Ready { nics, .. } => {
            let attached = nics.iter().filter(|nic| nic.state == NicState::Attached).count();
            let status = format!("{attached} of {} NICs attached", nics.len());
            sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(&status)])
        }
        Event::Stopping { .. } => sd_notify::notify(&[NotifyState::Stopping]),
        _ => Ok(()),
    };
    if let Err(error) = told {
        tracing::warn!(%error, "the service manager was not told");
    }
}

/// Puts an event into words: on the standard output, and on the standard error what is wrong while the agent goes on.
fn print(event: &Event<'_>, printer: &mut Printer<'_>, complaints: &mut impl Write) -> Result<(), CliError> {
    let mut complain = |text: &str| writeln!(complaints, "{}", text.trim_end());
    match event {
        Event::GenericMode => complain(
            "warning: --xdp-mode generic: the program runs behind the driver, on copies of packets, several times slower",
        )?,
        Event::BpffsMounted => printer.line("mounted the BPF file system at /sys/fs/bpf")?,
        Event::Adopted { adoption } if adoption.is_of_nothing() => {}
        Event::Adopted { adoption } => {
            printer.line(adoption)?;
            if let Some(found) = adoption.found_abi.filter(|found| *found != ABI_VERSION) {
                printer.line(format_args!(
                    "the tables had layout {found}; they are built anew with layout {ABI_VERSION}"
                ))?;
            }
        }
        Event::Listening { address } => printer.line(format_args!("listening on {address}"))?,
        Event::Ready { topology, nics, generation, socket } => {
            print_ready(topology, nics, *generation, socket, printer)?;
        }
        Event::Reloaded { changes, outcome } => {
            for change in *changes {
                printer.line(change)?;
            }
            let changes = match changes.len() {
                0 => "no change".to_owned(),
                1 => "1 change".to_owned(),
                count => format!("{count} changes"),
            };
            let (generation, entries) = (outcome.commit.generation, outcome.commit.entries);
            printer.line(format_args!(
                "reloaded: {changes}, generation {generation}, {entries} table entries written"
            ))?;
        }
        Event::Refused { path, text, problems } => {
            complain(&problems.render(&path.display().to_string(), text, printer.error_color()))?;
            printer.line(format_args!(
                "refused: {} changes nothing, the state before it stays",
                path.display()
            ))?;
        }
        Event::Failed { what, reason } => complain(&format!("error: could not {what}: {reason}"))?,
        Event::Interfaces { nics, .. } => {
            for nic in *nics {
                printer.line(describe_nic(nic))?;
            }
        }
        Event::Mended { sentence } => complain(&format!("warning: {sentence}"))?,
        Event::Guest { nic, notes: [] } => {
            printer.line(format_args!("NIC {nic}: the guest's end is in order"))?;
        }
        Event::Guest { nic, notes } => {
            for note in *notes {
                printer.line(format_args!("NIC {nic}: {note}"))?;
            }
        }
        Event::Stopping { is_detaching: true } => {
            printer.line("stopping: the program comes off every interface")?;
        }
        Event::Stopping { is_detaching: false } => {
            printer.line("stopping: the interfaces go on forwarding")?;
        }
    }
    Ok(())
}

fn print_ready(
    topology: &Topology,
    nics: &[NicStatus],
    generation: u64,
    socket: &Path,
    printer: &mut Printer<'_>,
) -> Result<(), CliError> {
    printer.line(summary(topology))?;
    for note in notes(topology) {
        printer.line(format_args!("note: {note}"))?;
    }
    let unassigned = nics.iter().filter(|nic| nic.state == NicState::Unassigned).count();
    if unassigned > 0 {
        printer.line(format_args!(
            "note: NICs without an interface: {unassigned}; `vnet-agent lab up FILE` makes one for each, attached when it appears"
        ))?;
    }
    let is_worth_a_row = |nic: &&NicStatus| {
        let is_in_order = matches!(nic.state, NicState::Attached | NicState::Unassigned);
        nics.len() <= MAX_LISTED || !is_in_order || !nic.notes.is_empty()
    };
    let mut table = Table::new(["NIC", "Interface", "State"]);
    for nic in nics.iter().filter(is_worth_a_row) {
        let interface = nic.interface.clone().unwrap_or_default();
        table.row([nic.name.clone(), interface, nic.state.to_string()]);
    }
    if !table.is_empty() {
        printer.line("")?;
        printer.table(&table)?;
        printer.line("")?;
    }
    // Sentences with commands in them, too long for a column: as they are told later, a line each.
    for (nic, note) in nics.iter().flat_map(|nic| nic.notes.iter().map(move |note| (nic, note))) {
        printer.line(format_args!("NIC {}: {note}", nic.name))?;
    }
    let attached = nics.iter().filter(|nic| nic.state == NicState::Attached).count();
    let total = nics.len();
    let socket = socket.display();
    printer.line(format_args!(
        "ready: {attached} of {total} NICs attached, generation {generation}, socket {socket}"
    ))
}

fn describe_nic(nic: &NicStatus) -> String {
    let name = &nic.name;
    let interface = nic.interface.as_deref().unwrap_or_default();
    match nic.state {
        NicState::Attached => format!("NIC {name}: attached by {interface}"),
        NicState::Missing => {
            format!("NIC {name}: {interface} is gone; it is attached again when it comes back")
        }
        NicState::Failed => format!("NIC {name}: {interface} is not attached: {}", nic.notes.join("; ")),
        NicState::Unassigned => format!("NIC {name}: detached; it has no interface"),
    }
}
