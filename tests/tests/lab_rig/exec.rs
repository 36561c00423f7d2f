//! Commands in a NIC's namespace.

use std::ffi::OsString;

use pretty_assertions::assert_eq;
use vnet_agent::lab::{self, LabError, interface_name};

use crate::topologies::{Lab, World, name, unique};

fn shell(script: &str) -> [OsString; 3] {
    ["sh", "-c", script].map(OsString::from)
}

#[tokio::test]
async fn a_command_sees_the_guest_s_interfaces_and_its_status_comes_back() {
    let nic = unique();
    let lab = Lab::up(&World::one_nic(&nic), 1500).await.unwrap();
    let host = interface_name(&name(&nic));
    let script = format!(
        "ip -br addr show eth0 | grep -q 10.1.2.4/24 && test -e /sys/class/net/eth0 && ! test -e /sys/class/net/{host} \
         && exit 3"
    );
    let status = tokio::task::spawn_blocking(move || lab::exec(&name(&nic), &shell(&script)));
    assert_eq!(status.await.unwrap().unwrap().code(), Some(3));
    // The mount of /sys was the command's alone.
    assert!(crate::tools::interface_exists(&lab.rig.nics[0].interface));
}

#[tokio::test]
async fn a_command_that_does_not_exist_and_no_command_are_errors() {
    let nic = unique();
    let _lab = Lab::up(&World::one_nic(&nic), 1500).await.unwrap();
    let other = nic.clone();
    let missing = move || lab::exec(&name(&other), &["no-such-program".into()]);
    let error = tokio::task::spawn_blocking(missing).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("run no-such-program"), "{error}");
    let error = tokio::task::spawn_blocking(move || lab::exec(&name(&nic), &[])).await.unwrap().unwrap_err();
    assert!(matches!(error, LabError::NoCommand { .. }), "{error}");
}

#[test]
fn without_a_lab_the_error_says_how_to_build_one() {
    let nic = unique();
    let error = lab::exec(&name(&nic), &["true".into()]).unwrap_err();
    assert!(matches!(error, LabError::NoNamespace { .. }), "{error}");
    assert!(error.to_string().contains("lab up"), "{error}");
}
