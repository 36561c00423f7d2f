//! `subscription`: what is administered together, and of which tenant it is.

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};

use super::agent::Socket;
use super::resource::{self, Row};
use super::source::Source;
use super::{CliResult, Outcome, Printer};
use crate::model::{ResourceId, SubscriptionId};

#[derive(Debug, Subcommand)]
pub(super) enum SubscriptionCommand {
    /// Create a subscription; root alone may
    Create(Write),
    /// Change what a subscription is called, or its tenant
    Update(Write),
    /// Delete an empty subscription
    Delete(One),
    /// Show one subscription
    Show(Show),
    /// List the subscriptions in which the caller may read something
    List(Source),
}

#[derive(Debug, Args)]
pub(super) struct Write {
    #[command(flatten)]
    one: One,
    /// What people call it [default: its name]
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    /// The tenant that it belongs to [default: default]
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct One {
    /// The subscription
    #[arg(short, long, value_name = "NAME")]
    name: SubscriptionId,
    #[command(flatten)]
    socket: Socket,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// The subscription
    #[arg(short, long, value_name = "NAME")]
    name: SubscriptionId,
    #[command(flatten)]
    source: Source,
}

/// The row of a subscription.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubscriptionRow {
    subscription_id: String,
    display_name: String,
    tenant_id: String,
    state: String,
}

impl Row for SubscriptionRow {
    const HEADER: &'static [&'static str] = &["Subscription", "Display Name", "Tenant", "State"];

    fn cells(self) -> Vec<String> {
        vec![self.subscription_id, self.display_name, self.tenant_id, self.state]
    }
}

impl One {
    fn id(&self) -> ResourceId {
        ResourceId::Subscription(self.name.clone())
    }
}

pub(super) fn run(command: &SubscriptionCommand, printer: &mut Printer<'_>) -> CliResult {
    match command {
        SubscriptionCommand::Create(args) => {
            let mut body = json!({});
            args.put_into(&mut body);
            let created = args.one.socket.agent()?.create(&args.one.id(), &body)?;
            resource::show::<SubscriptionRow>(&created, printer)?;
        }
        SubscriptionCommand::Update(args) => {
            let updated = args.one.socket.agent()?.update(&args.one.id(), "", |subscription| {
                args.put_into(subscription);
                Ok(())
            })?;
            resource::show::<SubscriptionRow>(&updated, printer)?;
        }
        SubscriptionCommand::Delete(one) => one.socket.agent()?.delete(&one.id(), "")?,
        SubscriptionCommand::Show(Show { name, source }) => {
            let subscription = source.reader(printer)?.one(&ResourceId::Subscription(name.clone()))?;
            resource::show::<SubscriptionRow>(&subscription, printer)?;
        }
        SubscriptionCommand::List(source) => {
            resource::list::<SubscriptionRow>(source.reader(printer)?.subscriptions()?, printer)?;
        }
    }
    Ok(Outcome::Done)
}

impl Write {
    fn put_into(&self, subscription: &mut Value) {
        for (key, text) in [("displayName", &self.display_name), ("tenantId", &self.tenant)] {
            if let Some(text) = text {
                subscription[key] = json!(text);
            }
        }
    }
}
