//! Reads values out of the tree and notes what is wrong with each, without stopping at the first.
//!
//! Serde's derive was weighed and left: a derived type ends at the first wrong value, and a file's author would mend one
//! mistake a run. Reading by hand costs a call per key and buys every mistake at once, with its place.

use super::keys::Keys;
use super::problem::{Finding, Findings};
use super::tree::{NodeId, Tree, Value};
use crate::model::Refusal;

/// The longest piece of the file that a sentence repeats.
const MAX_QUOTED: usize = 60;

/// A text of the file as part of a sentence: short, and without characters that a terminal would act on.
pub(super) fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(MAX_QUOTED).flat_map(char::escape_debug).collect();
    if text.chars().nth(MAX_QUOTED).is_some() {
        shown.push_str("...");
    }
    format!("`{shown}`")
}

/// The values of a mapping's known keys.
#[derive(Debug)]
pub(super) struct Fields {
    pub(super) node: NodeId,
    values: Vec<(&'static str, NodeId)>,
    /// Keys that are there, but misspelt or twice: what they say is not known.
    unclear: Vec<&'static str>,
}

impl Fields {
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<NodeId> {
        self.values.iter().find(|(known, _)| *known == key).map(|(_, value)| *value)
    }

    /// Whether a key is there that may have meant one of `keys`: a misspelt one, or one that is there twice.
    pub(super) fn is_unclear(&self, keys: &[&str]) -> bool {
        self.unclear.iter().any(|unclear| keys.contains(unclear))
    }

    /// Whether any key is misspelt or there twice.
    pub(super) fn any_unclear(&self) -> bool {
        !self.unclear.is_empty()
    }
}

/// A tree, and what has been found wrong with it.
pub(super) struct Reader<'t> {
    pub(super) tree: &'t Tree<'t>,
    pub(super) findings: &'t mut Findings,
}

impl<'t> Reader<'t> {
    pub(super) fn form(&mut self, at: NodeId, message: String) {
        self.findings.form(self.tree.span(at), message);
    }

    pub(super) fn form_with_help(&mut self, at: NodeId, message: String, help: &str) {
        let (span, help) = (Some(self.tree.span(at)), Some(help.to_owned()));
        self.findings.push(Finding { message, span, help, ..Finding::default() });
    }

    pub(super) fn refuse(&mut self, at: NodeId, refusal: &Refusal) {
        self.findings.refusal(self.tree.span(at), refusal);
    }

    fn wrong_kind(&mut self, at: NodeId, key: &str, wanted: &str, help: Option<String>) {
        let message = format!("`{key}` must be {wanted}, but this is {}", self.tree.kind(at));
        let span = Some(self.tree.span(at));
        self.findings.push(Finding { message, span, help, ..Finding::default() });
    }

    /// A mapping with these keys; unknown keys, keys that are there twice and missing ones are noted.
    pub(super) fn mapping(&mut self, node: NodeId, keys: &'static Keys) -> Option<Fields> {
        let tree = self.tree;
        let Value::Mapping(entries) = &tree.node(node).value else {
            let message =
                format!("{} is a mapping of keys to values, but this is {}", keys.what, tree.kind(node));
            self.form(node, message);
            return None;
        };
        let mut fields = Fields { node, values: Vec::new(), unclear: Vec::new() };
        for (key, value) in entries {
            let Some(text) = tree.text(*key) else {
                let message =
                    format!("a key of {} must be a word, but this is {}", keys.what, tree.kind(*key));
                self.form(*key, message);
                continue;
            };
            match keys.known(text) {
                Some(known) => match fields.get(known) {
                    None => fields.values.push((known, *value)),
                    Some(first) => {
                        fields.unclear.push(known);
                        self.twice(known, *key, first, keys);
                    }
                },
                None => fields.unclear.extend(self.unknown(text, *key, keys)),
            }
        }
        let missing = keys.required.iter().filter(|key| fields.get(key).is_none());
        let missing: Vec<_> = missing.filter(|key| !fields.unclear.contains(key)).collect();
        for key in missing {
            self.form(node, format!("{} needs the key `{key}`", keys.what));
        }
        Some(fields)
    }

