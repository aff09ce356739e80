//! One run: a session and its cluster, of which one lies.

use std::{rc::Rc, time::Duration};

use cqlwire::{
    session::Session,
    simulation::enter,
    testing::{MockCluster, MockServer},
};
use tokio::{
    runtime::{Builder, Handle},
    time::{Instant, sleep, timeout},
};

use crate::{
    MEMORY,
    lie::Lie,
    network::{HostileWorld, Network},
    panics,
    session::{CONNECT, Findings, READ, REQUEST, SECRETS, TABLES, USER, builder, converse},
    setup::Setup,
};

/// Number of nodes.
const NODES: usize = 2;

/// Time after the lie within which the session must be connected to all nodes and answer a read. It reads
/// the topology again after a minute, and a connection that is out of step is closed after 35 seconds.
const RECOVERY: Duration = Duration::from_secs(110);

/// Time within which the tasks of a closed session must end.
const TASKS_END: Duration = Duration::from_secs(60);

/// The result of one run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) findings: Findings,
    /// Number of bytes that the client and the servers allocated at most, in addition to those before the
    /// session was opened.
    pub(crate) peak: usize,
    /// Number of bytes that are still allocated after the end.
    pub(crate) kept: usize,
    /// Number of frames in both directions.
    pub(crate) frames: usize,
    /// The simulated time.
    pub(crate) time: Duration,
    /// Time from the end of the lie until the session worked.
    pub(crate) recovery: Duration,
}

/// Runs a session with a lie.
pub(crate) fn run(setup: Setup, lie: &Lie) -> Report {
    let before = MEMORY.current_usage();
    let (report, panics) = panics::collect(|| {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime without I/O needs nothing of the system");
        runtime.block_on(simulate(setup, lie))
    });
    let mut report = report.unwrap_or_default();
    report.findings.broken.extend(panics.into_iter().map(|panic| format!("panicked: {panic}")));
    report.frames = lie.frames();
    report.kept = MEMORY.current_usage().saturating_sub(before);
    report
}

async fn simulate(setup: Setup, lie: &Lie) -> Report {
    let network = Network::default();
    let _entered = enter(Rc::new(HostileWorld::new(network.clone())));
    let cluster = start_cluster(setup).await;
    prepare_tables(setup, &cluster).await;
    let tasks = alive_tasks();
    let mut report = Report::default();

    let (before, begin) = (MEMORY.current_usage(), Instant::now());
    MEMORY.reset_peak_usage();
    network.tap(Some(lie.clone()));
    let findings = &mut report.findings;
    let connect = || builder(setup, &cluster).keyspace("hostile").connect();
    let mut session = findings.call("connect", CONNECT, connect()).await;
    if let Some(session) = &session {
        converse(session, &cluster, findings).await;
    }
    lie.end();
    let end_of_lie = Instant::now();
    if session.is_none() {
        session = findings.call("connect", CONNECT, connect()).await;
    }
    match session {
        Some(session) => {
            wait_recovered(&session, findings).await;
            report.recovery = end_of_lie.elapsed();
            close(session, &cluster, tasks, findings).await;
        }
        None => findings.broken.push("the session cannot connect after the lie".to_owned()),
    }
    report.peak = MEMORY.peak_usage().saturating_sub(before);
    report.time = begin.elapsed();
    network.tap(None);
    check_server(setup, cluster, &mut report.findings).await;
    report
}

async fn start_cluster(setup: Setup) -> MockCluster {
    let cluster = MockCluster::builder().datacenter("datacenter1", NODES);
    let cluster = cluster.configure(move |node| {
        node.version(setup.version).graceful_disconnect().credentials(USER, SECRETS[0])
    });
    cluster.start().await.expect("the addresses of a new network are free")
}

async fn prepare_tables(setup: Setup, cluster: &MockCluster) {
    let connect = builder(setup, cluster).fetch_schema(false).connect();
    let session = connect.await.expect("nothing is wrong yet");
    for statement in TABLES {
        session.execute(*statement, ()).await.expect("the statement is right");
    }
    session.close(REQUEST).await;
    drop(session);
    cluster.nodes().iter().for_each(MockServer::clear_received);
    // The tasks of the connections end after the session.
    sleep(Duration::from_millis(100)).await;
}

/// Waits until the session is connected to all nodes and answers a read.
async fn wait_recovered(session: &Session, findings: &mut Findings) {
    let begin = Instant::now();
    loop {
        let read = findings.call("a read after the lie", REQUEST, session.execute(READ, ())).await;
        let is_right = read.is_some_and(|read| {
            let row = read.first::<(&str,)>();
            row.is_ok_and(|row| row == Some(("one",)))
        });
        let connected = session.metrics().connected_nodes;
        if is_right && connected == NODES {
            return;
        }
        if begin.elapsed() > RECOVERY {
            return findings.broken.push(format!(
                "after the lie, the read is {}, and {connected} of {NODES} nodes are connected",
                if is_right { "right" } else { "wrong" }
            ));
        }
        sleep(Duration::from_millis(200)).await;
    }
}

/// Closes the session, and checks that no task and no connection of it remains.
async fn close(session: Session, cluster: &MockCluster, tasks: usize, findings: &mut Findings) {
    if timeout(TASKS_END, session.close(Duration::from_secs(1))).await.is_err() {
        findings.broken.push("close did not end".to_owned());
    }
    drop(session);
    let deadline = Instant::now() + TASKS_END;
    let connections = || cluster.nodes().iter().map(MockServer::connections).sum::<usize>();
    while alive_tasks() > tasks || connections() > 0 {
        if Instant::now() > deadline {
            let (more, open) = (alive_tasks() - tasks, connections());
            findings.broken.push(format!("{more} tasks still run, {open} connections are open"));
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Checks that the servers still serve another client, and that they end.
async fn check_server(setup: Setup, cluster: MockCluster, findings: &mut Findings) {
    let connect = builder(setup, &cluster).fetch_schema(false).connect();
    match findings.call("connect of another client", CONNECT, connect).await {
        Some(session) => {
            let read = session.execute(READ, ());
            if findings.call("a read of another client", REQUEST, read).await.is_none() {
                findings.broken.push("another client cannot read".to_owned());
            }
            session.close(REQUEST).await;
        }
        None => findings.broken.push("another client cannot connect".to_owned()),
    }
    drop(cluster);
    sleep(TASKS_END).await;
    let tasks = alive_tasks();
    if tasks > 0 {
        findings.broken.push(format!("{tasks} tasks run after the end of the servers"));
    }
}

fn alive_tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}
