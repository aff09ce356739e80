//! One simulation, from its schedule to its report.

use std::{rc::Rc, sync::Arc, time::Duration};

use cqlwire::{session::Session, simulation::enter, testing::MockCluster};
use cqlwire_model::{SecretLog, Tables, Tally};
use tokio::{
    runtime::Builder,
    time::{Instant, sleep},
};
use tracing::{level_filters::LevelFilter, subscriber::with_default};
use tracing_subscriber::{layer::SubscriberExt, registry};

use crate::{
    checks::{STEP_LIMIT, alive_tasks, check, close},
    director::Director,
    load::load,
    network::Network,
    panics,
    report::{Finding, Report},
    schedule::Schedule,
    session::{KEYSPACE, USER, start_cluster},
    world::{SimulatedWorld, WallClock},
};

/// Runs a schedule. `is_traced` prints what happens.
pub(crate) fn run(schedule: &Arc<Schedule>, is_traced: bool) -> Report {
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

async fn simulate(schedule: &Arc<Schedule>, is_traced: bool) -> Report {
    let network = Network::default();
    if is_traced {
        network.history().print();
    }
    let clock = WallClock::new();
    let world = SimulatedWorld::new(network.clone(), clock.clone(), schedule);
    let _entered = enter(Rc::new(world));
    let mut report = Report::default();
    if let Err(finding) = run_stages(schedule, &network, &clock, &mut report).await {
        report.findings.push(finding);
    }
    report.applied = network.applied();
    (report.events, report.hash) = (network.history().events(), network.history().hash());
    report
}

async fn run_stages(
    schedule: &Arc<Schedule>,
    network: &Network,
    clock: &WallClock,
    report: &mut Report,
) -> Result<(), Finding> {
    let cluster = start_cluster(&schedule.settings).await;
    create_tables(schedule, &cluster).await?;
    let tasks = alive_tasks();

    network.plan(schedule.plans());
    let director = Director::start(schedule, network, clock, cluster);
    let begin = Instant::now();
    let loaded = load(schedule, &director, report).await;
    director.end_faults(report).await;
    report.fault_time = begin.elapsed();

    let contact_points = director.contact_points();
    let session = check(schedule, &contact_points, &network.applied(), loaded?, report).await?;
    close(session, tasks).await
}

/// Creates the tables, on connections without faults.
async fn create_tables(schedule: &Schedule, cluster: &MockCluster) -> Result<(), Finding> {
    let settings = &schedule.settings;
    let create = async {
        let builder = Session::builder().contact_points(cluster.contact_points());
        let builder = builder.credentials(USER.0, USER.1).fetch_schema(false);
        let session = builder.connect().await?;
        let replicas = u8::try_from(settings.nodes()).unwrap_or(u8::MAX);
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
