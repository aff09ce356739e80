//! The server behind the proxies.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cassandra_harness::{Certificates, Cluster, Options};
use cqlwire::connection::Tls;
use cqlwire::session::{Session, SessionBuilder};
use cqlwire::testing::{MockServer, ServerTls};
use cqlwire_model::{SECRET, Tables, Worker};

use crate::Settings;

/// The keyspace of the load.
const KEYSPACE: &str = "proxied";

/// The user of `MockServer`, whose password is a secret.
const USER: &str = "cassandra";

/// A server with the tables of the load, which the sessions of all seeds share.
pub struct Server {
    address: SocketAddr,
    tls: Option<Tls>,
    /// A session without a proxy.
    direct: Session,
    insert_register: cqlwire::session::PreparedStatement,
    /// The number of the next worker. No two sessions have workers with the same number.
    next_worker: AtomicU32,
    _process: Process,
}

/// Keeps the server running.
enum Process {
    Mock { _server: MockServer },
    Real { _cluster: Arc<Cluster> },
}

impl Server {
    /// Starts `MockServer`. It requires a password that contains a secret.
    ///
    /// # Errors
    /// Returns an error if the server cannot be started.
    pub async fn mock(settings: &Settings) -> Result<Self, Box<dyn Error>> {
        let server = MockServer::bind("127.0.0.1:0").await?.keep_received(1);
        let mut server = server.credentials(USER, SECRET);
        let mut tls = None;
        if settings.tls {
            let certificates = Certificates::new()?;
            let identity = certificates.issue(&["127.0.0.1"])?;
            server = server.tls(ServerTls::pem(identity.certificate, identity.key)?);
            tls = Some(Tls::new().root_certificates_pem(certificates.ca())?);
        }
        let address = server.address();
        Self::open(settings, address, tls, Process::Mock { _server: server }).await
    }

    /// Starts a real node of this version.
    ///
    /// # Errors
    /// Returns an error if the node cannot be started.
    pub async fn real(settings: &Settings, version: &str) -> Result<Self, Box<dyn Error>> {
        let mut options = Options::new(version);
        let mut tls = None;
        if settings.tls {
            let server_tls = cassandra_harness::Tls::new()?;
            tls = Some(Tls::new().root_certificates_pem(server_tls.certificates.ca())?);
            options = options.tls(server_tls);
        }
        let cluster = tokio::task::spawn_blocking(move || Cluster::start(&options)).await??;
        let address = cluster.contact_points().into_iter().next().ok_or("no node was started")?;
        let process = Process::Real { _cluster: Arc::new(cluster) };
        Self::open(settings, address, tls, process).await
    }

    async fn open(
        settings: &Settings,
        address: SocketAddr,
        tls: Option<Tls>,
        process: Process,
    ) -> Result<Self, Box<dyn Error>> {
        let builder = settings.session().timeout(Duration::from_secs(30));
        let direct = secured(builder, tls.as_ref()).contact_points([address]).connect().await?;
        Tables::create(&direct, KEYSPACE, 1).await?;
        let insert = format!("INSERT INTO {KEYSPACE}.registers (k, v) VALUES (?, 0) IF NOT EXISTS");
        let insert_register = direct.prepare(insert).await?;
        Ok(Self {
            address,
            tls,
            direct,
            insert_register: insert_register.idempotent(true),
            next_worker: AtomicU32::new(0),
            _process: process,
        })
    }

    /// Returns the address of the server.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the name of the keyspace with the tables of the load.
    pub const fn keyspace(&self) -> &'static str {
        KEYSPACE
    }

    /// Returns a builder for a session whose only node is at `proxy`.
    pub(crate) fn session(&self, settings: &Settings, proxy: SocketAddr) -> SessionBuilder {
        secured(settings.session(), self.tls.as_ref())
            .contact_points([proxy])
            .address_translator(move |_| proxy)
    }

    /// Creates workers that no other session has, with their registers.
    pub(crate) async fn workers(&self, count: u32) -> Result<Vec<Worker>, cqlwire::Error> {
        let first = self.next_worker.fetch_add(count, Ordering::Relaxed);
        let numbers = first..first + count;
        for number in numbers.clone() {
            self.direct.execute(&self.insert_register, (number.cast_signed(),)).await?;
        }
        Ok(numbers.map(Worker::new).collect())
    }
}

fn secured(builder: SessionBuilder, tls: Option<&Tls>) -> SessionBuilder {
    let builder = builder.credentials(USER, SECRET);
    match tls {
        Some(tls) => builder.tls(tls.clone()),
        None => builder,
    }
}
