//! The results of a stage, which are kept in a file so that an interrupted soak can be resumed.

use std::{fs, path::Path, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{Result, report::Verdict};

/// The results on one version of Cassandra.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Stage {
    pub(crate) version: String,
    /// Planned duration, in seconds.
    pub(crate) planned: f64,
    /// Duration of the load, in seconds.
    pub(crate) seconds: f64,
    pub(crate) samples: Vec<Sample>,
    pub(crate) faults: Vec<Fault>,
    /// Number of schema changes that succeeded.
    pub(crate) schema_changes: u64,
    /// Counts of requests by kind.
    pub(crate) requests: Vec<Requests>,
    pub(crate) idempotent: Latencies,
    pub(crate) other: Latencies,
    /// Failed requests by kind and text, with their number and an example.
    pub(crate) failures: Vec<(String, u64, String)>,
    /// Violations, with their number and examples.
    pub(crate) violations: Vec<(String, u64, Vec<String>)>,
    /// The growth of the heap. `None` if there were no samples.
    pub(crate) memory: Option<Memory>,
    /// CPU time of the client, in seconds.
    pub(crate) cpu: Option<f64>,
    pub(crate) retries: u64,
    pub(crate) speculative_executions: u64,
    /// The reasons of lost connections, with their numbers.
    pub(crate) connections_lost: Vec<(String, u64)>,
    /// Number of faults that the session noticed.
    pub(crate) noticed_faults: u64,
}

/// The state of the load and the session in one second.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// Time since the beginning of the stage, in seconds.
    pub(crate) time: f64,
    /// Requests that succeeded per second.
    pub(crate) succeeded: f64,
    /// Requests that failed per second, of the idempotent kinds.
    pub(crate) failed_idempotent: f64,
    /// Requests that failed per second, of the other kinds.
    pub(crate) failed_other: f64,
    /// Latencies of idempotent requests, in milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
    /// Bytes of the heap in use.
    pub(crate) heap: u64,
    /// Resident memory of this process, in KiB.
    pub(crate) resident: Option<u64>,
    /// Requests that wait for a response.
    pub(crate) in_flight: usize,
    /// Stream ids in use by abandoned requests.
    pub(crate) orphaned_streams: usize,
    pub(crate) open_connections: usize,
}

/// A fault of a node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Fault {
    pub(crate) name: String,
    pub(crate) node: usize,
    /// Beginning and end of the fault, in seconds since the beginning of the stage.
    pub(crate) begin: f64,
    pub(crate) end: f64,
    /// Latency of the slowest idempotent request from the beginning of the fault until all nodes were
    /// up again, in milliseconds.
    pub(crate) slowest: f64,
    /// Time from the end of the fault until the session answered a new request, in milliseconds.
    pub(crate) answered: f64,
    /// Time from the end of the fault until the session was connected to all nodes, in milliseconds.
    pub(crate) reconnected: f64,
}

/// The counts of the requests of one kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Requests {
    pub(crate) kind: String,
    pub(crate) is_idempotent: bool,
    pub(crate) succeeded: u64,
    pub(crate) uncertain: u64,
    pub(crate) not_applied: u64,
}

/// Latencies, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Latencies {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

/// Bytes of the heap in use.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// Median of the second quarter of the stage.
    pub(crate) early: u64,
    /// Median of the last quarter of the stage.
    pub(crate) late: u64,
    /// Largest value of `late` that counts as flat.
    pub(crate) limit: u64,
}

impl Stage {
    /// Reads the results of a stage with this planned duration. Returns `None` if there are none.
    pub(crate) fn load(path: &Path, planned: Duration) -> Option<Self> {
        let stage: Self = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        ((stage.planned - planned.as_secs_f64()).abs() < 1.0).then_some(stage)
    }

    /// Writes the results to a file.
    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        let unfinished = path.with_extension("json.new");
        fs::write(&unfinished, serde_json::to_vec(self)?)?;
        Ok(fs::rename(unfinished, path)?)
    }

    /// Returns the verdict on the stage.
    pub(crate) fn verdict(&self) -> Verdict {
        if !self.violations.is_empty() || self.memory.is_some_and(|memory| !memory.is_flat()) {
            Verdict::Broken
        } else if self.unproven().is_some() {
            Verdict::NothingProven
        } else {
            Verdict::Passed
        }
    }

    /// Returns the reason why the stage proves nothing, or `None` if it proves something.
    pub(crate) fn unproven(&self) -> Option<String> {
        let (noticed, faults) = (self.noticed_faults, self.faults.len());
        if faults == 0 || noticed < faults as u64 {
            Some(format!("the session noticed {noticed} of {faults} faults"))
        } else if self.schema_changes == 0 {
            Some("no change of the schema succeeded".to_owned())
        } else if self.memory.is_none() {
            Some("the memory was not measured".to_owned())
        } else {
            None
        }
    }
}

impl Memory {
    /// Returns true if the memory has not grown.
    pub(crate) const fn is_flat(&self) -> bool {
        self.late <= self.limit
    }
}
