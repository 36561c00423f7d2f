//! Stride-8 multibit tries as persistent structures: equal nodes are one node, whoever uses them.
//!
//! A trie is built whole from its prefixes, bottom-up, and every node is looked up by its contents first. So two
//! subnets with equal routes share a trie, and a trie that differs in one prefix shares all but the nodes on the way
//! to it: the copy-on-write of a commit comes about by itself, and only nodes that are new are written.

use std::collections::HashMap;
use std::sync::Arc;

use vnet_common::abi::{LEAF, NODE_ENTRIES, NONE, Node};

use super::plan::{CapacityExceeded, Plan, Table};
use super::pool::Pool;

/// One prefix of a trie: the address, the length in bits, and the leaf's value.
pub(super) type Prefix<const N: usize> = ([u8; N], u8, u32);

/// All nodes of all tries.
#[derive(Debug)]
pub(super) struct Nodes {
    pool: Pool,
    by_content: HashMap<Arc<Node>, u32>,
    by_number: HashMap<u32, (Arc<Node>, u32)>,
}

impl Nodes {
    pub(super) fn new(capacity: u32) -> Self {
        let pool = Pool::new(Table::Nodes, 1, capacity);
        Self { pool, by_content: HashMap::new(), by_number: HashMap::new() }
    }

    /// Builds the trie of `prefixes`, whose first `skip` bytes are equal and left out, and returns its root:
    /// [`NONE`] for no prefixes. The caller holds one reference to the root. Leaf values are below [`LEAF`].
    pub(super) fn build<const N: usize>(
        &mut self,
        mut prefixes: Vec<Prefix<N>>,
        skip: usize,
        plan: &mut Plan,
    ) -> Result<u32, CapacityExceeded> {
        if prefixes.is_empty() {
            return Ok(NONE);
        }
        prefixes.sort_unstable();
        let inherited = match prefixes.first() {
            Some(&(_, 0, leaf)) => LEAF | leaf,
            _ => NONE,
        };
        self.build_node(&prefixes, skip, inherited, plan)
    }

    /// The node for byte `depth`: `prefixes` are sorted, agree in the bytes before it, and those that are not longer
    /// than these bytes have gone into `inherited`.
    fn build_node<const N: usize>(
        &mut self,
        prefixes: &[Prefix<N>],
        depth: usize,
        inherited: u32,
        plan: &mut Plan,
    ) -> Result<u32, CapacityExceeded> {
        let mut node = Box::new([inherited; NODE_ENTRIES]);
        let (start, end) = (depth * 8, depth * 8 + 8);
        let mut ending: Vec<&Prefix<N>> =
            prefixes.iter().filter(|p| (start + 1..=end).contains(&usize::from(p.1))).collect();
        ending.sort_by_key(|prefix| prefix.1);
        for (address, length, leaf) in ending {
            let span = 1usize << (end - usize::from(*length));
            let first = usize::from(address[depth]) & !(span - 1);
            node[first..first + span].fill(LEAF | leaf);
        }
        let deeper: Vec<Prefix<N>> = prefixes.iter().filter(|p| usize::from(p.1) > end).copied().collect();
        for group in deeper.chunk_by(|a, b| a.0[depth] == b.0[depth]) {
            let entry = usize::from(group[0].0[depth]);
            node[entry] = self.build_node(group, depth + 1, node[entry], plan)?;
        }
        self.intern(node, plan)
    }

    /// The number of the node with this content. Takes over the caller's references to its children.
    fn intern(&mut self, node: Box<Node>, plan: &mut Plan) -> Result<u32, CapacityExceeded> {
        if let Some(&number) = self.by_content.get(&*node) {
            if let Some((_, references)) = self.by_number.get_mut(&number) {
                *references += 1;
            }
            for child in children(&node) {
                self.release(child);
            }
            return Ok(number);
        }
        let number = self.pool.take()?;
        let shared = Arc::new(*node);
        self.by_content.insert(Arc::clone(&shared), number);
        self.by_number.insert(number, (shared, 1));
        plan.nodes.push((number, node));
        Ok(number)
    }

    /// Gives up one reference to a trie by its root. [`NONE`] is nobody's.
    pub(super) fn release(&mut self, number: u32) {
        let Some((node, references)) = self.by_number.get_mut(&number) else { return };
        *references -= 1;
        if *references > 0 {
            return;
        }
        let node = Arc::clone(node);
        self.by_number.remove(&number);
        self.by_content.remove(&node);
        self.pool.retire(number);
        for child in children(&node) {
            self.release(child);
        }
    }

    pub(super) fn settle(&mut self) {
        self.pool.settle();
    }

