//! The nodes of a cluster, and sessions with them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cassandra_harness::{Cluster, Error, Node as Process, Options};
use cqlwire::cluster::{ClusterState, Distance, LoadBalancing, Node, NodeInfo, Routing};
use cqlwire::session::{Session, SessionBuilder, Statement};
use cqlwire::wire::Consistency;
use libtest_mimic::Failed;
use tokio::time::{Instant, sleep, timeout};

use crate::fleet::runtime;

/// How long anything may take that must happen.
const LIMIT: Duration = Duration::from_secs(60);

/// How often it is looked whether it has happened, where nobody tells.
const PAUSE: Duration = Duration::from_millis(20);

/// A running cluster. Its nodes are numbered from 1.
pub(super) struct Nodes {
    cluster: Arc<Cluster>,
}

impl Nodes {
    pub(super) fn start(options: &Options) -> Result<Self, Error> {
        Ok(Self { cluster: Arc::new(Cluster::start(options)?) })
    }

    /// Has every node run, whatever a test before has left.
    pub(super) fn repair(&self) -> Result<(), Failed> {
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

    /// What `nodetool` prints of the first node.
    pub(super) fn nodetool(&self, arguments: &[&str]) -> Result<String, Error> {
        self.cluster.nodes()[0].nodetool(arguments)
    }

    /// Does to a node what takes time, while others go on.
    pub(super) async fn on(
        &self,
        number: usize,
        act: fn(&Process) -> Result<(), Error>,
    ) -> Result<(), Failed> {
        let cluster = Arc::clone(&self.cluster);
        let done = tokio::task::spawn_blocking(move || act(&cluster.nodes()[number - 1]));
        Ok(done.await??)
    }

    /// A session that is connected to all nodes, and watches the cluster from node `first`.
    pub(super) async fn session(
        &self,
        first: usize,
        change: impl FnOnce(SessionBuilder) -> SessionBuilder,
    ) -> Result<Session, Failed> {
        let points = [&[self.address(first)][..], &self.addresses()].concat();
        let points = points.iter().map(ToString::to_string);
        let builder = Session::builder().contact_points(points).schema_agreement(LIMIT);
        let session = change(builder).connect().await?;
        let count = self.addresses().len();
        until("every node is connected", || session.metrics().connected_nodes == count).await?;
        Ok(session)
    }

    /// A session that knows only this node, as far as it can be helped.
    pub(super) async fn session_of(&self, number: usize) -> Result<Session, Failed> {
        let address = self.address(number);
        let builder = Session::builder().contact_points([address.to_string()]);
        Ok(builder.load_balancing(Only(address)).connect().await?)
    }

    /// Creates a keyspace of this name, unless it is there, and waits until it can be used.
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

    /// Waits until every node knows that every other is up: until what all have to answer is
    /// answered through each of them. `table` has a key `k int`, and each node each row.
    pub(super) async fn all_are_up(&self, session: &Session, table: &str) -> Result<(), Failed> {
        let insert = Statement::new(format!("INSERT INTO {table} (k) VALUES (-1)"));
        let insert = insert.consistency(Consistency::All).idempotent(true);
        for address in self.addresses() {
            let insert = insert.clone().load_balancing(Only(address));
            let end = Instant::now() + LIMIT;
            while let Err(error) = session.execute(&insert, ()).await {
                if Instant::now() > end {
                    return Err(format!("{address} does not know all others: {error}").into());
                }
                sleep(PAUSE).await;
            }
        }
        Ok(())
    }
}

/// Asks one node, and no other.
#[derive(Debug)]
pub(super) struct Only(pub(super) SocketAddr);

impl LoadBalancing for Only {
    fn distance(&self, node: &NodeInfo, _: Option<&str>) -> Distance {
        if node.address == self.0 { Distance::Local } else { Distance::Ignored }
    }

    fn pick(
        &self,
        _: &Routing<'_>,
        cluster: &ClusterState,
        tried: &[Arc<Node>],
    ) -> Option<Arc<Node>> {
        let mut nodes = cluster.nodes().iter().filter(|node| node.is_connected());
        let node = nodes.find(|node| node.address() == self.0)?;
        tried.iter().all(|tried| !Arc::ptr_eq(tried, node)).then(|| Arc::clone(node))
    }
}

/// Waits until something is so that nobody tells of.
pub(super) async fn until(what: &str, is_so: impl Fn() -> bool) -> Result<(), Failed> {
    let wait = async {
        while !is_so() {
            sleep(PAUSE).await;
        }
    };
    soon(what, wait).await
}

/// What comes of something that must happen.
pub(super) async fn soon<T>(what: &str, happens: impl Future<Output = T>) -> Result<T, Failed> {
    timeout(LIMIT, happens).await.map_err(|_| format!("not within {LIMIT:?}: {what}").into())
}
