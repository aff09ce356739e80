//! One simulation, from its schedule to its report.

use std::{rc::Rc, time::Duration};

use cqlwire::{
    session::{ExecutionProfile, Session, SessionBuilder, SpeculativeExecution, Throttle},
    simulation::enter,
    testing::MockCluster,
};
use cqlwire_model::{
    SECRET, SecretLog, Tables, Tally, Violation, Worker, limit_polls, recover, settle, verify,
};
use tracing::{level_filters::LevelFilter, subscriber::with_default};
use tracing_subscriber::{layer::SubscriberExt, registry};

use tokio::{
    runtime::{Builder, Handle},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::{
    director::Director,
    network::Network,
    node_event::NodeEvent,
    panics,
    report::{Finding, Report},
    schedule::{Schedule, ScheduledFault, Settings},
    world::{SimulatedWorld, WallClock},
};

/// The keyspace of the load.
const KEYSPACE: &str = "simulation";

/// The user name of the sessions, and their password, which no text may show.
const USER: (&str, &str) = ("ada", SECRET);

/// Time within which a request without a timeout must end. A connection whose peer has vanished is closed
/// after 35 seconds, and the request may be sent on three such connections, one after another.
const REQUEST_LIMIT: Duration = Duration::from_secs(180);

/// Time after its timeout within which a request must end.
const TIMEOUT_SLACK: Duration = Duration::from_millis(200);

/// Time for which a change of the schema waits for the agreement of the nodes, which is the session's
/// default.
const AGREEMENT: Duration = Duration::from_secs(10);

/// The violations that are found whatever the answers contain.
const CHECKED_AFTER_LIES: [Violation; 2] = [Violation::Unended, Violation::SecretShown];

/// Time within which the recovered session must answer each read. A connection may still be out of step
/// because of a frame with a wrong length.
const VERIFICATION: Duration = Duration::from_secs(10);

/// Number of pages that a stream has at most.
const MAX_PAGES: u32 = 50;

/// Time within which each step without faults must end.
const STEP_LIMIT: Duration = Duration::from_secs(60);

/// Runs a schedule. `is_traced` prints what happens.
pub(crate) fn run(schedule: &Schedule, is_traced: bool) -> Report {
    let log = SecretLog::new(LevelFilter::TRACE);
    let (report, panics) = panics::collect(|| {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime without I/O needs nothing of the system");
        let simulation = || runtime.block_on(simulate(schedule, is_traced));
        match schedule.settings.has_log {
            true => with_default(registry().with(log.clone()), simulation),
            false => simulation(),
        }
    });
    let mut report = report.unwrap_or_default();
    let mut shown = Tally::default();
    log.check(&mut shown);
    report.add_violations(shown);
    report.findings.extend(panics.into_iter().map(Finding::Panicked));
    report
}

async fn simulate(schedule: &Schedule, is_traced: bool) -> Report {
    let network = Network::default();
    if is_traced {
        network.history().print();
    }
    let clock = WallClock::new();
    let world = SimulatedWorld::new(network.clone(), clock.clone(), schedule);
    let _entered = enter(Rc::new(world));
    let mut report = Report::default();
    let simulation = Simulation { schedule, network: network.clone(), clock };
    if let Err(finding) = simulation.run(&mut report).await {
        report.findings.push(finding);
    }
    report.applied = network.applied();
    (report.events, report.hash) = (network.history().events(), network.history().hash());
    report
}

struct Simulation<'s> {
    schedule: &'s Schedule,
    network: Network,
    clock: WallClock,
}

