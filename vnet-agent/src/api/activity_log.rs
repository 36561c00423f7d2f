//! The activity log, in the form of Azure's.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::Semaphore;

use super::error::ApiError;
use super::handler::Listed;
use super::query::Query;
use crate::daemon::control::Control;
use crate::daemon::describe;
use crate::model::access::{AccessScope, Action, Caller, Directory};
use crate::model::{Refusal, ResourceId, SubscriptionId};
use crate::store::{Activity, ActivityStatus, StoreError};

/// The most entries of one answer.
const MAX_ENTRIES: usize = 10_000;
/// How many there are where nobody says how many.
const DEFAULT_ENTRIES: usize = 1_000;

/// How many look through the log at once: to do so takes a CPU, and changes need one too.
static READS: Semaphore = Semaphore::const_new(2);

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

    /// The entries that the caller may read of those that are asked for.
    fn readable(&self, directory: &Directory, caller: &Caller) -> Result<Readable, ApiError> {
        let action = Action::ActivityLogRead;
        let Some(name) = &self.subscription else {
            let is_all = directory.allows(caller, action, &AccessScope::Root);
            let part = || Readable::Of(directory.subscriptions_of(caller, action));
            return Ok(if is_all { Readable::All } else { part() });
        };
        directory.authorize(caller, action, &AccessScope::Subscription(name.clone()))?;
        if directory.subscription(name).is_none() {
            let resource = ResourceId::Subscription(name.clone());
            return Err(Refusal::ResourceNotFound { resource }.into());
        }
        Ok(Readable::Of(BTreeSet::from([name.clone()])))
    }

    fn matches(&self, activity: &Activity, readable: &Readable) -> bool {
        self.since.is_none_or(|since| activity.time >= since) && readable.has(&activity.resource)
    }
}

/// Which part of the log somebody may read.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Readable {
    /// All of it.
    All,
    /// What lies in these subscriptions.
    Of(BTreeSet<SubscriptionId>),
}

impl Readable {
    fn has(&self, resource: &str) -> bool {
        match self {
            Self::All => true,
            Self::Of(subscriptions) => {
                subscription_of(resource).is_some_and(|name| subscriptions.contains(&name))
            }
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Of(subscriptions) if subscriptions.is_empty())
    }
}

/// The entries, newest first, of those that the caller may read. No change waits for them to be looked through.
pub(super) async fn read(
    control: &Arc<Control>,
    wanted: Wanted,
    caller: &Caller,
) -> Result<Listed<Event>, ApiError> {
    let readable = wanted.readable(&control.committed().state.directory, caller)?;
    let nothing = Listed { value: Vec::new() };
    if readable.is_empty() {
        return Ok(nothing);
    }
    let failure = |error: StoreError| ApiError::Internal(describe(&error));
    // Held until the log is read, whether or not somebody still waits for the answer.
    let turn = READS.acquire().await.map_err(|error| ApiError::Internal(error.to_string()))?;
    // With a topology file nothing is changed by anybody, and so there is no log.
    let Some(log) = control.with(|_, journal| journal.log()).await?.map_err(failure)? else {
        return Ok(nothing);
    };
    let read = tokio::task::spawn_blocking(move || {
        let found = log.newest(wanted.limit, |activity| wanted.matches(activity, &readable));
        drop(turn);
        found
    });
    Ok(Listed { value: read.await?.map_err(failure)?.into_iter().map(Event::from).collect() })
}

/// The subscription that a resource lies in; none where it lies in none.
fn subscription_of(resource: &str) -> Option<SubscriptionId> {
    let mut parts = resource.split('/').skip(1);
    let is_in_one = parts.next().is_some_and(|word| word.eq_ignore_ascii_case("subscriptions"));
    parts.next().filter(|_| is_in_one).and_then(|name| SubscriptionId::new(name).ok())
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
    use crate::model::access::{Principal, Role, RoleAssignment, Subscription};

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

    fn names(names: &[&str]) -> BTreeSet<SubscriptionId> {
        names.iter().map(|name| SubscriptionId::new(name).unwrap()).collect()
    }

    #[test]
    fn what_lies_in_no_subscription_is_for_those_who_may_read_everything() {
        for resource in ["/tokens/ci", "/", "/subscriptions/no way", "/providers/subscriptions/red"] {
            assert!(Readable::All.has(resource), "{resource}");
            assert!(!Readable::Of(names(&["red", "no"])).has(resource), "{resource}");
        }
    }

    #[test]
    fn an_entry_is_taken_by_its_subscription_and_its_time() {
        let at = |seconds| SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        let entry = |seconds, resource: &str| Activity {
            time: at(seconds),
            caller: "user:alice".to_owned(),
            operation: "Microsoft.Network/virtualNetworks/write".to_owned(),
            resource: resource.to_owned(),
            status: ActivityStatus::Succeeded,
            code: None,
            message: String::new(),
            version: None,
        };
        let since = |seconds| Wanted { subscription: None, since: Some(at(seconds)), limit: 1 };
        let red = Readable::Of(names(&["red"]));
        let inside = entry(20, "/Subscriptions/red/resourceGroups/prod");
        assert!(since(20).matches(&inside, &red));
        assert!(since(20).matches(&entry(20, "/subscriptions/red"), &red));
        assert!(!since(21).matches(&inside, &red));
        assert!(!since(20).matches(&entry(20, "/subscriptions/reddish/resourceGroups/red"), &red));
        assert!(!since(20).matches(&entry(20, "/subscriptions/Red"), &red));
    }

    #[test]
    fn one_reads_the_whole_log_or_that_of_the_subscriptions_that_one_has_a_role_on() {
        let alice: Principal = "user:alice".parse().unwrap();
        let (caller, other) = (Caller::new(alice.clone(), []), Caller::new("user:eve".parse().unwrap(), []));
        let assignment = |name: &str, scope: &str| RoleAssignment {
            name: name.to_owned(),
            principal: alice.clone(),
            role: Role::Reader,
            scope: scope.parse().unwrap(),
        };
        let directory = |scopes: &[&str]| {
            let subscriptions = ["red", "blue"].map(|name| Subscription {
                name: SubscriptionId::new(name).unwrap(),
                display_name: name.to_owned(),
                tenant: "t".to_owned(),
            });
            let assignments = scopes.iter().map(|scope| assignment("r", scope)).collect();
            Directory::restore(subscriptions.into(), assignments, Vec::new()).unwrap()
        };
        let readable = |directory: &Directory, caller: &Caller, text: Option<&str>| {
            let subscription = text.map(|name| SubscriptionId::new(name).unwrap());
            let wanted = Wanted { subscription, since: None, limit: 1 };
            wanted.readable(directory, caller).map_err(|error| error.word())
        };
        let some = directory(&["/subscriptions/red", "/subscriptions/blue/resourceGroups/g"]);
        assert_eq!(readable(&some, &caller, None), Ok(Readable::Of(names(&["red"]))));
        assert_eq!(readable(&some, &caller, Some("red")), Ok(Readable::Of(names(&["red"]))));
        assert_eq!(readable(&some, &caller, Some("blue")), Err("AuthorizationFailed"));
        assert!(readable(&some, &other, None).unwrap().is_empty());
        assert_eq!(readable(&some, &Caller::root(), None), Ok(Readable::All));
        assert_eq!(readable(&some, &Caller::root(), Some("red")), Ok(Readable::Of(names(&["red"]))));
        assert_eq!(readable(&some, &Caller::root(), Some("gone")), Err("ResourceNotFound"));
        assert_eq!(readable(&directory(&["/"]), &caller, None), Ok(Readable::All));
    }
}
