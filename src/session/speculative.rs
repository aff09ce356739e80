//! Asking another node while the first has not answered yet.

use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::sleep;

use super::execution::{NodeResponse, RequestProgress};
use super::{Error, Executor};

/// Asks another node when one takes its time; the first answer counts. Only idempotent statements
/// are asked so, since more than one node may run them: SELECTs, unless it is said otherwise, and
/// what is said to be [idempotent](super::Statement::idempotent).
///
/// It costs the cluster work: a `delay` that 99 of 100 answers come within costs it one request in a
/// hundred.
///
/// ```
/// use cqlwire::session::{SpeculativeExecution, Statement};
///
/// let slow = SpeculativeExecution::percentile(99.0);
/// let select = Statement::new("SELECT * FROM users").speculative_execution(slow);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpeculativeExecution {
    delay: Duration,
    /// The percentile that takes the place of the delay once it is known.
    percentile: Option<f64>,
    most: usize,
}

/// Used until a percentile is known.
const AT_FIRST: Duration = Duration::from_millis(100);

impl SpeculativeExecution {
    /// Asks one other node when an answer takes longer than this.
    pub const fn after(delay: Duration) -> Self {
        Self { delay, percentile: None, most: 1 }
    }

    /// Asks one other node when an answer takes longer than so many of 100 requests of the session
    /// took lately: those of the last minute or two, if they were a thousand. As long as they were
    /// fewer, after [`at_first`](Self::at_first).
    pub const fn percentile(percentile: f64) -> Self {
        Self { delay: AT_FIRST, percentile: Some(percentile), most: 1 }
    }

    /// The delay as long as a percentile is not known. Default: 100 ms.
    #[must_use]
    pub const fn at_first(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// How many other nodes are asked at most, each after the same delay. Default: 1.
    #[must_use]
    pub const fn most(mut self, nodes: usize) -> Self {
        self.most = nodes;
        self
    }
}

impl Executor {
    /// Asks nodes until one of them answers, or none is left to ask.
    pub(super) async fn run_speculatively(
        &self,
        progress: &RequestProgress<'_, '_>,
        SpeculativeExecution { delay, percentile, most }: SpeculativeExecution,
    ) -> Result<NodeResponse, Error> {
        let known = percentile.and_then(|percentile| self.metrics.recent(percentile / 100.0));
        let delay = known.unwrap_or(delay);
        let mut executions = FuturesUnordered::new();
        executions.push(self.run_execution(progress));
        let mut speculations = 0;
        loop {
            let mut pause = Box::pin(sleep(delay));
            tokio::select! {
                Some(outcome) = executions.next() => match outcome {
                    Err(_) if !executions.is_empty() => {}
                    outcome => return outcome,
                },
                () = &mut pause, if speculations < most => {
                    speculations += 1;
                    if self.has_untried_node(progress) {
                        self.metrics.speculations.add();
                        progress.record_speculation();
                        executions.push(self.run_execution(progress));
                    }
                }
            }
        }
    }
}
