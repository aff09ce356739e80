//! What a session does with a cluster.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, broadcast, mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use super::control::{self, Control, Order};
use super::open::{Miss, use_keyspace};
use super::shared::Shared;
use super::topology::schema_versions;
use super::{ClusterState, Distance, Node, OpenFailure, Settings};
use crate::message::{Event, SchemaChange};

/// The cluster of a session. When it is dropped, all connections end that nobody waits on.
#[derive(Debug)]
pub(crate) struct Cluster {
    shared: Owner,
    orders: mpsc::UnboundedSender<Order>,
    watcher: AbortHandle,
    /// Held by who has the connections use another keyspace: of two at a time, some would follow
    /// the one and some the other.
    switching: Mutex<()>,
}

/// What all tasks of the cluster share, as who began them has it: they end with this.
#[derive(Debug)]
struct Owner(Arc<Shared>);

/// How often the nodes are asked whether they agree on the schema.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// Nobody waits longer than this for agreement on the schema, whatever was asked for.
const LONGEST_AGREEMENT: Duration = Duration::from_secs(3_600);

impl Cluster {
    /// Finds the nodes, and waits until one of them can be used.
    ///
    /// # Errors
    /// Why none of them can.
    pub(crate) async fn connect(
        settings: Settings,
        keyspace: Option<String>,
    ) -> Result<Self, OpenFailure> {
        let shared = Owner(Arc::new(Shared::new(settings, keyspace)));
        let control = Control::open(&shared.0).await?;
        shared.set_control(control.connection());
        let (orders, received) = mpsc::unbounded_channel();
        let watcher = tokio::spawn(control.run(received)).abort_handle();
        let cluster = Self { shared, orders, watcher, switching: Mutex::default() };
        cluster.check_datacenter()?;
        let time = cluster.shared.settings.connector.options.handshake_timeout;
        let is_there = || cluster.candidates().find(|node| node.is_connected());
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
    ) -> Result<T, OpenFailure> {
        let mut changes = self.shared.changes();
        let before: Vec<_> = self.candidates().map(|node| (node.failures(), node)).collect();
        let has_failed = |node: &Arc<Node>| {
            let known = before.iter().find(|(_, known)| Arc::ptr_eq(known, node));
            node.failures() > known.map_or(0, |(failures, _)| *failures)
        };
        // Its task may not have noticed yet that a connection has ended, or not told that it is open.
        let is_usable = |node: &Node| node.is_connected() && node.connection().is_some();
        let is_settled = || self.candidates().all(|node| is_usable(&node) || has_failed(&node));
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
        let _one_at_a_time = self.switching.lock().await;
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
    pub(crate) async fn after(&self, change: &SchemaChange, node: &Node, time: Duration) -> bool {
        let agree = async {
            loop {
                if self.agree_with(node).await {
                    return;
                }
                tokio::time::sleep(ASK_AGAIN).await;
            }
        };
        let deadline = Instant::now() + time.min(LONGEST_AGREEMENT);
        let agreed = timeout_at(deadline, agree).await.is_ok();
        let (done, wait) = oneshot::channel();
        let order = Order { keyspace: control::keyspace(change.target.clone()), done };
        if self.orders.send(order).is_ok() {
            let _late = timeout_at(deadline, wait).await;
        }
        agreed
    }

    /// Whether all nodes that are connected have the schema of `node`. It is asked itself: others may
    /// not have heard yet that there is anything to agree on.
    async fn agree_with(&self, node: &Node) -> bool {
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
        self.shared.listen()
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
        self.watcher.abort();
        let is_busy = || state.nodes().iter().any(|node| node.in_flight() > 0);
        while is_busy() {
            let ask_again = tokio::time::sleep(ASK_AGAIN);
            match deadline {
                None => ask_again.await,
                Some(deadline) if timeout_at(deadline, ask_again).await.is_ok() => {}
                Some(_) => break,
            }
        }
        for (node, (sent, received), connection) in open {
            connection.close();
            connection.wait_closed().await;
            // Until now only what it had sent and received before is counted.
            let (s, r) = connection.traffic();
            node.counts().ended((s.saturating_sub(sent), r.saturating_sub(received)));
        }
        if let Some(control) = self.shared.control() {
            control.close();
            control.wait_closed().await;
        }
    }

    /// The nodes that have connections.
    fn candidates(&self) -> impl Iterator<Item = Arc<Node>> {
        let nodes = self.state().nodes().to_vec();
        nodes.into_iter().filter(|node| node.distance() != Distance::Ignored)
    }

    fn check_datacenter(&self) -> Result<(), OpenFailure> {
        if self.candidates().next().is_some() {
            return Ok(());
        }
        let state = self.state();
        let mut there: Vec<_> = state.nodes().iter().map(|node| node.datacenter()).collect();
        there.sort_unstable();
        there.dedup();
        let local = state.local_datacenter().unwrap_or_default();
        Err(OpenFailure::Config(format!(
            "no node is in the local datacenter `{local}`: the cluster has {}",
            there.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        )))
    }

    /// What each node said when it was tried last.
    fn unreachable(&self) -> OpenFailure {
        if self.state().nodes().is_empty() {
            return OpenFailure::Closed("the session was closed");
        }
        if self.shared.is_abandoned() {
            let why = "the runtime that the session was made on has ended: make it on one that \
                       lives as long as the session";
            return OpenFailure::Closed(why);
        }
        let miss = |node: Arc<Node>| match node.last_failure() {
            Some(failure) => Miss::new(node.address(), failure),
            None if node.is_connected() => {
                let why = "is connected, but the load balancing does not send this there";
                Miss::of_connected(format!("{} {why}", node.address()))
            }
            None => Miss::untried(format!("{} is not connected yet", node.address()), false),
        };
        OpenFailure::of(self.candidates().map(miss).collect())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.watcher.abort();
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