    fn twice(&mut self, key: &str, at: NodeId, first: NodeId, keys: &Keys) {
        let note = ("the first one has this value".to_owned(), self.tree.span(first));
        self.findings.push(Finding {
            message: format!("{} has the key `{key}` twice", keys.what),
            span: Some(self.tree.span(at)),
            notes: vec![note],
            ..Finding::default()
        });
    }

    /// Notes an unknown key. Gives the key that it may have meant.
    fn unknown(&mut self, key: &str, at: NodeId, keys: &'static Keys) -> Option<&'static str> {
        let shown = quoted(key);
        let later = |key: &str| keys.later.contains(&key);
        let mut help = None;
        let mut nearest = None;
        let message = if later(key) {
            format!("key {shown} of {} is not supported yet", keys.what)
        } else if keys.read_only.contains(&key) {
            format!("key {shown} of {} is read-only: it follows from the rest and cannot be set", keys.what)
        } else if key == "<<" {
            format!("{} cannot merge another mapping: write each key out", keys.what)
        } else {
            nearest = keys.nearest(key);
            match nearest {
                Some(meant) if later(meant) => {
                    format!("{} has no key {shown}; `{meant}` is not supported yet", keys.what)
                }
                Some(meant) => format!("{} has no key {shown}; did you mean `{meant}`?", keys.what),
                None => {
                    help = Some(format!("the keys of {} are {}", keys.what, keys.list()));
                    format!("{} has no key {shown}", keys.what)
                }
            }
        };
        let span = Some(self.tree.span(at));
        self.findings.push(Finding { message, span, help, ..Finding::default() });
        nearest.filter(|meant| !later(meant))
    }

    /// The elements of a list. Nothing at all is an empty one: the key is there, its entries are commented out perhaps.
    pub(super) fn list(&mut self, node: NodeId, key: &str) -> Option<&'t [NodeId]> {
        if self.tree.is_null(node) || matches!(self.tree.node(node).value, Value::Sequence(_)) {
            return Some(self.tree.elements(node));
        }
        self.wrong_kind(node, key, "a list", None);
        None
    }

    /// As [`list`](Self::list), where an empty list must be written as one: a file that was cut off after the key must not
    /// mean that there is nothing.
    pub(super) fn written_list(&mut self, node: NodeId, key: &str) -> Option<&'t [NodeId]> {
        if !self.tree.is_null(node) {
            return self.list(node, key);
        }
        self.wrong_kind(node, key, "a list", Some(format!("write `{key}: []` where there is to be nothing")));
        None
    }

    /// As [`list`](Self::list), for a list of words: one word alone is told how to become one.
    pub(super) fn words(&mut self, node: NodeId, key: &str) -> Option<&'t [NodeId]> {
        let Some(text) = self.tree.text(node) else { return self.list(node, key) };
        let help = format!("write `{key}: [{}]`", quoted(text).trim_matches('`'));
        self.wrong_kind(node, key, "a list", Some(help));
        None
    }

    /// A text: what stands there, whether quoted or not.
    pub(super) fn text(&mut self, node: NodeId, key: &str) -> Option<&'t str> {
        let text = self.tree.text(node);
        if text.is_none() {
            self.wrong_kind(node, key, "a text", None);
        }
        text
    }

    /// A truth value: `true` or `false`, unquoted.
    pub(super) fn flag(&mut self, node: NodeId, key: &str) -> Option<bool> {
        let message = match &self.tree.node(node).value {
            Value::Scalar { text, is_plain } => match &**text {
                "true" | "True" | "TRUE" if *is_plain => return Some(true),
                "false" | "False" | "FALSE" if *is_plain => return Some(false),
                "true" | "false" => format!("`{key}` must be true or false, without quotes"),
                _ if self.tree.is_null(node) => format!("`{key}` must be true or false, but this is nothing"),
                other => format!("`{key}` must be true or false, not {}", quoted(other)),
            },
            _ => format!("`{key}` must be true or false, but this is {}", self.tree.kind(node)),
        };
        self.form(node, message);
        None
    }
}
