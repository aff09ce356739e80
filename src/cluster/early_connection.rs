//! The connection that is opened while the topology is read.

use std::net::SocketAddr;

use tokio::task::JoinSet;

use super::NodeError;
use super::open::use_keyspace;
use crate::connection::{Connection, Connector, KnownServer};

/// An attempt to open a connection to the server of the first control connection, before the topology is
/// known. The pool of the node at this address takes it over. If this is dropped, the connection closes.
#[derive(Debug)]
pub(super) struct EarlyConnection {
    address: SocketAddr,
    host: String,
    /// The task of the attempt, which is aborted when the set is dropped.
    task: JoinSet<Result<UsableConnection, NodeError>>,
}

/// An open connection, and the keyspace that it uses.
#[derive(Debug)]
pub(super) struct UsableConnection {
    pub(super) connection: Connection,
    pub(super) keyspace: Option<String>,
}

impl EarlyConnection {
    /// Starts to open a connection to `server`, and to switch it to `keyspace`. `host` is the host of the
    /// contact point that led to the server.
    pub(super) fn start(
        connector: Connector,
        server: KnownServer,
        host: String,
        keyspace: Option<String>,
    ) -> Self {
        let mut task = JoinSet::new();
        let (address, name) = (server.address(), host.clone());
        task.spawn(async move {
            let connection = connector.connect_to_known(server, Some(&name)).await;
            let connection = connection.map_err(NodeError::Connection)?;
            if let Some(keyspace) = &keyspace {
                let timeout = connector.options.handshake_timeout;
                use_keyspace(&connection, keyspace, timeout).await?;
            }
            Ok(UsableConnection { connection, keyspace })
        });
        Self { address, host, task }
    }

    /// Returns true if the connection leads to this address, and its certificate was verified for this
    /// host.
    pub(super) fn leads_to(&self, address: SocketAddr, host: Option<&str>) -> bool {
        self.address == address && host == Some(&*self.host)
    }

    /// Waits until the connection is usable. Returns `None` if the task of the attempt was cancelled.
    pub(super) async fn wait_usable(mut self) -> Option<Result<UsableConnection, NodeError>> {
        self.task.join_next().await?.ok()
    }
}
