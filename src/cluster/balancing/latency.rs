//! Detects slow nodes.

use std::sync::Arc;
use std::time::Duration;

use crate::cluster::Node;

/// The rule that excludes slow nodes while a faster node is available.
///
/// One request in 64 ignores the rule, so that the driver notices when a slow node is fast again.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct LatencyAwareness {
    /// Largest ratio of a node's latency to the latency of the fastest connected node. A node with
    /// a larger ratio is slow. Default: 2.
    pub factor: f64,
    /// Latency up to which a node is never considered slow. Default: 10 ms.
    pub tolerance: Duration,
}

impl Default for LatencyAwareness {
    fn default() -> Self {
        Self { factor: 2.0, tolerance: Duration::from_millis(10) }
    }
}

/// One request in this many ignores the latencies.
const PROBE_INTERVAL: usize = 64;

impl LatencyAwareness {
    /// Returns the latency above which a node is too slow for request `number`. Returns
    /// [`Duration::MAX`] if the request ignores latencies or no latency is known yet. `connected` are
    /// the nodes that have an open connection.
    pub(super) fn limit(&self, connected: &[Arc<Node>], number: usize) -> Duration {
        if number.is_multiple_of(PROBE_INTERVAL) {
            return Duration::MAX;
        }
        match connected.iter().filter_map(|node| node.latency()).min() {
            Some(fastest) => {
                let limit = fastest.as_secs_f64() * self.factor;
                let limit = Duration::try_from_secs_f64(limit).unwrap_or(Duration::MAX);
                limit.max(self.tolerance)
            }
            None => Duration::MAX,
        }
    }
}
