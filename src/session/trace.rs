//! Traces: what the servers recorded while they executed a statement.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::error::Error;
use super::executor::Executor;
use super::request::ExecuteRequest;
use super::statement::Statement;
use crate::cql::redact;
use crate::types::Timestamp;
use crate::wire::Consistency;

/// The record of how the cluster executed a statement: see
/// [`Session::trace`](super::Session::trace). Parts that the server has not recorded are `None` or
/// empty.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Trace {
    /// Id of the trace, as [`QueryResult::tracing_id`](super::QueryResult::tracing_id) returns it.
    pub id: Uuid,
    /// Address of the coordinator.
    pub coordinator: Option<IpAddr>,
    /// Kind of the request, such as `Execute CQL3 query`.
    pub request: Option<String>,
    /// Parameters of the request by name, such as `query` and `consistency_level`, sorted.
    pub parameters: Vec<(String, String)>,
    /// Time at which the coordinator began.
    pub started_at: Option<Timestamp>,
    /// Duration of the request; `None` if the coordinator has not recorded the end.
    pub duration: Option<Duration>,
    /// Steps of the execution, the earliest first.
    pub events: Vec<TraceEvent>,
}

/// One step of the execution of a statement.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct TraceEvent {
    /// Description of the step.
    pub activity: Option<String>,
    /// Address of the node that recorded the step.
    pub source: Option<IpAddr>,
    /// Time from when this node began to work on the request until the step.
    pub elapsed: Option<Duration>,
    /// Name of the node's thread that executed the step.
    pub thread: Option<String>,
}

/// Shows the text of the statement without [secrets](crate::session#secrets), and no bound values.
impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parameters = self.parameters.iter().map(|(name, value)| match name.as_str() {
            "query" => (name, redact(value)),
            name_of_value if name_of_value.starts_with("bound_var") => (name, "?".to_owned()),
            _ => (name, value.clone()),
        });
        f.debug_struct("Trace")
            .field("id", &self.id)
            .field("coordinator", &self.coordinator)
            .field("request", &self.request)
            .field("parameters", &parameters.collect::<Vec<_>>())
            .field("started_at", &self.started_at)
            .field("duration", &self.duration)
            .field("events", &self.events)
            .finish()
    }
}

/// Shows the text of the statement without [secrets](crate::session#secrets).
impl fmt::Debug for TraceEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let activity =
            self.activity.as_deref().map(|activity| match activity.strip_prefix("Parsing ") {
                Some(statement) => format!("Parsing {}", redact(statement)),
                None => activity.to_owned(),
            });
        f.debug_struct("TraceEvent")
            .field("activity", &activity)
            .field("source", &self.source)
            .field("elapsed", &self.elapsed)
            .field("thread", &self.thread)
            .finish()
    }
}

/// The delay between the first and the second read of a trace. The delay grows with each read, up
/// to ten times this value. The server writes the trace after it has responded, so the first read
/// may be too early.
const FIRST_DELAY: Duration = Duration::from_millis(10);

/// Maximum number of reads of a trace. With the delays between them, they take about ten seconds.
const MAX_READS: u32 = 100;

type SessionRow = (
    Option<IpAddr>,
    Option<String>,
    Option<BTreeMap<String, String>>,
    Option<Timestamp>,
    Option<i32>,
);

type EventRow = (Option<String>, Option<IpAddr>, Option<i32>, Option<String>);

impl Executor {
    /// Reads a trace repeatedly until it is complete, at most `MAX_READS` times.
    ///
    /// # Errors
    /// Returns an error if the tables of traces cannot be read.
    pub(super) async fn trace(self: &Arc<Self>, id: Uuid) -> Result<Trace, Error> {
        let select = |text: &str| {
            Statement::new(text).consistency(Consistency::One).idempotent(true).tracing(false)
        };
        let mut session = ExecuteRequest::from(select(
            "SELECT coordinator, request, parameters, started_at, duration \
             FROM system_traces.sessions WHERE session_id = ?",
        ));
        self.bind(&mut session, &(id,)).await?;
        let mut reads = 0;
        let (coordinator, request, parameters, started_at, duration) = loop {
            reads += 1;
            let found = self.execute(&session, None, None, None).await?.first::<SessionRow>()?;
            match found {
                // The server adds the duration when it has finished the request.
                Some(row) if row.4.is_some() || reads == MAX_READS => break row,
                None if reads == MAX_READS => break (None, None, None, None, None),
                _ => self.cluster.runtime().sleep(FIRST_DELAY * reads.min(10)).await,
            }
        };
        let events = select(
            "SELECT activity, source, source_elapsed, thread \
             FROM system_traces.events WHERE session_id = ?",
        );
        let mut events = ExecuteRequest::from(events.page_size(0));
        self.bind(&mut events, &(id,)).await?;
        let events = self.execute(&events, None, None, None).await?;
        let micros = |micros: i32| Duration::from_micros(micros.max(0).unsigned_abs().into());
        let event = |(activity, source, elapsed, thread): EventRow| TraceEvent {
            activity,
            source,
            elapsed: elapsed.map(micros),
            thread,
        };
        Ok(Trace {
            id,
            coordinator,
            request,
            parameters: parameters.unwrap_or_default().into_iter().collect(),
            started_at,
            duration: duration.map(micros),
            events: events.rows()?.map(|row| row.map(event)).collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_shows_no_literals() {
        let create = "CREATE ROLE ada WITH PASSWORD = 'c4nary'";
        let event = |text: &str| TraceEvent {
            activity: Some(format!("Parsing {text}")),
            source: None,
            elapsed: None,
            thread: None,
        };
        let parameter = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let trace = Trace {
            id: Uuid::nil(),
            coordinator: None,
            request: None,
            parameters: vec![parameter("query", create), parameter("bound_var_0_k", "'c4nary'")],
            started_at: None,
            duration: None,
            events: vec![event(create), event("SELECT 'c4nary'")],
        };
        let shown = format!("{trace:?} {trace:#?}");
        assert!(!shown.contains("c4nary"), "{shown}");
        assert!(shown.contains("Parsing CREATE ROLE ada ..."), "{shown}");
    }
}
