//! A cluster of ten thousand nodes, of which one is up.

use std::net::SocketAddr;

use cqlwire::session::{ErrorKind, Session};
use cqlwire::testing::{MockServer, Reply};

use crate::peer_rows::{PeerRow, PeersTable};

const DEAD_NODES: u16 = 10_000;

/// An address that refuses connections.
fn dead_address(number: u16) -> SocketAddr {
    let [high, low] = number.to_be_bytes();
    SocketAddr::from(([127, 7, high, low], 1))
}

#[tokio::test]
async fn requests_find_the_only_node_of_ten_thousand_that_is_up() {
    let row = |number| PeerRow::current(dead_address(number), 1_000 + u128::from(number));
    let table = PeersTable::new((0..DEAD_NODES).map(row));
    let server = MockServer::bind("127.0.0.1:0").await.unwrap();
    let server = server.on_request(table.handler()).on("SELECT ...", Reply::void());
    let builder = Session::builder().contact_points([server.address().to_string()]);
    let session = builder.timeout(None).connect().await.unwrap();
    assert_eq!(session.cluster().nodes().len(), usize::from(DEAD_NODES) + 1);
    for _ in 0..1_000 {
        let result = session.execute("SELECT ...", ()).await.unwrap();
        assert_eq!(result.coordinator().address(), server.address());
    }
    // When the last node is down as well, requests fail without a timeout.
    drop(server);
    for _ in 0..3 {
        let error = session.execute("SELECT ...", ()).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Connection | ErrorKind::Unreachable), "{error}");
    }
    let error = session.execute("SELECT ...", ()).await.unwrap_err().to_string();
    assert!(error.contains("and 9981 more nodes") && error.len() < 10_000, "{error}");
}
