//! Assertions: what a file's author expects of it, checked before anything is committed.

use super::file::Declarations;
use super::keys;
use super::reader::{Reader, quoted};
use super::tree::NodeId;
use crate::model::{NicId, Refusal, ResourceId, Scope, Topology};
use crate::routing::{Family, Reachability};

/// That one NIC reaches another, or does not.
#[derive(Debug)]
pub(super) struct Assertion {
    node: NodeId,
    from: (NodeId, NicId),
    to: (NodeId, NicId),
    reachable: bool,
    /// The address family that it is about; without one, reachable means in one family at least.
    family: Option<Family>,
}

impl Assertion {
    /// Reads an assertion, whose bare names stand in `scope`; `None` when something is wrong with its form.
    pub(super) fn read(reader: &mut Reader<'_>, node: NodeId, scope: &Scope) -> Option<Self> {
        let fields = reader.mapping(node, &keys::ASSERTION)?;
        let from = reader.name(&fields, "from", |text| NicId::within(scope, text));
        let to = reader.name(&fields, "to", |text| NicId::within(scope, text));
        let reachable = fields.get("reachable").and_then(|node| reader.flag(node, "reachable"));
        let family = match fields.get("family") {
            None => Some(None),
            Some(node) => reader.text(node, "family").and_then(|text| {
                let family = Family::ALL.into_iter().find(|family| family.to_string() == text);
                if family.is_none() {
                    reader.form(node, format!("`family` must be IPv4 or IPv6, not {}", quoted(text)));
                }
                family.map(Some)
            }),
        };
        if fields.any_unclear() {
            return None;
        }
        Some(Self {
            node,
            from: (fields.get("from")?, from?),
            to: (fields.get("to")?, to?),
            reachable: reachable?,
            family: family?,
        })
    }

    /// The NICs that it names, and where.
    pub(super) fn nics(&self) -> [&(NodeId, NicId); 2] {
        [&self.from, &self.to]
    }

    /// Notes the NICs that are named and not declared.
    pub(super) fn check_names(&self, reader: &mut Reader<'_>, file: &Declarations) {
        for (node, name) in self.nics() {
            let refusal = Refusal::ResourceNotFound { resource: ResourceId::Nic(name.clone()) };
            if !file.nics.contains(name) && !file.may_follow(&refusal) {
                reader.refuse(*node, &refusal);
            }
        }
    }
}

/// Checks assertions against the topology that the file leads to, and notes each that does not hold.
pub(super) fn check(assertions: &[Assertion], topology: &Topology, reader: &mut Reader<'_>) {
    let mut reachability = Reachability::new(topology);
    for assertion in assertions {
        let Assertion { node, from: (_, from), to: (_, to), reachable, family } = assertion;
        let answer = match family {
            Some(family) => reachability.reachable_over(from, to, *family),
            None => reachability.reachable(from, to),
        };
        let over = family.map(|family| format!(" over {family}")).unwrap_or_default();
        match (answer, reachable) {
            (Ok(()), true) | (Err(_), false) => {}
            (Ok(()), false) => {
                reader.form(*node, format!("this assertion does not hold: NIC {from} reaches {to}{over}"));
            }
            (Err(reason), true) => {
                let message =
                    format!("this assertion does not hold: NIC {from} does not reach {to}{over}: {reason}");
                reader.form(*node, message);
            }
        }
    }
}
