//! Whatever comes in, something sensible comes out: never a panic, and a place that lies in the text.

use std::cell::Cell;
use std::fmt::Write;

use pretty_assertions::assert_eq;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestRunner};

use super::*;

/// Files that load, to be damaged.
const FILES: [&str; 4] = [
    include_str!("../../../../examples/two-vnets.yaml"),
    include_str!("../../../../examples/nontransitive.yaml"),
    include_str!("../../../../examples/global-dual-stack.yaml"),
    include_str!("../../../../examples/one-sided.yaml"),
];

/// Pieces that mean something to YAML or to the format.
const PIECES: [&str; 40] = [
    "\n",
    "  ",
    "- ",
    ": ",
    ":",
    ",",
    "[",
    "]",
    "{",
    "}",
    "&a ",
    "*a",
    "!!str ",
    "!x ",
    "\"",
    "'",
    "#",
    "|\n",
    ">\n",
    "---\n",
    "...\n",
    "~",
    "true",
    "10.0.0.0/8",
    "fd00::/64",
    "10.1.1.4",
    "name",
    "virtualNetworks",
    "nics",
    "subnets",
    "peerings",
    "addressSpace",
    "region",
    "assertions",
    "reachable",
    "\u{feff}",
    "\0",
    "\u{85}",
    "\u{1f980}",
    "\r",
];

/// Loads any text and looks at what comes of it. Gives whether it loaded.
fn survive(text: &str) -> bool {
    match load(text, &Topology::default()) {
        Ok(loaded) => {
            let again = loaded_from(text, &loaded.topology);
            assert_eq!(again.changes, []);
            true
        }
        Err(problems) => {
            let lines: Vec<&str> = text.split('\n').collect();
            assert!(problems.iter().len() > 0);
            let mut last = None;
            for problem in problems.iter() {
                assert!(!problem.message.is_empty());
                for location in problem.location.iter().chain(problem.notes.iter().map(|note| &note.location))
                {
                    let line = lines[location.line - 1];
                    assert!(
                        location.length > 0 && location.column <= line.chars().count() + 1,
                        "{problems}\n{text}"
                    );
                    let before: usize = lines[..location.line - 1].iter().map(|line| line.len() + 1).sum();
                    let column: usize = line.chars().take(location.column - 1).map(char::len_utf8).sum();
                    assert_eq!(location.offset, before + column);
                }
                let place = problem.location.map(|location| location.offset);
                assert!(last <= place, "out of order: {problems}");
                last = place;
            }
            let shown = problems.render("my.yaml", text, true);
            assert!(shown.matches("my.yaml").count() >= problems.iter().len());
            false
        }
    }
}

