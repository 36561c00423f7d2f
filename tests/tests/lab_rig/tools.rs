//! The tools that look at what was built.

use std::process::{Command, Output};

use serde_json::Value;
use vnet_agent::link::{GuestReport, Interface, Namespaces, prepare_guest};

/// Sees to the guest's end of one interface.
pub(crate) async fn prepared(interface: &Interface) -> GuestReport {
    prepare_guest(interface, &Namespaces::look().await.unwrap()).await
}

pub(crate) fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"))
}

/// What a command prints; it must end well.
pub(crate) fn text(program: &str, arguments: &[&str]) -> String {
    let output = run(program, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// What `ip -j -d` prints.
pub(crate) fn ip(arguments: &[&str]) -> Value {
    let all = [&["-j", "-d"], arguments].concat();
    serde_json::from_str(&text("ip", &all)).unwrap_or(Value::Null)
}

/// Runs a command in a named namespace.
pub(crate) fn within(namespace: &str, command: &[&str]) -> String {
    text("ip", &[&["netns", "exec", namespace], command].concat())
}

/// Whether a feature is on, by `ethtool -k`.
pub(crate) fn feature(namespace: &str, interface: &str, feature: &str) -> bool {
    let features = within(namespace, &["ethtool", "-k", interface]);
    let line = features.lines().find(|line| line.trim_start().starts_with(&format!("{feature}:")));
    line.unwrap_or_else(|| panic!("no {feature} in {features}")).contains(": on")
}

pub(crate) fn interface_exists(name: &str) -> bool {
    std::path::Path::new("/sys/class/net").join(name).exists()
}

pub(crate) fn namespace_exists(name: &str) -> bool {
    std::path::Path::new("/run/netns").join(name).symlink_metadata().is_ok()
}

/// A namespace, or an interface, made by other means than the lab, and deleted with this value.
pub(crate) struct Foreign {
    delete: Vec<String>,
}

impl Foreign {
    pub(crate) fn namespace(name: &str) -> Self {
        text("ip", &["netns", "add", name]);
        Self { delete: ["netns", "delete", name].map(String::from).to_vec() }
    }

    /// `ip link add NAME ...`.
    pub(crate) fn link(name: &str, arguments: &[&str]) -> Self {
        text("ip", &[&["link", "add", name], arguments].concat());
        Self { delete: ["link", "delete", name].map(String::from).to_vec() }
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let arguments: Vec<&str> = self.delete.iter().map(String::as_str).collect();
        let _ = run("ip", &arguments);
    }
}
