//! `token`: bearer tokens, by which clients on TCP say who they are.

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use super::agent::Socket;
use super::resource::{self, Lists, Row};
use super::role::principal;
use super::{CliResult, Outcome, Printer};
use crate::api::Call;
use crate::model::ResourceId;
use crate::model::access::Principal;

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Create a token, and print it: it is not shown again
    Create(Create),
    /// Delete a token: who has it is nobody from then on
    Delete(Delete),
    /// List the tokens, without what they are
    List(Socket),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// What the token is called
    #[arg(short, long, value_name = "NAME")]
    name: String,
    /// For whom it stands: user:NAME, group:NAME, or a user's bare name
    #[arg(long, value_name = "PRINCIPAL", value_parser = principal)]
    assignee: Principal,
    #[command(flatten)]
    socket: Socket,
}

#[derive(Debug, Args)]
pub(super) struct Delete {
    /// What the token is called
    #[arg(short, long, value_name = "NAME")]
    name: String,
    #[command(flatten)]
    socket: Socket,
}

/// The row of a token; with the token itself where it has just been made.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenRow {
    name: String,
    principal_id: Principal,
}

/// The row of a token that has just been made.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewTokenRow {
    name: String,
    principal_id: Principal,
    token: String,
}

impl Row for TokenRow {
    const HEADER: &'static [&'static str] = &["Name", "Principal"];

    fn cells(self) -> Vec<String> {
        vec![self.name, self.principal_id.to_string()]
    }
}

impl Row for NewTokenRow {
    const HEADER: &'static [&'static str] = &["Name", "Principal", "Token"];

    fn cells(self) -> Vec<String> {
        vec![self.name, self.principal_id.to_string(), self.token]
    }
}

pub(super) fn run(command: &TokenCommand, printer: &mut Printer<'_>) -> CliResult {
    match command {
        TokenCommand::Create(args) => {
            let id = ResourceId::Token(args.name.clone());
            let created = args.socket.agent()?.create(&id, &json!({"principalId": args.assignee}))?;
            resource::show::<NewTokenRow>(&created, printer)?;
        }
        TokenCommand::Delete(args) => {
            args.socket.agent()?.delete(&ResourceId::Token(args.name.clone()), "")?;
        }
        TokenCommand::List(socket) => {
            let answer = socket.agent()?.send(Call::get("/tokens"))?;
            resource::list::<TokenRow>(Lists::Answers(vec![answer]), printer)?;
        }
    }
    Ok(Outcome::Done)
}
