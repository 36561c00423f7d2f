//! The rig: a router and guests, each in a network namespace, joined by pairs of interfaces.
//!
//! The namespaces have no names. They hang on file descriptors and on the thread that measures, which also has a mount
//! namespace with a BPF file system of its own for the pins. So whatever ends the process, kill -9 too, takes all of
//! it along, and nothing that was there before is touched.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsRawFd;
use std::panic::resume_unwind;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, CpuSet, sched_setaffinity, setns, unshare};
use nix::unistd::Pid;

use vnet_common::net::ethernet::ROUTER_MAC;

/// Where the private BPF file system stands.
const BPF_DIRECTORY: &str = "/sys/fs/bpf";

/// The rig could not be built.
#[derive(Debug, thiserror::Error)]
pub enum RigError {
    /// A system call failed.
    #[error("the rig could not {doing}; it needs root, and a kernel with network and mount namespaces")]
    System {
        /// What was tried.
        doing: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// A command could not be started.
    #[error("`{command}` could not be started; the rig needs iproute2 and ethtool")]
    NotStarted {
        /// The command line.
        command: String,
        /// What went wrong.
        source: io::Error,
    },
    /// A command failed.
    #[error("`{command}` failed: {said}")]
    Failed {
        /// The command line.
        command: String,
        /// Its standard error.
        said: String,
    },
}

fn system<E: Into<io::Error>>(doing: &'static str) -> impl FnOnce(E) -> RigError {
    move |source| RigError::System { doing, source: source.into() }
}

/// Runs `work` on a thread of its own in private namespaces, pinned to `cpu` where one is given.
///
/// # Errors
/// [`RigError::System`].
pub fn in_private<T: Send>(cpu: Option<usize>, work: impl FnOnce() -> T + Send) -> Result<T, RigError> {
    let inside = || {
        isolate()?;
        if let Some(cpu) = cpu {
            pin(cpu)?;
        }
        Ok(work())
    };
    std::thread::scope(|scope| scope.spawn(inside).join().unwrap_or_else(|panic| resume_unwind(panic)))
}

/// Keeps the calling thread on one CPU. The frames that it sends are then handled there all the way.
///
/// # Errors
/// [`RigError::System`].
pub fn pin(cpu: usize) -> Result<(), RigError> {
    let mut cpus = CpuSet::new();
    cpus.set(cpu).map_err(system("choose a CPU"))?;
    sched_setaffinity(Pid::from_raw(0), &cpus).map_err(system("pin its thread to a CPU"))
}

/// Lets nothing of lower priority have the CPU while the calling thread is ready to run. Where the machine does not
/// allow that, the thread goes on as it was: disturbed runs are told by the time that it waits.
pub fn take_precedence() {
    let thread = nix::unistd::gettid().to_string();
    if let Err(error) = run("chrt", &["--reset-on-fork", "--fifo", "--pid", "1", &thread]) {
        tracing::warn!(%error, "measuring at the usual priority");
    }
}

fn isolate() -> Result<(), RigError> {
    unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET).map_err(system("make private namespaces"))?;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>)
        .map_err(system("make its mounts private"))?;
    mount(Some("bpf"), BPF_DIRECTORY, Some("bpf"), MsFlags::empty(), None::<&str>)
        .map_err(system("mount a BPF file system"))
}

/// A network namespace without a name.
#[derive(Debug)]
pub struct Namespace(File);

impl Namespace {
    fn current() -> Result<Self, RigError> {
        File::open("/proc/thread-self/ns/net").map(Self).map_err(system("open its network namespace"))
    }

    fn create() -> Result<Self, RigError> {
        let before = Self::current()?;
        unshare(CloneFlags::CLONE_NEWNET).map_err(system("make a network namespace"))?;
        let _back = Inside(&before);
        Self::current()
    }

    /// Puts the calling thread into this namespace for good.
    ///
    /// # Errors
    /// [`RigError::System`].
    pub fn enter(&self) -> Result<(), RigError> {
        setns(&self.0, CloneFlags::CLONE_NEWNET).map_err(system("enter a network namespace"))
    }

    /// What `ip` calls the namespace.
    fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd())
    }
}

/// Puts the thread back into a namespace when it goes.
struct Inside<'a>(&'a Namespace);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.0.enter() {
            tracing::error!(%error, "the thread stays in a guest's namespace");
        }
    }
}

/// A guest: a namespace with one interface, whose other end the router has.
#[derive(Debug)]
pub struct Guest {
    /// Its namespace.
    pub namespace: Namespace,
    /// Its interface, by the number that its namespace gives it.
    pub ifindex: u32,
    /// The router's end, by the number that the router's namespace gives it.
    pub host_ifindex: u32,
    /// The name of the router's end.
    pub host_interface: String,
}

