//! A running agent: started, spoken to, ended. Dropped, it is killed and what it left is removed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::arm::Arm;
use crate::guests::unique_name;
use crate::program::{self, Ended, binary};
use crate::requirements::{BPFFS, require_bpffs};

/// How long anything may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// The files that belong to one agent after another: a topology file or a state directory, a socket, a pin directory.
#[derive(Debug)]
pub struct Site {
    directory: tempfile::TempDir,
    is_stored: bool,
    /// Whether agents are told to prepare their guests' ends, which those with a state directory do only then.
    prepares_guests: bool,
    /// The pin directory.
    pub pins: PathBuf,
}

impl Site {
    /// A place with this topology file. Dropped, its directories and pins are removed.
    ///
    /// # Panics
    /// Where this process may not what the suite needs, or a file cannot be written.
    #[must_use]
    pub fn new(topology: &str) -> Self {
        require_bpffs();
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let pins = Path::new(BPFFS).join(unique_name("vnet-test-"));
        let site = Self { directory, is_stored: false, prepares_guests: false, pins };
        site.write(topology);
        site
    }

    /// A place with an empty state directory instead, which commands change. Agents here prepare their guests' ends.
    ///
    /// # Panics
    /// As above.
    #[must_use]
    pub fn stored() -> Self {
        let mut site = Self::stored_untold();
        site.prepares_guests = true;
        site
    }

    /// The same, with agents that are told nothing of their guests' ends.
    ///
    /// # Panics
    /// As above.
    #[must_use]
    pub fn stored_untold() -> Self {
        let mut site = Self::new("virtualNetworks: []\n");
        site.is_stored = true;
        site
    }

    /// The state directory.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    /// The API of the agent here.
    #[must_use]
    pub fn arm(&self) -> Arm {
        Arm::new(&self.socket())
    }

    /// Writes another topology file over the one before.
    ///
    /// # Panics
    /// Where that fails.
    pub fn write(&self, topology: &str) {
        fs::write(self.file(), topology).expect("the topology file can be written");
    }

    /// The topology file.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.directory.path().join("topology.yaml")
    }

    /// The socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("agent.sock")
    }

    /// The arguments of `run` here.
    #[must_use]
    pub fn run_arguments(&self) -> Vec<String> {
        let path = |path: PathBuf| path.display().to_string();
        let (source, named) =
            if self.is_stored { ("--state", self.state()) } else { ("--file", self.file()) };
        let mut arguments = vec!["run".to_owned(), source.to_owned(), path(named)];
        arguments.extend(self.prepares_guests.then(|| "--enter-namespaces".to_owned()));
        arguments.extend(["--socket".to_owned(), path(self.socket())]);
        arguments.extend(["--pin-dir".to_owned(), path(self.pins.clone())]);
        arguments
    }

    /// Starts an agent and waits until it is ready.
    ///
    /// # Panics
    /// Where it ends instead.
    #[must_use]
    pub fn start(&self) -> Agent<'_> {
        self.start_with(&[])
    }

    /// The same with more arguments.
    ///
    /// # Panics
    /// As above.
    #[must_use]
    pub fn start_with(&self, more: &[&str]) -> Agent<'_> {
        let mut command = Command::new(binary());
        command.args(self.run_arguments()).args(more);
        self.start_command(command)
    }

    /// Starts an agent by a command of the caller's.
    ///
    /// # Panics
    /// As above.
    #[must_use]
    pub fn start_command(&self, mut command: Command) -> Agent<'_> {
        let log = self.directory.path().join(unique_name("log"));
        let output = File::create(&log).expect("a log can be made");
        let errors = output.try_clone().expect("a file can be opened twice");
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let child = command.spawn().expect("the agent can be started");
        let mut agent = Agent { site: self, child, log };
        agent.wait_for("ready: ");
        agent
    }

    /// Asks the agent here.
    #[must_use]
    pub fn ask(&self, arguments: &[&str]) -> Ended {
        let socket = self.socket().display().to_string();
        program::run(arguments.iter().copied().chain(["--socket", &socket]))
    }

    /// What is left of an agent: pins, socket, lock.
    ///
    /// # Panics
    /// Where a directory cannot be read.
    #[must_use]
    pub fn left(&self) -> Vec<String> {
        let name = |entry: std::io::Result<fs::DirEntry>| {
            entry.expect("the directory can be read").file_name().to_string_lossy().into_owned()
        };
        let entries = fs::read_dir(self.directory.path()).expect("the directory can be read").map(name);
        let mut left: Vec<String> = entries.filter(|name| name.starts_with("agent")).collect();
        left.extend(fs::read_dir(&self.pins).into_iter().flatten().map(name));
        left.extend(self.pins.exists().then(|| self.pins.display().to_string()));
        left.sort();
        left
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.pins);
    }
}

/// A running agent.
#[derive(Debug)]
pub struct Agent<'a> {
    site: &'a Site,
    child: Child,
    log: PathBuf,
}

impl Agent<'_> {
    /// What it has printed and complained of so far.
    ///
    /// # Panics
    /// Where the log cannot be read.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("the log can be read")
    }

    /// Its process number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has said `text`.
    ///
    /// # Panics
    /// Where it ends before, or says nothing of the kind in time.
    pub fn wait_for(&mut self, text: &str) {
        self.wait_for_times(text, 1);
    }

    /// Waits until it has said `text` so many times.
    ///
    /// # Panics
    /// As above.
    pub fn wait_for_times(&mut self, text: &str, times: usize) {
        let started = Instant::now();
        while self.log().matches(text).count() < times {
            let ended = self.child.try_wait().expect("a child can be waited for");
            assert!(ended.is_none(), "the agent ended with {ended:?} before {text:?}:\n{}", self.log());
            assert!(started.elapsed() < PATIENCE, "the agent did not say {text:?} in time:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// Where the agent is gone.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("a process number fits");
        kill(Pid::from_raw(pid), signal).expect("the agent is there");
    }

    /// Sends a signal and waits for the end; the exit status, none where a signal ended it.
    ///
    /// # Panics
    /// Where the agent goes on.
    pub fn end(&mut self, signal: Signal) -> Option<i32> {
        self.signal(signal);
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return status.code();
            }
            assert!(started.elapsed() < PATIENCE, "the agent goes on after {signal}:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Asks it.
    #[must_use]
    pub fn ask(&self, arguments: &[&str]) -> Ended {
        self.site.ask(arguments)
    }

    /// Has it carry out a command whose words hold no spaces; what that prints.
    ///
    /// # Panics
    /// Where it does not end well.
    pub fn done(&self, command: &str) -> String {
        let words: Vec<&str> = command.split(' ').collect();
        let ended = self.ask(&words);
        assert_eq!(ended.status, Some(0), "{command}: {}", ended.transcript());
        ended.stdout
    }

    /// What `status` tells.
    ///
    /// # Panics
    /// Where it tells nothing.
    #[must_use]
    pub fn status(&self) -> Value {
        serde_json::from_str(&self.done("status -o json")).expect("JSON")
    }
}

impl Drop for Agent<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
