//! What a session does with a cluster.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, broadcast, mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use super::control::{self, ControlConnection, SchemaRefresh};
use super::open::{FailedNode, use_keyspace};
use super::shared::Shared;
use super::topology::schema_versions;
use super::{ClusterError, ClusterState, Distance, Node, Settings};
use crate::message::{Event, SchemaChange};

/// The cluster of a session. When it is dropped, all connections end that nobody waits on.
#[derive(Debug)]
pub(crate) struct Cluster {
    shared: Owner,
    refreshes: mpsc::UnboundedSender<SchemaRefresh>,
    control_task: AbortHandle,
    /// Held by who has the connections use another keyspace: of two at a time, some would follow
    /// the one and some the other.
    keyspace_switch: Mutex<()>,
}

/// What all tasks of the cluster share, as who began them has it: they end with this.
#[derive(Debug)]
struct Owner(Arc<Shared>);

/// How often the nodes are asked whether they agree on the schema.
const AGREEMENT_INTERVAL: Duration = Duration::from_millis(50);

/// Nobody waits longer than this for agreement on the schema, whatever was asked for.
const MAX_AGREEMENT_WAIT: Duration = Duration::from_secs(3_600);

impl Cluster {
    /// Finds the nodes, and waits until one of them can be used.
    ///
    /// # Errors
    /// Why none of them can.
    pub(crate) async fn connect(
        settings: Settings,
        keyspace: Option<String>,
    ) -> Result<Self, ClusterError> {
        let shared = Owner(Arc::new(Shared::new(settings, keyspace)));
        let control = ControlConnection::open(&shared.0).await?;
        shared.set_control(control.connection());
        let (refreshes, received) = mpsc::unbounded_channel();
        let control_task = tokio::spawn(control.run(received)).abort_handle();
        let cluster = Self { shared, refreshes, control_task, keyspace_switch: Mutex::default() };
        cluster.check_datacenter()?;
        let time = cluster.shared.settings.connector.options.handshake_timeout;
        let is_there = || cluster.usable_nodes().find(|node| node.is_connected());
        cluster.wait_for_node(Instant::now().checked_add(time), is_there).await?;
        Ok(cluster)
    }

