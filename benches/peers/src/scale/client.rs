//! The drivers whose sessions have prepared the statements of the load, and the loads on them.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;
use tokio::runtime::Runtime;

use super::sample::{Sample, run};
use super::server::Server;
use crate::driver::load::KEYS;

pub trait Driver: Send + Sync + 'static {
    /// Connects with this number of connections to each node, and prepares the statements.
    fn connect(
        address: SocketAddr,
        connections: usize,
        tls: Option<Arc<ClientConfig>>,
    ) -> impl Future<Output = Self>;

    /// Reads the row of a key.
    fn select(&self, key: i64) -> impl Future<Output = ()> + Send;

    /// Writes this number of rows in an unlogged batch.
    fn batch(&self, rows: usize) -> impl Future<Output = ()> + Send;
}

/// A driver and its runtime.
pub struct Client<D> {
    pub runtime: Runtime,
    pub driver: Arc<D>,
}

impl<D: Driver> Client<D> {
    pub fn connect(runtime: Runtime, address: SocketAddr, connections: usize) -> Self {
        let driver = Arc::new(runtime.block_on(D::connect(address, connections, None)));
        Self { runtime, driver }
    }

    /// Connects to a server, which may have TLS.
    pub fn connect_to(runtime: Runtime, server: &Server, connections: usize) -> Self {
        let connect = D::connect(server.address(), connections, server.tls());
        let driver = Arc::new(runtime.block_on(connect));
        Self { runtime, driver }
    }

    /// Sends `requests` SELECTs.
    pub fn select(&self, tasks: usize, requests: usize) -> Sample {
        let driver = Arc::clone(&self.driver);
        self.runtime.block_on(run(tasks, requests, move |number| {
            let driver = Arc::clone(&driver);
            async move { driver.select(key(number)).await }
        }))
    }

    /// Sends `requests` batches of `rows` rows.
    pub fn batch(&self, tasks: usize, requests: usize, rows: usize) -> Sample {
        let driver = Arc::clone(&self.driver);
        self.runtime.block_on(run(tasks, requests, move |_| {
            let driver = Arc::clone(&driver);
            async move { driver.batch(rows).await }
        }))
    }
}

/// Returns the key of the request or of the row `number`.
pub fn key(number: usize) -> i64 {
    number as i64 % KEYS
}
