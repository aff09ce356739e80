//! A TCP proxy with faults.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cqlwire_faults::{Applied, End, Plan, Switch, forward, links};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// A proxy that forwards connections to one server, and applies a plan to each.
///
/// Dropping the proxy closes its connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    task: AbortHandle,
}

impl Proxy {
    /// Starts a proxy for `server` on a free port of 127.0.0.1.
    ///
    /// `plan` returns the faults of the connection with this number; the first connection has the
    /// number 0. `is_encrypted` states that the connections use TLS.
    ///
    /// # Errors
    /// Returns an error if no port can be opened.
    pub async fn start(
        server: SocketAddr,
        is_encrypted: bool,
        switch: Switch,
        applied: Applied,
        plan: impl Fn(usize) -> Plan + Send + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let connections = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            let mut tasks = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let plan = plan(count.fetch_add(1, Ordering::Relaxed));
                let links = links(plan, is_encrypted, &switch, &applied);
                tasks.spawn(async move {
                    if let Ok(server) = TcpStream::connect(server).await {
                        serve(client, server, links).await;
                    }
                });
                // Connections that ended must not accumulate.
                while tasks.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, connections, task: task.abort_handle() })
    }

    /// Returns the address at which the proxy listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the number of connections that clients have opened.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut client: TcpStream,
    mut server: TcpStream,
    links: (cqlwire_faults::Link, cqlwire_faults::Link),
) {
    for socket in [&client, &server] {
        // Affects only how fast small pieces arrive.
        let _delayed = socket.set_nodelay(true);
    }
    if let End::Reset | End::Failed(_) = forward(&mut client, &mut server, links).await {
        for socket in [&client, &server] {
            // Fails if the peer has reset the connection.
            let _closed = socket.set_zero_linger();
        }
    }
}
