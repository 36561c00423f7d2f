//! The files under examples/: each says what it is to show, and shows it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::*;
use crate::model::RefusalCode;

fn directory(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// The YAML files of a directory, each with its name before `.yaml` and its text.
fn files(name: &str) -> Vec<(String, String)> {
    let entries = fs::read_dir(directory(name)).unwrap().map(|entry| entry.map(|entry| entry.path()));
    let mut paths = entries.collect::<io::Result<Vec<_>>>().unwrap();
    paths.retain(|path| path.is_file() && path.extension().is_some_and(|ending| ending == "yaml"));
    paths.sort();
    let read = |path: PathBuf| {
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap())
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn dump() {
    for (name, text) in files("examples/refused") {
        match load(&text, &Topology::default()) {
            Ok(_) => println!("{name}: LOADS"),
            Err(p) => println!("{}\n\n", p.render(&format!("{name}.yaml"), &text, false)),
        }
    }
    for (name, text) in files("examples") {
        match load(&text, &Topology::default()) {
            Ok(_) => println!("{name}: LOADS"),
            Err(p) => println!("{}\n\n", p.render(&format!("{name}.yaml"), &text, false)),
        }
    }
    for text in [
        "a: [",
        "- a\n- b: &x [*x]\n",
        "!foo a: 1",
        "a: *b",
        "virtualNetworks: []\n---\na: 1\n",
        "# only\n",
        "virtualNetworks:\n  - region: x\n    adressSpace: [fd00::, fd00:1::/48 ]\n    name: a\n    tags: 1\n",
        "virtualNetworks: 5\nrouteTable: 1\nrouteTables: 5\n",
        "\tvirtualNetworks: 5",
        "virtualNetworks:\n- name: \u{1b}[31ma\n",
        "virtualNetworks:\n- {name: \"\\e[31ma\", region: a, addressSpace: [1.0.0.0/8], peerings: [{name: a, remoteVirtualNetwork: b, remoteSubnetNames: [a], peeringState: a, <<: 1}]}\nassertions:\n - from: a\n   to: b\n   reachable: yes\n   family: ipv4",
    ] {
        match load(&text, &Topology::default()) {
            Ok(_) => println!("LOADS"),
            Err(p) => println!("{}\n\n", p.render("x.yaml", &text, false)),
        }
    }
}
