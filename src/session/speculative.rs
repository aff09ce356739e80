//! Asking another node while the first has not answered yet.

use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::sleep;

use super::request::{Answer, Run};
use super::{Error, Inner};

/// Asks another node when one takes its time; the first answer counts. Only idempotent statements
/// are asked so, since more than one node may run them.
///
/// It costs the cluster work: a `delay` that 99 of 100 answers come within costs it one request in a
/// hundred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpeculativeExecution {
    /// How long an answer may take before another node is asked.
    pub delay: Duration,
    /// How many other nodes are asked at most.
    pub most: usize,
}

impl SpeculativeExecution {
    /// Asks one other node after this time.
    pub const fn after(delay: Duration) -> Self {
        Self { delay, most: 1 }
    }
}

impl Inner {
    /// Asks nodes until one of them answers, or none is left to ask.
    pub(super) async fn speculate(
        &self,
        run: &Run<'_, '_>,
        SpeculativeExecution { delay, most }: SpeculativeExecution,
    ) -> Result<Answer, Error> {
        let mut executions = FuturesUnordered::new();
        executions.push(self.execution(run));
        let mut speculations = 0;
        loop {
            let mut pause = Box::pin(sleep(delay));
            tokio::select! {
                Some(outcome) = executions.next() => match outcome {
                    Err(_) if !executions.is_empty() => {}
                    outcome => return outcome,
                },
                () = &mut pause, if speculations < most && self.has_other(run) => {
                    speculations += 1;
                    self.metrics.speculation();
                    executions.push(self.execution(run));
                }
            }
        }
    }
}