pub(super) fn run<S: Strategy>(cases: u32, strategy: &S, test: impl Fn(S::Value)) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(strategy, |value| {
        test(value);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn any_text_at_all_is_answered() {
    run(2_000, &any::<String>(), |text| {
        survive(&text);
    });
}

#[test]
fn any_row_of_meaningful_pieces_is_answered() {
    run(4_000, &prop::collection::vec(select(PIECES.as_slice()), 0..60), |pieces| {
        survive(&pieces.concat());
    });
}

#[test]
fn a_damaged_file_is_answered_and_some_load_still() {
    let damage = (any::<Index>(), any::<Index>(), 0..12_usize, select(PIECES.as_slice()));
    let (loaded, refused) = (Cell::new(0), Cell::new(0));
    run(3_000, &(select(FILES.as_slice()), prop::collection::vec(damage, 1..4)), |(file, damages)| {
        let mut characters: Vec<char> = file.chars().collect();
        for (at, _, cut, piece) in damages {
            let start = at.index(characters.len() + 1);
            let end = (start + cut).min(characters.len());
            characters.splice(start..end, piece.chars());
        }
        let counter = if survive(&characters.into_iter().collect::<String>()) { &loaded } else { &refused };
        counter.set(counter.get() + 1);
    });
    assert!(loaded.get() > 50 && refused.get() > 500, "{} loaded, {} refused", loaded.get(), refused.get());
}

#[test]
fn every_beginning_of_a_file_is_answered() {
    for file in FILES {
        for (end, _) in file.char_indices() {
            survive(&file[..end]);
        }
        assert!(survive(file));
    }
}

/// A network of a generated file: what stands in it, and whom it is peered with.
#[derive(Clone, Debug)]
struct Network {
    dual_stack: bool,
    nics: u8,
    peers: Vec<Index>,
    forwarded: bool,
    complete: bool,
}

fn network() -> impl Strategy<Value = Network> {
    (any::<bool>(), 0..4_u8, prop::collection::vec(any::<Index>(), 0..3), any::<bool>(), any::<bool>())
        .prop_map(|(dual_stack, nics, peers, forwarded, complete)| Network {
            dual_stack,
            nics,
            peers,
            forwarded,
            complete,
        })
}

/// The same declarations twice: as block YAML written here, and as JSON written by another library.
fn spellings(networks: &[Network]) -> (String, String) {
    use serde_json::{Map, Value, json};
    let (mut yaml, mut vnets, mut nics) = ("virtualNetworks:\n".to_owned(), Vec::new(), Vec::new());
    let mut nic_lines = String::new();
    for (index, network) in networks.iter().enumerate() {
        let mut ranges = vec![format!("10.{index}.0.0/16")];
        let mut prefixes = vec![format!("10.{index}.1.0/24")];
        if network.dual_stack {
            ranges.push(format!("fd00:{index}::/48"));
            prefixes.push(format!("fd00:{index}:0:1::/64"));
        }
        write!(yaml, "- name: v{index}\n  region: r{}\n  addressSpace:\n", index % 2).unwrap();
        ranges.iter().for_each(|range| writeln!(yaml, "  - {range}").unwrap());
        yaml.push_str("  subnets:\n  - name: 's'\n    addressPrefixes:\n");
        prefixes.iter().for_each(|prefix| writeln!(yaml, "    - \"{prefix}\"").unwrap());
        yaml.push_str("  peerings:\n");
        let mut peers: Vec<usize> = network.peers.iter().map(|peer| peer.index(networks.len())).collect();
        peers.sort_unstable();
        peers.dedup();
        let mut peerings = Vec::new();
        for peer in peers.into_iter().filter(|peer| *peer != index) {
            let mut peering = Map::new();
            peering.insert("name".to_owned(), format!("to-v{peer}").into());
            peering.insert("remoteVirtualNetwork".to_owned(), format!("v{peer}").into());
            peering.insert("allowForwardedTraffic".to_owned(), network.forwarded.into());
            write!(yaml, "  - name: to-v{peer}\n    remoteVirtualNetwork: v{peer}\n").unwrap();
            writeln!(yaml, "    allowForwardedTraffic: {}", network.forwarded).unwrap();
            if !network.complete {
                peering.insert("peerCompleteVnets".to_owned(), false.into());
                peering.insert("localSubnetNames".to_owned(), json!(["s"]));
                peering.insert("remoteSubnetNames".to_owned(), json!(["s"]));
                yaml.push_str("    peerCompleteVnets: false\n    localSubnetNames: [s]\n    remoteSubnetNames:\n    - s\n");
            }
            peerings.push(Value::Object(peering));
        }
        for nic in 0..network.nics {
            let mut addresses = vec![format!("10.{index}.1.{}", 4 + nic)];
            if network.dual_stack {
                addresses.push(format!("fd00:{index}:0:1::{:x}", 4 + nic));
            }
            let listed: Vec<_> = addresses.iter().map(|address| format!("'{address}'")).collect();
            writeln!(
                nic_lines,
                "- {{ name: v{index}n{nic}, subnet: v{index}/s, addresses: [{}] }}",
                listed.join(", ")
            )
            .unwrap();
            nics.push(json!({"name": format!("v{index}n{nic}"), "subnet": format!("v{index}/s"), "addresses": addresses}));
        }
        let subnets = json!([{"name": "s", "addressPrefixes": prefixes}]);
        vnets.push(
            json!({"name": format!("v{index}"), "region": format!("r{}", index % 2), "addressSpace": ranges,
            "subnets": subnets, "peerings": peerings}),
        );
    }
    write!(yaml, "nics:\n{nic_lines}").unwrap();
    (yaml, serde_json::to_string_pretty(&json!({"virtualNetworks": vnets, "nics": nics})).unwrap())
}

#[test]
fn block_yaml_and_json_of_the_same_declarations_lead_to_the_same_topology() {
    let (peered, dual) = (Cell::new(0), Cell::new(0));
    run(500, &prop::collection::vec(network(), 1..6), |networks| {
        let (yaml, json) = spellings(&networks);
        let (from_yaml, from_json) = (loaded(&yaml), loaded(&json));
        assert_eq!(from_yaml.topology, from_json.topology, "{yaml}\n{json}");
        assert_eq!(
            from_yaml.topology.nic_count(),
            networks.iter().map(|n| usize::from(n.nics)).sum::<usize>()
        );
        let peerings: usize = from_yaml.topology.vnets().map(|vnet| vnet.peerings().len()).sum();
        peered.set(peered.get() + usize::from(peerings > 0));
        dual.set(
            dual.get() + usize::from(networks.iter().any(|network| network.dual_stack && network.nics > 0)),
        );
    });
    assert!(
        peered.get() > 100 && dual.get() > 100,
        "{} with peerings, {} dual stack",
        peered.get(),
        dual.get()
    );
}
