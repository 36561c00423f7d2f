//! The lab and the agent of a demo, and their end.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::command::{output, program, shown};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C, SIGTERM and SIGHUP end the demo between two steps, after which it is taken down.
pub(super) fn watch_for_interrupts() -> Result<()> {
    ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed)).context("signals cannot be caught")
}

fn check_interrupted() -> Result<()> {
    if is_interrupted() {
        bail!("interrupted");
    }
    Ok(())
}

/// Whether somebody asked for the end.
pub(super) fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// How often it is looked whether something has ended.
const LOOK: Duration = Duration::from_millis(20);

/// How long a program in a namespace may take. None of them takes a tenth of it, unless its packets go nowhere.
const PATIENCE: Duration = Duration::from_secs(60);

/// A lab with its agent, which keeps what it needs in a directory and a pin directory of its own.
pub(super) struct Rig {
    agent: PathBuf,
    file: PathBuf,
    scratch: PathBuf,
    pins: PathBuf,
    daemon: Option<Child>,
    /// The names of the NICs.
    nics: Vec<String>,
    is_up: bool,
}

impl Rig {
    pub(super) fn new(agent: PathBuf, file: PathBuf) -> Result<Self> {
        let name = format!("vnet-demo-{}", std::process::id());
        let scratch = std::env::temp_dir().join(&name);
        fs::create_dir(&scratch).with_context(|| format!("{} could not be made", scratch.display()))?;
        fs::set_permissions(&scratch, fs::Permissions::from_mode(0o700))?;
        let pins = PathBuf::from("/sys/fs/bpf").join(name);
        Ok(Self { agent, file, scratch, pins, daemon: None, nics: Vec::new(), is_up: false })
    }

    fn socket(&self) -> PathBuf {
        self.scratch.join("agent.sock")
    }

