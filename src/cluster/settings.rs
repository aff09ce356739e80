//! The configuration of a cluster.

use std::sync::Arc;

use super::{AddressTranslator, ContactPoint, LoadBalancing, Reconnect};
use crate::connection::Connector;

/// The part of a session's configuration that concerns the cluster.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The name of the session in metrics.
    pub(crate) name: Arc<str>,
    pub(crate) contact_points: Vec<ContactPoint>,
    pub(crate) connector: Connector,
    /// Number of connections to each [`Local`](super::Distance::Local) node.
    pub(crate) connections_per_node: usize,
    pub(crate) reconnect: Reconnect,
    pub(crate) load_balancing: Arc<dyn LoadBalancing>,
    pub(crate) address_translator: Option<Arc<dyn AddressTranslator>>,
    /// The local datacenter. `None`: the datacenter of the first node that the driver connects to.
    pub(crate) local_datacenter: Option<String>,
    /// True if the driver reads the whole schema, false if it reads only the keyspaces' replication.
    pub(crate) fetch_schema: bool,
}
