//! The nodes of a cluster, and sessions with them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cassandra_harness::{Cluster, Error, Node as Process, Options};
use cqlwire::session::{Session, SessionBuilder, Statement};
use cqlwire::wire::Consistency;
use libtest_mimic::Failed;
use tokio::time::{Instant, sleep, timeout};

use crate::fleet::runtime;
use crate::only::Only;

/// Time limit of each wait.
pub(super) const LIMIT: Duration = Duration::from_secs(120);

/// Interval between checks of a condition that cannot be awaited.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A running cluster. Its nodes are numbered from 1.
pub(super) struct Nodes {
    cluster: Arc<Cluster>,
}

impl Nodes {
    pub(super) fn start(options: &Options) -> Result<Self, Error> {
        Ok(Self { cluster: Arc::new(Cluster::start(options)?) })
    }

    /// Resumes and starts all nodes, because an earlier test may have left them stopped.
    pub(super) fn start_all(&self) -> Result<(), Failed> {
        for node in self.cluster.nodes() {
            node.resume()?;
            node.start()?;
        }
        Ok(())
    }

    pub(super) fn address(&self, number: usize) -> SocketAddr {
        self.cluster.nodes()[number - 1].address()
    }

    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.cluster.contact_points()
    }

    /// Returns the logs of all nodes, one after the other.
    pub(super) fn logs(&self) -> std::io::Result<String> {
        let files = self.cluster.nodes().iter().filter_map(Process::log_file);
        files.map(std::fs::read_to_string).collect()
    }

    /// Runs `nodetool` on the first node and returns its output.
    pub(super) fn nodetool(&self, arguments: &[&str]) -> Result<String, Error> {
        self.cluster.nodes()[0].nodetool(arguments)
    }

    /// Runs a blocking operation on a node, without blocking the runtime.
    pub(super) async fn on(
        &self,
        number: usize,
        operation: fn(&Process) -> Result<(), Error>,
    ) -> Result<(), Failed> {
        let cluster = Arc::clone(&self.cluster);
        let done = tokio::task::spawn_blocking(move || operation(&cluster.nodes()[number - 1]));
        Ok(done.await??)
    }

    /// Returns a session that is connected to all nodes, with its control connection to node `first`.
    pub(super) async fn session(
        &self,
        first: usize,
        change: impl FnOnce(SessionBuilder) -> SessionBuilder,
    ) -> Result<Session, Failed> {
        let session = self.connect(first, change).await?;
        wait_until_connected(&session, self.addresses().len()).await?;
        Ok(session)
    }

    /// Returns a session with its control connection to node `first`.
    pub(super) async fn connect(
        &self,
        first: usize,
        change: impl FnOnce(SessionBuilder) -> SessionBuilder,
    ) -> Result<Session, Failed> {
        let points = [&[self.address(first)][..], &self.addresses()].concat();
        let points = points.iter().map(ToString::to_string);
        let builder = Session::builder().contact_points(points).schema_agreement(LIMIT);
        Ok(change(builder).connect().await?)
    }

    /// Returns a session that sends requests to this node only.
    pub(super) async fn session_of(&self, number: usize) -> Result<Session, Failed> {
        let address = self.address(number);
        let builder = Session::builder().contact_points([address.to_string()]);
        Ok(builder.load_balancing(Only(address)).connect().await?)
    }

    /// Creates a keyspace if it does not exist, and waits for schema agreement.
    pub(super) fn keyspace(&self, name: &str, replication: &str) -> Result<(), Failed> {
        runtime()?.block_on(async {
            let session = self.session(1, |builder| builder).await?;
            let replication = format!("WITH replication = {replication}");
            let create = format!("CREATE KEYSPACE IF NOT EXISTS {name} {replication}");
            let created = session.execute(create, ()).await?;
            assert!(created.schema_agreed());
            Ok(())
        })
    }

    /// Waits until every node sees all others up, that is, until a write at consistency ALL succeeds
    /// through each node. `table` must have a key `k int` and a replica of each row on each node.
    pub(super) async fn wait_until_all_are_up(
        &self,
        session: &Session,
        table: &str,
    ) -> Result<(), Failed> {
        let insert = Statement::new(format!("INSERT INTO {table} (k) VALUES (-1)"));
        let insert = insert.consistency(Consistency::All).idempotent(true);
        for address in self.addresses() {
            let insert = insert.clone().load_balancing(Only(address));
            let end = Instant::now() + LIMIT;
            while let Err(error) = session.execute(&insert, ()).await {
                if Instant::now() > end {
                    return Err(
                        format!("{address} does not see all other nodes up: {error}").into()
                    );
                }
                sleep(POLL_INTERVAL).await;
            }
        }
        Ok(())
    }
}

/// Waits until the session has connections to exactly this number of nodes.
pub(super) async fn wait_until_connected(session: &Session, count: usize) -> Result<(), Failed> {
    let event = format!("the session is connected to {count} nodes");
    wait_until(&event, || session.metrics().connected_nodes == count).await
}

/// Polls a condition until it is true, within [`LIMIT`]. `event` names it in the error.
pub(super) async fn wait_until(
    event: &str,
    mut condition: impl FnMut() -> bool,
) -> Result<(), Failed> {
    let wait = async {
        while !condition() {
            sleep(POLL_INTERVAL).await;
        }
    };
    within_limit(event, wait).await
}

/// Awaits a future within [`LIMIT`]. `event` names it in the error.
pub(super) async fn within_limit<T>(
    event: &str,
    future: impl Future<Output = T>,
) -> Result<T, Failed> {
    timeout(LIMIT, future).await.map_err(|_| format!("timed out after {LIMIT:?}: {event}").into())
}
