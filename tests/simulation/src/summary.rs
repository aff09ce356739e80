//! The summary of many simulations.

use std::{collections::BTreeMap, fmt, time::Duration};

use cqlwire_faults::FaultCounts;
use cqlwire_model::{Counts, Kind};

use crate::{
    node_event::NodeEvent,
    report::Report,
    server_fault::{ServerFaultKind, Target},
};

/// The summary of many simulations.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub(crate) schedules: u64,
    pub(crate) failures: u64,
    requests: u64,
    events: u64,
    fault_time: Duration,
    slowest_recovery: Duration,
    applied: FaultCounts,
    node_events: BTreeMap<NodeEvent, u64>,
    answers: BTreeMap<(ServerFaultKind, Target, bool), u64>,
    cancelled: u64,
    jumps: u64,
    outcomes: BTreeMap<Kind, Counts>,
}

impl Summary {
    pub(crate) fn add(&mut self, report: &Report) {
        self.schedules += 1;
        self.failures += u64::from(!report.findings.is_empty());
        self.requests += report.requests;
        self.events += report.events;
        self.fault_time += report.fault_time;
        self.slowest_recovery = self.slowest_recovery.max(report.recovery);
        self.applied += &report.applied.counts();
        self.cancelled += report.cancelled;
        self.jumps += report.jumps;
        for (event, count) in &report.node_events {
            *self.node_events.entry(*event).or_default() += count;
        }
        for (answer, count) in &report.answers {
            *self.answers.entry(*answer).or_default() += count;
        }
        for (kind, counts) in &report.outcomes {
            *self.outcomes.entry(*kind).or_default() += *counts;
        }
    }

    /// Writes how often each wrong answer was given to each target, with the executed requests in
    /// parentheses.
    fn fmt_answers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<42}", "answers (of them after execution)")?;
        for target in Target::ALL {
            write!(f, "{:>18}", target.name())?;
        }
        writeln!(f)?;
        for &kind in ServerFaultKind::ALL {
            write!(f, "{:<42}", kind.name())?;
            for &target in Target::ALL {
                let count = |executed| self.answers.get(&(kind, target, executed)).copied();
                let executed = count(true).unwrap_or_default();
                let all = count(false).unwrap_or_default() + executed;
                let text = match kind.may_execute() {
                    true => format!("{all} ({executed})"),
                    false => all.to_string(),
                };
                write!(f, "{text:>18}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.applied)?;
        for &event in NodeEvent::ALL {
            for event in [Some(event), event.end()].into_iter().flatten() {
                let count = self.node_events.get(&event).copied().unwrap_or_default();
                writeln!(f, "{:<30} {count:>10}", event.name())?;
            }
        }
        writeln!(f, "{:<30} {:>10}", "future dropped", self.cancelled)?;
        writeln!(f, "{:<30} {:>10}", "wall clock jumped", self.jumps)?;
        self.fmt_answers(f)?;
        writeln!(
            f,
            "{:<42}{:>18}{:>18}{:>18}",
            "requests", "acknowledged", "uncertain", "not applied"
        )?;
        for (kind, Counts { acknowledged, uncertain, not_applied, .. }) in &self.outcomes {
            let name = kind.name();
            writeln!(f, "{name:<42}{acknowledged:>18}{uncertain:>18}{not_applied:>18}")?;
        }
        let Self { schedules, failures, requests, events, fault_time, .. } = self;
        writeln!(f, "{schedules} schedules, {failures} of them broke a promise")?;
        writeln!(f, "slowest recovery: {:.1?}", self.slowest_recovery)?;
        let hours = fault_time.as_secs_f64() / 3_600.0;
        writeln!(f, "{requests} requests, {events} reads and writes, {hours:.1} hours of faults")
    }
}
