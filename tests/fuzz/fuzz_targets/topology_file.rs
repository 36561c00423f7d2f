//! The topology file's reader on any text: no panic, and a refusal can always be shown.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vnet_agent::config;
use vnet_agent::model::Topology;

fuzz_target!(|text: &str| {
    let empty = Topology::default();
    match config::load(text, &empty) {
        Ok(loaded) => {
            // What was taken once is taken again, and changes nothing.
            let again = config::load(text, &loaded.topology).expect("a file that was taken is taken again");
            assert!(again.changes.is_empty(), "{:?}", again.changes);
        }
        Err(problems) => assert!(!problems.render("file", text, false).is_empty()),
    }
});
