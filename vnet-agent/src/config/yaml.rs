//! From text to tree.
//!
//! The parser is the one that serde-saphyr stands on, used without it: its events keep the place of every key and value, where
//! a deserializer gives those of the values that somebody asked for. What would make a small file large (aliases of aliases)
//! or deep is limited here.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, Span, Tag};

use super::problem::Findings;
use super::tree::{NodeId, Tree, Value};
use super::{MAX_DEPTH, MAX_VALUES};

/// Reads a text that holds one document.
///
/// `None` when what was found leaves no tree to go on with. A tree may come back beside findings.
pub(super) fn parse<'t>(text: &'t str, findings: &mut Findings) -> Option<Tree<'t>> {
    let mut options = granit_parser::Options::default();
    options.set_emit_comments(false);
    options.disallow_directives = true;
    options.emit_unresolved_aliases = true;
    // The scanner reads ahead: of very deep nesting it must know by itself.
    (options.flow_nesting_limit, options.block_nesting_limit) = (MAX_DEPTH, MAX_DEPTH);
    let mut builder = Builder::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
                let message = match error.kind() {
                    ErrorKind::RecursionLimitExceeded => too_deep(),
                    _ => format!("this is no YAML: {}", error.info()),
                };
                findings.form(at..at, message);
                return None;
            }
        };
        builder.take(event, &span, findings).ok()?;
    }
    Some(builder.tree)
}

/// A tree is not read to its end. Why is among the findings.
struct Stop;

/// A collection whose end has not come yet.
struct Open {
    id: NodeId,
    anchor: usize,
    /// How many values there were before it.
    values_before: usize,
    /// Whether it is a mapping.
    takes_keys: bool,
    /// A key that waits for its value.
    key: Option<NodeId>,
}

#[derive(Default)]
struct Builder<'t> {
    tree: Tree<'t>,
    open: Vec<Open>,
    /// The anchored nodes, each with the values that it stands for.
    anchors: HashMap<usize, (NodeId, usize)>,
    /// How many values there are so far, with each alias as many as its anchor.
    values: usize,
}

impl<'t> Builder<'t> {
    fn take(&mut self, event: Event<'t>, span: &Span, findings: &mut Findings) -> Result<(), Stop> {
        let bytes = bytes_of(span);
        let stop = |findings: &mut Findings, message: &str| {
            findings.form(bytes.clone(), message.to_owned());
            Err(Stop)
        };
        match event {
            Event::DocumentStart(..) if self.tree.root().is_some() => {
                stop(findings, "a second document starts here; a topology file holds one")
            }
            Event::Scalar(text, style, anchor, tag) => {
                check_tag(tag.as_deref(), &["str"], span, findings);
                let is_plain = style == ScalarStyle::Plain && tag.is_none();
                let id = self.tree.add(bytes, Value::Scalar { text, is_plain });
                self.anchor(anchor, id, 1);
                self.place(id, 1, findings)
            }
            Event::SequenceStart(_, anchor, tag) => {
                check_tag(tag.as_deref(), &["seq"], span, findings);
                self.enter(bytes, Value::Sequence(Vec::new()), anchor, findings)
            }
            Event::MappingStart(_, anchor, tag) => {
                check_tag(tag.as_deref(), &["map"], span, findings);
                self.enter(bytes, Value::Mapping(Vec::new()), anchor, findings)
            }
            Event::SequenceEnd | Event::MappingEnd => self.leave(bytes.end, findings),
            Event::Alias(anchor) => match self.anchors.get(&anchor).copied() {
                Some((id, values)) => self.place(id, values, findings),
                None => stop(findings, "this alias stands inside the value that it repeats"),
            },
            Event::UnresolvedAlias(_) => {
                findings.form(bytes.clone(), "there is no anchor of this name before this alias".to_owned());
                let nothing = Value::Scalar { text: Cow::Borrowed(""), is_plain: true };
                let id = self.tree.add(bytes, nothing);
                self.place(id, 1, findings)
            }
            _ => Ok(()),
        }
    }

    fn anchor(&mut self, anchor: usize, id: NodeId, values: usize) {
        // The parser numbers anchors from 1.
        if anchor != 0 {
            self.anchors.insert(anchor, (id, values));
        }
    }

    fn enter(
        &mut self,
        bytes: Range<usize>,
        value: Value<'t>,
        anchor: usize,
        findings: &mut Findings,
    ) -> Result<(), Stop> {
        if self.open.len() >= MAX_DEPTH {
            findings.form(bytes, too_deep());
            return Err(Stop);
        }
        let takes_keys = matches!(value, Value::Mapping(_));
        let id = self.tree.add(bytes, value);
        self.open.push(Open { id, anchor, values_before: self.values, takes_keys, key: None });
        Ok(())
    }

    fn leave(&mut self, end: usize, findings: &mut Findings) -> Result<(), Stop> {
        let Some(done) = self.open.pop() else { return Ok(()) };
        self.tree.end(done.id, end);
        self.anchor(done.anchor, done.id, self.values - done.values_before + 1);
        self.place(done.id, 1, findings)
    }

    /// Puts a finished node where it belongs.
    fn place(&mut self, id: NodeId, values: usize, findings: &mut Findings) -> Result<(), Stop> {
        self.values += values;
        if self.values > MAX_VALUES {
            let message =
                format!("the file holds more than {MAX_VALUES} values, those of aliases counted too");
            findings.form(self.tree.span(id), message);
            return Err(Stop);
        }
        match self.open.last_mut() {
            None => self.tree.put(None, None, id),
            Some(parent) if parent.takes_keys && parent.key.is_none() => parent.key = Some(id),
            Some(parent) => self.tree.put(Some(parent.id), parent.key.take(), id),
        }
        Ok(())
    }
}

fn too_deep() -> String {
    format!("lists and mappings are nested more than {MAX_DEPTH} deep here")
}

fn bytes_of(span: &Span) -> Range<usize> {
    let start = span.start.byte_offset().unwrap_or(0);
    start..span.end.byte_offset().unwrap_or(start).max(start)
}

/// Tags could make one value another. Those that only say what is there anyway are let through.
fn check_tag(tag: Option<&Tag>, allowed: &[&str], span: &Span, findings: &mut Findings) {
    let Some(tag) = tag else { return };
    if !tag.core_suffix().is_some_and(|suffix| allowed.contains(&suffix)) {
        let bytes = bytes_of(&span.tag_span().unwrap_or(*span));
        findings.form(bytes, "a topology file has no tags; remove this one".to_owned());
    }
}
