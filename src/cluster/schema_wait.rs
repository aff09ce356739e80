//! Waiting for the schema: for its first read, and for the nodes to agree on it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::control::{SchemaRefresh, changed_keyspace};
use super::handle::{Cluster, RUNTIME_ENDED, SESSION_CLOSED};
use super::schema::Schema;
use super::topology_reader::{ReportedVersion, schema_versions};
use super::{ClusterState, Node};
use crate::connection::timeout_at;
use crate::message::SchemaChange;

/// Interval at which the nodes' schema versions are compared.
const AGREEMENT_INTERVAL: Duration = Duration::from_millis(50);

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
            changes.borrow_and_update();
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
            if timeout_at(deadline, changes.changed()).await.is_err() {
                return Err(SchemaError::Timeout { last_error: self.shared.refresh_error() });
            }
        }
    }

    /// Waits until all connected nodes agree on the schema after `change` was made at `node`, and
    /// then until this session has read the changed schema. Both waits together last at most
    /// `timeout`. Returns true if the nodes agreed in this time.
    pub(crate) async fn wait_for_schema_agreement(
        &self,
        change: &SchemaChange,
        node: &Node,
        timeout: Duration,
    ) -> bool {
        let agreement = async {
            while !self.has_schema_agreement(node).await {
                tokio::time::sleep(AGREEMENT_INTERVAL).await;
            }
        };
        let deadline = Instant::now() + timeout.min(MAX_AGREEMENT_WAIT);
        let agreed = tokio::time::timeout_at(deadline, agreement).await.is_ok();
        let (done, wait) = oneshot::channel();
        let refresh = SchemaRefresh { keyspace: changed_keyspace(change.target.clone()), done };
        if self.refreshes.send(refresh).is_ok() {
            let _elapsed = tokio::time::timeout_at(deadline, wait).await;
        }
        agreed
    }

    /// Returns true if, according to `node`, all connected nodes have the same schema version.
    /// Returns false if the versions cannot be read. Only `node` is asked, because the change was
    /// made there and other nodes may not know of it yet.
    async fn has_schema_agreement(&self, node: &Node) -> bool {
        let Some(connection) = node.connection().or_else(|| self.shared.control()) else {
            return false;
        };
        let translator = self.shared.settings.address_translator.as_deref();
        match schema_versions(&connection, self.node_timeout(), translator).await {
            Ok(versions) => agree(&versions, &self.state()),
            Err(_) => false,
        }
    }
}

/// Returns true if all connected nodes have the schema version of the first row.
///
/// Rows that belong to no node do not count. If several rows belong to one node, one of them is
/// enough: the row of a replaced node keeps its version forever.
fn agree(versions: &[ReportedVersion], state: &ClusterState) -> bool {
    let node_of = |row: &ReportedVersion| {
        let node = row.host_id.and_then(|host_id| state.node(host_id));
        node.or_else(|| row.address.and_then(|address| state.node_at(address)))
    };
    let Some(expected) = versions.first().map(|row| row.version) else { return true };
    let mut agreeing = HashMap::new();
    for row in versions {
        if let Some(node) = node_of(row).filter(|node| node.is_connected()) {
            *agreeing.entry(Arc::as_ptr(node)).or_insert(false) |= row.version == expected;
        }
    }
    agreeing.values().all(|agrees| *agrees)
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
