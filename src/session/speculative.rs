//! When to send a request to another node before the first one has answered.

use std::time::Duration;

/// A policy that also sends a request to another node if the first node is slow. The first response
/// wins.
///
/// Only [idempotent](super::Statement::idempotent) statements are executed speculatively, because
/// more than one node may execute them. By default, only a SELECT is idempotent.
///
/// Speculative executions cost the cluster work. With a delay at the 99th percentile of the
/// latencies, one request in a hundred is sent twice.
///
/// ```
/// use cqlwire::session::{SpeculativeExecution, Statement};
///
/// let slow = SpeculativeExecution::percentile(99.0);
/// let select = Statement::new("SELECT * FROM users").speculative_execution(slow);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpeculativeExecution {
    pub(super) delay: Duration,
    /// The percentile of recent latencies that replaces `delay` once it can be computed. `None` for
    /// a fixed delay.
    pub(super) percentile: Option<f64>,
    pub(super) max_executions: usize,
}

/// The default delay that applies as long as the percentile is not known.
const INITIAL_DELAY: Duration = Duration::from_millis(100);

impl SpeculativeExecution {
    /// Creates a policy that starts a speculative execution if there is no response after `delay`.
    pub const fn after(delay: Duration) -> Self {
        Self { delay, percentile: None, max_executions: 1 }
    }

    /// Creates a policy that starts a speculative execution if a request takes longer than
    /// `percentile` percent of the session's recent requests.
    ///
    /// Recent requests are those of the last one to two minutes. As long as there are fewer than
    /// 1,000 of them, the [`initial_delay`](Self::initial_delay) applies instead.
    pub const fn percentile(percentile: f64) -> Self {
        Self { delay: INITIAL_DELAY, percentile: Some(percentile), max_executions: 1 }
    }

    /// Sets the delay that applies as long as the percentile is not known. Default: 100 ms.
    #[must_use]
    pub const fn initial_delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Sets the maximum number of speculative executions of a request. Each starts one delay after
    /// the previous execution. Default: 1.
    #[must_use]
    pub const fn max_executions(mut self, executions: usize) -> Self {
        self.max_executions = executions;
        self
    }
}
