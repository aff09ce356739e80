//! Traces of the requests that ask for tracing.

use std::net::IpAddr;
use std::time::Duration;

use uuid::Uuid;

use super::received_request::ReceivedRequest;
use super::shared::SharedState;
use super::traces::Trace;
use crate::environment::time_since_1970;
use crate::message::Request;

/// The start of a request that is traced.
pub(super) struct TraceStart {
    time: Duration,
    client: IpAddr,
    request: &'static str,
    parameters: Vec<(&'static str, String)>,
}

impl TraceStart {
    /// Returns the start of a request, with the first statement that it executes.
    pub(super) fn new(
        client: IpAddr,
        request: &Request<'_>,
        first: Option<&ReceivedRequest>,
    ) -> Self {
        let name = match request {
            Request::Query(_) => "Execute CQL3 query",
            Request::Execute(_) => "Execute CQL3 prepared query",
            Request::Prepare(_) => "Preparing CQL3 query",
            Request::Batch(_) => "Execute batch of CQL3 queries",
            _ => "Request",
        };
        let mut parameters = Vec::new();
        if let Request::Prepare(prepare) = request {
            parameters.push(("query", prepare.text.to_string()));
        }
        if let Some(first) = first {
            parameters.push(("consistency_level", first.consistency.to_string()));
            parameters.extend(first.page_size.map(|size| ("page_size", size.to_string())));
            if !matches!(request, Request::Batch(_)) {
                parameters.push(("query", first.text.clone()));
            }
            let serial = first.serial_consistency.map(|serial| serial.to_string());
            let serial = serial.unwrap_or_else(|| "SERIAL".to_owned());
            parameters.push(("serial_consistency_level", serial));
        }
        Self { time: time_since_1970(), client, request: name, parameters }
    }

    /// Records the trace under this id. `delay` is the time until the reply is sent.
    pub(super) fn finish(
        self,
        id: Uuid,
        coordinator: std::net::SocketAddr,
        delay: Duration,
        shared: &SharedState,
    ) {
        let Self { time: started_at, client, request, parameters } = self;
        let duration = time_since_1970().saturating_sub(started_at).saturating_add(delay);
        let trace = Trace { id, client, coordinator, request, parameters, started_at, duration };
        shared.traces().add(trace);
    }
}
