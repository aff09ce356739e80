//! The results as text.

use std::fmt::{self, Display, Write};

use super::record::{Latencies, Requests, Stage};
use crate::report::Verdict;

impl Stage {
    /// Returns the number of requests that succeeded.
    pub(crate) fn succeeded(&self) -> u64 {
        self.requests.iter().map(|requests| requests.succeeded).sum()
    }

    /// Returns the number of requests that failed.
    pub(crate) fn failed(&self) -> u64 {
        self.requests.iter().map(Requests::failed).sum()
    }

    /// Returns the number of idempotent requests that failed.
    pub(crate) fn failed_idempotent(&self) -> u64 {
        let idempotent = self.requests.iter().filter(|requests| requests.is_idempotent);
        idempotent.map(Requests::failed).sum()
    }

    /// Returns the latency of the slowest idempotent request under any fault, in milliseconds.
    fn slowest_under_fault(&self) -> f64 {
        self.faults.iter().map(|fault| fault.slowest).fold(0.0, f64::max)
    }

    /// Returns the longest time from the end of a fault until the session answered a new request and was
    /// connected to all nodes, in milliseconds.
    fn slowest_reconnection(&self) -> f64 {
        self.faults.iter().map(|fault| fault.answered.max(fault.reconnected)).fold(0.0, f64::max)
    }
}

impl Requests {
    /// Returns the number of requests that failed.
    const fn failed(&self) -> u64 {
        self.uncertain + self.not_applied
    }
}

impl Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (requests, minutes) = (self.succeeded() + self.failed(), self.seconds / 60.0);
        writeln!(f, "Cassandra {}: {requests} requests in {minutes:.1} minutes", self.version)?;
        writeln!(f, "{:>20} {:>13} {:>10} {:>12}", "", "acknowledged", "uncertain", "not applied")?;
        for requests in &self.requests {
            writeln!(
                f,
                "{:>20} {:>13} {:>10} {:>12}",
                requests.kind, requests.succeeded, requests.uncertain, requests.not_applied
            )?;
        }
        writeln!(f, "  idempotent requests: {}", self.idempotent)?;
        writeln!(f, "  other requests: {}", self.other)?;
        if let Some(cpu) = self.cpu {
            let micros = cpu * 1e6 / requests.max(1) as f64;
            writeln!(f, "  CPU time of the client: {micros:.0} µs per request")?;
        }
        let (retries, executions) = (self.retries, self.speculative_executions);
        writeln!(f, "  sent again: {retries} retries, {executions} speculative executions")?;
        writeln!(f, "  {} schema changes", self.schema_changes)?;
        for fault in &self.faults {
            let seconds = fault.end - fault.begin;
            let (name, node, slowest) = (&fault.name, fault.node, fault.slowest);
            let (answered, reconnected) = (fault.answered, fault.reconnected);
            writeln!(
                f,
                "  {name:>8} of node {node} for {seconds:>4.0} s: slowest idempotent request \
                 {slowest:>6.0} ms, then answered after {answered:>4.0} ms, connected again after \
                 {reconnected:>5.0} ms"
            )?;
        }
        for (reason, count) in &self.connections_lost {
            writeln!(f, "  {count} connections lost: {reason}")?;
        }
        for (text, count, example) in &self.failures {
            writeln!(f, "  {count} x {text}\n      for example: {example}")?;
        }
        if let Some(memory) = self.memory {
            let [early, late, limit] = [memory.early, memory.late, memory.limit].map(mib);
            let word = if memory.is_flat() { "flat" } else { "BROKEN: not flat" };
            writeln!(f, "  heap: {word}, {early:.2} MiB, later {late:.2} (limit {limit:.2})")?;
        }
        for (text, count, examples) in &self.violations {
            writeln!(f, "  BROKEN: {count} {text}")?;
            for example in examples {
                writeln!(f, "      {example}")?;
            }
        }
        match self.verdict() {
            Verdict::Passed => writeln!(f, "  passed"),
            Verdict::NothingProven => {
                writeln!(f, "  NOTHING PROVEN: {}", self.unproven().unwrap_or_default())
            }
            Verdict::Broken => writeln!(f, "  FAILED"),
        }
    }
}

impl Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { p50, p99, p999, max } = self;
        write!(f, "p50 {p50:.1} ms, p99 {p99:.1} ms, p99.9 {p999:.1} ms, max {max:.0} ms")
    }
}

/// Returns the results of all stages as a Markdown table.
pub(crate) fn table(stages: &[Stage]) -> String {
    let mut text = String::from(
        "| Cassandra | minutes | faults | schema changes | requests | failed, of them idempotent | \
         p50, p99, max of idempotent requests | slowest under a fault | slowest recovery | heap, early and late | violations |\n\
         |---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for stage in stages {
        let idempotent = stage.failed_idempotent();
        let Latencies { p50, p99, max, .. } = stage.idempotent;
        let [early, late] =
            stage.memory.map_or([0; 2], |memory| [memory.early, memory.late]).map(mib);
        let violations: u64 = stage.violations.iter().map(|(_, count, _)| count).sum();
        let _ = writeln!(
            text,
            "| {} | {:.1} | {} | {} | {} | {}, {idempotent} | {p50:.1}, {p99:.1}, {max:.0} ms | {:.0} ms | \
             {:.0} ms | {early:.2}, {late:.2} MiB | {violations} |",
            stage.version,
            stage.seconds / 60.0,
            stage.faults.len(),
            stage.schema_changes,
            stage.succeeded() + stage.failed(),
            stage.failed(),
            stage.slowest_under_fault(),
            stage.slowest_reconnection(),
        );
    }
    text
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
