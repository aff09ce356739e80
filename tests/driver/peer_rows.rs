//! The rows of a mock server's `system.peers_v2`, for tests that choose their contents.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use cqlwire::message::{Request, RequestFrame};
use cqlwire::testing::Reply;
use cqlwire::types::{CqlType, NativeType};
use uuid::Uuid;

/// The schema version that mock servers report for themselves.
pub(crate) const CURRENT: Uuid = Uuid::from_u128(0x7e57);

/// A row of `system.peers_v2`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PeerRow {
    pub(crate) address: SocketAddr,
    pub(crate) host_id: Uuid,
    pub(crate) schema_version: Uuid,
}

impl PeerRow {
    /// A row with the schema version of the queried node.
    pub(crate) const fn current(address: SocketAddr, host_id: u128) -> Self {
        Self { address, host_id: Uuid::from_u128(host_id), schema_version: CURRENT }
    }

    /// A row with an earlier schema version.
    pub(crate) const fn stale(address: SocketAddr, host_id: u128) -> Self {
        Self { schema_version: Uuid::from_u128(1), ..Self::current(address, host_id) }
    }
}

/// The contents of the table, which a test may replace while the server runs.
#[derive(Debug, Clone)]
pub(crate) struct PeersTable(Arc<Mutex<Reply>>);

impl PeersTable {
    pub(crate) fn new(rows: impl IntoIterator<Item = PeerRow>) -> Self {
        Self(Arc::new(Mutex::new(reply(rows))))
    }

    pub(crate) fn replace(&self, rows: impl IntoIterator<Item = PeerRow>) {
        *self.0.lock().unwrap() = reply(rows);
    }

    /// Returns a request handler that answers the queries of `system.peers_v2`.
    pub(crate) fn handler(
        &self,
    ) -> impl Fn(&RequestFrame<'_>) -> Option<Reply> + Send + Sync + 'static {
        let table = Arc::clone(&self.0);
        move |frame| match &frame.request {
            Request::Query(query) if query.text.ends_with(" FROM system.peers_v2") => {
                Some(table.lock().unwrap().clone())
            }
            _ => None,
        }
    }
}

fn reply(rows: impl IntoIterator<Item = PeerRow>) -> Reply {
    let columns = [
        ("peer", CqlType::from(NativeType::Inet)),
        ("native_address", NativeType::Inet.into()),
        ("native_port", NativeType::Int.into()),
        ("host_id", NativeType::Uuid.into()),
        ("schema_version", NativeType::Uuid.into()),
        ("data_center", NativeType::Text.into()),
        ("rack", NativeType::Text.into()),
        ("tokens", CqlType::Set(Box::new(NativeType::Text.into()))),
    ];
    let rows = rows.into_iter().map(|PeerRow { address, host_id, schema_version }| {
        let (ip, port) = (address.ip(), i32::from(address.port()));
        (ip, ip, port, host_id, schema_version, "datacenter1", "rack1", ["7"])
    });
    Reply::rows(columns, rows)
}
