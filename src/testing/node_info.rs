//! The properties of a node that system tables report.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

use uuid::Uuid;

/// The properties of a node that system tables report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NodeInfo {
    /// The address at which the node accepts clients.
    pub(super) address: SocketAddr,
    pub(super) datacenter: String,
    pub(super) rack: String,
    pub(super) host_id: Uuid,
    pub(super) tokens: Vec<i64>,
}

/// Number of tokens of a node. This is Cassandra's default.
const TOKENS: u64 = 16;

/// The datacenter of a node for which no other is set.
pub(super) const DEFAULT_DATACENTER: &str = "datacenter1";

impl NodeInfo {
    /// Returns a node in the first rack of the first datacenter. Its host id and its tokens are computed
    /// from its address, so that each node has its own.
    pub(super) fn new(address: SocketAddr) -> Self {
        let token = |index| {
            let mut hasher = DefaultHasher::new();
            (address, index).hash(&mut hasher);
            hasher.finish().cast_signed()
        };
        Self {
            address,
            datacenter: DEFAULT_DATACENTER.to_owned(),
            rack: "rack1".to_owned(),
            host_id: host_id(address),
            // 16 random tokens give each node of a small cluster a fair share of the ring.
            tokens: (0..TOKENS).map(token).collect(),
        }
    }

    /// Sets tokens with which `nodes` nodes, each with its own `index`, own equal shares of the ring.
    pub(super) fn set_equal_share(&mut self, index: u64, nodes: u64) {
        let step = u64::MAX.checked_div(TOKENS.saturating_mul(nodes)).unwrap_or_default();
        let token = |round: u64| {
            let position = round.wrapping_mul(nodes).wrapping_add(index).wrapping_mul(step);
            i64::MIN.wrapping_add_unsigned(position)
        };
        // The smallest token is not a token of the Murmur3 partitioner.
        self.tokens = (0..TOKENS).map(|round| token(round).wrapping_add(1)).collect();
    }
}

/// Returns a host id computed from the IP address and the port.
fn host_id(address: SocketAddr) -> Uuid {
    let ip = match address.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    Uuid::from_u128(u128::from(ip).wrapping_mul(0x1_0000).wrapping_add(address.port().into()))
}
