//! Labs by the command line.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pretty_assertions::assert_eq;
use tempfile::NamedTempFile;
use vnet_agent::lab::{interface_name, namespace_name};
use vnet_tests::program::binary;

use crate::tools::{interface_exists, namespace_exists};
use crate::topologies::{name, unique};

/// A topology file with dual-stack NICs, whose lab is taken down with this value.
struct LabFile {
    file: NamedTempFile,
    nics: Vec<String>,
}

impl LabFile {
    fn new(count: usize) -> Self {
        let prefix = unique();
        let nics: Vec<String> = (0..count).map(|index| format!("{prefix}-{index}")).collect();
        let mut file = NamedTempFile::with_suffix(".yaml").unwrap();
        let mut text = String::from(
            "virtualNetworks:\n  - name: v\n    region: westeurope\n    addressSpace: [10.1.0.0/16]\n    subnets: \
             [{ name: default, addressPrefixes: [10.1.2.0/24] }]\nnics:\n",
        );
        for (index, nic) in nics.iter().enumerate() {
            let line =
                format!("  - {{ name: {nic}, subnet: v/default, addresses: [10.1.2.{}] }}\n", index + 4);
            text.push_str(&line);
        }
        file.write_all(text.as_bytes()).unwrap();
        Self { file, nics }
    }

    fn command(&self, verb: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.arg("lab").arg(verb).arg(self.file.path()).args(arguments);
        command
    }

    fn run(&self, verb: &str, arguments: &[&str]) -> Output {
        self.command(verb, arguments).output().unwrap()
    }

    fn run_well(&self, verb: &str, arguments: &[&str]) -> String {
        let output = self.run(verb, arguments);
        assert!(output.status.success(), "lab {verb}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn is_there(&self) -> bool {
        self.nics
            .iter()
            .map(|nic| name(nic))
            .any(|nic| interface_exists(&interface_name(&nic)) || namespace_exists(&namespace_name(&nic)))
    }
}

impl Drop for LabFile {
    fn drop(&mut self) {
        let _ = self.command("down", &[]).stdout(Stdio::null()).status();
    }
}

#[test]
fn a_lab_goes_up_runs_a_command_with_its_own_status_and_goes_down() {
    let lab = LabFile::new(2);
    let up = lab.run_well("up", &["-o", "table"]);
    for part in [&lab.nics[1], &namespace_name(&name(&lab.nics[1])), &interface_name(&name(&lab.nics[1]))] {
        assert!(up.contains(part.as_str()), "{up}");
    }
    let host = interface_name(&name(&lab.nics[0]));
    let script = format!(
        "ip -br addr show eth0 | grep -q 10.1.2.4/24 && test -e /sys/class/net/eth0 && \
         ! test -e /sys/class/net/{host} && exit 3"
    );
    let exec = lab.run("exec", &["--nic", &lab.nics[0], "--", "sh", "-c", &script]);
    assert_eq!(exec.status.code(), Some(3), "{}", String::from_utf8_lossy(&exec.stderr));
    assert!(interface_exists(&host), "the mount of /sys is the command's alone");

    let down = lab.run_well("down", &["-o", "json"]);
    let down: serde_json::Value = serde_json::from_str(&down).unwrap();
    let interfaces: Vec<String> = lab.nics.iter().map(|nic| interface_name(&name(nic))).collect();
    assert_eq!(down["interfaces"], serde_json::json!(interfaces));
    assert_eq!(down["left"], serde_json::json!([]));
    assert!(!lab.is_there());
}

#[test]
fn on_a_terminal_and_nowhere_else_long_work_shows_that_it_goes_on() {
    let lab = LabFile::new(2);
    for (verb, sign) in [("up", "building the lab, "), ("down", "taking the lab down, ")] {
        let command = format!("{} lab {verb} {}", binary().display(), lab.file.path().display());
        let mut terminal = Command::new("script");
        terminal.args(["-qec", &command, "/dev/null"]).env("TERM", "xterm").stdin(Stdio::null());
        let output = terminal.output().expect("script (bsdutils) is there");
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && shown.contains(sign), "{shown}");
        // It is gone when the result is printed.
        let result = shown.rsplit(sign).next().unwrap_or_default();
        assert!(result.contains("\u{1b}[2K") && result.contains(&lab.nics[0]), "{shown}");
    }
    for verb in ["up", "down"] {
        assert_eq!(String::from_utf8_lossy(&lab.run(verb, &[]).stderr), "", "{verb}");
    }
}

#[test]
fn the_mtu_is_the_one_asked_for_and_one_that_no_interface_has_is_wrong_usage() {
    let lab = LabFile::new(1);
    assert_eq!(lab.run("up", &["--mtu", "10"]).status.code(), Some(2));
    lab.run_well("up", &["--mtu", "9000"]);
    let mtu = lab.run_well("exec", &["--nic", &lab.nics[0], "--", "cat", "/sys/class/net/eth0/mtu"]);
    assert_eq!(mtu.trim(), "9000");
}

#[test]
fn a_second_up_an_unknown_nic_a_missing_command_and_a_missing_program_are_named() {
    let lab = LabFile::new(1);
    let nic = &lab.nics[0];
    let no_lab = lab.run("exec", &["--nic", nic, "--", "true"]);
    lab.run_well("up", &[]);
    let outcomes = [
        (no_lab, 1, "lab up"),
        (lab.run("up", &[]), 1, "lab down"),
        (lab.run("exec", &["--nic", "nobody", "--", "true"]), 1, "ResourceNotFound"),
        (lab.run("exec", &["--nic", nic]), 2, "COMMAND"),
        (lab.run("exec", &["--nic", nic, "--", "no-such-program"]), 1, "run no-such-program"),
    ];
    for (output, status, words) in outcomes {
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{stderr}");
        assert!(stderr.contains(words), "{stderr}");
    }
}

#[test]
fn a_signal_ends_the_command_itself() {
    let lab = LabFile::new(1);
    lab.run_well("up", &[]);
    let mut child = lab.command("exec", &["--nic", &lab.nics[0], "--", "sleep", "300"]).spawn().unwrap();
    let comm = format!("/proc/{}/comm", child.id());
    let deadline = Instant::now() + Duration::from_secs(20);
    while std::fs::read_to_string(&comm).unwrap().trim() != "sleep" {
        assert!(Instant::now() < deadline, "the agent became no sleep");
        std::thread::sleep(Duration::from_millis(5));
    }
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    let status = child.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(15));
}

#[test]
fn ctrl_c_while_a_lab_is_built_leaves_nothing() {
    let lab = LabFile::new(30);
    let mut child = lab.command("up", &[]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while !lab.is_there() {
        assert!(Instant::now() < deadline, "nothing was built");
        std::thread::sleep(Duration::from_millis(1));
    }
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    let stderr = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{stderr}");
    assert!(stderr.contains("interrupted"), "{stderr}");
    // The namespaces' names are gone; the pairs follow when the kernel has ended the namespaces.
    assert!(!lab.nics.iter().any(|nic| namespace_exists(&namespace_name(&name(nic)))));
    while lab.is_there() {
        assert!(Instant::now() < deadline, "pairs stay");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_matrix_of_a_lab_without_a_forwarder_is_not_as_expected() {
    let lab = LabFile::new(2);
    lab.run_well("up", &[]);
    let matrix = lab.run("matrix", &["-o", "table"]);
    let text = String::from_utf8_lossy(&matrix.stdout);
    assert_eq!(matrix.status.code(), Some(1), "{text}");
    assert_eq!(text.lines().last(), Some("matrix: 0 of 2 as expected"));
}
