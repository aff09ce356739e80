//! A walk along the token ring, which finds the replicas of each range.

use std::mem::swap;

/// A walk backwards along the tokens of one datacenter, or of the whole ring. After each token, it knows the
/// replicas of the range that ends with this token, for one replication factor.
///
/// The algorithm is Cassandra's: a node becomes a replica if its rack has no replica yet. If the
/// replication factor exceeds the number of racks, the first nodes in racks that already have a
/// replica make up the difference.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    /// Number of replicas of each range.
    pub(super) replicas: usize,
    /// Number of replicas that may be in a rack that already has a replica.
    repeats: usize,
    /// The next token of each rack.
    racks: Nearest,
    /// The next token of each node. Unused without repeats.
    nodes: Nearest,
}

/// Maximum number of replicas that are listed for one datacenter with `NetworkTopologyStrategy`, or
/// in total with `SimpleStrategy`.
const MAX_LISTED: usize = 32;

/// A token of the ring, by its position, and the node that owns the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) position: usize,
    /// The index by which the replicas identify the node.
    pub(super) index: u32,
}

impl Walk {
    /// Creates a walk that finds up to `factor` replicas. `nodes` and `racks` are the numbers of nodes and
    /// racks that own tokens.
    pub(super) fn new(factor: usize, nodes: usize, racks: usize) -> Self {
        let replicas = factor.min(nodes).min(MAX_LISTED);
        let repeats = factor.min(nodes).saturating_sub(racks);
        let remembered_nodes = if repeats > 0 { replicas } else { 0 };
        Self {
            replicas,
            repeats,
            racks: Nearest::new(replicas.min(racks)),
            nodes: Nearest::new(remembered_nodes),
        }
    }

    /// Passes a token of `node` in `rack`. The positions of a walk descend.
    pub(super) fn meet(&mut self, node: u32, rack: u32, step: Step) {
        self.racks.meet(rack, step);
        if self.repeats > 0 {
            self.nodes.meet(node, step);
        }
    }

    /// Returns true once the walk has seen as many racks and nodes as it keeps.
    pub(super) const fn is_full(&self) -> bool {
        self.racks.is_full() && self.nodes.is_full()
    }

    /// Appends the replicas of the range that ends with the last token, in ring order.
    pub(super) fn collect_into(&self, found: &mut Vec<Step>) {
        let racks = self.racks.steps();
        if self.repeats == 0 {
            return found.extend(racks);
        }
        let end = found.len().saturating_add(self.replicas);
        let (mut racks, mut repeats) = (racks.peekable(), self.repeats);
        for node in self.nodes.steps() {
            let is_first_of_rack = racks.next_if_eq(&node).is_some();
            if is_first_of_rack || repeats > 0 {
                repeats = repeats.saturating_sub(usize::from(!is_first_of_rack));
                found.push(node);
            }
        }
        // Racks whose nodes are further away than the repeats.
        found.extend(racks);
        found.truncate(end);
    }
}

/// The racks or nodes that a walk met last, each with its nearest step, the nearest first.
///
/// Keeps the `capacity` nearest. An entry that drops out returns only with a nearer step.
#[derive(Debug, Clone)]
struct Nearest {
    capacity: usize,
    met: Vec<(u32, Step)>,
}

impl Nearest {
    fn new(capacity: usize) -> Self {
        Self { capacity, met: Vec::with_capacity(capacity) }
    }

    /// Moves `number` to the front.
    fn meet(&mut self, number: u32, step: Step) {
        let mut moved = (number, step);
        for place in &mut self.met {
            swap(place, &mut moved);
            if moved.0 == number {
                return;
            }
        }
        if self.met.len() < self.capacity {
            self.met.push(moved);
        }
    }

    const fn is_full(&self) -> bool {
        self.met.len() == self.capacity
    }

    fn steps(&self) -> impl Iterator<Item = Step> {
        self.met.iter().map(|(_, step)| *step)
    }
}
