//! The Merkle tree of the journal, hashed as RFC 6962 section 2.1 says: a leaf is an event's bytes.

use std::sync::Arc;

use protocol::Sha256Digest;

use crate::sha256;

/// How many hashes of a level lie together, so that a copy of the log shares them.
const BLOCK_LEN: usize = 256;

/// The leaves of a journal, and the root of every full subtree over them: a new leaf costs two hashes on average, a root
/// or a proof as many as the tree is high. A copy is cheap, however long the log is.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// `levels[h]` has the roots of the full subtrees of `1 << h` leaves, from the left.
    levels: Vec<Level>,
}

impl Log {
    /// Adds an event's bytes as the next leaf.
    pub fn push(&mut self, event: &[u8]) {
        let mut hash = leaf_hash(event);
        for height in 0.. {
            if height == self.levels.len() {
                self.levels.push(Level::default());
            }
            let level = &mut self.levels[height];
            let index = level.len();
            level.push(hash);
            // A right child completes its parent.
            let left = if index % 2 == 1 { level.get(index - 1) } else { None };
            let Some(left) = left else { break };
            hash = node_hash(left, &hash);
        }
    }

    /// How many leaves there are.
    pub fn len(&self) -> u64 {
        self.n_leaves() as u64
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.n_leaves() == 0
    }

    /// The head of the tree: of no leaves, the hash of nothing.
    pub fn root(&self) -> Sha256Digest {
        self.subtree(0, self.n_leaves())
    }

    /// The head of the tree when it had `size` leaves; none if it never had so many.
    pub fn root_at(&self, size: u64) -> Option<Sha256Digest> {
        let size = usize::try_from(size).ok().filter(|size| *size <= self.n_leaves())?;
        Some(self.subtree(0, size))
    }

    /// The audit path of leaf `index` to the present root; none beyond the last leaf.
    pub fn inclusion_proof(&self, index: u64) -> Option<Vec<Sha256Digest>> {
        let index = usize::try_from(index).ok()?;
        let (mut start, mut end) = (0, self.n_leaves());
        if index >= end {
            return None;
        }
        let mut path = Vec::new();
        while end - start > 1 {
            let middle = start + split(end - start);
            let (near, far) = match index < middle {
                true => ((start, middle), (middle, end)),
                false => ((middle, end), (start, middle)),
            };
            path.push(self.subtree(far.0, far.1));
            (start, end) = near;
        }
        // Found from the root down; written from the leaf up.
        path.reverse();
        Some(path)
    }

    fn n_leaves(&self) -> usize {
        self.levels.first().map_or(0, Level::len)
    }

    /// The hash over the leaves `start..end`, where `start` is where a subtree of that many begins.
    fn subtree(&self, start: usize, end: usize) -> Sha256Digest {
        let size = end - start;
        if size == 0 {
            return sha256(b"");
        }
        let full = || {
            let height = size.trailing_zeros() as usize;
            self.levels.get(height)?.get(start >> height).copied()
        };
        match size.is_power_of_two().then(full).flatten() {
            Some(hash) => hash,
            None => {
                let middle = start + split(size);
                node_hash(&self.subtree(start, middle), &self.subtree(middle, end))
            }
        }
    }
}

/// The hashes of one height. Whole blocks are shared between copies.
#[derive(Debug, Clone, Default)]
struct Level {
    blocks: Vec<Arc<[Sha256Digest]>>,
    rest: Vec<Sha256Digest>,
}

impl Level {
    fn len(&self) -> usize {
        self.blocks.len() * BLOCK_LEN + self.rest.len()
    }

    fn push(&mut self, hash: Sha256Digest) {
        self.rest.push(hash);
        if self.rest.len() == BLOCK_LEN {
            self.blocks.push(std::mem::take(&mut self.rest).into());
        }
    }

    fn get(&self, index: usize) -> Option<&Sha256Digest> {
        match self.blocks.get(index / BLOCK_LEN) {
            Some(block) => block.get(index % BLOCK_LEN),
            None => self.rest.get(index.checked_sub(self.blocks.len() * BLOCK_LEN)?),
        }
    }
}

