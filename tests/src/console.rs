//! Commands that a document shows, run as it shows them: every command in order, by one shell, and what it shows of their output.
//!
//! The shell has a mount namespace and a network namespace of its own: documents use the default socket, state and pin directories, and
//! must not meet an agent that runs on this machine.

use std::fmt::Write as _;
use std::process::{Command, Stdio};

use crate::program::repository;
use crate::requirements::require_bpffs;

/// What stands between the outputs of two commands.
const MARK: &str = "@@@";

/// A command, and the lines that are shown of its output.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    command: String,
    shown: Vec<String>,
}

/// The commands in the `console` blocks of a section.
fn steps(document: &str, heading: &str) -> Vec<Step> {
    let section = document.split_once(&format!("\n## {heading}\n")).expect("the document has the section").1;
    let section = section.split("\n## ").next().unwrap_or_default();
    let mut steps: Vec<Step> = Vec::new();
    let mut is_inside = false;
    for line in section.lines() {
        if line.starts_with("```") {
            is_inside = line == "```console";
        } else if is_inside {
            match line.strip_prefix("$ ") {
                Some(command) => steps.push(Step { command: command.to_owned(), shown: Vec::new() }),
                None => steps.last_mut().expect("output follows a command").shown.push(line.to_owned()),
            }
        }
    }
    steps
}

/// The script that a patient person types: after starting the agent, or signalling it, it waits a moment.
fn script(steps: &[Step]) -> String {
    let mut script = String::from(
        "exec 2>&1\n\
         mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/lib && mount -t bpf bpf /sys/fs/bpf && ip link set lo up || exit 1\n\
         trap 'for job in $(jobs -p); do kill $job; done' EXIT\n",
    );
    for (number, step) in steps.iter().enumerate() {
        writeln!(script, "echo '{MARK} {number}'\n{}", step.command).unwrap();
        writeln!(script, "status=$?; [ $status = 0 ] || {{ echo \"{MARK} status $status\"; exit 1; }}")
            .unwrap();
        if step.command.ends_with('&') {
            script +=
                "for i in $(seq 200); do [ -S /run/vnet/agent.sock ] && break; sleep 0.05; done; sleep 0.5\n";
        } else if step.command.starts_with("kill -HUP") {
            script += "sleep 1\n";
        }
    }
    writeln!(script, "echo '{MARK} end'").unwrap();
    script
}

/// Whether the shown lines stand in the output, in their order. `...` stands for any lines, and at the end of a line
/// for any rest; without it nothing may come between.
fn agrees(shown: &[String], output: &str) -> bool {
    let mut lines = output.lines().map(str::trim_end);
    let mut may_skip = false;
    for wanted in shown.iter().map(|line| line.trim_end()) {
        if wanted == "..." {
            may_skip = true;
            continue;
        }
        let is_it = |line: &str| match wanted.strip_suffix("...") {
            Some(start) => line.starts_with(start),
            None => line == wanted,
        };
        let found = if may_skip { lines.any(is_it) } else { lines.next().is_some_and(is_it) };
        if !found {
            return false;
        }
        may_skip = false;
    }
    may_skip || lines.all(str::is_empty)
}

/// Runs every command in the `console` blocks of a section, of which there must be more than `least`.
///
/// # Panics
/// Where one fails, or prints something else than the document shows.
pub fn run_section(document: &str, heading: &str, least: usize) {
    require_bpffs();
    let steps = steps(document, heading);
    assert!(steps.len() > least, "{heading} has only {} commands", steps.len());
    let mut shell = Command::new("unshare");
    shell.args(["--mount", "--net", "bash", "-c", &script(&steps)]).current_dir(repository());
    // As on a terminal, where a table is what a command prints.
    shell.env("VNET_OUTPUT", "table").env_remove("CARGO_TARGET_DIR").stdin(Stdio::null());
    let output = shell.output().expect("unshare (util-linux) and bash are there");
    let output = String::from_utf8_lossy(&output.stdout);
    let outputs: Vec<&str> = output.split(&format!("{MARK} ")).skip(1).collect();
    for (number, step) in steps.iter().enumerate() {
        let found = outputs.get(number).unwrap_or_else(|| panic!("{heading} ended early:\n{output}"));
        let (_, found) = found.split_once('\n').unwrap_or_default();
        assert!(
            step.shown.is_empty() || agrees(&step.shown, found),
            "`{}` shows\n{found}\nand the document says\n{}",
            step.command,
            step.shown.join("\n")
        );
    }
    assert_eq!(outputs.last().map(|last| last.trim()), Some("end"), "{heading} ended early:\n{output}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_lines_must_stand_in_the_output_in_their_order() {
        let shown = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        assert!(agrees(&shown(&["a", "b"]), "a\nb  \n\n"));
        assert!(agrees(&shown(&["...", "b"]), "x\na\nb"));
        assert!(agrees(&shown(&["a", "..."]), "a\nb\nc"));
        assert!(agrees(&shown(&["a rest ..."]), "a rest 12 ms"));
        assert!(!agrees(&shown(&["a"]), "a\nb"));
        assert!(!agrees(&shown(&["b"]), "a\nb"));
        assert!(!agrees(&shown(&["...", "b", "a"]), "a\nb"));
    }
}
