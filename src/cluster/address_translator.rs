//! Translates the addresses that nodes announce.

use std::fmt;
use std::net::SocketAddr;

/// The translation of the address that a node announces into the address at which the client
/// reaches the node. It is needed if there is a NAT or a proxy between the client and the node.
/// Contact points are never translated.
///
/// ```
/// use cqlwire::cluster::AddressTranslator;
/// use std::net::SocketAddr;
///
/// // All nodes are behind one proxy, which distinguishes them by port.
/// let translator = |node: SocketAddr| SocketAddr::from(([127, 0, 0, 1], node.port()));
/// assert_eq!(
///     translator.translate(([10, 0, 0, 7], 9042).into()),
///     SocketAddr::from(([127, 0, 0, 1], 9042))
/// );
/// ```
pub trait AddressTranslator: Send + Sync {
    /// Returns the address at which the client reaches the node that announces the address `node`.
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
