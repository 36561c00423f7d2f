//! The file as YAML sees it: a tree of values, each with its place in the text.
//!
//! The nodes lie in one vector and refer to one another by number. So an alias is the number of its anchor's node and copies
//! nothing, dropping a tree never recurses, and a number is all that a declaration needs to carry to be found again
//! ([`Place`]). What YAML leaves open stays open here: whether `true` is a text or a truth value is for its reader to say.

use std::borrow::Cow;
use std::ops::Range;

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
#[derive(Default)]
pub(super) struct Tree<'t> {
    nodes: Vec<Node<'t>>,
    root: Option<NodeId>,
}

impl<'t> Tree<'t> {
    /// Adds a node. There are fewer of them than bytes in a file, and those fit.
    pub(super) fn add(&mut self, span: Range<usize>, value: Value<'t>) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Node { span, value });
        id
    }

    /// Puts a node into a list, or a key's value into a mapping; without a parent, it becomes the root unless there is one.
    pub(super) fn put(&mut self, parent: Option<NodeId>, key: Option<NodeId>, id: NodeId) {
        let Some(parent) = parent else {
            self.root.get_or_insert(id);
            return;
        };
        match (self.nodes.get_mut(parent.0 as usize).map(|node| &mut node.value), key) {
            (Some(Value::Sequence(elements)), _) => elements.push(id),
            (Some(Value::Mapping(entries)), Some(key)) => entries.push((key, id)),
            _ => {}
        }
    }

    /// Tells where a list or mapping ends.
    pub(super) fn end(&mut self, id: NodeId, end: usize) {
        if let Some(node) = self.nodes.get_mut(id.0 as usize) {
            node.span.end = end.max(node.span.start);
        }
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
