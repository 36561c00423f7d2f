//! `completions` and the manual: both made from the definition of the commands, so that they cannot say anything else.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_complete::Shell;

use super::{CliError, CliResult, Outcome, Printer};

#[derive(Debug, Args)]
#[command(after_long_help = "bash:  vnet-agent completions bash > /etc/bash_completion.d/vnet-agent
zsh:   vnet-agent completions zsh > /usr/local/share/zsh/site-functions/_vnet-agent
fish:  vnet-agent completions fish > ~/.config/fish/completions/vnet-agent.fish

The Debian package has all three in place.")]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Prints the script that completes `command` in a shell.
pub(super) fn completions(
    args: &CompletionsArgs,
    mut command: Command,
    printer: &mut Printer<'_>,
) -> CliResult {
    let (name, mut script) = (command.get_name().to_owned(), Vec::new());
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    printer.text(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::Done)
}

#[derive(Debug, Args)]
pub(super) struct ManualArgs {
    /// The directory for the pages, made where it is missing
    directory: PathBuf,
}

/// Writes the manual of `command`: a page for it and one for each of its commands.
pub(super) fn manual(args: &ManualArgs, command: Command, printer: &mut Printer<'_>) -> CliResult {
    write_manual(&args.directory, command).map_err(CliError::failed)?;
    printer.line(format_args!("the pages are in {}", args.directory.display()))?;
    Ok(Outcome::Done)
}

fn write_manual(directory: &Path, command: Command) -> std::io::Result<()> {
    fs::create_dir_all(directory)?;
    clap_mangen::generate_to(command, directory)
}
