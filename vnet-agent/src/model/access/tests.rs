//! Who may do what. `given` has two subscriptions, `red` and `blue`, that most tests speak of.

mod assignments;
mod change;
mod given;
mod isolation;
mod linked;
mod principal;
mod restore;
mod role;
mod scope;
mod subscriptions;

use given::*;
