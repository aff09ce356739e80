//! The handle through which a session uses its cluster.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tracing::debug;

use super::changes::ChangeListener;
use super::control::{ControlConnection, SchemaRefresh};
use super::open::{FailedNode, MAX_SHOWN_FAILURES, use_keyspace};
use super::shared::Shared;
use super::{ClusterError, ClusterState, Distance, Node, Routing, Settings};
use crate::connection::{ConnectionWatch, Runtime};
use crate::message::Event;

/// The cluster of a session. When it is dropped, each connection closes as soon as its requests have
/// been answered.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(super) shared: Arc<Shared>,
    pub(super) refreshes: mpsc::UnboundedSender<SchemaRefresh>,
    control_task: AbortHandle,
}

/// Longest wait for the connections to close, after the wait for the requests in flight.
const CLOSE_TIME: Duration = Duration::from_secs(1);

/// Error text of a closed session.
pub(super) const SESSION_CLOSED: &str = "the session was closed";

/// Error text of a session whose runtime has ended.
pub(crate) const RUNTIME_ENDED: &str = "the runtime on which the session was created has ended: create \
                             sessions on a runtime that outlives them";

impl Cluster {
    /// Opens the control connection, reads the topology, and waits until a node is connected.
    ///
    /// # Errors
    /// Returns an error if no tokio runtime polls the future, if no node can be used, or if the cluster
    /// has no local datacenter of the configured name.
    pub(crate) async fn connect(
        settings: Settings,
        keyspace: Option<String>,
    ) -> Result<Self, ClusterError> {
        let runtime = Runtime::current().map_err(|text| ClusterError::Config(text.to_owned()))?;
        let shared = Arc::new(Shared::new(settings, keyspace, runtime));
        let control = ControlConnection::open(&shared).await?;
        shared.set_control(control.connection());
        let (refreshes, received) = mpsc::unbounded_channel();
        let control_task = tokio::spawn(control.run(received)).abort_handle();
        let cluster = Self { shared, refreshes, control_task };
        cluster.check_datacenter()?;
        let deadline = Instant::now().checked_add(cluster.node_timeout());
        let connected = || cluster.usable_nodes().find(|node| node.is_connected());
        cluster.wait_for_node(deadline, None, connected).await?;
        cluster.shared.pools.keyspace.mark_connected();
        Ok(cluster)
    }

    /// Returns the current state of the cluster.
    #[inline]
    pub(crate) fn state(&self) -> Arc<ClusterState> {
        self.shared.state()
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// Returns the runtime on which the session was connected.
    pub(crate) fn runtime(&self) -> &Runtime {
        &self.shared.runtime
    }

    /// Returns the keyspace that connections use, or `None` if the session has none.
    pub(crate) fn keyspace(&self) -> Option<String> {
        self.shared.pools.keyspace.name().clone()
    }

    /// Waits until `find` returns a node, and returns that node. Calls `find` again whenever a
    /// connection was opened or has ended. `request` is the request that needs the node, for the error;
    /// `None` if any node will do.
    ///
    /// # Errors
    /// Returns the errors of the nodes if the deadline passes. Returns them earlier if waiting is
    /// useless: `find` has returned `None`, and every node is connected or has failed to connect
    /// since this call. If thousands of nodes are down, a part of them is enough.
    pub(crate) async fn wait_for_node<T>(
        &self,
        deadline: Option<Instant>,
        request: Option<&Routing<'_>>,
        mut find: impl FnMut() -> Option<T>,
    ) -> Result<T, ClusterError> {
        let mut changes = self.shared.pools.changes();
        let wait = self.shared.pools.attempts.begin_wait();
        // The pool's task may not have noticed yet that a connection has ended.
        let has_ended = |node: &Node| node.is_connected() && node.connection().is_none();
        let is_settled = || wait.is_useless() && !self.usable_nodes().any(|node| has_ended(&node));
        loop {
            changes.mark_seen();
            let was_settled = is_settled();
            if let Some(found) = find() {
                return Ok(found);
            }
            if was_settled && is_settled() || self.shared.is_abandoned() {
                return Err(self.unreachable(request));
            }
            if self.runtime().timeout_at(deadline, changes.changed()).await.is_err() {
                return Err(self.unreachable(request));
            }
        }
    }

    /// Returns a receiver that is notified when a connection was opened, has ended, could not be
    /// opened, or has changed its responsiveness, and when the state of the cluster changes.
    pub(crate) fn changes(&self) -> ChangeListener {
        self.shared.pools.changes()
    }

    /// Switches all connections to a keyspace, including connections that are opened later. Releases
    /// each open connection that cannot switch: its requests in flight are still answered.
    pub(crate) async fn use_keyspace(&self, keyspace: &str) {
        let current = &self.shared.pools.keyspace;
        let _guard = current.switch.write().await;
        let connections: Vec<_> = {
            current.set(keyspace);
            let state = self.state();
            let nodes = state.nodes().iter();
            nodes.flat_map(|node| node.connections().map(|open| (Arc::clone(node), open))).collect()
        };
        let timeout = self.node_timeout();
        let mut switches = Vec::new();
        for (node, connection) in connections {
            let keyspace = keyspace.to_owned();
            switches.push(self.runtime().spawn(async move {
                if let Err(error) = use_keyspace(&connection, &keyspace, timeout).await {
                    // In the pool, the connection would run statements in the previous keyspace.
                    let address = connection.address();
                    debug!(node = %address, %error, "connection released because it could not switch keyspace");
                    node.release(&connection, &error);
                }
            }));
        }
        for switch in switches {
            let _ended = switch.await.is_ok();
        }
    }

    /// Returns the number of schema changes that servers have reported, those of this session
    /// included. While the control connection is being replaced, changes may be missed.
    pub(crate) fn schema_events(&self) -> u64 {
        self.shared.schema_events()
    }

    /// Returns a receiver of the server's events from now on.
    pub(crate) fn events(&self) -> broadcast::Receiver<Event> {
        self.shared.subscribe()
    }

    /// Returns the number of bytes sent and received, on open and on ended connections.
    pub(crate) fn traffic(&self) -> (u64, u64) {
        self.state().nodes().iter().for_each(|node| node.collect_counts());
        self.shared.pools.released.collect();
        self.shared.collect_control_traffic();
        self.shared.pools.traffic.bytes()
    }

    /// Waits until the requests in flight are answered or `deadline` passes, then closes all
    /// connections. New requests fail as soon as this is called. If the runtime of the connections
    /// does not run, they are closed when it runs again.
    pub(crate) async fn close(&self, deadline: Option<Instant>) {
        let (state, released) = (self.state(), &self.shared.pools.released);
        // Connections to removed nodes, and connections that drain.
        let released_before = released.open();
        self.shared.close();
        self.control_task.abort();
        let drained = async {
            for node in state.nodes() {
                node.wait_drained().await;
            }
            for connection in &released_before {
                connection.wait_closed().await;
            }
        };
        let _elapsed = self.runtime().timeout_at(deadline, drained).await;
        let control = self.shared.control().map(|control| control.watch());
        let open: Vec<_> = released.open().into_iter().chain(control).collect();
        open.iter().for_each(ConnectionWatch::close);
        let closed = async {
            for connection in &open {
                connection.wait_closed().await;
            }
        };
        let deadline = deadline.and_then(|deadline| deadline.checked_add(CLOSE_TIME));
        let _elapsed = self.runtime().timeout_at(deadline, closed).await;
    }

    /// Returns why the session can no longer be used: it was closed, or its runtime has ended. Returns
    /// `None` if it can be used.
    pub(crate) fn end_reason(&self) -> Option<&'static str> {
        match (self.shared.is_closed(), self.shared.is_abandoned()) {
            (true, _) => Some(SESSION_CLOSED),
            (false, true) => Some(RUNTIME_ENDED),
            (false, false) => None,
        }
    }

