//! `activity-log`: who did what, when, and what came of it.

use std::time::SystemTime;

use clap::{Args, Subcommand};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::agent::Socket;
use super::resource::{self, Lists, Row};
use super::{CliError, CliResult, Outcome, Printer};
use crate::api::Call;
use crate::model::SubscriptionId;

#[derive(Debug, Subcommand)]
pub(super) enum ActivityLogCommand {
    /// List operations, newest first
    List(List),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Only of this subscription
    #[arg(long, value_name = "NAME", env = "VNET_SUBSCRIPTION", hide_env_values = true)]
    subscription: Option<SubscriptionId>,
    /// Only what happened at this time or later, as in 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_rfc3339)]
    start_time: Option<SystemTime>,
    /// Only what happened this long ago or later, as in 30m, 1h, 1d12h
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, conflicts_with = "start_time")]
    offset: Option<std::time::Duration>,
    /// The most operations that are listed
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    max_events: u32,
    #[command(flatten)]
    socket: Socket,
}

/// The row of an operation.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventRow {
    event_timestamp: String,
    caller: String,
    operation_name: Word,
    resource_id: String,
    status: Word,
    #[serde(default)]
    sub_status: Option<Word>,
}

#[derive(Debug, Deserialize)]
struct Word {
    value: String,
}

impl Row for EventRow {
    const HEADER: &'static [&'static str] = &["Time", "Caller", "Operation", "Status", "Code", "Resource"];

    fn cells(self) -> Vec<String> {
        let code = self.sub_status.map(|code| code.value).unwrap_or_default();
        vec![
            self.event_timestamp,
            self.caller,
            self.operation_name.value,
            self.status.value,
            code,
            self.resource_id,
        ]
    }
}

pub(super) fn run(
    ActivityLogCommand::List(list): &ActivityLogCommand,
    printer: &mut Printer<'_>,
) -> CliResult {
    let since = match (list.start_time, list.offset) {
        (Some(time), _) => Some(time),
        (None, Some(ago)) => Some(SystemTime::now().checked_sub(ago).ok_or_else(|| {
            CliError::Usage(format!(
                "--offset {}: that was before time began",
                humantime::format_duration(ago)
            ))
        })?),
        (None, None) => None,
    };
    let answer =
        list.socket.agent()?.send(Call::get(target(list.subscription.as_ref(), since, list.max_events)))?;
    resource::list::<EventRow>(Lists::Answers(vec![answer]), printer)?;
    Ok(Outcome::Done)
}

fn target(subscription: Option<&SubscriptionId>, since: Option<SystemTime>, most: u32) -> String {
    let scope = subscription.map(|name| format!("/subscriptions/{name}")).unwrap_or_default();
    let filter = since.map(|since| {
        let filter = format!("eventTimestamp ge '{}'", humantime::format_rfc3339(since));
        format!("&$filter={}", utf8_percent_encode(&filter, NON_ALPHANUMERIC))
    });
    let filter = filter.unwrap_or_default();
    format!("{scope}/providers/Microsoft.Insights/eventtypes/management/values?$top={most}{filter}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_has_the_subscription_the_number_and_the_time() {
        let path = "/providers/Microsoft.Insights/eventtypes/management/values?$top=";
        assert_eq!(target(None, None, 50), format!("{path}50"));
        let red = SubscriptionId::new("red").unwrap();
        let since = humantime::parse_rfc3339("2026-01-31T12:00:00Z").unwrap();
        let filter = "eventTimestamp%20ge%20%272026%2D01%2D31T12%3A00%3A00Z%27";
        assert_eq!(target(Some(&red), Some(since), 5), format!("/subscriptions/red{path}5&$filter={filter}"));
    }
}
