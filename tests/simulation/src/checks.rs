//! The checks after the faults: what must be true of the session whatever happened.

use std::time::Duration;

use cqlwire::session::{Session, Statement};
use cqlwire_faults::Applied;
use cqlwire_model::{Exemptions, Kind, Tables, Tally, Worker, recover, settle, verify};
use tokio::{
    runtime::Handle,
    time::{Instant, sleep, timeout},
};

use crate::{
    load::{Loaded, request_limit},
    node_event::NodeEvent,
    report::{Finding, Report},
    schedule::Schedule,
    session::{builder, prepare},
    settings::{Settings, datacenter},
};

/// Time after the last lie within which the session must be usable. It may have to close connections on
/// which it waits for bytes that do not come, and to read the topology again.
const RECOVERY_AFTER_LIES: Duration = Duration::from_secs(120);

/// Time within which each step without faults must end.
pub(crate) const STEP_LIMIT: Duration = Duration::from_secs(60);

/// Checks the session after its load.
pub(crate) async fn check(
    schedule: &Schedule,
    contact_points: &[String],
    applied: &Applied,
    loaded: Loaded,
    report: &mut Report,
) -> Result<Session, Finding> {
    let Loaded { session, tables, workers } = loaded;
    let exemptions = Exemptions {
        lies: applied.lied_to_client() || applied.lied_to_server(),
        malformed_answers: applied.counts().breaks_answers(),
        // All nodes may shut down at once.
        shutdowns: report.node_events.contains_key(&NodeEvent::GracefulDisconnect),
    };
    if exemptions.lies {
        for worker in &workers {
            report.add_violations(exempted(worker, exemptions));
        }
        check_after_lies(schedule, contact_points, &session, &tables, exemptions, report).await?;
    } else {
        report.recovery = wait_connected(&session, &schedule.settings, schedule.recovery()).await?;
        let mut recovered = Tally::default();
        recover(&session, &tables, schedule.recovery(), &mut recovered).await;
        report.add_violations(recovered);
        let verified = verify(&session, &tables, workers, schedule.recovery()).await;
        let mut tally = verified.map_err(|error| Finding::NotRecovered(error.to_string()))?;
        tally.exempt(exemptions);
        report.add_tally(tally);
        if !report.loses_answers(applied) {
            let orphaned = || {
                let nodes = session.metrics().nodes;
                nodes.iter().map(|node| node.orphaned_streams).sum()
            };
            let mut settled = Tally::default();
            settle(&session, &[("orphaned", &orphaned)], schedule.recovery(), &mut settled).await;
            report.add_violations(settled);
        }
    }
    drop(tables);
    let mut settled = Tally::default();
    settle(&session, &[], Duration::ZERO, &mut settled).await;
    report.add_violations(settled);
    Ok(session)
}

/// Checks a session that was lied to. What it remembers can be wrong: the metadata and the ids of its
/// prepared statements, and the schema. Their requests must end. The session must execute a statement that
/// it has not prepared, because it reads the topology again and replaces connections that are out of step.
/// A new session must have no trace of the lies.
async fn check_after_lies(
    schedule: &Schedule,
    contact_points: &[String],
    session: &Session,
    tables: &Tables,
    exemptions: Exemptions,
    report: &mut Report,
) -> Result<(), Finding> {
    let settings = &schedule.settings;
    wait_connected(session, settings, RECOVERY_AFTER_LIES).await?;
    wait_usable(session).await?;
    let mut worker = Worker::new(u32::try_from(settings.workers.len()).unwrap_or(u32::MAX));
    worker.request_within(request_limit(settings), Kind::Insert, session, tables).await;
    report.add_violations(exempted(&worker, exemptions));
    let open = async {
        let session = builder(settings, contact_points).connect().await?;
        let tables = prepare(&session, settings).await?;
        Ok::<_, cqlwire::Error>((session, tables))
    };
    let opened = timeout(STEP_LIMIT, open).await;
    let opened = opened.map_err(|_| Finding::Unended("a new session after lies"))?;
    let error = |error| Finding::NotRecovered(format!("a new session after lies: {error}"));
    let (new, tables) = opened.map_err(error)?;
    let mut recovered = Tally::default();
    recover(&new, &tables, schedule.recovery(), &mut recovered).await;
    report.add_violations(recovered);
    drop(tables);
    close_session(new).await
}

/// Returns the violations of a worker that the faults do not explain.
fn exempted(worker: &Worker, exemptions: Exemptions) -> Tally {
    let violations = worker.tally().violations.clone();
    let mut tally = Tally { violations, ..Tally::default() };
    tally.exempt(exemptions);
    tally
}

/// Waits until the session executes a statement that it has not prepared.
async fn wait_usable(session: &Session) -> Result<(), Finding> {
    let statement = || Statement::new("SELECT key FROM system.local").idempotent(true);
    let begin = Instant::now();
    loop {
        match timeout(STEP_LIMIT * 3, session.execute(statement(), ())).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) if begin.elapsed() > RECOVERY_AFTER_LIES => {
                return Err(Finding::NotRecovered(format!("after lies: {error}")));
            }
            Ok(Err(_)) => sleep(Duration::from_millis(50)).await,
            Err(_) => return Err(Finding::Unended("a statement after lies")),
        }
    }
}

/// Waits until the session is connected to all nodes of its datacenter, and returns the time that it took.
async fn wait_connected(
    session: &Session,
    settings: &Settings,
    limit: Duration,
) -> Result<Duration, Finding> {
    let begin = Instant::now();
    loop {
        let connected = session.metrics().connected_nodes;
        let nodes = local_nodes(session, settings);
        if connected >= nodes {
            return Ok(begin.elapsed());
        }
        if begin.elapsed() > limit {
            let text = format!("connected to {connected} of {nodes} nodes");
            return Err(Finding::NotRecovered(text));
        }
        sleep(Duration::from_millis(10)).await;
    }
}

/// Returns the number of nodes to which the session connects: those of its local datacenter.
fn local_nodes(session: &Session, settings: &Settings) -> usize {
    let cluster = session.cluster();
    let local = cluster.local_datacenter();
    let datacenters = settings.datacenters.iter().enumerate();
    let nodes = datacenters.filter(|(index, _)| {
        settings.datacenters.len() == 1 || Some(&*datacenter(*index)) == local
    });
    nodes.map(|(_, nodes)| nodes).sum()
}

/// Closes the session, and checks that no task of it remains. `tasks` is the number of tasks before the
/// session was opened.
pub(crate) async fn close(session: Session, tasks: usize) -> Result<(), Finding> {
    close_session(session).await?;
    let deadline = Instant::now() + STEP_LIMIT;
    while alive_tasks() > tasks {
        if Instant::now() > deadline {
            return Err(Finding::Leaked(format!("{} tasks still run", alive_tasks() - tasks)));
        }
        sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

async fn close_session(session: Session) -> Result<(), Finding> {
    let closed = timeout(STEP_LIMIT, session.close(Duration::from_secs(1))).await;
    closed.map_err(|_| Finding::Unended("close"))
}

pub(crate) fn alive_tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}