    /// Returns the timeout of each request that the driver makes on its own behalf, such as a read
    /// of a system table.
    pub(super) fn node_timeout(&self) -> Duration {
        self.shared.settings.connector.options.handshake_timeout
    }

    /// Returns the nodes that the driver connects to: all that are not
    /// [ignored](Distance::Ignored).
    fn usable_nodes(&self) -> impl Iterator<Item = Arc<Node>> {
        let state = self.state();
        let nodes =
            (0..state.nodes().len()).filter_map(move |index| state.nodes().get(index).cloned());
        nodes.filter(|node| node.distance() != Distance::Ignored)
    }

    /// Checks that the local datacenter exists, whether or not the load balancing policy would use
    /// the nodes of other datacenters instead, and that the policy uses a node.
    fn check_datacenter(&self) -> Result<(), ClusterError> {
        let state = self.state();
        let datacenters: BTreeSet<_> = state.nodes().iter().map(|node| node.datacenter()).collect();
        match state.local_datacenter() {
            Some(local) if !datacenters.contains(local) => {
                let known: Vec<_> = datacenters.iter().map(|name| format!("`{name}`")).collect();
                Err(ClusterError::Config(format!(
                    "no node is in the local datacenter `{local}`: the cluster has {}",
                    known.join(", ")
                )))
            }
            _ if self.usable_nodes().next().is_none() => {
                let text = "the load balancing policy ignores every node of the cluster";
                Err(ClusterError::Config(text.to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Returns an error that says for each node why it cannot be used for the request, or that the
    /// session or its runtime has ended.
    fn unreachable(&self, request: Option<&Routing<'_>>) -> ClusterError {
        if self.state().nodes().is_empty() {
            return ClusterError::Closed(SESSION_CLOSED);
        }
        if self.shared.is_abandoned() {
            return ClusterError::Closed(RUNTIME_ENDED);
        }
        let nodes: Vec<_> = self.usable_nodes().collect();
        let local_consistency = request.and_then(Routing::local_consistency);
        // The consistency that keeps requests from this connected node.
        let refused_at = |node: &Node| {
            let is_refused = node.distance() == Distance::Remote && node.is_connected();
            local_consistency.filter(|_| is_refused)
        };
        let mut shown = nodes.iter().take(MAX_SHOWN_FAILURES);
        let last_refused = shown.rposition(|node| refused_at(node).is_some());
        let failed = |(index, node): (usize, &Arc<Node>)| {
            let address = node.address();
            if let Some(consistency) = refused_at(node) {
                let advice = match Some(index) == last_refused {
                    true => REMOTE_ADVICE,
                    false => "",
                };
                return FailedNode::not_eligible(format!(
                    "{address}: connected, but the load balancing policy does not use remote \
                     datacenter `{}` at {consistency}{advice}",
                    node.datacenter()
                ));
            }
            match node.last_error() {
                Some(error) => FailedNode::new(address, error),
                None if node.is_connected() => FailedNode::not_eligible(format!(
                    "{address}: connected, but the load balancing policy does not use it"
                )),
                None => FailedNode::untried(format!("{address}: not connected yet")),
            }
        };
        ClusterError::from_nodes(nodes.iter().enumerate().map(failed).collect())
    }
}

/// The advice after the last node that a request at a local consistency could not use.
const REMOTE_ADVICE: &str = " (to use it, set another consistency, such as ONE, or \
                             `DefaultBalancing::local_consistency_failover`)";

impl Drop for Cluster {
    fn drop(&mut self) {
        self.control_task.abort();
        // The user may still hold nodes, so dropping the cluster alone does not close their
        // connections.
        self.shared.close();
    }
}
