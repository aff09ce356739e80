//! The nodes of a cluster, and sessions with them.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use cassandra_harness::{Cluster, Error, Node as Process, Options};
use cqlwire::{
    session::{Session, SessionBuilder, Statement},
    wire::Consistency,
};
use tokio::time::{Instant, sleep};

use crate::{Result, connection_log, only::Only};

/// Time limit of each wait.
const LIMIT: Duration = Duration::from_secs(180);

/// Interval between checks of a condition.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// A running cluster. Its nodes are numbered from 1.
pub(crate) struct Nodes {
    cluster: Arc<Cluster>,
}

impl Nodes {
    pub(crate) fn start(options: &Options) -> Result<Self> {
        Ok(Self { cluster: Arc::new(Cluster::start(options)?) })
    }

    pub(crate) fn count(&self) -> usize {
        self.cluster.nodes().len()
    }

    /// Returns the addresses of the nodes for clients.
    pub(crate) fn contact_points(&self) -> Vec<SocketAddr> {
        self.cluster.contact_points()
    }

    /// Connects a session to all nodes. Apart from `change`, its options are the default ones.
    pub(crate) async fn session(
        &self,
        change: impl FnOnce(SessionBuilder) -> SessionBuilder,
    ) -> Result<Session> {
        let builder = Session::builder().contact_points(self.cluster.contact_points());
        let session = change(builder.schema_agreement(LIMIT)).connect().await?;
        wait_until("the session is connected to all nodes", async || {
            session.metrics().connected_nodes == self.count()
        })
        .await?;
        Ok(session)
    }

    /// Runs a blocking operation on a node, without blocking the runtime.
    pub(crate) async fn on(
        &self,
        number: usize,
        operation: impl FnOnce(&Process) -> std::result::Result<(), Error> + Send + 'static,
    ) -> Result<()> {
        let cluster = Arc::clone(&self.cluster);
        let done = tokio::task::spawn_blocking(move || operation(&cluster.nodes()[number - 1]));
        Ok(done.await??)
    }

    /// Begins a fault of a node, and prints its `name`, such as "killing".
    pub(crate) fn begin_fault(&self, name: &str, number: usize) {
        eprintln!("{name} node {number}");
        connection_log::begin_fault(self.cluster.nodes()[number - 1].address());
    }

    /// Ends the current fault, and waits until every node sees all others up, that is, until a write at consistency ALL succeeds
    /// through each node.
    pub(crate) async fn wait_until_all_are_up(&self, keyspace: &str) -> Result<()> {
        connection_log::end_fault();
        for address in self.cluster.contact_points() {
            let session = Session::builder().contact_points([address]);
            let session = session.connect_retry_for(LIMIT).load_balancing(Only(address));
            let session = session.connect().await?;
            let insert = Statement::new(format!("INSERT INTO {keyspace}.rows (k) VALUES (-1)"));
            let insert = insert.consistency(Consistency::All).idempotent(true);
            wait_until(&format!("{address} sees all other nodes up"), async || {
                session.execute(&insert, ()).await.is_ok()
            })
            .await?;
        }
        Ok(())
    }
}

/// Polls a condition until it is true, within [`LIMIT`]. `event` names it in the error.
async fn wait_until(event: &str, condition: impl AsyncFn() -> bool) -> Result<()> {
    let end = Instant::now() + LIMIT;
    while !condition().await {
        if Instant::now() > end {
            return Err(format!("timed out after {LIMIT:?}: {event}").into());
        }
        sleep(POLL_INTERVAL).await;
    }
    Ok(())
}
