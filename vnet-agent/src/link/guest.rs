//! What the guest's end of an interface needs so that redirected frames arrive there, and arrive whole.

use super::Interface;

/// What was done, or could not be done, at the guest's end of an interface.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct GuestReport {
    /// What was set or found in order, for people.
    pub done: Vec<String>,
    /// What is wrong and what to do about it, for people.
    pub problems: Vec<String>,
}

impl GuestReport {
    /// Whether traffic works as far as the guest's end is concerned.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.problems.is_empty()
    }

    /// All of it, problems first.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.problems.iter().chain(&self.done).cloned().collect()
    }
}

/// Sees to it that GRO is on and transmit checksum offload off at the guest's end of `interface`.
pub async fn prepare_guest(interface: &Interface) -> GuestReport {
    GuestReport { done: Vec::new(), problems: vec![format!("{}: not looked at", interface.name)] }
}
