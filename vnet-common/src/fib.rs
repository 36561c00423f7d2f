//! The trie walk: longest-prefix match by one array load a byte.
//!
//! A trie is made of nodes of 256 entries, one for each value of the next byte of the address (a stride-8 multibit
//! trie with leaf pushing). An entry is nothing (0), a leaf (with the top bit set) or the number of a child node. The
//! compiler has already pushed every covering prefix down, so the walk never goes back.
//!
//! Refused: the kernel's LPM trie, a pointer chase for each bit where prefixes part, measured at twice the whole cost.

use crate::abi::{LEAF, NONE};

/// Walks from node `root` along `bytes`, of which the first `skip` are left out.
///
/// `load` gives entry `byte` of node `node`; it gives 0 for a node that does not exist. The answer is the leaf's value,
/// or `None` where the trie holds nothing for the address. At most `bytes.len()` loads.
#[inline(always)]
pub fn walk<const N: usize>(
    load: impl Fn(u32, u8) -> u32,
    root: u32,
    bytes: &[u8; N],
    skip: usize,
) -> Option<u32> {
    let mut node = root;
    let mut depth = 0;
    while depth < N {
        if depth >= skip {
            if node == NONE {
                return None;
            }
            let entry = load(node, bytes[depth]);
            if entry & LEAF != 0 {
                return Some(entry & !LEAF);
            }
            node = entry;
        }
        depth += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(node: u32, byte: u8) -> u32 {
        match (node, byte) {
            (1, 10) => 2,
            (1, _) => LEAF | 7,
            (2, 1) => LEAF | 8,
            (2, 2) => 3,
            (3, 0) => 4,
            (4, 9) => LEAF | 9,
            _ => 0,
        }
    }

    #[test]
    fn a_walk_ends_at_the_first_leaf_on_its_way() {
        assert_eq!(walk(load, 1, &[192, 168, 0, 1], 0), Some(7));
        assert_eq!(walk(load, 1, &[10, 1, 0, 1], 0), Some(8));
        assert_eq!(walk(load, 1, &[10, 2, 0, 9], 0), Some(9));
    }

    #[test]
    fn an_empty_entry_or_a_missing_root_holds_nothing() {
        assert_eq!(walk(load, 1, &[10, 3, 0, 1], 0), None);
        assert_eq!(walk(load, 1, &[10, 2, 0, 8], 0), None);
        assert_eq!(walk(load, 0, &[10, 1, 0, 1], 0), None);
    }

    #[test]
    fn skipped_bytes_are_not_looked_at() {
        assert_eq!(walk(load, 3, &[77, 77, 0, 9], 2), Some(9));
        assert_eq!(walk(load, 4, &[77, 77, 77, 9], 3), Some(9));
    }
}
