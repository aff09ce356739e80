//! Waiting for the schema: for its first read, and for the nodes to agree on it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use uuid::Uuid;

use super::control::SchemaRefresh;
use super::handle::{Cluster, RUNTIME_ENDED, SESSION_CLOSED};
use super::schema::Schema;
use super::topology_reader::{ReportedVersion, schema_versions};
use super::{ClusterState, Distance, Node};
use crate::message::SchemaChange;

/// Interval at which the nodes' schema versions are compared.
const AGREEMENT_INTERVAL: Duration = Duration::from_millis(50);

/// Pause after the versions could not be read.
const FAILED_READ_INTERVAL: Duration = Duration::from_secs(1);

/// Longest wait for schema agreement, whatever timeout is configured.
const MAX_AGREEMENT_WAIT: Duration = Duration::from_secs(3_600);

impl Cluster {
    /// Waits until the schema has been read for the first time, and returns it.
    ///
    /// # Errors
    /// Returns an error if the session is configured not to read the schema, if the session or its
    /// runtime has ended, if the schema is too large, or if the deadline passes.
    pub(crate) async fn wait_for_schema(
        &self,
        deadline: Option<Instant>,
    ) -> Result<Arc<Schema>, SchemaError> {
        if !self.shared.settings.fetch_schema {
            return Err(SchemaError::Disabled);
        }
        let mut changes = self.shared.pools.changes();
        loop {
            changes.mark_seen();
            let state = self.state();
            if state.has_schema {
                return Ok(Arc::clone(state.schema()));
            }
            if self.shared.is_closed() {
                return Err(SchemaError::Closed(SESSION_CLOSED));
            }
            if self.shared.is_abandoned() {
                return Err(SchemaError::Closed(RUNTIME_ENDED));
            }
            if let Some(error) = self.shared.schema_error() {
                return Err(SchemaError::TooLarge(error));
            }
            if self.runtime().timeout_at(deadline, changes.changed()).await.is_err() {
                return Err(SchemaError::Timeout { last_error: self.shared.refresh_error() });
            }
        }
    }

    /// Waits until all nodes that are up agree on the schema after `change` was made at `node`, and
    /// then until this session has read the changed schema. All waits together last at most
    /// `timeout`. Returns true if the nodes agreed in this time.
    pub(crate) async fn wait_for_schema_agreement(
        &self,
        change: &SchemaChange,
        node: &Node,
        timeout: Duration,
    ) -> bool {
        let deadline = Instant::now() + timeout.min(MAX_AGREEMENT_WAIT);
        let agreed = self.wait_until_nodes_agree(node, deadline).await;
        let (done, wait) = oneshot::channel();
        let refresh = SchemaRefresh { change: change.target.clone().into(), done };
        if self.refreshes.send(refresh).is_ok() {
            let _elapsed = self.runtime().timeout_at(Some(deadline), wait).await;
        }
        self.wait_for_keyspace_switch(deadline).await;
        agreed
    }

    /// Waits until all connections use the session's keyspace, which a schema change may have created
    /// again, or until `deadline`.
    async fn wait_for_keyspace_switch(&self, deadline: Instant) {
        let mut changes = self.shared.pools.changes();
        while self.shared.pools.keyspace.is_switching() {
            if self.runtime().timeout_at(Some(deadline), changes.changed()).await.is_err() {
                return;
            }
        }
    }

    /// Waits until, according to `node`, all nodes that are up have the same schema version. Returns
    /// false if they do not agree before the deadline. Does not wait for nodes without connections
    /// that have not changed their version since an earlier wait ended at its deadline: they are most
    /// likely down.
    async fn wait_until_nodes_agree(&self, node: &Node, deadline: Instant) -> bool {
        let stale = self.shared.statuses.stale();
        let mut lagging = Vec::new();
        let wait = async {
            loop {
                let Some(nodes) = self.lagging_nodes(node).await else {
                    self.runtime().sleep(FAILED_READ_INTERVAL).await;
                    continue;
                };
                lagging = nodes;
                if lagging.iter().all(|node| stale.contains(node)) {
                    return;
                }
                self.runtime().sleep(AGREEMENT_INTERVAL).await;
            }
        };
        if self.runtime().timeout_at(Some(deadline), wait).await.is_ok() {
            // A node that lags behind again may have the same version again.
            self.shared.statuses.retain_stale(&lagging);
            return lagging.is_empty();
        }
        let state = self.state();
        let has_no_connections = |(host_id, _): &(Uuid, Uuid)| {
            state.node(*host_id).is_some_and(|node| node.distance() == Distance::Ignored)
        };
        lagging.retain(has_no_connections);
        self.shared.statuses.set_stale(lagging);
        false
    }

    /// Returns the host ids and schema versions of the nodes that are up and whose version differs
    /// from that of `node`. Returns `None` if the versions cannot be read, or if `node` refuses to read
    /// them. The driver reads them from `node`, because it has made the change: other nodes may not know
    /// of the change yet.
    async fn lagging_nodes(&self, node: &Node) -> Option<Vec<(Uuid, Uuid)>> {
        let connection = node.connection().or_else(|| self.shared.control())?;
        let translator = self.shared.settings.address_translator.as_deref();
        let versions = schema_versions(&connection, self.node_timeout(), translator).await.ok()?;
        let state = self.state();
        match versions {
            Some(versions) => Some(lagging(&versions, &state, |node| self.shared.is_up(node))),
            // A server that knows several nodes has the tables, and refused to read them.
            None if state.nodes().len() > 1 => None,
            // A cluster of one node agrees with itself.
            None => Some(Vec::new()),
        }
    }
}

/// Returns the host ids and schema versions of the nodes that are up and do not have the schema
/// version of the first row.
///
/// Rows that belong to no node do not count. If several rows belong to one node, one of them is
/// enough: the row of a replaced node keeps its version forever.
fn lagging(
    versions: &[ReportedVersion],
    state: &ClusterState,
    is_up: impl Fn(&Node) -> bool,
) -> Vec<(Uuid, Uuid)> {
    let node_of = |row: &ReportedVersion| {
        let node = row.host_id.and_then(|host_id| state.node(host_id));
        node.or_else(|| row.address.and_then(|address| state.node_at(address)))
    };
    let Some(expected) = versions.first().map(|row| row.version) else { return Vec::new() };
    let mut reported = BTreeMap::new();
    for row in versions {
        if let Some(node) = node_of(row).filter(|node| is_up(node)) {
            let version = reported.entry(node.info().host_id).or_insert(row.version);
            if row.version == expected {
                *version = expected;
            }
        }
    }
    reported.into_iter().filter(|(_, version)| *version != expected).collect()
}

/// Why the schema is not available.
#[derive(Debug)]
pub(crate) enum SchemaError {
    /// The session was configured not to read the schema.
    Disabled,
    /// The session can no longer be used. The text says whether it was closed or its runtime has
    /// ended.
    Closed(&'static str),
    /// The schema is larger than the driver reads. The text names the limit.
    TooLarge(String),
    /// The schema was not read before the deadline.
    Timeout {
        /// Why the last attempt to read the schema failed, or `None` if no attempt has failed.
        last_error: Option<String>,
    },
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disabled => f.write_str(
                "the session does not read the schema: build it without `fetch_schema(false)`",
            ),
            Self::Closed(reason) => f.write_str(reason),
            Self::TooLarge(error) => write!(f, "the schema was not read: {error}"),
            Self::Timeout { last_error: None } => f.write_str("the schema was not read in time"),
            Self::Timeout { last_error: Some(error) } => {
                write!(f, "the schema was not read in time: {error}")
            }
        }
    }
}
