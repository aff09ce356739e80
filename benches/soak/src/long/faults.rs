//! The faults of a stage.

use std::time::Duration;

use cassandra_harness::Node as Process;
use cqlwire::session::Session;
use cqlwire_model::{Tables, Tally, Violation, recover};
use tokio::time::{Instant, sleep};

use super::{record::Fault, recorder::Recorder};
use crate::{Result, nodes::Nodes};

/// Time of undisturbed load between two faults.
const CALM: Duration = Duration::from_secs(8);

/// Time that a node is down or frozen.
const DOWN: Duration = Duration::from_secs(15);

/// Interval between checks of a condition.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Time after a fault within which the session must answer and be connected to all nodes.
const RECOVERY_BOUND: Duration = Duration::from_secs(10);

/// Time after which the soak gives up waiting for the session's connections.
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

/// The faults of a running load.
pub(crate) struct Disturbance<'a> {
    pub(crate) nodes: &'a Nodes,
    pub(crate) session: &'a Session,
    pub(crate) tables: &'a Tables,
    pub(crate) keyspace: &'a str,
    pub(crate) recorder: &'a Recorder,
}

impl Disturbance<'_> {
    /// Disturbs one node after another until `end`. After twelve faults, each kind has hit each of three
    /// nodes. After each fault, the session must recover within [`RECOVERY_BOUND`].
    pub(crate) async fn run(
        &self,
        begin: Instant,
        end: Instant,
        tally: &mut Tally,
    ) -> Result<Vec<Fault>> {
        let mut faults = Vec::new();
        sleep(CALM).await;
        for (index, kind) in KINDS.into_iter().cycle().enumerate() {
            if Instant::now() >= end {
                break;
            }
            let node = 1 + index % self.nodes.count();
            self.recorder.take_slowest();
            let fault_begin = begin.elapsed();
            self.nodes.begin_fault(kind.name(), node);
            disturb(self.nodes, kind, node).await?;
            let fault_end = begin.elapsed();
            let (answered, reconnected) = tokio::join!(
                recover(self.session, self.tables, RECOVERY_BOUND, tally),
                self.wait_until_connected()
            );
            let reconnected = reconnected?;
            if reconnected > RECOVERY_BOUND {
                let name = kind.name();
                tally.violation(Violation::NotRecovered, || {
                    format!(
                        "connected to all nodes {reconnected:?} after the {name} of node {node}"
                    )
                });
            }
            self.nodes.wait_until_all_are_up(self.keyspace).await?;
            sleep(CALM).await;
            faults.push(Fault {
                name: kind.name().to_owned(),
                node,
                begin: fault_begin.as_secs_f64(),
                end: fault_end.as_secs_f64(),
                slowest: millis(self.recorder.take_slowest()),
                answered: millis(answered.unwrap_or(RECOVERY_BOUND)),
                reconnected: millis(reconnected),
            });
        }
        Ok(faults)
    }

    /// Waits until the session is connected to all nodes, and returns the time that it took.
    async fn wait_until_connected(&self) -> Result<Duration> {
        let begin = Instant::now();
        while self.session.metrics().connected_nodes < self.nodes.count() {
            if begin.elapsed() > RECONNECT_LIMIT {
                return Err("the session did not connect to a node that was restarted".into());
            }
            sleep(POLL_INTERVAL).await;
        }
        Ok(begin.elapsed())
    }
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

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
