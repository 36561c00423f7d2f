//! What every test of the store needs.

mod commit;

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use super::{Activity, ActivityStatus, Opened, Store};
use crate::model::{State, Topology};

/// An entry of the log whose message is `message`, some seconds after 1970.
pub(super) fn activity(message: &str) -> Activity {
    Activity {
        time: UNIX_EPOCH + Duration::from_nanos(1_000_000_007),
        caller: "user:alice".to_owned(),
        operation: "Microsoft.Network/virtualNetworks/write".to_owned(),
        resource: "/subscriptions/red/resourceGroups/prod/providers/Microsoft.Network/virtualNetworks/hub"
            .to_owned(),
        status: ActivityStatus::Succeeded,
        code: None,
        message: message.to_owned(),
        version: None,
    }
}

pub(super) fn state(topology: Topology) -> State {
    State { topology, ..State::default() }
}

#[track_caller]
pub(super) fn open(directory: &Path) -> Opened {
    Store::open(directory).unwrap_or_else(|error| panic!("{error}"))
}

/// The sentence with which the directory is refused, the directory's own path in it replaced by `DIR`.
#[track_caller]
pub(super) fn refusal(directory: &Path) -> String {
    let error = Store::open(directory).expect_err("the directory is refused");
    error.to_string().replace(&directory.display().to_string(), "DIR")
}
