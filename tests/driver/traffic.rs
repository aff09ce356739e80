//! The bytes that a session counts, beside those that a proxy forwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use cqlwire::cluster::Reconnect;
use cqlwire::session::Session;
use cqlwire::testing::{MockServer, Reply};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::wait::until;

/// The bytes that a proxy has forwarded.
#[derive(Debug, Default)]
struct Forwarded {
    to_server: AtomicU64,
    to_client: AtomicU64,
    /// True once the proxy closes its connections, and refuses new ones.
    is_down: AtomicBool,
    /// Number of refused connections.
    refused: AtomicUsize,
}

async fn forward(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    bytes: impl Fn(u64),
    mut down: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = tokio::select! {
            read = from.read(&mut buffer) => read.unwrap_or(0),
            _ = down.wait_for(|down| *down) => 0,
        };
        if count == 0 || to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
        bytes(count as u64);
    }
}

/// The control connection has ended, and is not replaced. Its bytes count once all the same.
#[tokio::test]
async fn the_bytes_of_each_connection_are_counted_once() {
    let server = MockServer::bind("127.0.0.1:0").await.unwrap().on_any(Reply::void());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (forwarded, down) = (Arc::new(Forwarded::default()), watch::Sender::new(false));
    let (counted, is_down, target) = (Arc::clone(&forwarded), down.subscribe(), server.address());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            if counted.is_down.load(Ordering::SeqCst) {
                counted.refused.fetch_add(1, Ordering::SeqCst);
                continue;
            }
            let server = TcpStream::connect(target).await.unwrap();
            let (client_read, client_write) = client.into_split();
            let (server_read, server_write) = server.into_split();
            let (to_server, to_client) = (Arc::clone(&counted), Arc::clone(&counted));
            let sent = move |bytes| {
                to_server.to_server.fetch_add(bytes, Ordering::SeqCst);
            };
            let received = move |bytes| {
                to_client.to_client.fetch_add(bytes, Ordering::SeqCst);
            };
            tokio::spawn(forward(client_read, server_write, sent, is_down.clone()));
            tokio::spawn(forward(server_read, client_write, received, is_down.clone()));
        }
    });
    let hour = Duration::from_secs(3_600);
    let builder = Session::builder().contact_points([address.to_string()]);
    let builder = builder.reconnect(Reconnect { base: hour, cap: hour });
    let session = builder.connect().await.unwrap();
    session.schema().await.unwrap();
    session.execute("INSERT ...", ()).await.unwrap();
    let is_counted = || {
        let metrics = session.metrics();
        metrics.bytes_sent == forwarded.to_server.load(Ordering::SeqCst)
            && metrics.bytes_received == forwarded.to_client.load(Ordering::SeqCst)
    };
    until("all bytes are counted", async || is_counted()).await;
    forwarded.is_down.store(true, Ordering::SeqCst);
    down.send_replace(true);
    // The control connection reconnects at once, because it has read the schema.
    until("the pool is empty", async || session.metrics().open_connections == 0).await;
    until("the control connection is lost", async || forwarded.refused.load(Ordering::SeqCst) > 0)
        .await;
    assert!(is_counted(), "{:?} {forwarded:?}", session.metrics());
    session.close(Duration::ZERO).await;
    assert!(is_counted(), "{:?} {forwarded:?}", session.metrics());
}
