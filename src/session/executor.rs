//! The state that all clones of a session share.

use std::sync::Arc;
use std::time::Duration;

use super::cache::PreparedCache;
#[cfg(feature = "metrics-024")]
use super::facade::{self, Facade};
use super::metrics::{Metrics, Recorder};
use super::options::Options;
use super::retry::RetryPolicy;
use super::throttle::Gate;
use super::timestamps::TimestampGenerator;
use crate::cluster::Cluster;

/// The state of a session and the methods that execute its requests. The methods are in other
/// modules: see `request`, `execution` and `attempt` for the path of a request.
#[derive(Debug)]
pub(super) struct Executor {
    pub(super) cluster: Cluster,
    pub(super) defaults: Options,
    pub(super) retry: Arc<dyn RetryPolicy>,
    pub(super) timestamps: Arc<dyn TimestampGenerator>,
    pub(super) gate: Option<Gate>,
    /// Longest wait for schema agreement.
    pub(super) agreement: Duration,
    pub(super) prepared: PreparedCache,
    pub(super) metrics: Recorder,
    #[cfg(feature = "metrics-024")]
    pub(super) facade: Facade,
}

impl Executor {
    /// Returns the metrics of the session and its nodes.
    pub(super) fn metrics(&self) -> Metrics {
        self.metrics.snapshot(&self.cluster, self.gate.as_ref(), self.prepared.len())
    }

    /// Publishes the counters and gauges to the `metrics` facade.
    pub(super) fn publish(&self) {
        #[cfg(feature = "metrics-024")]
        self.facade.publish(&self.metrics(), &self.cluster);
    }

    /// Publishes the counters and gauges now, and then periodically until the session ends.
    #[cfg(feature = "metrics-024")]
    pub(super) fn start_publishing(self: &Arc<Self>) {
        self.publish();
        let executor = Arc::downgrade(self);
        facade::repeat(move || executor.upgrade().map(|executor| executor.publish()));
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.publish();
    }
}
