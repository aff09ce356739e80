//! What the server has noted of a statement that it traced.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::error::Error;
use super::executor::Executor;
use super::request::BoundStatement;
use super::statement::Statement;
use crate::types::Timestamp;
use crate::wire::Consistency;

/// How the cluster has run a statement: see [`Session::trace`](super::Session::trace).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Trace {
    /// Its id.
    pub id: Uuid,
    /// The node that ran the statement.
    pub coordinator: Option<IpAddr>,
    /// What kind of request it was.
    pub request: Option<String>,
    /// The statement, its consistency and so on, by name.
    pub parameters: Vec<(String, String)>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// How long it took; `None` if it is not over, or nobody noted it.
    pub duration: Option<Duration>,
    /// What happened, the first thing first.
    pub events: Vec<TraceEvent>,
}

/// Something that happened while a statement was run.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TraceEvent {
    /// What.
    pub activity: Option<String>,
    /// At which node.
    pub source: Option<IpAddr>,
    /// How long after that node began with it.
    pub elapsed: Option<Duration>,
    /// In which thread.
    pub thread: Option<String>,
}

/// A trace is written after the answer: how often it is looked for, and how long at most.
const PAUSE: Duration = Duration::from_millis(10);
const LOOKS: u32 = 100;

type SessionRow = (
    Option<IpAddr>,
    Option<String>,
    Option<BTreeMap<String, String>>,
    Option<Timestamp>,
    Option<i32>,
);

type EventRow = (Option<String>, Option<IpAddr>, Option<i32>, Option<String>);

impl Executor {
    pub(super) async fn trace(self: &Arc<Self>, id: Uuid) -> Result<Trace, Error> {
        let select = |text: &str| {
            Statement::new(text).consistency(Consistency::One).idempotent(true).tracing(false)
        };
        let mut session = BoundStatement::from(select(
            "SELECT coordinator, request, parameters, started_at, duration \
             FROM system_traces.sessions WHERE session_id = ?",
        ));
        self.bind(&mut session, &(id,)).await?;
        let mut looks = 0;
        let (coordinator, request, parameters, started_at, duration) = loop {
            looks += 1;
            let found = self.execute(&session, None, None).await?.first::<SessionRow>()?;
            match found {
                // It is there from the start, and its duration when it is over.
                Some(row) if row.4.is_some() || looks == LOOKS => break row,
                None if looks == LOOKS => break (None, None, None, None, None),
                _ => tokio::time::sleep(PAUSE * looks.min(10)).await,
            }
        };
        let events = select(
            "SELECT activity, source, source_elapsed, thread \
             FROM system_traces.events WHERE session_id = ?",
        );
        let mut events = BoundStatement::from(events.page_size(0));
        self.bind(&mut events, &(id,)).await?;
        let events = self.execute(&events, None, None).await?;
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
