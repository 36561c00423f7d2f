//! What came up in a run, so that a run which never met a case does not pass for having tested it.

use std::collections::BTreeMap;
use std::fmt;

/// How often each kind of outcome came up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<String, u64>);

impl Tally {
    /// Counts one.
    pub fn count(&mut self, kind: &str) {
        self.add(kind, 1);
    }

    /// Counts several.
    pub fn add(&mut self, kind: &str, times: u64) {
        *self.0.entry(kind.to_owned()).or_default() += times;
    }

    /// Takes in the counts of another run.
    pub fn merge(&mut self, other: &Self) {
        for (kind, times) in &other.0 {
            self.add(kind, *times);
        }
    }

    /// How often `kind` came up.
    #[must_use]
    pub fn of(&self, kind: &str) -> u64 {
        self.0.get(kind).copied().unwrap_or(0)
    }

    /// Those of `kinds` that came up less often than asked for, each as a sentence.
    #[must_use]
    pub fn missing(&self, kinds: &[(&str, u64)]) -> Vec<String> {
        let short = kinds.iter().filter(|(kind, least)| self.of(kind) < *least);
        short
            .map(|(kind, least)| format!("{kind}: {} times, at least {least} expected", self.of(kind)))
            .collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(kind, times)| writeln!(f, "{times:>9}  {kind}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_that_came_up_too_rarely_is_named() {
        let mut tally = Tally::default();
        tally.add("seen", 3);
        assert_eq!(tally.missing(&[("seen", 3)]), Vec::<String>::new());
        assert_eq!(
            tally.missing(&[("seen", 4), ("never", 1)]),
            ["seen: 3 times, at least 4 expected", "never: 0 times, at least 1 expected"]
        );
    }
}
