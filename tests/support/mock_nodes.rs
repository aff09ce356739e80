//! Mock servers that form one cluster, on the test's own runtime.

use std::sync::Arc;

use cqlwire::message::{Request, RequestFrame};
use cqlwire::session::{Session, SessionBuilder};
use cqlwire::testing::{MockServer, Reply};
use cqlwire::wire::Version;

use crate::wait::until;

/// Starts `count` nodes. They answer handshakes and system queries themselves, and all other requests
/// with `answer`, which gets the number of the node.
pub(crate) async fn start_nodes(
    count: usize,
    answer: impl Fn(usize, &RequestFrame<'_>) -> Reply + Send + Sync + 'static,
) -> Vec<MockServer> {
    let answer = Arc::new(answer);
    let mut servers = Vec::new();
    for number in 0..count {
        let answer = Arc::clone(&answer);
        let server = MockServer::bind("127.0.0.1:0").await.unwrap().version(Version::V4);
        servers.push(server.on_request(move |frame| match &frame.request {
            Request::Options(_) | Request::Startup(_) | Request::Register(_) => None,
            Request::AuthResponse(_) => None,
            Request::Query(query) if query.text.contains(" FROM system") => None,
            _ => Some(answer(number, frame)),
        }));
    }
    let addresses: Vec<_> = servers.iter().map(MockServer::address).collect();
    servers.into_iter().map(|server| server.peers(addresses.clone())).collect()
}

/// Returns a builder with the first node as contact point.
pub(crate) fn session_builder(servers: &[MockServer]) -> SessionBuilder {
    Session::builder().contact_points([servers[0].address().to_string()])
}

/// Connects a session and waits until it is connected to this number of nodes or more.
pub(crate) async fn connect(builder: SessionBuilder, nodes: usize) -> Session {
    let session = builder.connect().await.unwrap();
    let event = format!("the session is connected to {nodes} nodes or more");
    until(&event, async || session.metrics().connected_nodes >= nodes).await;
    session
}

/// Waits until the session is connected to exactly this number of nodes.
pub(crate) async fn wait_until_connected(session: &Session, nodes: usize) {
    let event = format!("the session is connected to {nodes} nodes");
    until(&event, async || session.metrics().connected_nodes == nodes).await;
}
