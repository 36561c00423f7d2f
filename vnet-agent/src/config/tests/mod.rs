//! The topology file, from the outside: what loads, what is refused, and what the refusals look like.

mod access;
mod authorize;
mod bystanders;
mod changes;
mod form;
mod limits;
mod many;
mod pasts;
mod random;
mod render;
mod scopes;
mod within;
mod write;

use super::{Loaded, Problems, load};
use crate::model::Topology;

/// Loads a file that is right.
fn loaded(text: &str) -> Loaded {
    loaded_from(text, &Topology::default())
}

fn loaded_from(text: &str, current: &Topology) -> Loaded {
    load(text, current).unwrap_or_else(|problems| panic!("{}", problems.render("test.yaml", text, false)))
}

/// Loads a file that is wrong.
fn problems(text: &str) -> Problems {
    match load(text, &Topology::default()) {
        Ok(_) => panic!("this file was to be refused:\n{text}"),
        Err(problems) => problems,
    }
}