    /// The cluster as it is now.
    #[inline]
    pub(crate) fn state(&self) -> Arc<ClusterState> {
        self.shared.state()
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// The keyspace that connections use, if any.
    pub(crate) fn keyspace(&self) -> Option<String> {
        self.shared.keyspace().clone()
    }

    /// Waits until there is a node that `find` finds, which looks again when connections have come
    /// or gone.
    ///
    /// # Errors
    /// Every node is connected or has been tried since this was called, or the time is over: what
    /// each said.
    pub(crate) async fn wait_for_node<T>(
        &self,
        deadline: Option<Instant>,
        mut find: impl FnMut() -> Option<T>,
    ) -> Result<T, ClusterError> {
        let mut changes = self.shared.changes();
        let before: Vec<_> = self.usable_nodes().map(|node| (node.failures(), node)).collect();
        let has_failed = |node: &Arc<Node>| {
            let known = before.iter().find(|(_, known)| Arc::ptr_eq(known, node));
            node.failures() > known.map_or(0, |(failures, _)| *failures)
        };
        // Its task may not have noticed yet that a connection has ended, or not told that it is open.
        let is_usable = |node: &Node| node.is_connected() && node.connection().is_some();
        let is_settled = || self.usable_nodes().all(|node| is_usable(&node) || has_failed(&node));
        loop {
            changes.borrow_and_update();
            let was_settled = is_settled();
            if let Some(found) = find() {
                return Ok(found);
            }
            if was_settled && is_settled() || self.shared.is_abandoned() {
                return Err(self.unreachable());
            }
            let change = changes.changed();
            let waited = match deadline {
                Some(deadline) => timeout_at(deadline, change).await,
                None => Ok(change.await),
            };
            if waited.is_err() {
                return Err(self.unreachable());
            }
        }
    }

    /// Has every connection use a keyspace, those to come included.
    pub(crate) async fn use_keyspace(&self, keyspace: &str) {
        let _one_at_a_time = self.keyspace_switch.lock().await;
        let connections: Vec<_> = {
            let mut current = self.shared.keyspace();
            *current = Some(keyspace.to_owned());
            self.state().nodes().iter().flat_map(|node| node.connections()).collect()
        };
        let time = self.shared.settings.connector.options.handshake_timeout;
        let mut switches = tokio::task::JoinSet::new();
        for connection in connections {
            let keyspace = keyspace.to_owned();
            switches.spawn(async move {
                if let Err(failure) = use_keyspace(&connection, &keyspace, time).await {
                    // It would run statements in the keyspace before.
                    debug!(address = %connection.address(), %failure, "closed: it did not switch");
                    connection.close();
                    connection.wait_closed().await;
                }
            });
        }
        while switches.join_next().await.is_some() {}
    }

    /// Waits until the nodes agree on the schema after a change that `node` has made, and what is
    /// known of it here is new. Whether they do agree.
    pub(crate) async fn wait_for_schema_agreement(
        &self,
        change: &SchemaChange,
        node: &Node,
        time: Duration,
    ) -> bool {
        let agree = async {
            loop {
                if self.has_schema_agreement(node).await {
                    return;
                }
                tokio::time::sleep(AGREEMENT_INTERVAL).await;
            }
        };
        let deadline = Instant::now() + time.min(MAX_AGREEMENT_WAIT);
        let agreed = timeout_at(deadline, agree).await.is_ok();
        let (done, wait) = oneshot::channel();
        let refresh = SchemaRefresh { keyspace: control::keyspace(change.target.clone()), done };
        if self.refreshes.send(refresh).is_ok() {
            let _late = timeout_at(deadline, wait).await;
        }
        agreed
    }

    /// Whether all nodes that are connected have the schema of `node`. It is asked itself: others may
    /// not have heard yet that there is anything to agree on.
    async fn has_schema_agreement(&self, node: &Node) -> bool {
        let Some(connection) = node.connection().or_else(|| self.shared.control()) else {
            return false;
        };
        let state = self.state();
        match schema_versions(&connection, &self.shared.settings, &state).await {
            Ok(versions) => versions.iter().all(|version| Some(version) == versions.first()),
            Err(_) => false,
        }
    }

    /// What is heard of the cluster from now on.
    pub(crate) fn events(&self) -> broadcast::Receiver<Event> {
        self.shared.subscribe()
    }

    /// How many bytes have been sent and received.
    pub(crate) fn traffic(&self) -> (u64, u64) {
        let state = self.state();
        let open = state.nodes().iter().flat_map(|node| node.connections());
        let traffic = open.chain(self.shared.control()).map(|connection| connection.traffic());
        traffic
            .fold(self.shared.traffic.bytes(), |(sent, received), (s, r)| (sent + s, received + r))
    }

    /// Ends all connections, once their requests are answered or `deadline` has come, if it does.
    pub(crate) async fn close(&self, deadline: Option<Instant>) {
        let state = self.state();
        let open = state.nodes().iter().flat_map(|node| {
            node.connections().map(move |connection| (node, connection.traffic(), connection))
        });
        let open: Vec<_> = open.collect();
        // From here on nobody finds a node.
        self.shared.close();
        self.control_task.abort();
        let is_busy = || state.nodes().iter().any(|node| node.in_flight() > 0);
        while is_busy() {
            let pause = tokio::time::sleep(AGREEMENT_INTERVAL);
            match deadline {
                None => pause.await,
                Some(deadline) if timeout_at(deadline, pause).await.is_ok() => {}
                Some(_) => break,
            }
        }
        for (node, (sent, received), connection) in open {
            connection.close();
            connection.wait_closed().await;
            // Until now only what it had sent and received before is counted.
            let (s, r) = connection.traffic();
            node.counters()
                .record_closed_connection((s.saturating_sub(sent), r.saturating_sub(received)));
        }
        if let Some(control) = self.shared.control() {
            control.close();
            control.wait_closed().await;
        }
    }

    /// The nodes that have connections.
    fn usable_nodes(&self) -> impl Iterator<Item = Arc<Node>> {
        let nodes = self.state().nodes().to_vec();
        nodes.into_iter().filter(|node| node.distance() != Distance::Ignored)
    }

    fn check_datacenter(&self) -> Result<(), ClusterError> {
        if self.usable_nodes().next().is_some() {
            return Ok(());
        }
        let state = self.state();
        let mut there: Vec<_> = state.nodes().iter().map(|node| node.datacenter()).collect();
        there.sort_unstable();
        there.dedup();
        let local = state.local_datacenter().unwrap_or_default();
        Err(ClusterError::Config(format!(
            "no node is in the local datacenter `{local}`: the cluster has {}",
            there.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        )))
    }

    /// What each node said when it was tried last.
    fn unreachable(&self) -> ClusterError {
        if self.state().nodes().is_empty() {
            return ClusterError::Closed("the session was closed");
        }
        if self.shared.is_abandoned() {
            let why = "the runtime that the session was made on has ended: make it on one that \
                       lives as long as the session";
            return ClusterError::Closed(why);
        }
        let failed = |node: Arc<Node>| match node.last_failure() {
            Some(failure) => FailedNode::new(node.address(), failure),
            None if node.is_connected() => {
                let why = "is connected, but the load balancing does not send this there";
                FailedNode::unsuitable(format!("{} {why}", node.address()))
            }
            None => FailedNode::untried(format!("{} is not connected yet", node.address()), false),
        };
        ClusterError::of(self.usable_nodes().map(failed).collect())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.control_task.abort();
    }
}

impl Deref for Owner {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // The nodes hold the cluster, and the cluster the nodes.
        self.0.close();
    }
}