    pub(super) fn needed(&self) -> u32 {
        self.pool.needed()
    }

    pub(super) fn end_at(&mut self, end: u32) {
        self.pool.end_at(end);
    }

    /// How many nodes are in use.
    pub(super) fn len(&self) -> usize {
        self.by_number.len()
    }
}

/// The children of a node, one for each entry that leads to it.
fn children(node: &Node) -> impl Iterator<Item = u32> {
    node.iter().copied().filter(|&entry| entry != NONE && entry & LEAF == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use vnet_common::fib;

    fn walk(plan: &Plan, root: u32, address: [u8; 4], skip: usize) -> Option<u32> {
        let nodes: HashMap<u32, &Box<Node>> = plan.nodes.iter().map(|(n, node)| (*n, node)).collect();
        let load = |node: u32, byte: u8| nodes.get(&node).map_or(0, |node| node[usize::from(byte)]);
        fib::walk(load, root, &address, skip)
    }

    fn matches(prefix: &Prefix<4>, address: [u8; 4]) -> bool {
        let bits = u32::from(prefix.1);
        let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
        (u32::from_be_bytes(prefix.0) ^ u32::from_be_bytes(address)) & mask == 0
    }

    fn prefix() -> impl Strategy<Value = Prefix<4>> {
        // Few values a byte, so that prefixes nest and meet.
        (prop::array::uniform4(0u8..4), 0u8..=32).prop_map(|(address, length)| {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            ((u32::from_be_bytes(address) & mask).to_be_bytes(), length, 0)
        })
    }

    proptest! {
        #[test]
        fn a_walk_finds_the_longest_prefix(
            prefixes in prop::collection::vec(prefix(), 1..40), addresses in prop::collection::vec(prop::array::uniform4(0u8..5), 50)
        ) {
            let mut distinct: Vec<Prefix<4>> = prefixes;
            distinct.sort_unstable();
            distinct.dedup();
            for (leaf, prefix) in (1u32..).zip(&mut distinct) {
                prefix.2 = leaf;
            }
            let mut nodes = Nodes::new(10_000);
            let mut plan = Plan::default();
            let root = nodes.build(distinct.clone(), 0, &mut plan).unwrap();
            for address in addresses {
                let longest = distinct.iter().filter(|p| matches(p, address)).max_by_key(|p| p.1).map(|p| p.2);
                prop_assert_eq!(walk(&plan, root, address, 0), longest);
            }
            nodes.release(root);
            prop_assert_eq!(nodes.len(), 0);
        }
    }

    #[test]
    fn equal_tries_are_one_and_a_longer_prefix_adds_only_the_nodes_on_its_way() {
        let (mut nodes, mut plan) = (Nodes::new(100), Plan::default());
        let table = vec![([10, 1, 0, 0], 16, 1), ([10, 2, 0, 0], 16, 2), ([0; 4], 0, 3)];
        let first = nodes.build(table.clone(), 0, &mut plan).unwrap();
        assert_eq!(plan.nodes.len(), 2);
        assert_eq!(nodes.build(table.clone(), 0, &mut plan), Ok(first));
        assert_eq!(plan.nodes.len(), 2);
        let mut longer = table;
        longer.push(([20, 1, 2, 0], 24, 4));
        let second = nodes.build(longer, 0, &mut plan).unwrap();
        // The root, 20. and 20.1.; the node of 10. is shared.
        assert_eq!(plan.nodes.len(), 5);
        assert_eq!(walk(&plan, second, [20, 1, 2, 9], 0), Some(4));
        assert_eq!(walk(&plan, second, [20, 1, 3, 9], 0), Some(3));
        assert_eq!(walk(&plan, second, [10, 2, 3, 9], 0), Some(2));
    }

    #[test]
    fn skipped_bytes_take_no_node() {
        let (mut nodes, mut plan) = (Nodes::new(100), Plan::default());
        let hosts = vec![([10, 1, 2, 4], 32, 7), ([10, 1, 2, 5], 32, 8)];
        let root = nodes.build(hosts, 3, &mut plan).unwrap();
        assert_eq!(plan.nodes.len(), 1);
        assert_eq!(walk(&plan, root, [10, 1, 2, 5], 3), Some(8));
        assert_eq!(walk(&plan, root, [10, 1, 2, 6], 3), None);
    }

    #[test]
    fn a_full_table_is_an_error() {
        let (mut nodes, mut plan) = (Nodes::new(2), Plan::default());
        let full = nodes.build(vec![([10, 1, 0, 0], 16, 1)], 0, &mut plan);
        assert_eq!(full, Err(CapacityExceeded { table: Table::Nodes, capacity: 2 }));
    }
}
