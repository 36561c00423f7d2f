//! Where a reading command has its answer from: a topology file, or the agent.

use std::future::Future;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{CliError, Printer};
use crate::api::{Client, DEFAULT_SOCKET};
use crate::config;
use crate::input;
use crate::model::{Snapshot, Topology};

/// Where to ask.
#[derive(Clone, Debug, Args)]
pub(super) struct Source {
    /// Answer from a topology file, with neither agent nor root
    #[arg(long, value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// The agent's socket
    #[arg(long, value_name = "PATH", default_value = DEFAULT_SOCKET, conflicts_with = "file")]
    socket: PathBuf,
}

/// The resource group, for fingers that type it.
#[derive(Clone, Debug, Args)]
pub(super) struct Group {
    /// Accepted as `az` has it, and of no effect: there is one resource group so far
    #[arg(short = 'g', long, value_name = "NAME", hide_short_help = true)]
    resource_group: Option<String>,
}

impl Source {
    /// The topology: as the file declares it from nothing, or as the agent has committed it.
    pub(super) fn topology(&self, printer: &Printer<'_>) -> Result<Topology, CliError> {
        match &self.file {
            Some(file) => from_file(file, printer),
            None => {
                let snapshot: Snapshot = self.get("/topology")?;
                Topology::restore(snapshot).map_err(CliError::failed)
            }
        }
    }

    /// A resource of the agent.
    pub(super) fn get<T: serde::de::DeserializeOwned>(&self, resource: &str) -> Result<T, CliError> {
        block_on(Client::new(&self.socket).get(resource))?.map_err(CliError::failed)
    }
}

/// The topology that a file declares.
pub(super) fn from_file(file: &Path, printer: &Printer<'_>) -> Result<Topology, CliError> {
    let text = read(file)?;
    match config::load(&text, &Topology::default()) {
        Ok(loaded) => Ok(loaded.topology),
        Err(problems) => Err(CliError::Problems(problems.render(
            &file.display().to_string(),
            &text,
            printer.error_color(),
        ))),
    }
}

/// The text of a file.
pub(super) fn read(file: &Path) -> Result<String, CliError> {
    input::read(file).map_err(|source| CliError::Unreadable { path: file.to_owned(), source })
}

/// Runs a future to its end.
pub(super) fn block_on<F: Future>(future: F) -> Result<F::Output, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    Ok(runtime.map_err(CliError::failed)?.block_on(future))
}
