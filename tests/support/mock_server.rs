//! A mock server on its own thread, for tests that block.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;

use cqlwire::message::{Request, RequestFrame};
use cqlwire::testing::{MockServer, Reply};
use cqlwire::wire::{Stream, Version};

/// Starts a server of protocol `version`. It answers handshakes and system queries itself, as a
/// cluster of one node, and all other requests with `answer`, which may block.
pub(crate) fn start_server(
    version: Version,
    answer: impl Fn(&Request<'_>, Stream) -> Reply + Send + Sync + 'static,
) -> SocketAddr {
    start_frame_server(version, move |frame| match &frame.request {
        Request::Options(_) | Request::Startup(_) | Request::Register(_) => None,
        Request::Query(query) if query.text.contains(" FROM system") => None,
        request => Some(answer(request, frame.stream)),
    })
}

/// Starts a server of protocol `version` that answers all requests with `answer`. If `answer` returns
/// `None`, the server answers as usual.
pub(crate) fn start_frame_server(
    version: Version,
    answer: impl Fn(&RequestFrame<'_>) -> Option<Reply> + Send + Sync + 'static,
) -> SocketAddr {
    let (sender, address) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let server = MockServer::bind("127.0.0.1:0").await.unwrap();
            let server = server.version(version).on_request(answer);
            sender.send(server.address()).unwrap();
            // The server runs until the test process ends.
            pending::<()>().await;
        });
    });
    address.recv().unwrap()
}