    /// The agent with a command.
    fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = program(&self.agent);
        command.args(arguments);
        command
    }

    /// Runs a command of the lab.
    fn lab(&self, verb: &str) -> Result<()> {
        let mut command = self.command(&["lab", verb, "-o", "table"]);
        if verb == "down" {
            // Out of reach of a second Ctrl-C.
            command.process_group(0);
        }
        crate::command::run(command.arg(&self.file))
    }

    /// Builds the lab and starts the agent on it.
    pub(super) fn up(&mut self) -> Result<()> {
        let nics = self.ask(&["nic", "list"])?;
        let names = nics.as_array().into_iter().flatten().filter_map(|nic| nic["name"].as_str());
        self.nics = names.map(str::to_owned).collect();
        // One that fails, or is interrupted, removes what it made. What it met is somebody else's lab, and stays.
        self.lab("up")?;
        self.is_up = true;
        check_interrupted()?;
        let mut command = self.command(&["run", "--file"]);
        command.arg(&self.file).arg("--socket").arg(self.socket()).arg("--pin-dir").arg(&self.pins);
        eprintln!("+ {} &", shown(&command));
        let daemon = command.stdin(Stdio::null()).spawn().context("the agent could not be started")?;
        self.wait_until_ready(daemon)
    }

    fn wait_until_ready(&mut self, daemon: Child) -> Result<()> {
        self.daemon = Some(daemon);
        let start = Instant::now();
        // The socket is there before the agent answers at it, which it does once the interfaces are attached.
        while !self.socket().exists() {
            self.check_agent()?;
            if start.elapsed() > Duration::from_secs(30) {
                bail!("the agent was not ready within 30 seconds");
            }
            check_interrupted()?;
            std::thread::sleep(LOOK);
        }
        let mut ready = self.command(&["nic", "list", "-o", "json"]);
        let answer = ready.arg("--socket").arg(self.socket()).output().context("the agent was not asked")?;
        check_interrupted()?;
        parsed(&ready, &answer).map(|_| ())
    }

    /// Fails where the agent has ended.
    fn check_agent(&mut self) -> Result<()> {
        if let Some(status) = self.daemon.as_mut().map(Child::try_wait).transpose()?.flatten() {
            self.daemon = None;
            bail!("the agent ended by itself: {status}");
        }
        Ok(())
    }

    /// Waits for a program, unless the demo is interrupted or the agent ends meanwhile: what its packets then wait for
    /// never comes, and the program is stopped.
    pub(super) fn wait(&mut self, mut child: Child) -> Result<ExitStatus> {
        let start = Instant::now();
        loop {
            if let Some(status) = child.try_wait()? {
                check_interrupted()?;
                return Ok(status);
            }
            let mut outcome = check_interrupted().and_then(|()| self.check_agent());
            if start.elapsed() > PATIENCE {
                outcome = outcome.and(Err(anyhow!("a program did not end within {PATIENCE:?}")));
            }
            if let Err(error) = outcome {
                child.kill()?;
                child.wait()?;
                return Err(error);
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Prints what a reading command says, and gives it as JSON too. A command that says "not as expected" by its exit
    /// status has said so in its output.
    pub(super) fn show(&self, arguments: &[&str]) -> Result<serde_json::Value> {
        check_interrupted()?;
        let socket = self.socket();
        let mut table = self.command(arguments);
        table.arg("--socket").arg(&socket).args(["-o", "table"]);
        table.status().with_context(|| format!("`{}` could not be started", shown(&table)))?;
        check_interrupted()?;
        let mut json = self.command(arguments);
        json.arg("--socket").arg(&socket).args(["-o", "json"]);
        let found = json.output().with_context(|| format!("`{}` could not be started", shown(&json)))?;
        parsed(&json, &found)
    }

    /// What a reading command says about the file, as JSON.
    pub(super) fn ask(&self, arguments: &[&str]) -> Result<serde_json::Value> {
        let mut command = self.command(arguments);
        command.arg("--file").arg(&self.file).args(["-o", "json"]);
        let found =
            command.output().with_context(|| format!("`{}` could not be started", shown(&command)))?;
        parsed(&command, &found)
    }

    /// A program in the namespace of a NIC.
    pub(super) fn exec(&self, nic: &str, arguments: &[&str]) -> Command {
        let mut command = self.command(&["lab", "exec"]);
        command.arg(&self.file).args(["--nic", nic, "--"]).args(arguments);
        command
    }

    /// Runs a program in the namespace of a NIC, shows what it prints, and says whether it succeeded.
    pub(super) fn run_in(&mut self, nic: &str, arguments: &[&str]) -> Result<bool> {
        check_interrupted()?;
        println!("{nic}$ {}", arguments.join(" "));
        let started = self.exec(nic, arguments).spawn();
        let child = started.context("a program in a namespace could not be started")?;
        Ok(self.wait(child)?.success())
    }

    /// Takes everything down, and looks whether something is left.
    pub(super) fn down(&mut self) -> Result<()> {
        let ended = self.end_daemon();
        let was_up = std::mem::take(&mut self.is_up);
        let down = if was_up { self.lab("down") } else { Ok(()) };
        fs::remove_dir_all(&self.scratch).ok();
        // An agent that was killed leaves its pins, and its program on interfaces that are gone by now.
        for pin in fs::read_dir(&self.pins).into_iter().flatten().flatten() {
            fs::remove_file(pin.path())?;
        }
        fs::remove_dir(&self.pins).ok();
        ended?;
        down?;
        let mut left = Vec::new();
        if self.pins.exists() {
            left.push(self.pins.display().to_string());
        }
        if was_up {
            let namespaces =
                output(program("ip").args(["netns", "list"])).context("`ip netns list` failed")?;
            let is_of_lab = |line: &&str| {
                let nic = line.split(' ').next().and_then(|name| name.strip_prefix("vnet-"));
                nic.is_some_and(|nic| self.nics.iter().any(|own| own == nic))
            };
            left.extend(namespaces.lines().filter(is_of_lab).map(str::to_owned));
        }
        if !left.is_empty() {
            bail!("the demo left something behind: {}", left.join(", "));
        }
        Ok(())
    }

    /// Asks the agent to end, which takes the program off the interfaces.
    fn end_daemon(&mut self) -> Result<()> {
        let Some(mut daemon) = self.daemon.take() else { return Ok(()) };
        if let Ok(pid) = i32::try_from(daemon.id()) {
            // It may have ended by itself, with Ctrl-C.
            kill(Pid::from_raw(pid), Signal::SIGTERM).ok();
        }
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(30) {
            if let Some(status) = daemon.try_wait()? {
                if !status.success() {
                    bail!("the agent ended with {status}");
                }
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        daemon.kill()?;
        daemon.wait()?;
        bail!("the agent did not end within 30 seconds, and was killed")
    }
}

fn parsed(command: &Command, found: &Output) -> Result<serde_json::Value> {
    let stderr = String::from_utf8_lossy(&found.stderr);
    if found.stdout.is_empty() && !found.status.success() {
        bail!("`{}` failed: {}\n{}", shown(command), found.status, stderr.trim());
    }
    serde_json::from_slice(&found.stdout)
        .with_context(|| format!("`{}` gave no JSON: {}", shown(command), stderr.trim()))
}

impl Drop for Rig {
    fn drop(&mut self) {
        if self.is_up
            && let Err(error) = self.down()
        {
            eprintln!("error: {error:#}");
        }
    }
}
