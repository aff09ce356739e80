//! The traces of requests, which clients read from `system_traces`.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use uuid::Uuid;

use super::recent::Recent;
use crate::store::UUID_EPOCH;

/// The trace of one request.
#[derive(Debug, Clone)]
pub(super) struct Trace {
    pub(super) id: Uuid,
    pub(super) client: IpAddr,
    pub(super) coordinator: SocketAddr,
    /// The kind of the request, in Cassandra's words.
    pub(super) request: &'static str,
    pub(super) parameters: Vec<(&'static str, String)>,
    /// The time of the request since 1970.
    pub(super) started_at: Duration,
    pub(super) duration: Duration,
}

/// Maximum number of traces. Beyond this number, the oldest one is forgotten.
const MAX_TRACES: usize = 1_000;

/// Maximum size of the parameters of all traces, in bytes.
const MAX_PARAMETERS: usize = 64 << 20;

/// The latest traces, the oldest first.
#[derive(Debug)]
pub(super) struct Traces {
    traces: Recent<Trace>,
}

impl Default for Traces {
    fn default() -> Self {
        Self { traces: Recent::new(MAX_TRACES, MAX_PARAMETERS) }
    }
}

impl Traces {
    pub(super) fn add(&mut self, trace: Trace) {
        let size = trace.parameters.iter().map(|(_, value)| value.len()).sum();
        self.traces.push(trace, size);
        while self.traces.pop_excess().is_some() {}
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Trace> {
        self.traces.iter()
    }
}

/// Returns a UUID of version 1. UUIDs of the same time differ if their `number` does.
pub(super) fn time_uuid(time: Duration, number: u64) -> Uuid {
    let ticks = u64::try_from(time.as_nanos() / 100).unwrap_or(u64::MAX);
    let ticks = ticks.saturating_add_signed(UUID_EPOCH);
    let [high, low, node @ ..] = number.to_be_bytes();
    let counter = u16::from_be_bytes([high, low]);
    uuid::Builder::from_gregorian_timestamp(ticks, counter, &node).into_uuid()
}
