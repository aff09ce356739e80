//! The load of a simulation: the session under test connects, and its workers send requests.

use std::{sync::Arc, time::Duration};

use cqlwire::session::Session;
use cqlwire_model::{Tables, Worker, limit_polls};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    director::Director,
    report::{Finding, Report},
    schedule::{Schedule, ScheduledFault},
    session::{KEYSPACE, builder, prepare},
    settings::Settings,
};

/// Time within which a request without a timeout must end. A connection whose peer has vanished is closed
/// after 35 seconds, and the request may be sent on three such connections, one after another.
const REQUEST_LIMIT: Duration = Duration::from_secs(180);

/// Time after its timeout within which a request must end.
const TIMEOUT_SLACK: Duration = Duration::from_millis(200);

/// Time for which a change of the schema waits for the agreement of the nodes, which is the session's
/// default.
const AGREEMENT: Duration = Duration::from_secs(10);

/// Number of pages that a stream has at most.
const MAX_PAGES: u32 = 50;

/// The session after its load.
pub(crate) struct Loaded {
    pub(crate) session: Session,
    pub(crate) tables: Tables,
    pub(crate) workers: Vec<Worker>,
}

/// Connects the session under test and runs the load, both under faults.
pub(crate) async fn load(
    schedule: &Arc<Schedule>,
    director: &Director,
    report: &mut Report,
) -> Result<Loaded, Finding> {
    let settings = &schedule.settings;
    let contact_points = director.contact_points();
    let connect = async || builder(settings, &contact_points).connect().await;
    let session = repeat("connect", director, connect).await?;
    let tables = repeat("PREPARE", director, async || prepare(&session, settings).await).await?;
    let mut tasks = JoinSet::new();
    for number in 0..settings.workers.len() {
        let (session, tables) = (session.clone(), tables.clone());
        tasks.spawn(work(number, Arc::clone(schedule), session, tables));
    }
    let changes = tokio::spawn(change_schema(Arc::clone(schedule), session.clone()));
    let mut workers: Vec<_> = Vec::new();
    while let Some(worker) = tasks.join_next().await {
        match worker {
            Ok((worker, cancelled)) => {
                workers.push(worker);
                report.cancelled += cancelled;
            }
            Err(error) => return Err(Finding::Panicked(error.to_string())),
        }
    }
    changes.await.map_err(|error| Finding::Panicked(error.to_string()))??;
    report.requests += u64::from(settings.requests) * settings.workers.len() as u64;
    Ok(Loaded { session, tables, workers })
}

/// Repeats an attempt until it succeeds. While there are faults, attempts may fail, but each must end.
async fn repeat<T>(
    call: &'static str,
    director: &Director,
    attempt: impl AsyncFn() -> Result<T, cqlwire::Error>,
) -> Result<T, Finding> {
    loop {
        match timeout(REQUEST_LIMIT, attempt()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(_)) if director.has_faults() => sleep(Duration::from_millis(50)).await,
            Ok(Err(error)) => return Err(Finding::NotRecovered(error.to_string())),
            Err(_) => return Err(Finding::Unended(call)),
        }
    }
}

/// Returns the time within which a request must end.
pub(crate) fn request_limit(settings: &Settings) -> Duration {
    settings.timeout.map_or(REQUEST_LIMIT, |timeout| timeout + TIMEOUT_SLACK)
}

/// Sends the requests of one worker. Returns the worker, and the number of requests that were dropped.
async fn work(
    number: usize,
    schedule: Arc<Schedule>,
    session: Session,
    tables: Tables,
) -> (Worker, u64) {
    let mut cancelled = 0;
    let settings = &schedule.settings;
    let limit = request_limit(settings);
    let mut worker = Worker::new(u32::try_from(number).unwrap_or(u32::MAX));
    for (request, kind) in (0..settings.requests).zip(settings.workers[number].iter().cycle()) {
        let polls = schedule.faults.iter().find_map(|fault| match *fault {
            ScheduledFault::Cancel { worker, request: other, polls }
                if worker == number && other == request =>
            {
                Some(polls)
            }
            _ => None,
        });
        // The timeout applies to each page of a stream.
        let limit = if kind.has_pages() { limit * MAX_PAGES } else { limit };
        let sent = worker.request_within(limit, *kind, &session, &tables);
        match polls {
            Some(polls) => {
                cancelled += u64::from(limit_polls(sent, polls).await.is_none());
            }
            None => sent.await,
        }
        sleep(settings.pause).await;
    }
    (worker, cancelled)
}

/// Creates and drops tables. The statements may fail, but must end.
async fn change_schema(schedule: Arc<Schedule>, session: Session) -> Result<(), Finding> {
    let settings = &schedule.settings;
    let limit = request_limit(settings);
    for number in 0..settings.schema_changes {
        for statement in [
            format!("CREATE TABLE IF NOT EXISTS {KEYSPACE}.new_{number} (k int PRIMARY KEY)"),
            format!("DROP TABLE IF EXISTS {KEYSPACE}.new_{number}"),
        ] {
            let changed = timeout(limit + AGREEMENT, session.execute(statement, ())).await;
            changed.map(drop).map_err(|_| Finding::Unended("a change of the schema"))?;
            sleep(settings.pause).await;
        }
    }
    Ok(())
}
