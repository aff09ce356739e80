//! The rows of `system_traces`.

use std::time::Duration;

use super::super::traces::{Trace, Traces, time_uuid};
use super::cells::{Cells, text};
use crate::types::{Timestamp, Value};

/// Returns the rows of `system_traces.sessions`.
pub(super) fn sessions(traces: &Traces) -> Vec<Cells> {
    let row = |trace: &Trace| {
        let parameters = trace.parameters.iter();
        let parameters = parameters.map(|(key, value)| (text(key), text(value))).collect();
        let started_at = i64::try_from(trace.started_at.as_millis()).unwrap_or(i64::MAX);
        vec![
            ("session_id", Value::Uuid(trace.id)),
            ("client", Value::Inet(trace.client)),
            ("command", text("QUERY")),
            ("coordinator", Value::Inet(trace.coordinator.ip())),
            ("coordinator_port", Value::Int(trace.coordinator.port().into())),
            ("duration", microseconds(trace.duration)),
            ("parameters", Value::Map(parameters)),
            ("request", text(trace.request)),
            ("started_at", Value::Timestamp(Timestamp(started_at))),
        ]
    };
    traces.iter().map(row).collect()
}

/// The activities of each trace.
const ACTIVITIES: [&str; 2] = ["Parsing the statement", "Request complete"];

/// Returns the rows of `system_traces.events`.
pub(super) fn events(traces: &Traces) -> Vec<Cells> {
    let rows = |trace: &Trace| {
        let elapsed = [Duration::ZERO, trace.duration];
        let row = |(number, (activity, elapsed)): (u64, (&str, Duration))| {
            let event_id = time_uuid(trace.started_at.saturating_add(elapsed), number);
            vec![
                ("session_id", Value::Uuid(trace.id)),
                ("event_id", Value::TimeUuid(event_id)),
                ("activity", text(activity)),
                ("source", Value::Inet(trace.coordinator.ip())),
                ("source_elapsed", microseconds(elapsed)),
                ("source_port", Value::Int(trace.coordinator.port().into())),
                ("thread", text("Native-Transport-Requests-1")),
            ]
        };
        (0..).zip(ACTIVITIES.into_iter().zip(elapsed)).map(row).collect::<Vec<_>>()
    };
    traces.iter().flat_map(rows).collect()
}

fn microseconds(duration: Duration) -> Value {
    Value::Int(i32::try_from(duration.as_micros()).unwrap_or(i32::MAX))
}