impl Simulation<'_> {
    async fn run(&self, report: &mut Report) -> Result<(), Finding> {
        let settings = &self.schedule.settings;
        let cluster = start_cluster(settings).await;
        self.create_tables(&cluster).await?;
        let tasks = alive_tasks();

        self.network.plan(self.schedule.plans());
        let director = Director::start(self.schedule, &self.network, &self.clock, cluster);
        let begin = Instant::now();
        let loaded = self.load(&director, report).await;
        director.end_faults(report).await;
        report.fault_time = begin.elapsed();
        let (session, tables, workers) = loaded?;

        let applied = self.network.applied();
        if applied.lied_to_client() || applied.lied_to_server() {
            // After a lie, the contents of all answers can be wrong.
            let tallies = workers.into_iter().map(|worker| worker.tally().violations.clone());
            for mut violations in tallies {
                violations.retain(|violation, _| CHECKED_AFTER_LIES.contains(violation));
                report.add_violations(Tally { violations, ..Tally::default() });
            }
        } else {
            report.recovery =
                wait_recovered(&session, settings.nodes, self.schedule.recovery()).await?;
            let mut recovered = Tally::default();
            recover(&session, &tables, VERIFICATION, &mut recovered).await;
            report.add_violations(recovered);
            let verified = verify(&session, &tables, workers, VERIFICATION).await;
            let mut tally = verified.map_err(|error| Finding::NotRecovered(error.to_string()))?;
            let announced = report.node_events.contains_key(&NodeEvent::GracefulDisconnect);
            if announced {
                // All nodes may shut down at once.
                tally.violations.remove(&Violation::RefusedByShutdown);
            }
            if applied.counts().breaks_answers() {
                tally.violations.remove(&Violation::MalformedAnswer);
            }
            report.add_tally(tally);
            if !report.loses_answers(&applied) {
                let orphaned = || {
                    let nodes = session.metrics().nodes;
                    nodes.iter().map(|node| node.orphaned_streams).sum()
                };
                let mut settled = Tally::default();
                settle(&session, &[("orphaned", &orphaned)], VERIFICATION, &mut settled).await;
                report.add_violations(settled);
            }
        }
        drop(tables);
        let mut settled = Tally::default();
        settle(&session, &[], Duration::ZERO, &mut settled).await;
        report.add_violations(settled);
        close(session, tasks).await
    }

    /// Creates the tables, on connections without faults.
    async fn create_tables(&self, cluster: &MockCluster) -> Result<(), Finding> {
        let settings = &self.schedule.settings;
        let create = async {
            let builder = Session::builder().contact_points(cluster.contact_points());
            let builder = builder.credentials(USER.0, USER.1).fetch_schema(false);
            let session = builder.connect().await?;
            let replicas = u8::try_from(settings.nodes).unwrap_or(u8::MAX);
            let tables = Tables::create(&session, KEYSPACE, replicas).await?;
            let workers = u32::try_from(settings.workers.len()).unwrap_or(u32::MAX);
            tables.create_registers(&session, workers, STEP_LIMIT).await?;
            session.close(STEP_LIMIT).await;
            Ok::<_, cqlwire::Error>(())
        };
        create.await.map_err(|error| Finding::NoTables(error.to_string()))?;
        // The tasks of the connections end after the session.
        sleep(Duration::from_millis(100)).await;
        Ok(())
    }

    /// Connects the session under test and runs the load, both under faults.
    async fn load(
        &self,
        director: &Director,
        report: &mut Report,
    ) -> Result<(Session, Tables, Vec<Worker>), Finding> {
        let settings = &self.schedule.settings;
        let contact_points = director.contact_points();
        let connect = async || builder(settings, &contact_points).connect().await;
        let session = repeat("connect", director, connect).await?;
        let tables =
            repeat("PREPARE", director, async || Tables::prepare(&session, KEYSPACE).await).await?;
        let mut tasks = JoinSet::new();
        for number in 0..settings.workers.len() {
            let (session, tables) = (session.clone(), tables.clone());
            tasks.spawn(work(number, self.schedule.clone(), session, tables));
        }
        let changes = tokio::spawn(change_schema(settings.clone(), session.clone()));
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
        Ok((session, tables, workers))
    }
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
fn request_limit(settings: &Settings) -> Duration {
    settings.timeout.map_or(REQUEST_LIMIT, |timeout| timeout + TIMEOUT_SLACK)
}

async fn start_cluster(settings: &Settings) -> MockCluster {
    let (version, has_login) = (settings.version, settings.has_login);
    let cluster = MockCluster::builder().datacenter("datacenter1", settings.nodes);
    let cluster = cluster.configure(move |node| {
        let node = node.version(version).graceful_disconnect();
        if has_login { node.credentials(USER.0, USER.1) } else { node }
    });
    cluster.start().await.expect("the addresses of a new network are free")
}

fn builder(settings: &Settings, contact_points: &[String]) -> SessionBuilder {
    let mut profile = ExecutionProfile::new();
    if let Some(delay) = settings.speculation {
        profile = profile.speculative_execution(SpeculativeExecution::after(delay));
    }
    let builder = Session::builder()
        .contact_points(contact_points)
        .protocol_version(settings.version)
        .compression(settings.compression)
        .credentials(USER.0, USER.1)
        .timeout(settings.timeout)
        .prepared_cache_size(settings.prepared_cache)
        .connections_per_node(settings.connections_per_node)
        .fetch_schema(settings.reads_schema)
        .default_profile(&profile)
        .connection(|options| options.max_in_flight = settings.max_in_flight);
    match settings.throttle {
        Some(requests) => builder.throttle(Throttle::concurrent(requests)),
        None => builder,
    }
}

/// Sends the requests of one worker. Returns the worker, and the number of requests that were dropped.
async fn work(
    number: usize,
    schedule: Schedule,
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
async fn change_schema(settings: Settings, session: Session) -> Result<(), Finding> {
    let limit = request_limit(&settings);
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

/// Waits until the session is connected to all nodes, and returns the time that it took.
async fn wait_recovered(
    session: &Session,
    nodes: usize,
    limit: Duration,
) -> Result<Duration, Finding> {
    let begin = Instant::now();
    while session.metrics().connected_nodes < nodes {
        if begin.elapsed() > limit {
            let connected = session.metrics().connected_nodes;
            return Err(Finding::NotRecovered(format!(
                "connected to {connected} of {nodes} nodes"
            )));
        }
        sleep(Duration::from_millis(10)).await;
    }
    Ok(begin.elapsed())
}

/// Closes the session, and checks that no task of it remains. `tasks` is the number of tasks before the
/// session was opened.
async fn close(session: Session, tasks: usize) -> Result<(), Finding> {
    if timeout(STEP_LIMIT, session.close(Duration::from_secs(1))).await.is_err() {
        return Err(Finding::Unended("close"));
    }
    drop(session);
    let deadline = Instant::now() + STEP_LIMIT;
    while alive_tasks() > tasks {
        if Instant::now() > deadline {
            return Err(Finding::Leaked(format!("{} tasks still run", alive_tasks() - tasks)));
        }
        sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

fn alive_tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}
