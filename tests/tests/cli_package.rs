//! The Debian package: built as `cargo xtask dist` builds it, and installed, upgraded, removed and purged on a machine without
//! systemd, as a container is one. `cli_service` has one with it.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use nix::sys::signal::Signal;
use vnet_tests::agent::Site;
use vnet_tests::guests::Guest;
use vnet_tests::machine::{Machine, package, with_machine};
use vnet_tests::program::{Ended, repository};

const UNIT: &str = "/usr/lib/systemd/system/vnet-agent.service";
const DOCUMENTS: &str = "/usr/share/doc/vnet-agent";

/// The fields of the package, and its files.
fn told(question: &[&str]) -> String {
    let mut dpkg = std::process::Command::new("dpkg-deb");
    let ended: Ended = dpkg.args(question).output().expect("dpkg is installed").into();
    assert_eq!(ended.status, Some(0), "{}", ended.transcript());
    ended.stdout
}

#[test]
fn the_package_says_who_it_is_and_what_it_needs() {
    let package = package().display().to_string();
    let field = |name: &str| told(&["--field", &package, name]).trim().to_owned();
    assert_eq!(field("Package"), "vnet-agent");
    let depends = field("Depends");
    assert!(depends.starts_with("libc6 (>= "), "as dpkg-shlibdeps says: {depends}");
    assert!(!depends.contains("systemd"), "it runs in containers too: {depends}");
    let version = field("Version");
    assert_eq!(version, format!("{}-1", env!("CARGO_PKG_VERSION")));
    let changelog = fs::read_to_string(repository().join("vnet-agent/dist/changelog")).expect("a changelog");
    let newest = changelog.lines().next().expect("a line");
    assert!(newest.starts_with(&format!("vnet-agent ({version}) ")), "{newest}");
}

#[test]
fn an_installed_package_has_its_documents_and_every_page_of_the_manual() {
    with_machine(|machine| {
        machine.install(package());
        let version = machine.run(&["vnet-agent", "--version"]).stdout;
        assert_eq!(version, format!("vnet-agent {}\n", env!("CARGO_PKG_VERSION")));
        let copyright = machine.run(&["cat", &format!("{DOCUMENTS}/copyright")]).stdout;
        for licence in
            ["License: Expat or Apache-2.0", "Permission is hereby granted", "common-licenses/Apache-2.0"]
        {
            assert!(copyright.contains(licence), "{copyright}");
        }
        for folder in ["docs", "examples"] {
            for file in fs::read_dir(repository().join(folder)).expect("a folder of the repository") {
                let path = file.expect("a file").path();
                let name = path.file_name().expect("a name").to_string_lossy().into_owned();
                let place = if folder == "docs" { DOCUMENTS.into() } else { format!("{DOCUMENTS}/examples") };
                assert!(machine.has(&format!("{place}/{name}")), "{name}");
            }
        }
        let example = format!("{DOCUMENTS}/examples/two-vnets.yaml");
        assert!(machine.run(&["vnet-agent", "validate", &example]).stdout.contains("2 virtual networks"));
        every_command_has_a_page(machine, &[]);
    });
}

/// Looks for the page of a command and of each of its commands, and whether each is one that `man` has nothing to say about.
fn every_command_has_a_page(machine: &Machine, command: &[String]) {
    let words: Vec<&str> = std::iter::once("vnet-agent").chain(command.iter().map(String::as_str)).collect();
    let page = format!("/usr/share/man/man1/{}.1.gz", words.join("-"));
    let shown = machine.run(&["man", "--warnings", "-l", &page]);
    assert_eq!(shown.stderr, "", "{page}");
    assert!(shown.stdout.contains("SYNOPSIS"), "{page}: {}", shown.stdout);
    let help = machine.run(&[&words[..], &["--help"]].concat()).stdout;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    for line in commands.take_while(|line| line.starts_with(' ')) {
        // Descriptions that go over a line are indented further.
        let Some(name) = line.strip_prefix("  ").and_then(|line| line.split(' ').next()) else { continue };
        if !name.is_empty() && name != "help" {
            every_command_has_a_page(machine, &[command, &[name.to_owned()]].concat());
        }
    }
}

