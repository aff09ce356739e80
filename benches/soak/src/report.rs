//! The report that a soak prints at its end.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    time::Duration,
};

use cqlwire::session::{Metrics, NodeMetrics};
use cqlwire_model::Tally;

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
    /// Number of times that a connection became unresponsive.
    pub(crate) unresponsive: u64,
    /// Number of faults that the session noticed at the node of the fault.
    pub(crate) noticed_faults: u64,
    /// Says which faults did not occur. `None` if all of them did.
    pub(crate) missing_faults: Option<String>,
}

/// The verdict on a load. Of several loads, the greatest verdict counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// The faults occurred, and every promise was kept.
    Passed,
    /// No promise was broken, but the faults that could break one did not occur.
    NothingProven,
    /// A promise was broken.
    Broken,
}

impl Report {
    pub(crate) fn verdict(&self) -> Verdict {
        match (self.tally.violations.is_empty(), &self.missing_faults) {
            (false, _) => Verdict::Broken,
            (true, Some(_)) => Verdict::NothingProven,
            (true, None) => Verdict::Passed,
        }
    }

    /// Returns the number of errors on stream 0.
    pub(crate) fn errors_on_stream_0(&self) -> u64 {
        self.sum(|node| node.unattributed_errors)
    }

    fn connections_drained(&self) -> u64 {
        self.sum(|node| node.graceful_disconnects)
    }

    fn sum(&self, count: fn(&NodeMetrics) -> u64) -> u64 {
        self.metrics.nodes.iter().map(count).sum()
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
        let aborted = self.sum(|node| node.errors.aborted);
        let unsent = self.sum(|node| node.errors.unsent);
        let disconnected = self.sum(|node| node.disconnected);
        writeln!(
            f,
            "  failed attempts: {disconnected} in flight when their connection ended, {} without an \
             answer in time, {unsent} unsent, {} refused or failed by the server",
            aborted.saturating_sub(disconnected),
            self.sum(|node| node.errors.total()) - aborted - unsent,
        )?;
        writeln!(
            f,
            "  {} connections drained, {} times unresponsive, {} errors on stream 0",
            self.connections_drained(),
            self.unresponsive,
            self.errors_on_stream_0()
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
        if let Some(missing) = &self.missing_faults {
            writeln!(f, "  NO FAULT: {missing}")?;
        }
        match self.verdict() {
            Verdict::Passed => writeln!(f, "  passed"),
            Verdict::NothingProven => writeln!(f, "  NOTHING PROVEN"),
            Verdict::Broken => writeln!(f, "  FAILED"),
        }
    }
}
