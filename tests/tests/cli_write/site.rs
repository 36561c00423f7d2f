//! An agent on an empty state directory, and commands as a user types them.

use serde_json::Value;
use vnet_tests::agent::{Agent, Site};
use vnet_tests::program::Ended;

/// Runs a command whose words hold no spaces, and prints as asked in the words.
pub(crate) fn ask(agent: &Agent<'_>, command: &str) -> Ended {
    let words: Vec<&str> = command.split(' ').filter(|word| !word.is_empty()).collect();
    agent.ask(&words)
}

/// Runs a command that must do what it is asked for, and is told nothing on the standard error.
pub(crate) fn done(agent: &Agent<'_>, command: &str) -> String {
    let ended = ask(agent, command);
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""), "{command}: {}", ended.transcript());
    ended.stdout
}

/// The same, its output read as JSON.
pub(crate) fn json(agent: &Agent<'_>, command: &str) -> Value {
    let printed = done(agent, command);
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{command}: {error}: {printed}"))
}

/// Runs a command that must be refused with this code, and prints nothing but that.
pub(crate) fn refused(agent: &Agent<'_>, command: &str, code: &str) -> String {
    let ended = ask(agent, command);
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(1), ""), "{command}: {}", ended.transcript());
    assert!(ended.stderr.starts_with(&format!("error[{code}]: ")), "{command}: {}", ended.stderr);
    ended.stderr
}

/// Everything that commands can change, for a comparison before and after.
pub(crate) fn everything(agent: &Agent<'_>) -> String {
    let lists = ["vnet list", "nic list", "subscription list", "role assignment list", "token list"];
    lists.iter().map(|list| done(agent, &format!("{list} -o yaml"))).collect()
}

/// The agent's site with one network `hub`, its subnet `default`, and a network `spoke` with the same.
pub(crate) fn hub_and_spoke(site: &Site) -> Agent<'_> {
    let agent = site.start();
    done(
        &agent,
        "vnet create -n hub -l west --address-prefixes 10.0.0.0/16 fd00::/48 --subnet-name default --subnet-prefixes 10.0.1.0/24 fd00:0:0:1::/64",
    );
    done(
        &agent,
        "vnet create -n spoke -l west --address-prefixes 10.1.0.0/16 --subnet-name default --subnet-prefixes 10.1.1.0/24",
    );
    agent
}

/// Compares the whole of what a command prints with its snapshot.
macro_rules! shown {
    ($agent:expr, $command:expr) => {
        insta::with_settings!({ description => concat!("vnet-agent ", $command), omit_expression => true }, {
            insta::assert_snapshot!(crate::site::ask($agent, $command).transcript());
        });
    };
}
pub(crate) use shown;
