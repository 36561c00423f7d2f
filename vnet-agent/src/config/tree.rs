//! The file as YAML sees it: a tree of values, each with its place in the text.
//!
//! The nodes lie in one vector and refer to one another by number. So an alias is the number of its anchor's node and copies
//! nothing, dropping a tree never recurses, and a number is all that a declaration needs to carry to be found again
//! ([`Place`]). What YAML leaves open stays open here: whether `true` is a text or a truth value is for its reader to say.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::problem::Findings;
use super::{MAX_DEPTH, MAX_VALUES};
use crate::model::Place;

/// The number of a node in its [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NodeId(u32);

impl From<NodeId> for Place {
    fn from(node: NodeId) -> Self {
        Self(node.0)
    }
}

impl From<Place> for NodeId {
    fn from(place: Place) -> Self {
        Self(place.0)
    }
}

/// What a node is.
#[derive(Debug)]
pub(super) enum Value<'t> {
    /// One word, number or text, as written. Plain means: neither quoted nor a block, nor tagged as a text.
    Scalar { text: Cow<'t, str>, is_plain: bool },
    /// A list.
    Sequence(Vec<NodeId>),
    /// Keys with their values, in the order of the file.
    Mapping(Vec<(NodeId, NodeId)>),
}

/// A value and the bytes of the text that it stands in.
#[derive(Debug)]
pub(super) struct Node<'t> {
    pub(super) span: Range<usize>,
    pub(super) value: Value<'t>,
}

/// What stands for a number that no node has.
const MISSING: &Node<'static> =
    &Node { span: 0..0, value: Value::Scalar { text: Cow::Borrowed(""), is_plain: true } };

/// A whole document.
pub(super) struct Tree<'t> {
    nodes: Vec<Node<'t>>,
    root: Option<NodeId>,
}

impl<'t> Tree<'t> {
    /// Reads a text that holds one document.
    ///
    /// `None` when what was found leaves no tree to go on with. A tree may come back beside findings.
    pub(super) fn parse(text: &'t str, findings: &mut Findings) -> Option<Self> {
        let mut options = granit_parser::Options::default();
        options.set_emit_comments(false);
        options.disallow_directives = true;
        options.emit_unresolved_aliases = true;
        let mut builder = Builder::default();
        for event in Parser::new_from_str_with_options(text, options) {
            let step = match event {
                Ok((event, span)) => builder.take(event, &span, findings),
                Err(error) => Err(Stop::Scan(error)),
            };
            match step {
                Ok(()) => {}
                Err(Stop::Scan(error)) => {
                    let at = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
                    findings.form(at..at, format!("this is no YAML: {}", error.info()));
                    return None;
                }
                Err(Stop::Reported) => return None,
            }
        }
        Some(builder.tree)
    }

    /// The value that holds everything; none when the text has only comments or nothing.
    pub(super) fn root(&self) -> Option<NodeId> {
        self.root
    }

    pub(super) fn node(&self, id: NodeId) -> &Node<'t> {
        self.nodes.get(id.0 as usize).unwrap_or(MISSING)
    }

    pub(super) fn span(&self, id: NodeId) -> Range<usize> {
        self.node(id).span.clone()
    }

    /// The text of a scalar that says something. A plain `null`, `~` or nothing at all says nothing.
    pub(super) fn text(&self, id: NodeId) -> Option<&str> {
        match &self.node(id).value {
            Value::Scalar { text, is_plain } if !(*is_plain && is_null(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn is_null(&self, id: NodeId) -> bool {
        matches!(&self.node(id).value, Value::Scalar { text, is_plain: true } if is_null(text))
    }

    /// The elements of a list; none of anything else.
    pub(super) fn elements(&self, id: NodeId) -> &[NodeId] {
        match &self.node(id).value {
            Value::Sequence(elements) => elements,
            _ => &[],
        }
    }

    /// The value of a key; none when this is no mapping or has no such key.
    pub(super) fn field(&self, id: NodeId, key: &str) -> Option<NodeId> {
        match &self.node(id).value {
            Value::Mapping(entries) => {
                entries.iter().find(|(name, _)| self.text(*name) == Some(key)).map(|(_, value)| *value)
            }
            _ => None,
        }
    }

    /// What a node is, as words in a sentence.
    pub(super) fn kind(&self, id: NodeId) -> &'static str {
        match &self.node(id).value {
            _ if self.is_null(id) => "nothing",
            Value::Scalar { .. } => "a single value",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// Why a tree is not read to its end.
enum Stop {
    Scan(ScanError),
    Reported,
}

/// A collection whose end has not come yet.
struct Open {
    id: NodeId,
    anchor: usize,
    /// How many values there were before it.
    values_before: usize,
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

impl Default for Tree<'_> {
    fn default() -> Self {
        Self { nodes: Vec::new(), root: None }
    }
}

impl<'t> Builder<'t> {
    fn take(&mut self, event: Event<'t>, span: &Span, findings: &mut Findings) -> Result<(), Stop> {
        let bytes = bytes_of(span);
        let stop = |findings: &mut Findings, message: &str| {
            findings.form(bytes.clone(), message.to_owned());
            Err(Stop::Reported)
        };
        match event {
            Event::DocumentStart(..) if self.tree.root.is_some() => {
                stop(findings, "a second document starts here; a topology file holds one")
            }
            Event::Scalar(text, style, anchor, tag) => {
                check_tag(tag.as_deref(), &["str"], span, findings);
                let is_plain = style == ScalarStyle::Plain && tag.is_none();
                let id = self.add(bytes, Value::Scalar { text, is_plain });
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
                let id = self.add(bytes, nothing);
                self.place(id, 1, findings)
            }
            _ => Ok(()),
        }
    }

    /// Adds a node. There are fewer of them than bytes in a file, and those fit.
    fn add(&mut self, span: Range<usize>, value: Value<'t>) -> NodeId {
        let id = NodeId(u32::try_from(self.tree.nodes.len()).unwrap_or(u32::MAX));
        self.tree.nodes.push(Node { span, value });
        id
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
            findings.form(bytes, format!("lists and mappings are nested more than {MAX_DEPTH} deep here"));
            return Err(Stop::Reported);
        }
        let id = self.add(bytes, value);
        self.open.push(Open { id, anchor, values_before: self.values, key: None });
        Ok(())
    }

    fn leave(&mut self, end: usize, findings: &mut Findings) -> Result<(), Stop> {
        let Some(done) = self.open.pop() else { return Ok(()) };
        if let Some(node) = self.tree.nodes.get_mut(done.id.0 as usize) {
            node.span.end = end.max(node.span.start);
        }
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
            return Err(Stop::Reported);
        }
        let Some(parent) = self.open.last_mut() else {
            self.tree.root.get_or_insert(id);
            return Ok(());
        };
        match self.tree.nodes.get_mut(parent.id.0 as usize).map(|node| &mut node.value) {
            Some(Value::Sequence(elements)) => elements.push(id),
            Some(Value::Mapping(entries)) => match parent.key.take() {
                Some(key) => entries.push((key, id)),
                None => parent.key = Some(id),
            },
            _ => {}
        }
        Ok(())
    }
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
