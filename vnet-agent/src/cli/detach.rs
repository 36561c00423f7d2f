//! `detach`: takes off what agents that are no more have left on interfaces.

use std::path::PathBuf;

use clap::Args;

use super::run::DEFAULT_PIN_DIRECTORY;
use super::{CliError, CliResult, Outcome, Printer};
use crate::dataplane::kernel::{AttachMode, Links, PinDirectory};

#[derive(Debug, Args)]
#[command(
    after_long_help = "An agent that ended with --detach-on-exit=false, was killed or crashed leaves its interfaces \
forwarding. This ends that: the program comes off each of them, and the pins go. From then on the host's stack sees what the \
guests send, as on any interface. A running agent is left alone: end it first."
)]
pub(super) struct DetachArgs {
    /// Where the attachments are pinned
    #[arg(long, value_name = "DIR", default_value = DEFAULT_PIN_DIRECTORY)]
    pin_dir: PathBuf,
}

pub(super) fn run(args: &DetachArgs, printer: &mut Printer<'_>) -> CliResult {
    let nothing = |printer: &mut Printer<'_>| {
        printer.line(format_args!("nothing is pinned in {}", args.pin_dir.display()))?;
        Ok(Outcome::Done)
    };
    // Opening the directory would make it.
    if !args.pin_dir.exists() {
        return nothing(printer);
    }
    let pins = PinDirectory::open(&args.pin_dir).map_err(CliError::failed)?;
    let mut links = Links::new(pins.clone(), AttachMode::default());
    let pinned = links.pinned().map_err(CliError::failed)?;
    links.detach_all().map_err(CliError::failed)?;
    pins.remove_where_empty();
    if pinned.is_empty() {
        return nothing(printer);
    }
    for ifindex in pinned {
        printer.line(format_args!("detached {}", name_of(ifindex)))?;
    }
    Ok(Outcome::Done)
}

/// The name of an interface; of one that has vanished, its number.
fn name_of(ifindex: u32) -> String {
    let name = nix::net::if_::if_indextoname(ifindex);
    // nix 0.31 answers an unknown number with an empty name.
    let name = name.ok().and_then(|name| name.into_string().ok()).filter(|name| !name.is_empty());
    name.unwrap_or_else(|| format!("interface {ifindex}, which has vanished"))
}
