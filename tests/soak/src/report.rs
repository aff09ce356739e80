//! The report that a soak prints at its end.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    time::Duration,
};

use cqlwire::session::{Metrics, NodeMetrics};

use crate::tally::Tally;

/// The results of one load.
pub(crate) struct Report {
    pub(crate) title: String,
    pub(crate) tally: Tally,
    /// The session's metrics at the end of the load.
    pub(crate) metrics: Metrics,
    /// Duration of the load.
    pub(crate) elapsed: Duration,
    /// CPU time of this process during the load, if the system reports it.
    pub(crate) cpu: Option<Duration>,
    /// The reasons of lost connections, with their numbers.
    pub(crate) connections_lost: BTreeMap<String, u64>,
}

impl Report {
    /// Returns true if no promise was broken.
    pub(crate) fn passed(&self) -> bool {
        self.tally.violations.is_empty()
    }

    fn requests(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>20} {:>13} {:>10} {:>12}", "", "acknowledged", "uncertain", "not applied")?;
        for (kind, counts) in &self.tally.requests {
            let (name, ok) = (kind.name(), counts.acknowledged);
            writeln!(f, "{name:>20} {ok:>13} {:>10} {:>12}", counts.uncertain, counts.not_applied)?;
        }
        Ok(())
    }

    fn cost(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metrics = &self.metrics;
        let requests = metrics.requests.max(1);
        let rate = requests as f64 / self.elapsed.as_secs_f64();
        writeln!(f, "  {requests} requests in {:.0?}, {rate:.0} per second", self.elapsed)?;
        writeln!(
            f,
            "  sent again: {} retries, {} speculative executions",
            metrics.retries, metrics.speculative_executions
        )?;
        writeln!(
            f,
            "  latency: p50 {:.1?}, p99 {:.1?}, max {:.1?}",
            metrics.latency_p50, metrics.latency_p99, metrics.latency_max
        )?;
        if let Some(cpu) = self.cpu {
            let micros = cpu.as_secs_f64() * 1e6 / requests as f64;
            writeln!(f, "  CPU time of the client: {micros:.1} µs per request")?;
        }
        let sum = |count: fn(&NodeMetrics) -> u64| metrics.nodes.iter().map(count).sum::<u64>();
        let (aborted, unsent) = (sum(|node| node.errors.aborted), sum(|node| node.errors.unsent));
        let disconnected = sum(|node| node.disconnected);
        writeln!(
            f,
            "  failed attempts: {disconnected} in flight when their connection ended, {} without an \
             answer in time, {unsent} unsent, {} refused or failed by the server",
            aborted.saturating_sub(disconnected),
            sum(|node| node.errors.total()) - aborted - unsent,
        )?;
        writeln!(
            f,
            "  {} connections drained, {} errors on stream 0",
            sum(|node| node.graceful_disconnects),
            sum(|node| node.unattributed_errors)
        )
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title)?;
        self.requests(f)?;
        self.cost(f)?;
        for (reason, count) in &self.connections_lost {
            writeln!(f, "  {count} connections lost: {reason}")?;
        }
        for ((kind, text), (count, example)) in &self.tally.failures {
            writeln!(f, "  {count} x {} failed: {text}", kind.name())?;
            writeln!(f, "      for example: {example}")?;
        }
        for (violation, (count, examples)) in &self.tally.violations {
            writeln!(f, "  BROKEN: {count} {}", violation.description())?;
            for example in examples {
                writeln!(f, "      {example}")?;
            }
        }
        match self.passed() {
            true => writeln!(f, "  passed"),
            false => writeln!(f, "  FAILED"),
        }
    }
}
