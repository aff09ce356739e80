//! How a cluster is to be reached.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use super::{ContactPoint, LoadBalancing, Reconnect};
use crate::connection::Connector;

/// What the builder of a session has decided.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// What the session is called in metrics.
    pub(crate) name: Arc<str>,
    pub(crate) contact_points: Vec<ContactPoint>,
    pub(crate) connector: Connector,
    /// How many connections a node has that is near.
    pub(crate) connections_per_node: usize,
    pub(crate) reconnect: Reconnect,
    pub(crate) load_balancing: Arc<dyn LoadBalancing>,
    pub(crate) address_translator: Option<Arc<dyn AddressTranslator>>,
    /// `None`: that of the node that is found first.
    pub(crate) local_datacenter: Option<String>,
    /// Whether the whole schema is fetched, not only its keyspaces.
    pub(crate) fetch_schema: bool,
}

/// Turns the address that a node gives of itself into the one it is reached at: for clients on the
/// other side of a NAT or a proxy. Contact points are never translated.
///
/// ```
/// use cqlwire::cluster::AddressTranslator;
/// use std::net::SocketAddr;
///
/// // All nodes behind one proxy, told apart by the port.
/// let translator = |node: SocketAddr| SocketAddr::from(([127, 0, 0, 1], node.port()));
/// assert_eq!(
///     translator.translate(([10, 0, 0, 7], 9042).into()),
///     SocketAddr::from(([127, 0, 0, 1], 9042))
/// );
/// ```
pub trait AddressTranslator: Send + Sync {
    /// Where `node` is reached.
    fn translate(&self, node: SocketAddr) -> SocketAddr;
}

impl<F: Fn(SocketAddr) -> SocketAddr + Send + Sync> AddressTranslator for F {
    fn translate(&self, node: SocketAddr) -> SocketAddr {
        self(node)
    }
}

impl fmt::Debug for dyn AddressTranslator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AddressTranslator")
    }
}
