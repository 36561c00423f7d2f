//! Arguments that several commands share.

use clap::Args;

use super::scope::{Group, Named, Scoped};
use super::source::Source;

/// The arguments of a list.
#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    pub(super) group: Group,
    #[command(flatten)]
    pub(super) source: Source,
}

/// The arguments of a command that reads one named resource.
#[derive(Debug, Args)]
pub(super) struct Show<I: Scoped + Clone + 'static> {
    /// The name, SUBSCRIPTION/GROUP/NAME, or the resource id
    #[arg(short, long, value_name = "NAME")]
    pub(super) name: Named<I>,
    #[command(flatten)]
    pub(super) group: Group,
    #[command(flatten)]
    pub(super) source: Source,
}

/// A yes or no as `az` takes it.
pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" => Ok(true),
        "0" | "false" | "f" | "no" | "n" => Ok(false),
        _ => Err("write true or false".to_owned()),
    }
}

/// Arguments as a command line gives them, for tests.
#[cfg(test)]
pub(super) fn parsed<A: Args>(line: &str) -> Result<A, clap::Error> {
    let command = A::augment_args(clap::Command::new("test").no_binary_name(true));
    A::from_arg_matches(&command.try_get_matches_from(line.split_whitespace())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_takes_the_words_that_az_takes() {
        for word in ["1", "true", "T", "Yes", "y"] {
            assert_eq!(switch(word), Ok(true), "{word}");
        }
        for word in ["0", "False", "f", "no", "N"] {
            assert_eq!(switch(word), Ok(false), "{word}");
        }
        assert!(switch("maybe").is_err());
    }
}
