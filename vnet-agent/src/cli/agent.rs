//! The agent as commands see it: one question or change after another.

use std::fmt::Display;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use hyper::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::CliError;
use super::resource::target;
use super::scope::Group;
use crate::api::{Answer, Call, Client, ClientError, DEFAULT_SOCKET};
use crate::model::{RefusalCode, ResourceId, Scope};

/// How often an update is tried where others change the same resource at the same time.
const UPDATE_ATTEMPTS: usize = 5;

/// The variable that names the socket where no flag does.
const SOCKET_VARIABLE: &str = "VNET_SOCKET";

/// The agent's socket.
#[derive(Clone, Debug, Args)]
pub(super) struct Socket {
    /// The agent's socket [env: VNET_SOCKET] [default: /run/vnet/agent.sock]
    // Not clap's `env`: a variable would then contradict `--file`.
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

/// Where a change is made: the agent, and the resource group in which names stand.
#[derive(Clone, Debug, Args)]
pub(super) struct At {
    #[command(flatten)]
    group: Group,
    #[command(flatten)]
    socket: Socket,
}

/// An agent that is asked.
#[derive(Debug)]
pub(super) struct Agent {
    client: Client,
    runtime: Runtime,
}

impl Socket {
    /// The path of the socket.
    pub(super) fn path(&self) -> PathBuf {
        let of_environment =
            || std::env::var_os(SOCKET_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
        self.socket.clone().or_else(of_environment).unwrap_or_else(|| PathBuf::from(DEFAULT_SOCKET))
    }

    /// The agent behind it.
    pub(super) fn agent(&self) -> Result<Agent, CliError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Ok(Agent { client: Client::new(&self.path()), runtime: runtime.map_err(CliError::failed)? })
    }
}

impl At {
    /// Where a bare name stands.
    pub(super) fn scope(&self) -> Scope {
        self.group.scope()
    }

    /// The agent.
    pub(super) fn agent(&self) -> Result<Agent, CliError> {
        self.socket.agent()
    }
}

impl Agent {
    /// Sends a request.
    pub(super) fn send(&self, call: Call) -> Result<Answer, CliError> {
        Ok(self.ask(call)?)
    }

    fn ask(&self, call: Call) -> Result<Answer, ClientError> {
        self.runtime.block_on(self.client.send(call))
    }

    /// Reads what stands at `target`.
    pub(super) fn get<T: DeserializeOwned>(&self, target: &str) -> Result<T, CliError> {
        Ok(self.ask(Call::get(target))?.json()?)
    }

    /// Reads a list: its pages, of which each tells where the next one is.
    pub(super) fn list(&self, target: String) -> Result<Vec<Answer>, CliError> {
        let mut pages = Vec::new();
        let mut next = Some(target);
        while let Some(target) = next {
            let page = self.send(Call::get(target))?;
            let link = page.json::<Linked>()?.next_link;
            // Whatever host it names, the socket leads there.
            next = link.and_then(|link| Some(link.strip_prefix("http://")?.split_once('/')?.1.to_owned()));
            next = next.map(|path| format!("/{path}"));
            pages.push(page);
        }
        Ok(pages)
    }

    /// Makes a resource that must not be there yet.
    pub(super) fn create(&self, id: &ResourceId, body: &Value) -> Result<Value, CliError> {
        match self.ask(Call::put(target(id), body).if_absent()) {
            Err(error) if is_precondition(&error) => {
                Err(CliError::refused(RefusalCode::ResourceAlreadyExists, format!("{id} exists already")))
            }
            answer => Ok(answer?.json()?),
        }
    }

    /// Changes a resource: reads it, lets `change` change it, and puts it back with `query`, unless somebody else has changed
    /// it meanwhile. Then it begins anew.
    pub(super) fn update(
        &self,
        id: &ResourceId,
        query: &str,
        mut change: impl FnMut(&mut Value) -> Result<(), CliError>,
    ) -> Result<Value, CliError> {
        let target = target(id);
        for _ in 0..UPDATE_ATTEMPTS {
            let answer = self.ask(Call::get(&*target))?;
            let mut resource: Value = answer.json()?;
            change(&mut resource)?;
            let call = Call::put(format!("{target}{query}"), &resource);
            let call = match answer.etag() {
                Some(etag) => call.if_match(etag),
                None => call,
            };
            match self.ask(call) {
                Err(error) if is_precondition(&error) => {}
                answer => return Ok(answer?.json()?),
            }
        }
        Err(CliError::Refused {
            code: "PreconditionFailed".to_owned(),
            message: format!(
                "{id} was changed by somebody else each of the {UPDATE_ATTEMPTS} times that this command tried to; nothing \
                 has changed, try again"
            ),
            details: Vec::new(),
        })
    }

    /// Deletes a resource. That there is none is said, and is no failure: whoever deletes wants it gone.
    pub(super) fn delete(&self, id: &ResourceId, query: &str) -> Result<(), CliError> {
        if self.ask(Call::delete(format!("{}{query}", target(id))))?.status == StatusCode::NO_CONTENT {
            note(format_args!("{id} does not exist; nothing to delete"));
        }
        Ok(())
    }
}

/// A page of a list, as far as it tells of the next one.
#[derive(Debug, Deserialize)]
struct Linked {
    #[serde(rename = "nextLink")]
    next_link: Option<String>,
}

fn is_precondition(error: &ClientError) -> bool {
    matches!(error, ClientError::Refused { status: StatusCode::PRECONDITION_FAILED, .. })
}

/// Says something beside the result.
pub(super) fn note(text: impl Display) {
    // Nothing is left to tell of a standard error that is closed.
    let _ = writeln!(std::io::stderr(), "note: {text}");
}
