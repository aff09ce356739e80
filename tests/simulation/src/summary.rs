//! The summary of many simulations.

use std::{collections::BTreeMap, fmt, time::Duration};

use cqlwire_faults::FaultCounts;

use crate::report::Report;

/// The summary of many simulations.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub(crate) schedules: u64,
    pub(crate) failures: u64,
    requests: u64,
    events: u64,
    fault_time: Duration,
    applied: FaultCounts,
    counts: BTreeMap<String, u64>,
    outcomes: BTreeMap<String, u64>,
}

impl Summary {
    pub(crate) fn add(&mut self, report: &Report) {
        self.schedules += 1;
        self.failures += u64::from(!report.findings.is_empty());
        self.requests += report.requests;
        self.events += report.events;
        self.fault_time += report.fault_time;
        self.applied += &report.applied.counts();
        for (sums, counts) in
            [(&mut self.counts, &report.counts), (&mut self.outcomes, &report.outcomes)]
        {
            for (name, count) in counts {
                *sums.entry(name.clone()).or_default() += count;
            }
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { schedules, failures, requests, events, fault_time, .. } = self;
        write!(f, "{}", self.applied)?;
        for (name, count) in self.counts.iter().chain(&self.outcomes) {
            writeln!(f, "{name:<60} {count:>12}")?;
        }
        writeln!(f, "{schedules} schedules, {failures} of them broke a promise")?;
        let hours = fault_time.as_secs_f64() / 3_600.0;
        writeln!(f, "{requests} requests, {events} reads and writes, {hours:.1} hours of faults")
    }
}
