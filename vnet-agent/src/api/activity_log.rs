//! The activity log, in the form of Azure's.

use std::time::SystemTime;

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::error::ApiError;
use super::handler::Listed;
use super::query::Query;
use crate::daemon::journal::Journal;
use crate::model::access::{AccessScope, Action, Caller, Directory};
use crate::model::{Refusal, ResourceId, State, SubscriptionId};
use crate::store::{Activity, ActivityStatus};

/// The most entries of one answer.
const MAX_ENTRIES: usize = 10_000;
/// How many there are where nobody says how many.
const DEFAULT_ENTRIES: usize = 1_000;

/// Which entries are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    subscription: Option<SubscriptionId>,
    since: Option<SystemTime>,
    limit: usize,
}

/// A word in Azure's form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Word {
    value: String,
}

/// An entry in Azure's form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    event_timestamp: String,
    caller: String,
    operation_name: Word,
    resource_id: String,
    status: Word,
    sub_status: Word,
    properties: Properties,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
}

impl Wanted {
    /// What a query asks for.
    pub(super) fn parse(subscription: Option<SubscriptionId>, query: &Query) -> Result<Self, ApiError> {
        let since = query.text("$filter").map(parse_filter).transpose()?;
        let limit = query.text("$top").map(|text| match text.parse() {
            Ok(top @ 1..=MAX_ENTRIES) => Ok(top),
            _ => {
                let fault = format!("is a number from 1 to {MAX_ENTRIES}");
                Err(ApiError::Parameter { name: "$top".to_owned(), fault })
            }
        });
        Ok(Self { subscription, since, limit: limit.transpose()?.unwrap_or(DEFAULT_ENTRIES) })
    }

    fn matches(&self, activity: &Activity, directory: &Directory, caller: &Caller) -> bool {
        let scope = scope_of(&activity.resource);
        self.since.is_none_or(|since| activity.time >= since)
            && self.subscription.as_ref().is_none_or(|wanted| scope.subscription() == Some(wanted.as_str()))
            && directory.allows(caller, Action::ActivityLogRead, &scope)
    }

    /// The entries, newest first, of those that the caller may read.
    pub(super) fn read(
        &self,
        journal: &mut Journal,
        state: &State,
        caller: &Caller,
    ) -> Result<Listed<Event>, ApiError> {
        if let Some(subscription) = &self.subscription {
            let scope = AccessScope::Subscription(subscription.clone());
            state.directory.authorize(caller, Action::ActivityLogRead, &scope)?;
            if state.directory.subscription(subscription).is_none() {
                let resource = ResourceId::Subscription(subscription.clone());
                return Err(Refusal::ResourceNotFound { resource }.into());
            }
        }
        // With a topology file nothing is changed by anybody, and so there is no log.
        let Some(store) = journal.store() else { return Ok(Listed { value: Vec::new() }) };
        let found = store.find_activities(self.limit, |one| self.matches(one, &state.directory, caller));
        let found = found.map_err(|error| ApiError::Internal(crate::daemon::describe(&error)))?;
        Ok(Listed { value: found.into_iter().map(Event::from).collect() })
    }
}

/// The subscription that a resource lies in; everything, where it lies in none.
fn scope_of(resource: &str) -> AccessScope {
    let mut parts = resource.split('/').skip(1);
    let is_in_one = parts.next().is_some_and(|word| word.eq_ignore_ascii_case("subscriptions"));
    let name = parts.next().filter(|_| is_in_one).and_then(|name| SubscriptionId::new(name).ok());
    name.map_or(AccessScope::Root, AccessScope::Subscription)
}

/// `eventTimestamp ge '2026-01-31T12:00:00Z'`, the part of Azure's filter language that says from when on.
fn parse_filter(text: &str) -> Result<SystemTime, ApiError> {
    let mut words = text.split_whitespace();
    let time = match (words.next(), words.next(), words.next(), words.next()) {
        (Some("eventTimestamp"), Some("ge"), Some(time), None) => {
            OffsetDateTime::parse(time.trim_matches('\''), &Rfc3339).ok()
        }
        _ => None,
    };
    time.map(SystemTime::from).ok_or_else(|| ApiError::Parameter {
        name: "$filter".to_owned(),
        fault: "has the form eventTimestamp ge '2026-01-31T12:00:00Z', and no other".to_owned(),
    })
}

impl From<Activity> for Event {
    fn from(activity: Activity) -> Self {
        let time = OffsetDateTime::from(activity.time).format(&Rfc3339).unwrap_or_default();
        let word = |value: &str| Word { value: value.to_owned() };
        Self {
            event_timestamp: time,
            caller: activity.caller,
            operation_name: Word { value: activity.operation },
            resource_id: activity.resource,
            status: word(match activity.status {
                ActivityStatus::Succeeded => "Succeeded",
                ActivityStatus::Failed => "Failed",
            }),
            sub_status: Word { value: activity.code.unwrap_or_default() },
            properties: Properties { message: activity.message, version: activity.version },
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::api::target::Target;

    fn parse(text: &str) -> Result<Wanted, ApiError> {
        let target = Target::ActivityLog(None);
        Wanted::parse(None, &Query::parse(text, "GET", &target)?)
    }

    #[test]
    fn a_filter_says_from_when_on_and_how_many() {
        let wanted = parse("$filter=eventTimestamp%20ge%20'1970-01-01T00:01:00Z'&$top=5").unwrap();
        assert_eq!(wanted.since, Some(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(60)));
        assert_eq!(wanted.limit, 5);
    }

    #[rstest]
    #[case("$filter=eventTimestamp%20le%20'1970-01-01T00:01:00Z'")]
    #[case("$filter=eventTimestamp%20ge%20yesterday")]
    #[case("$filter=")]
    #[case("$top=0")]
    #[case("$top=10001")]
    #[case("$top=-1")]
    fn any_other_filter_is_refused(#[case] text: &str) {
        assert!(matches!(parse(text), Err(ApiError::Parameter { .. })), "{text}");
    }

    #[test]
    fn what_lies_in_no_subscription_is_for_those_who_may_read_everything() {
        assert_eq!(scope_of("/tokens/ci"), AccessScope::Root);
        let red = AccessScope::Subscription(SubscriptionId::new("red").unwrap());
        assert_eq!(scope_of("/subscriptions/red/resourceGroups/prod"), red);
        assert_eq!(scope_of("/subscriptions/no way"), AccessScope::Root);
    }
}
