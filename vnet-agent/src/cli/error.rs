//! How a command ends.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::api::{ClientError, Refused};
use crate::daemon::describe;
use crate::input::InputError;
use crate::model::RefusalCode;

/// The code under which the agent refuses a topology file for its mistakes.
const INVALID_FILE: &str = "InvalidTopologyFile";

/// What a command comes to.
pub type CliResult = Result<Outcome, CliError>;

/// A command that ran to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Exit status 0.
    Done,
    /// Exit status 1: what is wrong has been printed, as the command's own result.
    Failed,
}

/// A command that did not run to its end. Printed on the standard error as one line.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The arguments make no sense together. Exit status 2.
    #[error("{0}")]
    Usage(String),
    /// Refused, with a code that scripts can rely on.
    #[error("{code}: {message}{}", .details.iter().map(|detail| format!("\n  {detail}")).collect::<String>())]
    Refused {
        /// The code, as in `ResourceNotFound`.
        code: String,
        /// The sentence.
        message: String,
        /// What it consists of, a line each.
        details: Vec<String>,
    },
    /// A topology file is refused: everything that is wrong with it, each with its place.
    #[error("{0}")]
    Problems(String),
    /// A file could not be read.
    #[error("{path} cannot be read: {source}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: InputError,
    },
    /// Something failed.
    #[error("{}", describe(.0.as_ref()))]
    Failed(Box<dyn Error + Send + Sync>),
    /// The output could not be written.
    #[error("the output could not be written: {0}")]
    Output(#[from] io::Error),
}

/// Whether a refusal is that of a topology file: for its mistakes, or for the lack of a role for something at a place in it.
fn is_about_file(refusal: &Refused) -> bool {
    refusal.code == INVALID_FILE || refusal.details.iter().any(|detail| detail.line.is_some())
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        match error {
            // The text shows each mistake with its place in the file.
            ClientError::Refused { refusal, .. } if is_about_file(&refusal) => {
                Self::Problems(refusal.message)
            }
            ClientError::Refused { refusal: Refused { code, message, details, .. }, .. } => {
                Self::Refused { code, message, details: details.iter().map(ToString::to_string).collect() }
            }
            error => Self::failed(error),
        }
    }
}

impl CliError {
    /// A refusal of the command's own, with a code of the model's.
    pub fn refused(code: RefusalCode, message: impl Into<String>) -> Self {
        Self::Refused { code: code.to_string(), message: message.into(), details: Vec::new() }
    }

    /// A failure.
    pub fn failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed(error.into())
    }

    /// Whether the reader of the output went away, which is no failure.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The exit status.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }
}
