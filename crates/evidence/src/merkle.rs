//! The Merkle tree of the journal, hashed as RFC 6962 section 2.1 says: a leaf is an event's bytes.

use protocol::Sha256Digest;

use crate::sha256;

/// The leaves of a journal.
#[derive(Debug, Clone, Default)]
pub struct Log {
    leaves: Vec<Sha256Digest>,
}

impl Log {
    /// Adds an event's bytes as the next leaf.
    pub fn push(&mut self, event: &[u8]) {
        self.leaves.push(leaf_hash(event));
    }

    /// How many leaves there are.
    pub fn len(&self) -> u64 {
        self.leaves.len() as u64
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    /// The head of the tree: of no leaves, the hash of nothing.
    pub fn root(&self) -> Sha256Digest {
        tree_hash(&self.leaves)
    }

    /// The audit path of leaf `index` to the present root; none beyond the last leaf.
    pub fn inclusion_proof(&self, index: u64) -> Option<Vec<Sha256Digest>> {
        let index = usize::try_from(index).ok()?;
        (index < self.leaves.len()).then(|| audit_path(index, &self.leaves))
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

fn audit_path(index: usize, leaves: &[Sha256Digest]) -> Vec<Sha256Digest> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    if index < left.len() {
        let mut path = audit_path(index, left);
        path.push(tree_hash(right));
        path
    } else {
        let mut path = audit_path(index - left.len(), right);
        path.push(tree_hash(left));
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
