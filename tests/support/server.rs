//! A server that answers as a test says, on a thread of its own.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;

use cqlwire::message::{Request, RequestFrame};
use cqlwire::testing::{MockServer, Reply};
use cqlwire::wire::{Stream, Version};

/// Speaks `version` with whoever connects: opens every connection, says that it is a cluster of one,
/// and leaves the other requests to `answer`, which may block.
pub(crate) fn speak(
    version: Version,
    answer: impl Fn(&Request<'_>, Stream) -> Reply + Send + Sync + 'static,
) -> SocketAddr {
    listen(version, move |frame| match &frame.request {
        Request::Options(_) | Request::Startup(_) | Request::Register(_) => None,
        Request::Query(query) if query.text.contains(" FROM system") => None,
        request => Some(answer(request, frame.stream)),
    })
}

/// The same for every request; those that get no reply are answered so that connections open.
pub(crate) fn listen(
    version: Version,
    answer: impl Fn(&RequestFrame<'_>) -> Option<Reply> + Send + Sync + 'static,
) -> SocketAddr {
    let (tell, address) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let server = MockServer::bind("127.0.0.1:0").await.unwrap();
            let server = server.version(version).on_request(answer);
            tell.send(server.address()).unwrap();
            // Until the test ends.
            pending::<()>().await;
        });
    });
    address.recv().unwrap()
}
