//! The result of one simulation.

use std::{collections::BTreeMap, fmt, time::Duration};

use cqlwire_faults::Applied;
use cqlwire_model::Tally;

use crate::server_fault::ServerFault;

/// The result of one simulation.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// The broken promises.
    pub(crate) findings: Vec<Finding>,
    /// Number of requests of the workers.
    pub(crate) requests: u64,
    /// Number of reads and writes of the nodes.
    pub(crate) events: u64,
    /// A hash of all events. Equal schedules have equal hashes.
    pub(crate) hash: u64,
    /// The time from the first fault until the end of all faults.
    pub(crate) fault_time: Duration,
    /// The faults of connections.
    pub(crate) applied: Applied,
    /// The other faults that were applied, by name.
    pub(crate) counts: BTreeMap<String, u64>,
    /// The outcomes of the requests, by kind.
    pub(crate) outcomes: BTreeMap<String, u64>,
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// The tables could not be created although there was no fault.
    NoTables(String),
    /// A call did not end.
    Unended(&'static str),
    /// After the end of the faults, the session did not work within its bound.
    NotRecovered(String),
    /// Something remained after the session was closed.
    Leaked(String),
    /// A task panicked.
    Panicked(String),
    /// The model found a violation.
    Violated(&'static str, String),
}

impl Report {
    pub(crate) fn count(&mut self, name: &str, times: u64) {
        *self.counts.entry(name.to_owned()).or_default() += times;
    }

    pub(crate) fn count_server_fault(&mut self, fault: ServerFault, times: u64) {
        let executed = if fault.executes { ", executed" } else { "" };
        let name = format!("{}: {}{executed}", fault.target.name(), fault.kind.name());
        self.count(&name, times);
    }

    /// Adds the counts of the load, and the violations that the model has found.
    pub(crate) fn add_tally(&mut self, tally: Tally) {
        for (kind, counts) in &tally.requests {
            let mut add = |outcome: &str, times: u64| {
                *self.outcomes.entry(format!("{}: {outcome}", kind.name())).or_default() += times;
            };
            add("acknowledged", counts.acknowledged);
            add("uncertain", counts.uncertain);
            add("not applied", counts.not_applied);
        }
        for (violation, (count, examples)) in tally.violations {
            let examples = examples.join("; ");
            let text = format!("{count} {}: {examples}", violation.description());
            self.findings.push(Finding::Violated(violation.description(), text));
        }
    }
}

impl Finding {
    /// Returns true if the other finding is of the same kind, so that shrinking has kept it.
    pub(crate) fn is_same_kind(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Violated(one, _), Self::Violated(other, _)) => one == other,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTables(error) => write!(f, "the tables could not be created: {error}"),
            Self::Unended(call) => write!(f, "{call} did not end"),
            Self::NotRecovered(reason) => write!(f, "the session did not recover: {reason}"),
            Self::Leaked(what) => write!(f, "{what}"),
            Self::Panicked(panic) => write!(f, "panicked: {panic}"),
            Self::Violated(_, text) => f.write_str(text),
        }
    }
}
