//! What is wrong with a file, each thing with its place.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use super::MAX_PROBLEMS;
use crate::model::{Refusal, RefusalCode};

/// A place in the text of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The byte of the text where it starts.
    pub offset: usize,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// How many characters of the line it covers.
    pub length: usize,
}

/// Another place that has to do with a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What is there.
    pub message: String,
    /// Where.
    pub location: Location,
}

/// One mistake in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The code of a refusal. None for a mistake of form, and for an assertion that does not hold.
    pub code: Option<RefusalCode>,
    /// One sentence: what is wrong.
    pub message: String,
    /// Where; none when it is about the file as a whole.
    pub location: Option<Location>,
    /// Other places that have to do with it.
    pub notes: Vec<Note>,
    /// What to do about it, when that is not plain from the message.
    pub help: Option<String>,
}

/// Everything that is wrong with a file, in the order of the places; never empty.
///
/// Only [`load`](super::load) makes one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problems {
    problems: Vec<Problem>,
    omitted: usize,
}

impl Problems {
    /// One problem about the file as a whole.
    pub(super) fn only(message: String) -> Self {
        let problem = Problem { code: None, message, location: None, notes: Vec::new(), help: None };
        Self { problems: vec![problem], omitted: 0 }
    }

    /// The problems, in the order of their places.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Problem> {
        self.problems.iter()
    }

    /// How many more there are than [`iter`](Self::iter) gives: it gives [`MAX_PROBLEMS`] at most.
    #[must_use]
    pub fn omitted(&self) -> usize {
        self.omitted
    }
}

/// Each problem on a line: place, code, sentence. For people, [`Problems::render`] shows the lines of the file too.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            f.write_str(separator)?;
            if let Some(location) = problem.location {
                write!(f, "{}:{}: ", location.line, location.column)?;
            }
            if let Some(code) = problem.code {
                write!(f, "{code}: ")?;
            }
            f.write_str(&problem.message)?;
        }
        match self.omitted {
            0 => Ok(()),
            omitted => write!(f, "\nand {omitted} more"),
        }
    }
}

/// A problem before its line and column are counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Finding {
    pub(super) code: Option<RefusalCode>,
    pub(super) message: String,
    pub(super) span: Option<Range<usize>>,
    pub(super) notes: Vec<(String, Range<usize>)>,
    pub(super) help: Option<String>,
}

/// Collects problems while a file is read.
#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<Finding>,
    seen: HashSet<(Option<usize>, String)>,
    omitted: usize,
}

impl Findings {
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Notes a problem. The same sentence about the same place counts once (an alias is read as often as it stands there).
    pub(super) fn push(&mut self, finding: Finding) {
        if self.list.len() >= MAX_PROBLEMS {
            self.omitted += 1;
        } else if self.seen.insert((finding.span.as_ref().map(|span| span.start), finding.message.clone())) {
            self.list.push(finding);
        }
    }

    /// Notes a mistake of form.
    pub(super) fn form(&mut self, span: Range<usize>, message: String) {
        self.push(Finding { message, span: Some(span), ..Finding::default() });
    }

    /// Notes a refusal of what stands at `span`.
    pub(super) fn refusal(&mut self, span: Range<usize>, refusal: &Refusal) {
        self.push(Finding {
            code: Some(refusal.code()),
            message: refusal.to_string(),
            span: Some(span),
            ..Finding::default()
        });
    }

    /// The problems, located in `text`; none when there are none.
    pub(super) fn into_problems(mut self, text: &str) -> Option<Problems> {
        if self.list.is_empty() {
            return None;
        }
        // Stable: at one place, what was found first comes first. What is about the file as a whole comes first of all.
        self.list.sort_by_key(|finding| finding.span.as_ref().map(|span| span.start));
        let spans = self.list.iter().flat_map(|f| f.span.iter().chain(f.notes.iter().map(|(_, span)| span)));
        let locations = locate(text, spans);
        let find = |span: &Range<usize>| {
            let found = locations.binary_search_by_key(&span.start, |(start, ..)| *start);
            let (line, column) = found
                .ok()
                .and_then(|index| locations.get(index))
                .map_or((1, 1), |(_, line, col)| (*line, *col));
            Location { offset: span.start, line, column, length: length_on_line(text, span) }
        };
        let problems = self.list.iter().map(|finding| Problem {
            code: finding.code,
            message: finding.message.clone(),
            location: finding.span.as_ref().map(find),
            notes: finding
                .notes
                .iter()
                .map(|(message, span)| Note { message: message.clone(), location: find(span) })
                .collect(),
            help: finding.help.clone(),
        });
        Some(Problems { problems: problems.collect(), omitted: self.omitted })
    }
}

/// The start of each span with its line and column, sorted. One pass over the text, however long its lines are.
fn locate<'s>(text: &str, spans: impl Iterator<Item = &'s Range<usize>>) -> Vec<(usize, usize, usize)> {
    let mut starts: Vec<usize> = spans.map(|span| span.start).collect();
    starts.sort_unstable();
    starts.dedup();
    let (mut line, mut column) = (1, 1);
    let mut characters = text.char_indices().peekable();
    let mut located = Vec::with_capacity(starts.len());
    for start in starts {
        while let Some((_, character)) = characters.next_if(|(at, _)| *at < start) {
            (line, column) = if character == '\n' { (line + 1, 1) } else { (line, column + 1) };
        }
        located.push((start, line, column));
    }
    located
}

/// How many characters of its first line a span covers: at least one, so that there is something to point at.
fn length_on_line(text: &str, span: &Range<usize>) -> usize {
    let covered = text.get(span.clone()).unwrap_or_default();
    covered.lines().next().map_or(0, |line| line.trim_end().chars().count()).max(1)
}
