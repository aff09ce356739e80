//! The nodes of a cluster, as `system.local` and `system.peers` describe them.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use uuid::Uuid;

use super::{Partitioner, Token};

/// A node, as the cluster describes it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct NodeInfo {
    /// The node's unique id, which it keeps when its address changes.
    pub host_id: Uuid,
    /// Address of the native protocol port, after translation.
    pub address: SocketAddr,
    /// Host name or address at which the control connection reached the node, as written in the
    /// contact point. `None` if the control connection was not opened to this node. TLS verifies
    /// the node's certificate against this host or, without one, against the IP address.
    pub host: Option<String>,
    /// The node's datacenter.
    pub datacenter: String,
    /// The node's rack.
    pub rack: String,
    /// Version of the server, such as `5.0.6`. Empty if the server does not announce one.
    pub release_version: String,
    /// The tokens that the node owns.
    pub tokens: Arc<[Token]>,
    /// Version of the node's schema when the driver last read the topology. `None` if no version
    /// was reported.
    pub schema_version: Option<Uuid>,
}

/// The description of a cluster, as one of its nodes reports it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Topology {
    pub(super) cluster_name: String,
    pub(super) partitioner: Option<Partitioner>,
    /// The nodes. No two have the same host id. The first one is the node that was queried.
    pub(super) nodes: Vec<NodeInfo>,
    /// The address that the queried node announces, after translation. The connection's address may
    /// be another one. `None` if the node does not announce an address.
    pub(super) announced: Option<SocketAddr>,
    /// The rows that were left out because they contradict a row of `nodes`.
    pub(super) ignored: Vec<IgnoredRow>,
}

impl Topology {
    /// Returns true if rows of peers contradict each other. The choice between them may be wrong, which shows
    /// when the driver has tried to connect to the chosen addresses.
    pub(super) fn is_ambiguous(&self) -> bool {
        self.ignored.iter().any(|row| row.reason != Contradiction::QueriedNode)
    }
}

/// A row of the peers table that was left out, because it contradicts another row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct IgnoredRow {
    pub(super) host_id: Uuid,
    pub(super) address: SocketAddr,
    pub(super) reason: Contradiction,
}

/// The way in which a row contradicts another row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Contradiction {
    /// The row describes the queried node, which is described by `system.local`.
    QueriedNode,
    /// Another row has the same host id and a different address.
    HostId,
    /// Another row has the same address and a different host id.
    Address,
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::QueriedNode => "it describes the queried node, which is not its own peer",
            Self::HostId => "another row has the same host id, and is more likely to be current",
            Self::Address => "another row has the same address, and is more likely to be current",
        })
    }
}
