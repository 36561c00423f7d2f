//! Microsoft's client for Python, as it is published, against the agent. `tests/azure/client.py` is what it does.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use vnet_tests::agent::Site;
use vnet_tests::program::{binary, repository};

/// How long the client may take. It waits for an hour where an operation seems unfinished to it.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the client prints when it has come to its end.
const STEPS: [&str; 11] = [
    "create_networks",
    "peer",
    "grow_and_sync",
    "send_back_what_was_read",
    "use_network_interfaces",
    "keep_conditions",
    "meet_refusals",
    "delete_everything",
    "follow_the_pages",
    "be_sent_away",
    "go_on_asynchronously",
];

fn run(command: &mut Command) {
    let shown = format!("{command:?}");
    let status = command.status().unwrap_or_else(|error| panic!("{shown} cannot be started: {error}"));
    assert!(
        status.success(),
        "{shown} failed: {status}; `cargo xtask setup` installs what it needs, and pip must be able to reach its index"
    );
}

/// A Python with the client in it, made once for each state of the list of packages.
fn python() -> PathBuf {
    let target =
        binary().parent().and_then(Path::parent).expect("the binary stands in a profile's directory");
    let environment = target.join("azure-client");
    let wanted = repository().join("tests/azure/requirements.txt");
    let installed = environment.join("installed.txt");
    let list = fs::read_to_string(&wanted).expect("the list of packages can be read");
    if fs::read_to_string(&installed).ok().as_ref() != Some(&list) {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment));
        let mut pip = Command::new(environment.join("bin/pip"));
        run(pip.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&wanted));
        fs::write(&installed, &list).expect("what is installed can be noted");
    }
    environment.join("bin/python")
}

/// A topology file with a subscription `many` that has 1,001 networks.
fn many_networks() -> String {
    let network = |n: u32| {
        format!(
            "  - {{ name: v{n}, region: west, addressSpace: [10.{}.{}.0/24], subnets: [] }}\n",
            n >> 8,
            n & 255
        )
    };
    let networks: String = (0..1001).map(network).collect();
    format!("subscriptions: [{{ name: many }}]\nsubscription: many\nvirtualNetworks:\n{networks}")
}

#[test]
fn azure_s_python_client_creates_peers_syncs_and_deletes() {
    let python = python();
    let site = Site::stored();
    let agent = site.start_with(&["--listen", "127.0.0.1:0"]);
    site.write(&many_networks());
    let applied = agent.ask(&["apply", &site.file().display().to_string()]);
    assert_eq!(applied.status, Some(0), "{}", applied.transcript());
    // The command follows the pages, too.
    let listed = agent.ask(&["vnet", "list", "-o", "tsv"]).stdout;
    assert_eq!(listed.lines().count(), 1001);
    let log = agent.log();
    let address = log
        .lines()
        .find_map(|line| line.strip_prefix("listening on "))
        .expect("the agent says where it listens");
    let token = fs::read_to_string(site.state().join("api-token")).expect("the token can be read");
    let mut client = Command::new(python);
    client.arg(repository().join("tests/azure/client.py")).arg(format!("http://{address}")).arg(token.trim());
    let mut client =
        client.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("Python can be started");
    let started = Instant::now();
    while client.try_wait().expect("a child can be waited for").is_none() {
        if started.elapsed() > PATIENCE {
            client.kill().expect("a child can be killed");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = client.wait_with_output().expect("its output can be read");
    let (told, complaint) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let done: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("done: ")).collect();
    assert_eq!(done, STEPS, "{complaint}\n--- the agent:\n{}", agent.log());
    assert!(output.status.success(), "{complaint}");
}
