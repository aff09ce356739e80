//! Servers that are the nodes of one cluster, in the test's own runtime.

use std::sync::Arc;

use cqlwire::message::{Request, RequestFrame};
use cqlwire::session::{Session, SessionBuilder};
use cqlwire::testing::{MockServer, Reply};
use cqlwire::wire::Version;

/// So many nodes, which leave what is neither of the system nor opens connections to `answer`, with
/// the number of the node.
pub(crate) async fn nodes(
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

/// A session with these nodes.
pub(crate) fn client(servers: &[MockServer]) -> SessionBuilder {
    Session::builder().contact_points([servers[0].address().to_string()])
}

/// A session with these nodes, when it is connected to all of them.
pub(crate) async fn connect(builder: SessionBuilder, nodes: usize) -> Session {
    let session = builder.connect().await.unwrap();
    while session.metrics().connected_nodes < nodes {
        tokio::task::yield_now().await;
    }
    session
}
