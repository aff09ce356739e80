//! Which nodes are slow.

use std::sync::Arc;
use std::time::Duration;

use crate::cluster::Node;

/// When a node is too slow to be asked while a faster one is there.
///
/// A node is asked again now and then, so that it is known when it is fast again.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct LatencyAwareness {
    /// How much slower than the fastest node a node may be. Default: 2.
    pub factor: f64,
    /// Nodes that answer faster than this are not slow. Default: 10 ms.
    pub tolerance: Duration,
}

impl Default for LatencyAwareness {
    fn default() -> Self {
        Self { factor: 2.0, tolerance: Duration::from_millis(10) }
    }
}

/// One request in so many goes to whom it would go without this.
const PROBE: usize = 64;

impl LatencyAwareness {
    /// What is too slow for the request of this number: more than this.
    pub(super) fn limit<'a>(
        &self,
        nodes: impl Iterator<Item = &'a Arc<Node>>,
        number: usize,
    ) -> Duration {
        let connected = nodes.filter(|node| node.is_connected());
        let fastest = connected.filter_map(|node| node.latency()).min();
        match fastest {
            Some(fastest) if !number.is_multiple_of(PROBE) => {
                let limit = fastest.as_secs_f64() * self.factor;
                let limit = Duration::try_from_secs_f64(limit).unwrap_or(Duration::MAX);
                limit.max(self.tolerance)
            }
            _ => Duration::MAX,
        }
    }
}