/// The router's namespace and the guests.
#[derive(Debug)]
pub struct Rig {
    router: Namespace,
    guests: Vec<Guest>,
}

/// What one NIC of the rig's takes.
pub const MTU_BYTES: u32 = 1500;

/// The number of every guest's interface, and of the first one's other end.
const FIRST_IFINDEX: u32 = 100;

/// The guest's name of its interface.
const GUEST_INTERFACE: &str = "eth0";

impl Rig {
    /// Builds a rig with this many guests around the namespace of the calling thread, which becomes the router's.
    ///
    /// The pairs have a queue for each of `cpus` CPUs, and both ends run NAPI whether XDP is attached or not (GRO).
    /// Nothing but what is sent on purpose goes through them: IPv6 is off.
    ///
    /// # Errors
    /// [`RigError`].
    pub fn build(guests: u32, cpus: usize) -> Result<Self, RigError> {
        let router = Namespace::current()?;
        silence()?;
        let guests = (0..guests).map(|number| guest(&router, number, cpus));
        let guests = guests.collect::<Result<_, _>>()?;
        Ok(Self { router, guests })
    }

    /// The guests.
    #[must_use]
    pub fn guests(&self) -> &[Guest] {
        &self.guests
    }

    /// Does `work` inside the namespace of a guest. The thread is back in the router's afterwards.
    ///
    /// # Errors
    /// [`RigError::System`].
    pub fn inside<T>(&self, guest: &Guest, work: impl FnOnce() -> T) -> Result<T, RigError> {
        let back = Inside(&self.router);
        guest.namespace.enter()?;
        let done = work();
        drop(back);
        Ok(done)
    }
}

fn guest(router: &Namespace, number: u32, cpus: usize) -> Result<Guest, RigError> {
    let namespace = Namespace::create()?;
    let host_interface = format!("guest{number}");
    let (path, cpus) = (namespace.path(), cpus.to_string());
    let queues = ["numtxqueues", cpus.as_str(), "numrxqueues", cpus.as_str()];
    // New namespaces: all numbers are free but the loopback's.
    let (ifindex, host_ifindex) = (FIRST_IFINDEX, FIRST_IFINDEX + number);
    let (index, host_index) = (ifindex.to_string(), host_ifindex.to_string());
    let before = ["link", "add", &host_interface, "index", &host_index];
    let peer = ["type", "veth", "peer", "name", GUEST_INTERFACE, "index", &index];
    run("ip", &[&before[..], &queues[..], &peer[..], &queues[..], &["netns", &path]].concat())?;
    // The virtual router's address on the router's end: the same frames do for Linux routing.
    let mac = ROUTER_MAC.map(|byte| format!("{byte:02x}")).join(":");
    run("ip", &["link", "set", &host_interface, "address", &mac, "mtu", &MTU_BYTES.to_string(), "up"])?;
    run("ethtool", &["-K", &host_interface, "gro", "on"])?;
    let _back = Inside(router);
    namespace.enter()?;
    silence()?;
    run("ip", &["link", "set", GUEST_INTERFACE, "mtu", &MTU_BYTES.to_string(), "up"])?;
    run("ethtool", &["-K", GUEST_INTERFACE, "gro", "on", "tx", "off"])?;
    Ok(Guest { namespace, ifindex, host_ifindex, host_interface })
}

/// Stops this namespace from soliciting, reporting and advertising over IPv6. A frame of its own would be handled on
/// whichever CPU sent it, and take the queue that it falls into there with it.
fn silence() -> Result<(), RigError> {
    for scope in ["all", "default"] {
        set(&format!("ipv6/conf/{scope}/disable_ipv6"), "1")?;
    }
    Ok(())
}

/// Sets a network parameter of the calling thread's namespace.
///
/// # Errors
/// [`RigError::System`].
pub(super) fn set(parameter: &str, value: &str) -> Result<(), RigError> {
    std::fs::write(Path::new("/proc/sys/net").join(parameter), value)
        .map_err(system("set a network parameter"))
}

/// Runs a command in the calling thread's namespaces.
fn run(program: &str, arguments: &[&str]) -> Result<(), RigError> {
    output(program, arguments).map(|_| ())
}

/// Runs a command in the calling thread's namespaces; what it printed.
pub(super) fn output(program: &str, arguments: &[&str]) -> Result<String, RigError> {
    run_with(program, arguments, "")
}

/// Runs a command with this standard input; what it printed.
pub(super) fn run_with(program: &str, arguments: &[&str], input: &str) -> Result<String, RigError> {
    let command = || format!("{program} {}", arguments.join(" "));
    let not_started = |source| RigError::NotStarted { command: command(), source };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(not_started)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).map_err(not_started)?;
    }
    let output = child.wait_with_output().map_err(not_started)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(RigError::Failed { command: command(), said })
}
