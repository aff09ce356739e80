//! The result of one simulation.

use std::{collections::BTreeMap, fmt, time::Duration};

use cqlwire_faults::{Applied, FaultKind};
use cqlwire_model::{Counts, Kind, Tally};

use crate::{
    node_event::NodeEvent,
    server_fault::{ServerFaultKind, Target},
};

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
    /// The time from the end of the faults until the session was connected to all nodes.
    pub(crate) recovery: Duration,
    /// The faults of connections.
    pub(crate) applied: Applied,
    /// The events of nodes.
    pub(crate) node_events: BTreeMap<NodeEvent, u64>,
    /// The wrong answers, by what the node answered, to which requests, and whether it had executed
    /// them.
    pub(crate) answers: BTreeMap<(ServerFaultKind, Target, bool), u64>,
    /// Number of futures that were dropped before they were ready.
    pub(crate) cancelled: u64,
    /// Number of jumps of the wall clock.
    pub(crate) jumps: u64,
    /// The outcomes of the requests.
    pub(crate) outcomes: BTreeMap<Kind, Counts>,
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
    /// Returns true if the answer to a request may be lost on a connection that stays open.
    pub(crate) fn loses_answers(&self, applied: &Applied) -> bool {
        let counts = applied.counts();
        let lost = [FaultKind::Drop, FaultKind::MisdirectFree];
        counts.breaks_answers()
            || lost.into_iter().any(|kind| counts.get(kind) > 0)
            || self.answers.keys().any(|(kind, ..)| *kind == ServerFaultKind::Silence)
    }

    /// Adds the counts of the load, and the violations that the model has found.
    pub(crate) fn add_tally(&mut self, mut tally: Tally) {
        self.outcomes = std::mem::take(&mut tally.requests);
        self.add_violations(tally);
    }

    /// Adds the violations that the model has found.
    pub(crate) fn add_violations(&mut self, tally: Tally) {
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