#[test]
fn commands_are_completed_in_the_shells_that_know_of_the_package() {
    with_machine(|machine| {
        machine.install(package());
        let file = "/usr/share/bash-completion/completions/vnet-agent";
        // What bash does where somebody presses the key: the function that was told of, with the words in its variables.
        let script = format!(
            "source {file}; function=$(complete -p vnet-agent | sed 's/.*-F \\([^ ]*\\).*/\\1/'); \
             COMP_WORDS=(vnet-agent vnet peering ''); COMP_CWORD=3; $function vnet-agent '' peering; \
             printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let completed = machine.run(&["bash", "-c", &script]);
        assert_eq!(completed.stderr, "");
        let words: Vec<&str> = completed.stdout.lines().collect();
        for verb in ["list", "show"] {
            assert!(words.contains(&verb), "{words:?}");
        }
        for (shell, file, beginning) in [
            ("bash", file, "_vnet-agent() {\n"),
            ("zsh", "/usr/share/zsh/vendor-completions/_vnet-agent", "#compdef vnet-agent\n"),
            ("fish", "/usr/share/fish/vendor_completions.d/vnet-agent.fish", "# Print an optspec"),
        ] {
            let installed = machine.run(&["cat", file]).stdout;
            assert!(installed.starts_with(beginning), "{installed}");
            assert_eq!(machine.run(&["vnet-agent", "completions", shell]).stdout, installed);
        }
    });
}

#[test]
fn the_unit_is_one_that_systemd_understands_and_finds_hardened() {
    with_machine(|machine| {
        machine.install(package());
        assert!(machine.has("/etc/systemd/system/multi-user.target.wants/vnet-agent.service"), "enabled");
        let verified = machine.run(&["systemd-analyze", "verify", UNIT]);
        assert_eq!((verified.stdout.as_str(), verified.stderr.as_str()), ("", ""));
        // It fails over a threshold of 3.0 of 10.
        let judged = machine.run(&["systemd-analyze", "security", "--offline=true", "--threshold=30", UNIT]);
        for granted in
            ["CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_(DAC_*|FOWNER|IPC_OWNER)", "CAP_SET(UID|GID|PCAP)"]
        {
            let line = judged.stdout.lines().find(|line| line.contains(&format!("~{granted} ")));
            assert!(line.is_some_and(|line| line.starts_with('✓')), "{granted}: {}", judged.stdout);
        }
        let drop_in = "/etc/systemd/system/vnet-agent.service.d";
        let file = format!("{DOCUMENTS}/enter-namespaces.conf");
        let _ = machine.run(&["install", "-D", "-m", "644", "-t", drop_in, &file]);
        let verified = machine.run(&["systemd-analyze", "verify", "vnet-agent.service"]);
        assert_eq!((verified.stdout.as_str(), verified.stderr.as_str()), ("", ""));
    });
}

#[test]
fn an_upgrade_leaves_interfaces_forwarding_a_removal_does_not_and_a_purge_leaves_nothing() {
    let guest = Guest::new("10.1.1.4", "02:00:00:00:0a:04");
    let topology = format!(
        "virtualNetworks: [{{ name: a, region: r, addressSpace: [10.1.0.0/16], \
         subnets: [{{ name: default, addressPrefixes: [10.1.1.0/24] }}] }}]\n\
         nics: [{{ name: a-vm, subnet: a/default, addresses: [10.1.1.4], mac: \"02:00:00:00:0a:04\", interface: {} }}]\n",
        guest.interface
    );
    let site = Site::new(&topology);
    with_machine(|machine| {
        machine.install(package());
        let state = machine.root.join("var/lib/vnet");
        fs::create_dir(&state).expect("a directory can be made");
        fs::write(state.join("store"), "state").expect("a file can be written");
        fs::copy(site.file(), machine.root.join("run/topology.yaml")).expect("a file can be copied");
        let run = ["vnet-agent", "run", "--file", "/run/topology.yaml", "--detach-on-exit=false"];
        let mut agent = site.start_command(machine.command(&run));
        assert_eq!(agent.end(Signal::SIGTERM), Some(0));
        assert!(guest.has_program() && machine.has("/sys/fs/bpf/vnet"));

        machine.install(package());
        assert!(guest.has_program(), "an upgrade takes nothing off");

        let removed = machine.run(&["dpkg", "--remove", "vnet-agent"]).stdout;
        assert!(removed.contains(&format!("\ndetached {}\n", guest.interface)), "{removed}");
        assert!(!guest.has_program() && !machine.has("/sys/fs/bpf/vnet"));
        assert!(machine.has("/var/lib/vnet/store"), "the state outlives a removal");
        assert!(!machine.has("/usr/bin/vnet-agent") && !machine.has(UNIT));

        let _ = machine.run(&["dpkg", "--purge", "vnet-agent"]);
        let known = machine.command(&["dpkg", "--status", "vnet-agent"]).output().expect("dpkg is installed");
        assert_eq!(known.status.code(), Some(1), "dpkg has forgotten it");
        // What the test itself took off the machine, where it was there.
        let mut changes = machine.changes();
        changes.retain(|change| {
            !["-/usr/sbin/policy-rc.d", "-/var/lib/man-db/auto-update"].contains(&change.as_str())
        });
        assert_eq!(changes, Vec::<String>::new());
    });
}