/// Whether `event` is leaf `index` of the tree of `size` leaves with `root` (RFC 9162, section 2.1.3.2).
pub fn is_included(
    event: &[u8],
    index: u64,
    size: u64,
    proof: &[Sha256Digest],
    root: &Sha256Digest,
) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = leaf_hash(event);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

fn leaf_hash(event: &[u8]) -> Sha256Digest {
    let mut bytes = Vec::with_capacity(event.len() + 1);
    bytes.push(0);
    bytes.extend_from_slice(event);
    sha256(&bytes)
}

fn node_hash(left: &Sha256Digest, right: &Sha256Digest) -> Sha256Digest {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(left.as_bytes());
    bytes[33..].copy_from_slice(right.as_bytes());
    sha256(&bytes)
}

/// The largest power of two below `n`, for `n > 1`.
fn split(n: usize) -> usize {
    n.next_power_of_two() / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    /// The tree's definition (RFC 6962, section 2.1), word by word.
    fn tree_hash(leaves: &[Sha256Digest]) -> Sha256Digest {
        match leaves {
            [] => sha256(b""),
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(split(leaves.len()));
                node_hash(&tree_hash(left), &tree_hash(right))
            }
        }
    }

    /// Likewise the audit path (section 2.1.1).
    fn audit_path(index: usize, leaves: &[Sha256Digest]) -> Vec<Sha256Digest> {
        if leaves.len() <= 1 {
            return Vec::new();
        }
        let (left, right) = leaves.split_at(split(leaves.len()));
        let (mut path, other) = match index < left.len() {
            true => (audit_path(index, left), right),
            false => (audit_path(index - left.len(), right), left),
        };
        path.push(tree_hash(other));
        path
    }

    proptest! {
        #[test]
        fn roots_and_proofs_are_those_of_the_definition(
            size in prop_oneof![0..70_usize, 0..3_000_usize], at: prop::sample::Index, then in 0..3_u64
        ) {
            let mut log = log(size as u64);
            let copy = log.clone();
            let leaves: Vec<_> = (0..size as u64).map(|i| leaf_hash(&i.to_be_bytes())).collect();
            (0..then).for_each(|i| log.push(&i.to_be_bytes()));
            prop_assert_eq!(log.len(), size as u64 + then);
            prop_assert_eq!(copy.root(), tree_hash(&leaves));
            prop_assert_eq!(log.root_at(size as u64), Some(copy.root()));
            prop_assert_eq!(copy.root_at(size as u64 + 1), None);
            let cut = at.index(size + 1);
            prop_assert_eq!(log.root_at(cut as u64), Some(tree_hash(&leaves[..cut])));
            if size > 0 {
                let index = at.index(size);
                prop_assert_eq!(copy.inclusion_proof(index as u64), Some(audit_path(index, &leaves)));
            }
        }
    }

    fn log(n: u64) -> Log {
        let mut log = Log::default();
        (0..n).for_each(|i| log.push(&i.to_be_bytes()));
        log
    }

    #[test]
    fn the_heads_are_those_of_the_reference_vectors() {
        // Certificate Transparency's own vectors: the empty tree, and the tree of one empty leaf.
        assert_eq!(
            Log::default().root().to_string(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        let mut one = Log::default();
        one.push(b"");
        assert_eq!(
            one.root().to_string(),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
        );
    }

    #[test]
    fn every_leaf_of_every_small_tree_is_proven_and_nothing_else_is() {
        for size in 1..=33 {
            let log = log(size);
            for index in 0..size {
                let proof = log.inclusion_proof(index).unwrap();
                let check = |event: u64, index, size, proof: &[_]| {
                    is_included(&event.to_be_bytes(), index, size, proof, &log.root())
                };
                assert!(check(index, index, size, &proof), "leaf {index} of {size}");
                assert!(!check(index + 1, index, size, &proof));
                assert!(!check(index, index + 1, size, &proof));
                let mut longer = proof.clone();
                longer.push(log.root());
                assert!(!check(index, index, size, &longer));
                if let Some((_, shorter)) = proof.split_last() {
                    assert!(!check(index, index, size, shorter));
                }
            }
            assert!(log.inclusion_proof(size).is_none());
        }
    }
}
