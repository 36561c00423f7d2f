//! The lab and the agent of a demo, and their end.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::command::{output, program, shown};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C, SIGTERM and SIGHUP end the demo between two steps, after which it is taken down.
pub(super) fn watch_for_interrupts() -> Result<()> {
    ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed)).context("signals cannot be caught")
}

fn check_interrupted() -> Result<()> {
    if INTERRUPTED.load(Ordering::Relaxed) {
        bail!("interrupted");
    }
    Ok(())
}

/// A lab with its agent, which keeps what it needs in a directory and a pin directory of its own.
pub(super) struct Rig {
    agent: PathBuf,
    file: PathBuf,
    scratch: PathBuf,
    pins: PathBuf,
    daemon: Option<Child>,
    is_up: bool,
}

impl Rig {
    pub(super) fn new(agent: PathBuf, file: PathBuf) -> Result<Self> {
        let name = format!("vnet-demo-{}", std::process::id());
        let scratch = std::env::temp_dir().join(&name);
        fs::create_dir(&scratch).with_context(|| format!("{} could not be made", scratch.display()))?;
        fs::set_permissions(&scratch, fs::Permissions::from_mode(0o700))?;
        let pins = PathBuf::from("/sys/fs/bpf").join(name);
        Ok(Self { agent, file, scratch, pins, daemon: None, is_up: false })
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
    fn lab(&self, verb: &str) -> Result<ExitStatus> {
        let mut command = self.command(&["lab", verb, "-o", "table"]);
        command.arg(&self.file);
        eprintln!("+ {}", shown(&command));
        command.status().context("the agent's program could not be started")
    }

    /// Builds the lab and starts the agent on it.
    pub(super) fn up(&mut self) -> Result<()> {
        let status = self.lab("up")?;
        // A lab that was refused has left nothing, and one of the same names that stands already is somebody else's.
        // Only one whose making was cut off may be there in part.
        self.is_up = status.success() || status.code().is_none();
        if !status.success() {
            bail!("the lab could not be built: {status}");
        }
        check_interrupted()?;
        let mut command = self.command(&["run", "--file"]);
        command.arg(&self.file).arg("--socket").arg(self.socket()).arg("--pin-dir").arg(&self.pins);
        eprintln!("+ {} &", shown(&command));
        let daemon = command.stdin(Stdio::null()).spawn().context("the agent could not be started")?;
        self.wait_until_ready(daemon)
    }

    fn wait_until_ready(&mut self, daemon: Child) -> Result<()> {
        let daemon = self.daemon.insert(daemon);
        let start = Instant::now();
        // The socket is there before the interfaces are attached; it answers after that.
        while !self.scratch.join("agent.sock").exists() {
            if let Some(status) = daemon.try_wait()? {
                bail!("the agent ended before it was ready: {status}");
            }
            if start.elapsed() > Duration::from_secs(30) {
                bail!("the agent was not ready within 30 seconds");
            }
            check_interrupted()?;
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut first = self.command(&["drops", "-o", "json"]);
        let answer = first.arg("--socket").arg(self.socket()).output()?;
        parsed(&first, &answer).context("the agent ended before it was ready").map(drop)
    }

    /// Prints what a reading command says, and gives it as JSON too. A command that says "not as expected" by its exit
    /// status has said so in its output.
    pub(super) fn show(&self, arguments: &[&str]) -> Result<serde_json::Value> {
        check_interrupted()?;
        let socket = self.socket();
        let mut table = self.command(arguments);
        table.arg("--socket").arg(&socket).args(["-o", "table"]);
        table.status().with_context(|| format!("`{}` could not be started", shown(&table)))?;
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
    pub(super) fn run_in(&self, nic: &str, arguments: &[&str]) -> Result<bool> {
        check_interrupted()?;
        println!("{nic}$ {}", arguments.join(" "));
        Ok(self
            .exec(nic, arguments)
            .status()
            .context("a program in a namespace could not be started")?
            .success())
    }

    /// Takes everything down, and looks whether something is left.
    pub(super) fn down(&mut self) -> Result<()> {
        let ended = self.end_daemon();
        let was_up = std::mem::take(&mut self.is_up);
        let down = was_up.then(|| self.lab("down"));
        fs::remove_dir_all(&self.scratch).ok();
        ended?;
        match down.transpose()? {
            None => return Ok(()),
            Some(status) if !status.success() => bail!("the lab could not be taken down: {status}"),
            Some(_) => {}
        }
        let mut left = Vec::new();
        if self.pins.exists() {
            left.push(self.pins.display().to_string());
        }
        let namespaces = output(program("ip").args(["netns", "list"])).unwrap_or_default();
        let nics = self.ask(&["nic", "list"])?;
        for nic in nics.as_array().into_iter().flatten().filter_map(|nic| nic["name"].as_str()) {
            let own = format!("vnet-{nic}");
            left.extend(
                namespaces.lines().filter(|line| line.split(' ').next() == Some(&own)).map(str::to_owned),
            );
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
    serde_json::from_slice(&found.stdout).with_context(|| {
        format!("`{}` gave no JSON: {}", shown(command), String::from_utf8_lossy(&found.stderr).trim())
    })
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
