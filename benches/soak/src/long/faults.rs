//! The faults of a stage.

use std::time::Duration;

use cassandra_harness::Node as Process;
use cqlwire::session::Session;
use tokio::time::{Instant, sleep};

use super::{record::Fault, recorder::Recorder};
use crate::{Result, nodes::Nodes};

/// Time of undisturbed load between two faults.
const CALM: Duration = Duration::from_secs(8);

/// Time that a node is down or frozen.
const DOWN: Duration = Duration::from_secs(15);

/// Interval between checks of a condition.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Time within which the session must be connected to all nodes again.
const RECONNECT_LIMIT: Duration = Duration::from_secs(180);

/// Number of times that a node is started before the soak gives up.
const STARTS: u32 = 4;

/// A fault of a node, and its end.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// SIGKILL, and a restart.
    Kill,
    /// SIGSTOP, and SIGCONT.
    Pause,
    /// `nodetool drain`, SIGTERM, and a restart.
    Drain,
    /// SIGTERM, and a restart.
    Restart,
}

const KINDS: [Kind; 4] = [Kind::Kill, Kind::Pause, Kind::Drain, Kind::Restart];

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Pause => "pause",
            Self::Drain => "drain",
            Self::Restart => "restart",
        }
    }
}

/// Disturbs one node after another until `end`. After twelve faults, each kind has hit each of three nodes.
pub(crate) async fn run(
    nodes: &Nodes,
    session: &Session,
    keyspace: &str,
    recorder: &Recorder,
    begin: Instant,
    end: Instant,
) -> Result<Vec<Fault>> {
    let mut faults = Vec::new();
    sleep(CALM).await;
    for (index, kind) in KINDS.into_iter().cycle().enumerate() {
        if Instant::now() >= end {
            break;
        }
        let node = 1 + index % nodes.count();
        recorder.take_slowest();
        let fault_begin = begin.elapsed();
        nodes.begin_fault(kind.name(), node);
        disturb(nodes, kind, node).await?;
        let fault_end = begin.elapsed();
        let reconnected = wait_until_connected(nodes, session).await?;
        nodes.wait_until_all_are_up(keyspace).await?;
        sleep(CALM).await;
        faults.push(Fault {
            name: kind.name().to_owned(),
            node,
            begin: fault_begin.as_secs_f64(),
            end: fault_end.as_secs_f64(),
            slowest: millis(recorder.take_slowest()),
            reconnected: millis(reconnected),
        });
    }
    Ok(faults)
}

async fn disturb(nodes: &Nodes, kind: Kind, node: usize) -> Result<()> {
    match kind {
        Kind::Kill => {
            nodes.on(node, Process::kill).await?;
            sleep(DOWN).await;
        }
        Kind::Pause => {
            nodes.on(node, Process::pause).await?;
            sleep(DOWN).await;
            return nodes.on(node, Process::resume).await;
        }
        Kind::Drain => {
            nodes.on(node, |node| node.nodetool(&["drain"]).map(drop)).await?;
            sleep(CALM).await;
            nodes.on(node, Process::stop).await?;
        }
        Kind::Restart => nodes.on(node, Process::stop).await?,
    }
    start(nodes, node).await
}

/// Starts a node, and tries again if the node ends or does not answer in time.
async fn start(nodes: &Nodes, node: usize) -> Result<()> {
    for _ in 1..STARTS {
        match nodes.on(node, Process::start).await {
            Ok(()) => return Ok(()),
            Err(error) => eprintln!("node {node} did not start: {error}"),
        }
    }
    nodes.on(node, Process::start).await
}

/// Waits until the session is connected to all nodes, and returns the time that it took.
async fn wait_until_connected(nodes: &Nodes, session: &Session) -> Result<Duration> {
    let begin = Instant::now();
    while session.metrics().connected_nodes < nodes.count() {
        if begin.elapsed() > RECONNECT_LIMIT {
            return Err("the session did not connect to a node that was restarted".into());
        }
        sleep(POLL_INTERVAL).await;
    }
    Ok(begin.elapsed())
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
