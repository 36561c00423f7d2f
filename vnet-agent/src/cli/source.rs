//! Where a reading command has its answer from: a topology file, or the agent.

use std::future::Future;
use std::path::{Path, PathBuf};

use clap::Args;

use super::agent::Socket;
use super::reader::Reader;
use super::{CliError, Printer};
use crate::config::{self, Loaded};
use crate::input;
use crate::model::{Snapshot, State, Topology};

/// Where to ask.
#[derive(Clone, Debug, Args)]
pub(super) struct Source {
    /// Answer from a topology file, with neither agent nor root
    #[arg(long, value_name = "FILE", conflicts_with = "socket")]
    pub(super) file: Option<PathBuf>,
    #[command(flatten)]
    socket: Socket,
}

impl Source {
    /// The topology: as the file declares it from nothing, or as the agent has committed it.
    pub(super) fn topology(&self, printer: &Printer<'_>) -> Result<Topology, CliError> {
        match &self.file {
            Some(file) => from_file(file, printer),
            None => {
                let snapshot: Snapshot = self.get("/topology")?;
                Topology::restore_visible(snapshot).map_err(|error| {
                    CliError::failed(format!(
                        "the agent's topology is none that this command knows ({error}); use the command of the agent's own version"
                    ))
                })
            }
        }
    }

    /// The resources.
    pub(super) fn reader(&self, printer: &Printer<'_>) -> Result<Reader, CliError> {
        match &self.file {
            Some(file) => Ok(Reader::File(state_from_file(file, printer)?)),
            None => Ok(Reader::Agent(self.socket.agent()?)),
        }
    }

    /// What the agent answers to a question about itself.
    pub(super) fn get<T: serde::de::DeserializeOwned>(&self, target: &str) -> Result<T, CliError> {
        self.socket.agent()?.get(target)
    }
}

/// The topology that a file declares.
pub(super) fn from_file(file: &Path, printer: &Printer<'_>) -> Result<Topology, CliError> {
    Ok(state_from_file(file, printer)?.topology)
}

/// The state that a file declares.
fn state_from_file(file: &Path, printer: &Printer<'_>) -> Result<State, CliError> {
    let text = read(file)?;
    match config::load(&text, &Topology::default()) {
        Ok(Loaded { topology, directory, .. }) => Ok(State { topology, directory }),
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
